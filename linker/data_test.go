package linker_test

import (
	"bytes"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// A data area that was used before holds a library's segments, the later upon the earlier, and
// zeros between them, in whatever order they are.
func TestDataAmongZeros(t *testing.T) {
	type segment struct{ at, n int }
	const size = 32
	for name, segments := range map[string][]segment{
		"none":            nil,
		"in order":        {{4, 4}, {8, 2}, {20, 4}},
		"to the end":      {{0, 4}, {28, 4}},
		"out of order":    {{16, 4}, {4, 4}},
		"upon each other": {{4, 8}, {6, 2}, {20, 2}},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, g := t.Context(), plainImage(t)
			var b wasm.Builder
			b.CustomFirst((&dylink.Info{MemorySize: size, MemoryAlignment: 4}).Section())
			b.ImportMemory("env", "memory", wasm.MemoryType{})
			base := b.ImportGlobal("env", "__memory_base", wasm.GlobalType{Type: wasm.I32})
			want := make([]byte, size)
			for i, s := range segments {
				data := bytes.Repeat([]byte{byte(i + 1)}, s.n)
				at := wasm.ConstI32(int32(s.at))
				b.ActiveData(wasm.Const(wasm.ConstI32Add, wasm.ConstGlobal(base), at), data)
				copy(want[s.at:], data)
			}
			b.ExportGlobal("start", b.Global(wasm.I32, false, wasm.ConstI32(0)))
			library, err := b.Bytes()
			if err != nil {
				t.Fatal(err)
			}
			var first linker.Symbol
			for round := range 2 {
				lib, err := g.OpenBytes(ctx, "data", library)
				if err != nil {
					t.Fatal(err)
				}
				start, err := g.Symbol(ctx, lib, "start")
				if err != nil {
					t.Fatal(err)
				}
				if round == 0 {
					first = start
				} else if start.Pointer != first.Pointer {
					t.Fatalf("data at %#x, and at %#x before", start.Pointer, first.Pointer)
				}
				got, ok := g.Linker().Memory().Read(start.Pointer, size)
				if !ok || !bytes.Equal(got, want) {
					t.Errorf("%v, want %v", got, want)
				}
				copy(got, bytes.Repeat([]byte{255}, size))
				if err := g.CloseLibrary(ctx, lib); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}
