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
func (t *FunctionType) String() string { return image.WasmType(t.Params, t.Results).String() }

// publicType converts a signature to wazero's terms.
func publicType(t wasm.FuncType) *FunctionType { return (*FunctionType)(image.NewSignature(t)) }

// words returns how many arguments parameters are in wazero's encoding: a vector is two.
func words[T ~byte](params []T) int {
	n := len(params)
	for _, p := range params {
		if p == T(wasm.V128) {
			n++
		}
	}
	return n
}
