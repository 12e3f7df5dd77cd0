package linker

import (
	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// FunctionType is the signature of a function. It must not be changed.
type FunctionType struct {
	Params, Results []api.ValueType
}

// String returns, for instance, "(i32, i64) -> (f32)".
func (t *FunctionType) String() string { return wasmType(t.Params, t.Results).String() }

// wasmType converts a signature from wazero's terms.
func wasmType(params, results []api.ValueType) wasm.FuncType {
	convert := func(list []api.ValueType) []wasm.ValType {
		var out []wasm.ValType
		for _, t := range list {
			out = append(out, wasm.ValType(t))
		}
		return out
	}
	return wasm.FuncType{Params: convert(params), Results: convert(results)}
}

// publicType converts a signature to wazero's terms.
func publicType(t wasm.FuncType) *FunctionType { return (*FunctionType)(image.NewSignature(t)) }
