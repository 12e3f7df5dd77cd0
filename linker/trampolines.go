package linker

import (
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// trampoline is what a prepared closure does: a function of any signature, which puts its arguments
// into memory and calls one of a fixed signature, the backing function, with three pointers:
// arguments, results, data. It is how a guest makes functions of signatures that it knows only at
// run time.
//
// Arguments lie on the stack one behind the other, without gaps, each as large as its type; so do
// results.
type trampoline struct {
	typ     wasm.FuncType
	backing uint32 // function pointer
	data    uint32 // what is passed on to it
	code    wazero.CompiledModule
	// The Go function that it leads to, see [Group.NewCallback]; nil for a function of a guest.
	callback *callback
}

// trampolineKey names an instance of a trampoline in a group. One serves every trampoline of its
// signature that the entry ever has, because the table would keep all of them in memory.
type trampolineKey struct {
	slot uint32
	typ  string
}

// callback is a Go function that guests call.
type callback struct {
	run api.GoModuleFunc
	typ wasm.FuncType
}
