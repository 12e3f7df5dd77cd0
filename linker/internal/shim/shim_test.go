package shim

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// decode reads a module that was generated.
func decode(t interface{ Fatal(...any) }, bytes []byte, err error) *wasm.Module {
	if err != nil {
		t.Fatal(err)
	}
	src, err := wasm.DecodeWithin(bytes, wasm.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	return src
}

var signature = wasm.FuncType{Params: []wasm.ValType{wasm.I32}, Results: []wasm.ValType{wasm.I64}}

// A plan has every binding once: in the shim that its namespace is taken from, under a name that no
// other binding of that shim has. A namespace without a shim is one module's, name by name.
func TestPlanIsComplete(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		modules := []*image.Module{{ID: 1}, {ID: 2}, {ID: 3}}
		whole := func(m *image.Module) bool { return m != modules[0] }
		var bindings []Binding
		seen := map[[2]string]bool{}
		for range rapid.IntRange(0, 12).Draw(t, "imports") {
			key := [2]string{fmt.Sprint("space", rapid.IntRange(0, 2).Draw(t, "namespace")),
				fmt.Sprint("name", rapid.IntRange(0, 3).Draw(t, "name"))}
			if seen[key] {
				continue
			}
			seen[key] = true
			name := key[1]
			if rapid.IntRange(0, 4).Draw(t, "renamed") == 0 {
				name = "other"
			}
			m := rapid.SampledFrom(modules).Draw(t, "module")
			bindings = append(bindings, Binding{Kind: BindFunction,
				Imp: &wasm.Import{Module: key[0], Name: key[1]},
				Fn:  image.NewFunction(m, name, signature)})
		}
		shims, sources := Plan(bindings, Parts{}, whole)
		count := 0
		for _, s := range shims {
			count += len(s.Bindings)
			names := map[string]bool{}
			for _, b := range s.Bindings {
				if names[b.Imp.Name] {
					t.Fatalf("a shim has two bindings of %s", b.Imp.Name)
				}
				names[b.Imp.Name] = true
			}
		}
		for _, b := range bindings {
			from, ok := sources[b.Imp.Module]
			switch {
			case !ok:
				t.Fatalf("%s is taken from nowhere", b.Imp.Module)
			case from.Host != nil:
				count++
				if !whole(from.Host) || b.Fn.Mod != from.Host || b.Fn.Name != b.Imp.Name {
					t.Fatalf("%s.%s is not the host's", b.Imp.Module, b.Imp.Name)
				}
			case !slices.ContainsFunc(shims[from.Shim].Bindings,
				func(x Binding) bool { return x.Imp == b.Imp }):
				t.Fatalf("%s.%s is in another shim", b.Imp.Module, b.Imp.Name)
			}
		}
		if count != len(bindings) {
			t.Fatalf("%d bindings are planned, of %d", count, len(bindings))
		}
	})
}

// A shim exports what its bindings are called, with the types that the module imports, and its
// namespaces lead back to the modules that it uses.
func TestShimsExportTheirBindings(t *testing.T) {
	m, definer := &image.Module{ID: 1}, &image.Module{ID: 2}
	m.Memory.Base, m.Table.Base = 4096, 7
	fn := image.NewFunction(definer, "defined", signature)
	i32 := wasm.GlobalType{Type: wasm.I32}
	global := func(name string) *wasm.Import {
		return &wasm.Import{Module: "env", Name: name, Kind: wasm.KindGlobal, Global: i32}
	}
	bindings := []Binding{
		{Kind: BindFunction, Fn: fn, Imp: &wasm.Import{Module: "env", Name: "direct"}},
		{Kind: BindPLT, Imp: &wasm.Import{Module: "env", Name: "lazy"},
			PLT: &image.PLTEntry{Index: 3, Mod: m, Type: signature}},
		{Kind: BindPointer, Fn: fn, Imp: global("pointer")},
		{Kind: BindData, Exp: &image.Export{Mod: definer, Addr: 99}, Imp: global("data")},
		{Kind: BindConst, Value: 5, Imp: global("const")},
		{Kind: BindMemoryBase, Imp: global("__memory_base")},
		{Kind: BindTableBase, Imp: global("__table_base")},
	}
	shims, _ := Plan(bindings, Parts{}, func(*image.Module) bool { return false })
	if len(shims) != 1 {
		t.Fatalf("%d shims", len(shims))
	}
	bytes, err := Imports(shims[0], m, func(*image.Function) uint32 { return 12 }, HostNamespace)
	src := decode(t, bytes, err)
	values := map[string]uint64{"pointer": 12, "data": 99, "const": 5, "__memory_base": 4096,
		"__table_base": 7}
	for _, b := range bindings {
		e, ok := src.ExportByName(b.Imp.Name)
		if !ok {
			t.Errorf("%s is not exported", b.Imp.Name)
			continue
		}
		want, isGlobal := values[b.Imp.Name]
		if isGlobal {
			v, err := src.Globals[int(e.Index)-src.Imported(wasm.KindGlobal)].Init.Eval(nil)
			if err != nil || v != want {
				t.Errorf("%s is %d, %v, want %d", b.Imp.Name, v, err, want)
			}
			continue
		}
		if typ, ok := src.FuncType(e.Index); !ok || !typ.Equal(signature) {
			t.Errorf("%s is a %s", b.Imp.Name, typ)
		}
	}
	used := map[string]bool{}
	for _, imp := range src.Imports {
		used[shims[0].Namespace(imp.Module)] = true
	}
	for _, namespace := range []string{ModuleNamespace(2), HostNamespace, BaseNamespace} {
		if !used[namespace] {
			t.Errorf("nothing is imported from %s", namespace)
		}
	}
}

// Every generated module is valid, whatever signatures there are.
func TestGeneratedModulesAreValid(t *testing.T) {
	types := []wasm.ValType{wasm.I32, wasm.I64, wasm.F32, wasm.F64, wasm.V128}
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOfN(rapid.SampledFrom(types), 0, 6)
		typ := wasm.FuncType{Params: list.Draw(t, "params"), Results: list.Draw(t, "results")}
		flag := rapid.Bool().Draw(t, "flag")
		bytes, err := Caller(typ)
		decode(t, bytes, err)
		bytes, err = TrampolineModule(typ, BaseNamespace, BaseStackPointer, flag)
		decode(t, bytes, err)
		bytes, err = Base(flag, 100, !flag)
		decode(t, bytes, err)
		bytes, err = HookFiller("hooks", []string{"a", "b"}, []wasm.FuncType{typ, {}}, "host")
		decode(t, bytes, err)
		m := &image.Module{ID: 1}
		fn := image.NewFunction(m, "f", typ)
		stub := image.NewFunction(m, "g", typ)
		stub.Stub = true
		bytes, err = TableWriter([]*image.Function{fn, stub},
			func(*image.Function) int { return 2 })
		src := decode(t, bytes, err)
		for i, want := range []string{ModuleNamespace(1), Namespace(1, 2)} {
			if got := WriterNamespace(m, src.Imports[i].Module); got != want {
				t.Fatalf("function %d is taken from %s, not from %s", i, got, want)
			}
		}
	})
	for _, build := range []func() ([]byte, error){
		func() ([]byte, error) { return Memory(1, 2, true) },
		func() ([]byte, error) { return TableAccess(BaseNamespace, "table") },
	} {
		bytes, err := build()
		decode(t, bytes, err)
	}
}
