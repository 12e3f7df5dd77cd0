package wasm_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// wrapped builds a module with a wrapper around function "f" (i32, i64) -> i32, made by body from
// the indices of constructors, destructors and f.
func wrapped(t *testing.T, body func(c *wasm.Code, ctors, dtors, f uint32),
	more func(b *wasm.Builder)) []byte {
	t.Helper()
	var b wasm.Builder
	none, sig := b.Type(nil, nil),
		b.Type([]wasm.ValType{wasm.I32, wasm.I64}, []wasm.ValType{wasm.I32})
	imported := b.ImportFunc("env", "imported", none)
	ctors := b.Func(none, nil, new(wasm.Code).Call(imported))
	dtors := b.Func(none, nil, new(wasm.Code))
	f := b.Func(sig, nil, new(wasm.Code).LocalGet(0))
	var c wasm.Code
	body(&c, ctors, dtors, f)
	b.ExportFunc("f", b.Func(sig, nil, &c))
	b.ExportMemory("memory", b.Memory(1, 1, false))
	if more != nil {
		more(&b)
	}
	out, err := b.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func usualWrapper(c *wasm.Code, ctors, dtors, f uint32) {
	c.Call(ctors).LocalGet(0).LocalGet(1).Call(f).Call(dtors)
}

// A command's wrappers are taken off, and what is no such wrapper is left alone.
func TestUnwrapCommand(t *testing.T) {
	tests := []struct {
		name   string
		body   func(c *wasm.Code, ctors, dtors, f uint32)
		more   func(b *wasm.Builder)
		wanted []string // functions that are exported afterwards; nil: nothing changes
	}{
		{"a wrapper", usualWrapper, nil, []string{"f", wasm.CallCtors, wasm.CallDtors}},
		{"without destructors",
			func(c *wasm.Code, ctors, _, f uint32) {
				c.Call(ctors).LocalGet(0).LocalGet(1).Call(f)
			}, nil, []string{"f", wasm.CallCtors}},
		{"without constructors", func(c *wasm.Code, _, dtors, f uint32) {
			c.LocalGet(0).LocalGet(1).Call(f).Call(dtors)
		}, nil, []string{"f", wasm.CallDtors}},
		{"nothing to wrap",
			func(c *wasm.Code, _, _, f uint32) { c.LocalGet(0).LocalGet(1).Call(f) }, nil, nil},
		{"one without arguments", usualWrapper, func(b *wasm.Builder) {
			none := b.Type(nil, nil)
			inner := b.Func(none, nil, new(wasm.Code))
			b.ExportFunc("start", b.Func(none, nil, new(wasm.Code).Call(1).Call(inner).Call(2)))
		}, []string{"f", "start", wasm.CallCtors, wasm.CallDtors}},
		{"under two names", usualWrapper, func(b *wasm.Builder) { b.ExportFunc("g", 4) },
			[]string{"f", "g", wasm.CallCtors, wasm.CallDtors}},
		{"arguments the other way round", func(c *wasm.Code, ctors, _, f uint32) {
			c.Call(ctors).LocalGet(1).Drop().LocalGet(0).LocalGet(1).Call(f)
		}, nil, nil},
		{"more than a wrapper",
			func(c *wasm.Code, ctors, dtors, f uint32) {
				usualWrapper(c, ctors, dtors, f)
				c.Call(dtors)
			}, nil, nil},
		{"constructors have arguments", func(c *wasm.Code, _, dtors, f uint32) {
			c.I32Const(0).I64Const(0).Call(f).Drop().LocalGet(0).LocalGet(1).Call(f).Call(dtors)
		}, nil, nil},
		{"a function that is not wrapped", usualWrapper,
			func(b *wasm.Builder) { b.ExportFunc("bare", 3) }, nil},
		{"an import that is exported", usualWrapper,
			func(b *wasm.Builder) { b.ExportFunc("imported", 0) }, nil},
		{"constructors are exported", usualWrapper,
			func(b *wasm.Builder) { b.ExportFunc(wasm.CallCtors, 1) }, nil},
		{"other destructors", usualWrapper, func(b *wasm.Builder) {
			none := b.Type(nil, nil)
			inner := b.Func(none, nil, new(wasm.Code))
			b.ExportFunc("g", b.Func(none, nil, new(wasm.Code).Call(1).Call(inner).Call(inner)))
		}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := wrapped(t, tt.body, tt.more)
			out, ok := wasm.UnwrapCommand(in, decode(t, in))
			if ok != (tt.wanted != nil) || !ok && !bytes.Equal(in, out) {
				t.Fatalf("unwrapped: %v", ok)
			}
			if !ok {
				return
			}
			m := decode(t, out)
			var got []string
			for _, e := range m.Exports {
				if e.Kind == wasm.KindFunc {
					got = append(got, e.Name)
				}
			}
			if !slices.Equal(got, tt.wanted) {
				t.Errorf("exports %v, want %v", got, tt.wanted)
			}
			if x, _ := m.ExportByName("f"); x.Index != 3 {
				t.Errorf("f is function %d", x.Index)
			}
		})
	}
}

// Functions without parameters and results do not tell which is which of those that they call.
func TestUnwrapCommandGuessesNothing(t *testing.T) {
	var b wasm.Builder
	none := b.Type(nil, nil)
	first, second := b.Func(none, nil, new(wasm.Code)), b.Func(none, nil, new(wasm.Code))
	b.ExportFunc("_start", b.Func(none, nil, new(wasm.Code).Call(first).Call(second)))
	in, err := b.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := wasm.UnwrapCommand(in, decode(t, in)); ok {
		t.Error("it was unwrapped")
	}
}

// A direct call is found, of an import too, and nothing else is taken for one.
func TestCallsDirectly(t *testing.T) {
	b := wrapped(t, usualWrapper, nil)
	m := decode(t, b)
	for callee, want := range []bool{false, true, true, true, false, false} {
		if got := m.CallsDirectly(b, 4, uint32(callee)); got != want {
			t.Errorf("the wrapper calls %d: %v", callee, got)
		}
	}
	if !m.CallsDirectly(b, 1, 0) || m.CallsDirectly(b, 0, 0) || m.CallsDirectly(b, 99, 0) {
		t.Error("calls of an import, by an import, by nobody")
	}
}
