// Package resolve decides what a load needs no engine for: in which order modules are instantiated,
// whether two imports of one name agree, how an import of another signature can be satisfied, and
// who owns the table entries of a module's element segments.
//
// It uses the records of package image and the bindings of package shim. It changes neither, and
// needs no lock: what it looks at belongs to the operation that asks.
package resolve
