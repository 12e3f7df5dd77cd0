package wasm_test

import (
	"testing"

	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// A function that does nothing but return 0, perhaps after it has written something down, is told
// from those that call, choose, return something else, or have another type.
func TestReturnsNull(t *testing.T) {
	null := func() *wasm.Code { return new(wasm.Code).I32Const(0) }
	two := []wasm.ValType{wasm.I32, wasm.I32}
	bodies := map[string]struct {
		code *wasm.Code
		want bool
	}{
		"null":     {null(), true},
		"writes":   {new(wasm.Code).I32Const(8).I32Const(9).I32Store(0).I32Const(0), true},
		"another":  {new(wasm.Code).I32Const(1), false},
		"argument": {new(wasm.Code).LocalGet(0), false},
		"calls":    {new(wasm.Code).Call(0).I32Const(0), false},
		"chooses":  {new(wasm.Code).LocalGet(0).If().I32Const(1).Return().End().I32Const(0), false},
	}
	typ := wasm.FuncType{Params: two, Results: two[:1]}
	for name, tt := range bodies {
		var b wasm.Builder
		b.ImportFunc("env", "f", b.Type(nil, nil))
		b.Memory(1, 1, false)
		b.ExportFunc(name, b.Func(b.Type(typ.Params, typ.Results), nil, tt.code))
		file := b.Encode()
		m := decode(t, file)
		if got := m.ReturnsNull(file, name, typ); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
		if m.ReturnsNull(file, name, wasm.FuncType{Results: two[:1]}) ||
			m.ReturnsNull(file, "none", typ) {
			t.Errorf("%s: under another type or name", name)
		}
	}
}
