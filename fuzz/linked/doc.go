// Package linked holds the suites that run the linker on wazero, with real
// libraries, under the controlled scheduler of fuzz/schedule.
//
// It is for this project, and promises nothing to other modules.
package linked
