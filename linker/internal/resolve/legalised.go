package resolve

import (
	"strings"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/shim"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// Legalised binds an import of a system interface in which each i64 is two i32, the low half first.
// Emscripten before 4.0 imported functions so, because JavaScript had no 64-bit integers: fd_seek
// of five i32, for instance. The module gets a function that puts them together.
//
// Source: LegalizeJSInterface in binaryen, src/passes/LegalizeJSInterface.cpp.
func Legalised(imp *wasm.Import, fn *image.Function, want wasm.FuncType) (shim.Binding, bool) {
	if !strings.HasPrefix(imp.Module, "wasi_") ||
		!(wasm.FuncType{Results: want.Results}).Equal(wasm.FuncType{Results: fn.Type.Results}) {
		return shim.Binding{}, false
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
		return shim.Binding{}, false
	}
	return shim.Binding{Kind: shim.BindLegalised, Fn: fn}, true
}
