package image

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// What a module exports is known by kind: its functions once, whatever names they have; constants
// as data; nothing that it imports, or that its dylink.0 section says is its own.
func TestReadExports(t *testing.T) {
	var b wasm.Builder
	imported := b.ImportFunc("env", "f", b.Type(nil, nil))
	other := b.ImportGlobal("env", "g", wasm.GlobalType{Type: wasm.I32})
	f := b.Func(b.Type(second.Params, second.Results), nil, new(wasm.Code).I32Const(0))
	b.ExportFunc("z", f)
	b.ExportFunc("a", f)
	b.ExportFunc("m", b.Func(b.Type(nil, nil), nil, new(wasm.Code)))
	b.ExportFunc("local", f)
	b.ExportFunc("hidden", f)
	b.ExportFunc("__wasm_call_ctors", f)
	b.ExportFunc("imported", imported)
	b.ExportGlobal("data", b.Global(wasm.I32, false, wasm.ConstI32(40)))
	b.ExportGlobal("tls", b.Global(wasm.I32, false, wasm.ConstI32(4)))
	b.ExportGlobal("fixed", b.Global(wasm.I32, false, wasm.ConstI32(2000)))
	b.ExportGlobal("variable", b.Global(wasm.I32, true, wasm.ConstI32(1)))
	b.ExportGlobal("long", b.Global(wasm.I64, false, wasm.ConstI64(1)))
	b.ExportGlobal("other", other)
	b.ExportTag("tag", b.Tag(b.Type(i32, nil)))
	b.ExportMemory("memory", b.Memory(1, 2, true))
	m := &Module{Name: "m", Src: decoded(t, &b), Info: &dylink.Info{Exports: []dylink.ExportInfo{
		{Name: "local", Flags: dylink.BindingLocal},
		{Name: "hidden", Flags: dylink.VisibilityHidden},
		{Name: "__wasm_call_ctors", Flags: dylink.VisibilityHidden},
		{Name: "tls", Flags: dylink.TLS}, {Name: "fixed", Flags: dylink.Absolute}}}}
	m.ReadInfo()
	m.ReadExports()
	kinds := map[string]Kind{"z": KindFunction, "a": KindFunction, "m": KindFunction,
		"__wasm_call_ctors": KindFunction, "data": KindData, "tls": KindData, "fixed": KindData,
		"variable": KindGlobal, "long": KindGlobal, "tag": KindTag, "memory": KindOther}
	got := map[string]Kind{}
	for name, x := range m.Exports {
		got[name] = x.Kind
		if x.Mod != m || x.Name != name || x.TLS != (name == "tls") ||
			x.Fixed != (name == "fixed") {
			t.Errorf("%s: %+v", name, x)
		}
	}
	if !maps.Equal(got, kinds) {
		t.Errorf("exports %v, want %v", got, kinds)
	}
	fn := m.Exports["z"].Fn
	if m.Exports["a"].Fn != fn || fn.Type.Key() != second.Key() || fn.Name != "z" ||
		m.Exports["tag"].Tag.Key() != (wasm.FuncType{Params: i32}).Key() {
		t.Errorf("function %+v, tag %v", fn, m.Exports["tag"].Tag)
	}
	var names []string
	for i, fn := range m.Functions {
		names = append(names, fn.Name)
		if fn.Index != uint32(i) || fn.Mod != m {
			t.Errorf("function %d: %+v", i, fn)
		}
	}
	if !slices.Equal(names, []string{"m", "z"}) {
		t.Errorf("functions %v", names)
	}
	if v, err := m.Exports["data"].Init.Eval(nil); v != 40 || err != nil || !m.Shared {
		t.Errorf("data at %d, %v; shared %v", v, err, m.Shared)
	}
	for name, want := range map[string]bool{"data": true, "other": false, "z": false, "long": false,
		"absent": false} {
		if v, ok := m.Constant(name); ok != want || ok && v != 40 {
			t.Errorf("constant %s: %d, %v", name, v, ok)
		}
	}
	start := &Module{Exports: map[string]*Export{"_start": {}}}
	if m.ExportsNothing() || !start.ExportsNothing() {
		t.Error("what the toolchain exports is not what others could mean, and all else is")
	}
}

// Thread-local storage has the size and the alignment that the module says, which is a power of two
// of a few; weak symbols are those of the three namespaces.
func TestReadInfo(t *testing.T) {
	for align, pow := range map[int32]uint32{0: 0, 1: 0, 2: 1, 3: 2, 16: 4, 1 << 16: 16,
		1 << 20: 16} {
		for _, has := range []bool{true, false} {
			var b wasm.Builder
			b.ExportGlobal("__tls_size", b.Global(wasm.I32, false, wasm.ConstI32(24)))
			b.ExportGlobal("__tls_align", b.Global(wasm.I32, false, wasm.ConstI32(align)))
			if has {
				b.ExportFunc("__wasm_init_tls", b.Func(b.Type(nil, nil), nil, new(wasm.Code)))
			}
			m := &Module{Src: decoded(t, &b), Info: &dylink.Info{Imports: []dylink.ImportInfo{
				{Module: "env", Field: "weak", Flags: dylink.BindingWeak},
				{Module: "env", Field: "strong"},
				{Module: "wasi", Field: "elsewhere", Flags: dylink.BindingWeak}}}}
			m.ReadInfo()
			want := fmt.Sprint(map[bool]uint32{true: 24}[has], map[bool]uint32{true: pow}[has])
			if got := fmt.Sprint(m.TLSSize, m.TLSPow); got != want || m.Shared {
				t.Errorf("aligned to %d, %v: size and power %s, want %s", align, has, got, want)
			}
			for _, c := range []struct {
				module, name string
				weak         bool
			}{{"env", "weak", true}, {"GOT.func", "weak", true}, {"GOT.mem", "weak", true},
				{"wasi", "weak", false}, {"env", "strong", false}, {"env", "elsewhere", false}} {
				if m.IsWeak(&wasm.Import{Module: c.module, Name: c.name}) != c.weak {
					t.Errorf("%s.%s is weak: %v", c.module, c.name, !c.weak)
				}
			}
		}
	}
}

// In a main module of fixed addresses thread-local variables are those whose addresses lie below
// the data, and within the thread-local storage.
func TestFindThreadLocal(t *testing.T) {
	for _, c := range []struct {
		name         string
		size, base   int32 // base 0: there is none
		data         int32 // 0: there is none
		fixed        bool
		threadLocals int // of variables at 0, 8, 16, 1016 and 1024
	}{
		{"not fixed", 100, 0, 0, false, 0}, {"none", 0, 0, 0, true, 0},
		{"of the size", 16, 0, 0, true, 2}, {"below the base", 2000, 16, 8, true, 2},
		{"below the data", 2000, 0, 8, true, 1}, {"below where data is", 2000, 0, 0, true, 4},
		{"below where data would be", 2000, 0, 4096, true, 4},
	} {
		var b wasm.Builder
		b.ExportGlobal("__tls_size", b.Global(wasm.I32, false, wasm.ConstI32(c.size)))
		if c.base != 0 {
			b.ExportGlobal("__global_base", b.Global(wasm.I32, false, wasm.ConstI32(c.base)))
		}
		for _, at := range []int32{0, 8, 16, 1016, 1024} {
			b.ExportGlobal(fmt.Sprint("v", at), b.Global(wasm.I32, false, wasm.ConstI32(at)))
		}
		b.ExportGlobal("variable", b.Global(wasm.I32, true, wasm.ConstI32(0)))
		b.Memory(1, 1, false)
		b.PassiveData([]byte{1})
		if c.data != 0 {
			b.ActiveData(wasm.ConstI32(c.data), []byte{1})
			b.ActiveData(wasm.ConstI32(c.data+100), []byte{1})
		}
		m := &Module{Src: decoded(t, &b), Fixed: c.fixed}
		m.ReadExports()
		m.FindThreadLocal()
		n := 0
		for _, x := range m.Exports {
			if x.TLS {
				n++
			}
		}
		if n != c.threadLocals {
			t.Errorf("%s: %d thread-local variables, want %d", c.name, n, c.threadLocals)
		}
	}
}
