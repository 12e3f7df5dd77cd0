package wasm_test

import (
	"errors"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// FuzzHookPolls: whatever can be decoded is hooked or refused; what is hooked can be decoded, and
// is what it was but for functions with their types, a table, a global and an export.
func FuzzHookPolls(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, file []byte) {
		out, found, err := wasm.HookPolls(file, wasm.Import{Module: "polls", Name: "count"},
			"hooks")
		var refused *wasm.RewriteError
		var format *wasm.FormatError
		switch {
		case errors.As(err, &refused) || errors.As(err, &format):
			return
		case err != nil:
			t.Fatal(err)
		case !found:
			return
		}
		m, err := wasm.Decode(file)
		if err != nil {
			t.Fatal(err)
		}
		got, err := wasm.Decode(out)
		if err != nil {
			t.Fatalf("the result cannot be decoded: %v", err)
		}
		for _, k := range []wasm.Kind{wasm.KindFunc, wasm.KindTable, wasm.KindMemory,
			wasm.KindGlobal, wasm.KindTag} {
			want := m.Count(k)
			switch k {
			case wasm.KindFunc:
				want += m.Added()
			case wasm.KindTable, wasm.KindGlobal:
				want++
			}
			if got.Count(k) != want {
				t.Fatalf("%v: %d, want %d", k, got.Count(k), want)
			}
		}
		if len(got.Exports) != len(m.Exports)+1 || len(got.Types) != len(m.Types)+m.Added() ||
			len(got.Data) != len(m.Data) || len(got.Elements) != len(m.Elements) {
			t.Fatalf("%d exports, %d types, %d data, %d element segments", len(got.Exports),
				len(got.Types), len(got.Data), len(got.Elements))
		}
		for i := range m.Globals {
			was, _ := m.GlobalType(uint32(m.Imported(wasm.KindGlobal) + i))
			is, ok := got.GlobalType(uint32(m.Imported(wasm.KindGlobal) + i + 1))
			if !ok || is != was {
				t.Fatalf("global %d is %v, was %v", i, is, was)
			}
		}
	})
}
