package shim

import (
	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// Binding says how one import is satisfied.
type Binding struct {
	Imp   *wasm.Import
	Kind  Kind
	Fn    *image.Function // bindFunction, bindPointer, bindLegalised
	PLT   *image.PLTEntry // bindLink
	Exp   *image.Export   // bindData, bindThreadLocal, bindGlobal, bindTag
	Value uint32          // bindConst
}

// Shim is a generated module that gathers what one or more import namespaces of a module are to
// be, because the engine takes a whole namespace from one instance. Functions that it re-exports
// cost nothing at a call.
type Shim struct {
	Bindings []Binding
	modules  []*image.Module       // what it imports from, in the order of its namespaces
	numbers  map[*image.Module]int // and their positions
}

// Source says where a module takes an import namespace from.
type Source struct {
	Shim int           // index in module.bridges, or -1
	Host *image.Module // all of it is one gateway's
}

// How an import is satisfied.
type Kind byte

const (
	BindFunction Kind = iota // by a function that is instantiated already
	BindPLT                  // by a call through the link table
	BindPointer              // GOT.func: by a function pointer
	BindData                 // GOT.mem: by an address
	BindConst                // by a value that is known now
	BindMemoryBase
	BindTableBase
	BindMemory
	BindTable
	BindStackPointer
	BindGlobal      // by a global of another module
	BindThreadLocal // GOT.mem: by the address that thread-local data has in the group
	BindTag         // by a tag of another module
	// by a function that puts the halves of 64-bit arguments together, for one that is instantiated
	BindLegalised
)
