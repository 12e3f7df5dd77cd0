// Package linked links the side modules of the pinned npm packages, each to the main module that it
// was made for, and says which link and why not. Its test writes and checks spec/side-modules.md.
//
// It is for this project, and promises nothing to other modules.
package linked
