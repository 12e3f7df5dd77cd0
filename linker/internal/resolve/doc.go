// Package resolve decides what a load needs no engine for: in which order modules are instantiated,
// how each import is satisfied, with every error of look-ups and signatures, and who owns the table
// entries of a module's element segments.
//
// It uses the records of package image and the bindings of package shim, and asks an [Env] for what
// the image has besides its modules. A [Binder] changes the modules of its batch alone, which no
// other goroutine sees yet. It needs no lock: what it looks at belongs to the operation that asks.
package resolve
