package linker_test

import (
	"fmt"
	"testing"

	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// The pointers of several libraries are their own, in which order they are asked for and in
// whichever group.
func TestLibrariesOwnPointers(t *testing.T) {
	ctx, g := t.Context(), plainImage(t)
	const libraries, functions = 3, 2
	types := []api.ValueType{api.ValueTypeI32}
	other, err := g.Spawn(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	library := func(n int) []byte {
		return library(t, dylink.Info{}, func(b *wasm.Builder) {
			for i := range functions {
				body := new(wasm.Code).I32Const(int32(10*n + i))
				b.ExportFunc(fmt.Sprint("f", i), b.Func(b.Type(nil, i32), nil, body))
			}
		})
	}
	for i := range functions {
		for n := range libraries {
			lib, err := g.OpenBytes(ctx, fmt.Sprint("lib", n), library(n))
			if err != nil {
				t.Fatal(err)
			}
			f, err := g.Symbol(ctx, lib, fmt.Sprint("f", i))
			if err != nil {
				t.Fatal(err)
			}
			for _, group := range []*linker.Group{g, other} {
				got, err := group.CallPointer(ctx, f.Pointer, nil, types)
				if err != nil || got[0] != uint64(10*n+i) {
					t.Errorf("function %d of library %d: %v, %v", i, n, got, err)
				}
			}
		}
	}
}
