package linker

import (
	"strings"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// binding says how one import is satisfied.
type binding struct {
	imp   *wasm.Import
	kind  bindingKind
	fn    *image.Function // bindFunction, bindPointer, bindLegalised
	link  *image.PLTEntry // bindLink
	exp   *image.Export   // bindData, bindThreadLocal, bindGlobal, bindTag
	value uint32          // bindConst
}

// bridge is a generated module that gathers what one or more import namespaces of a module are to
// be, because the engine takes a whole namespace from one instance. Functions that it re-exports
// cost nothing at a call.
type bridge struct {
	bindings []binding
	modules  []*image.Module       // what it imports from, in the order of its namespaces
	numbers  map[*image.Module]int // and their positions
	compiled wazero.CompiledModule
}

// source says where a module takes an import namespace from.
type source struct {
	bridge  int           // index in module.bridges, or -1
	gateway *image.Module // all of it is one gateway's
}

// legalised binds an import of a system interface in which each i64 is two i32, the low half first.
// Emscripten before 4.0 imported functions so, because JavaScript had no 64-bit integers: fd_seek
// of five i32, for instance. The module gets a function that puts them together.
//
// Source: LegalizeJSInterface in binaryen, src/passes/LegalizeJSInterface.cpp.
func legalised(imp *wasm.Import, fn *image.Function, want wasm.FuncType) (binding, bool) {
	if !strings.HasPrefix(imp.Module, "wasi_") ||
		!(wasm.FuncType{Results: want.Results}).Equal(wasm.FuncType{Results: fn.Type.Results}) {
		return binding{}, false
	}
	var split []wasm.ValType
	for _, p := range fn.Type.Params {
		if p == wasm.I64 {
			split = append(split, wasm.I32, wasm.I32)
		} else {
			split = append(split, p)
		}
	}
	if !(wasm.FuncType{Params: split, Results: want.Results}).Equal(want) {
		return binding{}, false
	}
	return binding{kind: bindLegalised, fn: fn}, true
}
