// Package explored runs the linker itself, with wazero, under the explorer of lincheck/explore:
// every pair of public operations on two groups with shared handles, in every schedule or within a
// bound.
//
// It is for this project, and promises nothing to other modules.
package explored
