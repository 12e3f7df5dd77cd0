// Package image has the records of a process image: its modules, what they export, and snapshots of
// the link map, in which a symbol is looked up: the main module first, then the libraries of the
// global scope in search order, then the module's own load groups, then the host. It is what ld.so
// keeps in link_map and in its search scopes.
//
// It uses decoded modules (package wasm) and persistent maps, and knows neither the engine nor any
// lock. A [Snapshot] is immutable, so readers of the committed one take no lock; an operation
// changes a copy, which is the state's. A [Module] is made by one operation, and changes afterwards
// only in the fields that say so, which are atomic or guarded by the state lock.
package image
