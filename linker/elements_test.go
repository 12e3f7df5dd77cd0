package linker_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// The entries of a library's element segments have a limit, of functions and of expressions alike.
func TestElementLimit(t *testing.T) {
	i := newImage(t, "main-pie", "threads",
		func(c *linker.Config) *linker.Config { return c.WithMaxElements(100) })
	segments := func(sizes ...int) []byte {
		return library(t, dylink.Info{}, func(b *wasm.Builder) {
			f := b.Func(b.Type(nil, nil), nil, nil)
			for k, n := range sizes {
				e := wasm.Element{Mode: wasm.Passive, Type: wasm.FuncRef}
				if k%2 == 0 {
					e.Funcs = slices.Repeat([]uint32{f}, n)
				} else {
					e.Exprs = slices.Repeat([]wasm.ConstExpr{wasm.ConstNull(wasm.FuncRef)}, n)
				}
				b.Element(e)
			}
		})
	}
	for _, sizes := range [][]int{{101}, {0, 101}, {50, 51}, {30, 30, 41}} {
		_, err := i.g.OpenBytes(i.ctx, "large", segments(sizes...))
		if !limited("elements of a library", 100)(err) {
			t.Errorf("%v: %v", sizes, err)
		}
	}
	for _, sizes := range [][]int{{100}, {50, 50}, {30, 30, 40}} {
		if _, err := i.g.OpenBytes(i.ctx, fmt.Sprint(sizes), segments(sizes...)); err != nil {
			t.Errorf("%v: %v", sizes, err)
		}
	}
}
