// Package table hands out the entries of tables: of the function table, where an entry is a
// function pointer that guests may have kept, and of the PLT's table.
//
// It is for the records that all groups agree on. It may use ranges and persistent maps, and
// nothing of the engine or the linker: it knows numbers, and the owners of what was given back. It
// has no locks: what it hands out from is a part of the linker's state, which the state lock
// guards, and an operation that fails puts back the copy that it made at its beginning.
package table
