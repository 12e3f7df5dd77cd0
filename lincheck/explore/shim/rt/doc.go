// Package rt is what instrumented code calls for channels, select, go statements and plain
// accesses. It is written into the code by the instrumenter; it is not meant to be called by hand.
//
// In a goroutine that is not under the explorer's scheduler each function is the statement that it
// stands for.
//
// It is for this project, and promises nothing to other modules.
package rt
