package shim

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// A module with many imports has several shims, and no shim has many more functions than it may
// have: what the engine does with a shim grows with their square.
func TestPartsAreSmall(t *testing.T) {
	m := &image.Module{ID: 1}
	for _, n := range []int{0, 1, partSize, partSize + 1, 20 * partSize} {
		imports := []wasm.Import{{Module: "env", Name: "memory", Kind: wasm.KindMemory},
			{Module: "wasi_snapshot_preview1", Name: "proc_exit"}}
		for i := range n {
			imports = append(imports, wasm.Import{Module: "env", Name: fmt.Sprint("f", i)})
		}
		parts := PartsOf(imports)
		if got, want := parts.Any(), n > partSize; got != want {
			t.Errorf("%d functions are split: %t", n, got)
		}
		var bindings []Binding
		for i := range imports {
			bindings = append(bindings, Binding{Imp: &imports[i], Kind: BindPLT,
				PLT: &image.PLTEntry{Mod: m, Type: signature}})
		}
		shims, sources := Plan(bindings, parts, func(*image.Module) bool { return false })
		most, all := 0, 0
		for _, s := range shims {
			k := functions(s.Bindings)
			most, all = max(most, k), all+k
		}
		if all != n+1 || most > partSize+partSize/4 || len(shims) > 2+2*n/partSize {
			t.Errorf("%d functions: %d shims, %d in one, %d in all", n, len(shims), most, all)
		}
		for i := range imports {
			x := &imports[i]
			namespace := parts.Namespace(x)
			from, ok := sources[namespace]
			if !ok || !has(shims[from.Shim], x) {
				t.Fatalf("%s is not in the shim of %s", x.Name, namespace)
			}
			split := x.Kind == wasm.KindFunc && x.Module == "env" && parts.Any()
			if got := strings.HasPrefix(namespace, ReservedPrefix); got != split {
				t.Errorf("%s of %s is imported from %s", x.Name, x.Module, namespace)
			}
			if x.Kind == wasm.KindFunc && parts.Function(x.Module, x.Name) != namespace {
				t.Errorf("%s has two namespaces", x.Name)
			}
		}
	}
}

func has(s *Shim, x *wasm.Import) bool {
	for _, b := range s.Bindings {
		if b.Imp == x {
			return true
		}
	}
	return false
}
