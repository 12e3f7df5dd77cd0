// Package faults is a table of mistakes that the protocol, its runtime or the
// linker could have, and shows that the tests find them: each fault is put into
// a copy of the source, by the overlay of the go command, and tests run on that.
// Nothing in the tree is touched. Each fault is a patch file, see [Parse].
//
// A [Fault] that no [Detector] catches shows a hole in the tests; a detector
// that catches nothing which no other does has to say why it is kept.
//
// It is for this project, and promises nothing to other modules.
package faults
