package image

import (
	"testing"

	"github.com/lockstep-wasm/lockstep/linker/internal/spans"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

var (
	i32    = []wasm.ValType{wasm.I32}
	i64    = []wasm.ValType{wasm.I64}
	first  = wasm.FuncType{Params: i32}
	second = wasm.FuncType{Params: i64, Results: i32}
)

func decoded(t *testing.T, b *wasm.Builder) *wasm.Module {
	t.Helper()
	bytes, err := b.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	m, err := wasm.Decode(bytes)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// A function pointer has the type of the closure, of the trampoline, or of the entry in a module's
// active segments; one of none of them has none.
func TestSignatureOf(t *testing.T) {
	var b wasm.Builder
	unknown := b.ImportGlobal("env", "other", wasm.GlobalType{Type: wasm.I32})
	base := b.ImportGlobal("env", "__table_base", wasm.GlobalType{Type: wasm.I32})
	b.ImportGlobal("other", "__table_base", wasm.GlobalType{Type: wasm.I32})
	data := b.ImportGlobal("env", "__memory_base", wasm.GlobalType{Type: wasm.I32})
	table := b.ImportTable("env", "__indirect_function_table", wasm.TableType{Elem: wasm.FuncRef})
	f := b.Func(b.Type(first.Params, first.Results), nil, new(wasm.Code))
	g := b.Func(b.Type(second.Params, second.Results), nil, new(wasm.Code).I32Const(0))
	b.PassiveFuncs(g, g, g, g, g)
	b.ActiveFuncs(table, wasm.ConstGlobal(unknown), g, g, g, g, g, g, g, g, g, g, g, g, g, g)
	b.ActiveFuncs(table, wasm.ConstGlobal(base), f, g)
	b.Element(wasm.Element{Mode: wasm.Active, Table: table, Offset: wasm.ConstI32(12),
		Exprs: []wasm.ConstExpr{wasm.ConstNull(wasm.FuncRef)}})
	m := &Module{Name: "m", Src: decoded(t, &b), Table: spans.Span{Base: 10, Size: 4},
		Memory: spans.Span{Base: 1 << 12, Size: 8}}
	empty := &Module{Name: "host", Table: spans.Span{Base: 30, Size: 1}}
	s := &Snapshot{Search: []*Module{{Name: "main"}, m, empty}}
	s = s.WithClosure(20, NewFunction(m, "c", second), nil)
	s = s.WithClosure(21, nil, &Trampoline{Type: first})
	for pointer, want := range map[uint32]*wasm.FuncType{9: nil, 10: &first, 11: &second, 12: nil,
		13: nil, 14: nil, 20: &second, 21: &first, 22: nil, 30: nil} {
		got, ok := s.SignatureOf(pointer)
		if ok != (want != nil) || ok && got.Key() != want.Key() {
			t.Errorf("pointer %d: %v, %v, want %v", pointer, got, ok, want)
		}
	}
	place := m.Placement()
	for index, want := range map[uint32]uint64{base: 10, data: 1 << 12} {
		if got, ok := place(index); !ok || got != want {
			t.Errorf("global %d is %d, %v, want %d", index, got, ok, want)
		}
	}
	for _, index := range []uint32{0, 2, 4} {
		if got, ok := place(index); ok {
			t.Errorf("global %d is known: %d", index, got)
		}
	}
	if !m.IsSharedTable(table) || m.IsSharedTable(table+1) || !(&Module{Fixed: true,
		Src: m.Src}).IsSharedTable(7) {
		t.Error("the shared table is the one that is imported, or that of a fixed main module")
	}
}

// A handler belongs to the library whose data its handle is in front of, or else to the one whose
// function it is, or else to the main module.
func TestExitOwner(t *testing.T) {
	src := &wasm.Module{}
	main := &Module{Name: "main", Src: src, Fixed: true, Memory: spans.Span{Base: 100, Size: 8}}
	lib := &Module{Name: "lib", Src: src, Memory: spans.Span{Base: 200, Size: 8},
		Table: spans.Span{Base: 10, Size: 2}}
	none := &Module{Name: "none", Src: src, Memory: spans.Span{Base: 300},
		Table: spans.Span{Base: 12, Size: 2}}
	host := &Module{Name: "host", Memory: spans.Span{Base: 400, Size: 8}}
	s := &Snapshot{Search: []*Module{main, host, none, lib}}
	s.Pointers = s.Pointers.With(NewFunction(none, "f", first), 40)
	for _, c := range []struct {
		pointer, dso uint32
		want         *Module
	}{{10, 200, lib}, {12, 200, lib}, {1, 200, lib}, {12, 201, none}, {1, 100, main}, {13, 0, none},
		{14, 0, main}, {1, 300, main}, {11, 300, lib}, {1, 400, main}, {40, 0, none}} {
		if got := s.ExitOwner(main, c.pointer, c.dso); got != c.want {
			t.Errorf("pointer %d with handle %d is of %s, want %s", c.pointer, c.dso, got.Name,
				c.want.Name)
		}
	}
}
