// Package instrument rewrites Go packages so that every access to shared memory is a scheduling
// point, and writes the result beside them, for go test -overlay: the sources stay as they are.
//
// Packages are type-checked from their sources, with the export data of the go command for what
// they import. The rewriting is of text: what is not concerned stays byte for byte, and every line
// keeps its number, so positions in reports and in the debugger are those of the sources.
//
// What is rewritten: the imports of sync, sync/atomic, time and context, which are replaced by
// packages with the same API; channel operations, select, go statements and runtime.Gosched; and,
// if that is asked for, plain reads and writes of variables that other goroutines can reach.
package instrument
