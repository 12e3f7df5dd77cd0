package resolve

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// leads reports whether a module needs another one, directly or not, by way of new ones.
func leads(from, to *image.Module, isNew func(*image.Module) bool) bool {
	seen := map[*image.Module]bool{}
	var walk func(m *image.Module) bool
	walk = func(m *image.Module) bool {
		for _, n := range m.Needed {
			if n == to {
				return true
			}
			if isNew(n) && !seen[n] {
				seen[n] = true
				if walk(n) {
					return true
				}
			}
		}
		return false
	}
	return walk(from)
}

// The order has every new module that is searched once, and each behind what it needs, but for
// cycles. A main module at fixed addresses is the first.
func TestOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var modules []*image.Module
		old := map[*image.Module]bool{}
		for i := range rapid.IntRange(1, 7).Draw(t, "modules") {
			m := &image.Module{Name: fmt.Sprint(i)}
			modules = append(modules, m)
			old[m] = i > 0 && rapid.IntRange(0, 4).Draw(t, "old") == 0
		}
		modules[0].Fixed = rapid.Bool().Draw(t, "fixed")
		isNew := func(m *image.Module) bool { return !old[m] }
		for _, m := range modules {
			for _, n := range modules {
				if n != m && rapid.IntRange(0, 3).Draw(t, "needs") == 0 {
					m.Needed = append(m.Needed, n)
				}
			}
		}
		search := slices.DeleteFunc(slices.Clone(modules),
			func(m *image.Module) bool { return old[m] })
		order := Order(search, isNew)
		if len(order) != len(search) {
			t.Fatalf("%d modules in order, of %d", len(order), len(search))
		}
		if modules[0].Fixed && order[0] != modules[0] {
			t.Fatal("the main module at fixed addresses is not the first")
		}
		for _, m := range search {
			at := slices.Index(order, m)
			if at < 0 {
				t.Fatalf("%s is missing", m.Name)
			}
			for _, n := range m.Needed {
				if old[n] || m.Fixed || leads(n, m, isNew) {
					continue
				}
				if slices.Index(order, n) > at {
					t.Fatalf("%s needs %s, which comes later", m.Name, n.Name)
				}
			}
		}
	})
}

// An import of a system interface may have halves of 64-bit integers, and nothing else may differ.
func TestLegalised(t *testing.T) {
	i32, i64 := wasm.I32, wasm.I64
	seek := image.NewFunction(&image.Module{}, "fd_seek", wasm.FuncType{
		Params: []wasm.ValType{i32, i64, i32, i32}, Results: []wasm.ValType{i32}})
	halves := []wasm.ValType{i32, i32, i32, i32, i32}
	for name, c := range map[string]struct {
		namespace string
		want      wasm.FuncType
		ok        bool
	}{
		"halves": {"wasi_snapshot_preview1",
			wasm.FuncType{Params: halves, Results: []wasm.ValType{i32}}, true},
		"another namespace": {"env",
			wasm.FuncType{Params: halves, Results: []wasm.ValType{i32}}, false},
		"another result": {"wasi_snapshot_preview1",
			wasm.FuncType{Params: halves, Results: []wasm.ValType{i64}}, false},
		"a parameter less": {"wasi_snapshot_preview1",
			wasm.FuncType{Params: halves[1:], Results: []wasm.ValType{i32}}, false},
	} {
		b, ok := Legalised(&wasm.Import{Module: c.namespace, Name: "fd_seek"}, seek, c.want)
		if ok != c.ok || ok && b.Fn != seek {
			t.Errorf("%s: %v, want %v", name, ok, c.ok)
		}
	}
}

// Two imports of one name agree if their kinds and their types do.
func TestSameImport(t *testing.T) {
	m := &image.Module{Src: &wasm.Module{Types: []wasm.FuncType{
		{Params: []wasm.ValType{wasm.I32}}, {Params: []wasm.ValType{wasm.I64}},
		{Params: []wasm.ValType{wasm.I32}}}}}
	function := func(t uint32) *wasm.Import { return &wasm.Import{Kind: wasm.KindFunc, Type: t} }
	global := func(t wasm.ValType) *wasm.Import {
		return &wasm.Import{Kind: wasm.KindGlobal, Global: wasm.GlobalType{Type: t}}
	}
	for _, c := range []struct {
		a, b *wasm.Import
		same bool
	}{
		{function(0), function(2), true}, {function(0), function(1), false},
		{global(wasm.I32), global(wasm.I32), true}, {global(wasm.I32), global(wasm.F32), false},
		{function(0), global(wasm.I32), false},
	} {
		if SameImport(m, c.a, c.b) != c.same {
			t.Errorf("%v and %v: same is %v", c.a, c.b, !c.same)
		}
	}
}
