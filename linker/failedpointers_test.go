package linker_test

import (
	"context"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// askThenTrap is a library whose constructor calls env.host_call and then traps; it has a function
// "two" in its element segment, and "three" in none.
func askThenTrap(t testing.TB) []byte {
	return library(t, dylink.Info{TableSize: 1}, func(b *wasm.Builder) {
		host := b.ImportFunc("env", "host_call", b.Type(nil, nil))
		base := b.ImportGlobal("env", "__table_base", wasm.GlobalType{Type: wasm.I32})
		functions := b.ImportTable("env", "__indirect_function_table", table(1))
		two := b.Func(b.Type(i32, i32), nil, new(wasm.Code).I32Const(2))
		b.ExportFunc("two", two)
		b.ExportFunc("three", b.Func(b.Type(i32, i32), nil, new(wasm.Code).I32Const(3)))
		b.ActiveFuncs(functions, wasm.ConstGlobal(base), two)
		b.ExportFunc(wasm.CallCtors, b.Func(b.Type(nil, nil), nil,
			new(wasm.Code).Call(host).Unreachable()))
	})
}

// What a constructor has got before its load failed, and may have written anywhere, is soon no
// other function's: the pointers rest as those of a library that was closed, in every group. Loads
// that fail again and again do not make the table grow.
func TestPointersOfAFailedLoadRest(t *testing.T) {
	var pointers []uint32
	rt := hostCall(t, func(ctx context.Context, g *linker.Group) {
		pointers = nil
		for _, name := range []string{"two", "three", "main_triple"} {
			sym, err := g.Symbol(ctx, linker.Default, name)
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			pointers = append(pointers, sym.Pointer)
		}
	})
	i := newImageIn(t, rt, "main-pie", "threads", nil)
	groups := []*image{i, i.spawn()}
	fails := func() {
		t.Helper()
		_, err := i.g.OpenBytes(i.ctx, "asks", askThenTrap(t), linker.Global)
		if err == nil {
			t.Fatal("the constructor trapped, and Open succeeded")
		}
	}
	fails()
	first, length := pointers, i.l.TableLength()
	for range 5 {
		if fails(); i.l.TableLength() != length {
			t.Errorf("the table has %d entries, not %d", i.l.TableLength(), length)
		}
		for k, p := range pointers {
			if p != first[k] {
				t.Errorf("pointer %d is %d, and was %d", k, p, first[k])
			}
		}
	}
	groups = append(groups, i.spawn())
	for _, g := range groups {
		for _, p := range first {
			g.wantStale("after the load has failed", p)
		}
	}
	many := i.open("manyfn")
	new := []uint32{i.symbol(i.open("callback"), "callback_apply"), i.symbol(many, "manyfn_call")}
	for _, p := range new {
		for _, old := range first {
			if p == old {
				t.Errorf("entry %d is another function's", p)
			}
		}
	}
	for _, g := range groups {
		for _, p := range first {
			g.wantStale("when others are loaded", p)
		}
	}
	if p := i.symbol(linker.Default, "main_triple"); p != first[2] {
		t.Errorf("main_triple has %d, and had %d", p, first[2])
	}
	for _, g := range groups {
		if got, err := g.tryUnary(first[2], 5); got != 15 || err != nil {
			t.Errorf("group %d: main_triple(5) = %d, %v", g.g.ID(), got, err)
		}
	}
}
