package resolve

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/shim"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// env is an image with few things of its own.
type env struct {
	hosts    map[string]*image.Module
	provided map[string]*image.Export
	symbols  map[string]uint32
	tags     map[string]*image.Export
	bound    []string // the imports that were bound, in order
}

func (e *env) Host(_ context.Context, namespace string) (*image.Module, error) {
	return e.hosts[namespace], nil
}

func (e *env) Ask(context.Context, *image.Module, func(*wasm.Import) bool) error { return nil }

func (e *env) Asked(string, string, wasm.FuncType) *image.Export { return nil }

func (e *env) Provided(name string) *image.Export { return e.provided[name] }

func (e *env) LinkerSymbol(name string) (uint32, bool) {
	v, ok := e.symbols[name]
	return v, ok
}

func (e *env) InterposeAtexit(*image.Module, string, wasm.FuncType) *image.Export { return nil }

func (e *env) NotStub(_ string, x *image.Export) *image.Export { return x }

func (e *env) MadeTag(name string) *image.Export { return e.tags[name] }

func (e *env) NewTags(_ context.Context, m *image.Module, tags []Tag) (*image.Module, error) {
	made := &image.Module{Name: "tags of " + m.Name, Exports: map[string]*image.Export{}}
	for _, tag := range tags {
		x := &image.Export{Mod: made, Name: tag.Name, Kind: image.KindTag, Tag: tag.Type}
		e.tags[tag.Name], made.Exports[tag.Name] = x, x
	}
	return made, nil
}

func (e *env) Bound(_ context.Context, _ *image.Module, imp *wasm.Import, _ shim.Binding) {
	e.bound = append(e.bound, imp.Module+"."+imp.Name)
}

func newEnv() *env {
	return &env{hosts: map[string]*image.Module{}, provided: map[string]*image.Export{},
		symbols: map[string]uint32{}, tags: map[string]*image.Export{}}
}

// Errors that tell what they are of.
var (
	errUndefined = errors.New("undefined")
	errKind      = errors.New("wrong kind")
	errSignature = errors.New("wrong signature")
	errImport    = errors.New("import")
	errSmall     = errors.New("too small")
	errLarge     = errors.New("too large")
)

func testErrors() *Errors {
	return &Errors{
		Undefined: func(m *image.Module, symbol string) error {
			return fmt.Errorf("%s.%s: %w", m.Name, symbol, errUndefined)
		},
		WrongKind: func(_ *image.Module, x *image.Export, want string) error {
			return fmt.Errorf("%s as %s: %w", x.Name, want, errKind)
		},
		WrongSignature: func(_ *image.Module, symbol string, _ *image.Function,
			_ wasm.FuncType) error {
			return fmt.Errorf("%s: %w", symbol, errSignature)
		},
		Import: func(_ *image.Module, imp *wasm.Import, reason string) error {
			return fmt.Errorf("%s: %s: %w", imp.Name, reason, errImport)
		},
		TooSmall: func(*image.Module, *wasm.Import, uint32, uint32) error { return errSmall },
		TooLarge: func(*wasm.Import, uint32, uint32) error { return errLarge },
	}
}

// library decodes a module and reads what it exports.
func library(t interface{ Fatal(...any) }, name string,
	build func(b *wasm.Builder)) *image.Module {
	var b wasm.Builder
	build(&b)
	bytes, err := b.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	m := &image.Module{Name: name, Weak: map[string]bool{}}
	if m.Src, err = wasm.Decode(bytes); err != nil {
		t.Fatal(err)
	}
	m.ReadExports()
	return m
}

// bindAll binds modules in their order, all of them in the global scope.
func bindAll(e *env, now bool, modules ...*image.Module) (*Binder, error) {
	s := &image.Snapshot{Search: modules}
	s.Global = s.Global.With(modules)
	b := NewBinder(e, Limits{Pages: 16, Entries: 100}, testErrors(), s, modules)
	b.Now = now
	for _, m := range modules {
		if err := b.Bind(context.Background(), m); err != nil {
			return b, err
		}
	}
	return b, nil
}

// plan is what a random module imports and exports: functions with one of two signatures.
type plan struct {
	defines, imports map[string]int // symbols to signatures
	weak             map[string]bool
}

var signatures = []wasm.FuncType{{}, {Params: []wasm.ValType{wasm.I32}}}

// Every import of a function means the first definition in search order. It is called directly if
// its module is instantiated before, and through the PLT otherwise. With Now, an undefined function
// is an error, unless it is weak, and so is one of another signature.
func TestBindFunctions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := []string{"a", "b", "c"}
		symbols := func(label string) map[string]int {
			of := map[string]int{}
			for _, name := range names {
				if n := rapid.IntRange(-2, 5).Draw(t, label); n >= 0 {
					of[name] = min(n/5, 1)
				}
			}
			return of
		}
		var modules []*image.Module
		var plans []plan
		for i := range rapid.IntRange(1, 4).Draw(t, "modules") {
			p := plan{symbols("defines"), symbols("imports"), map[string]bool{}}
			m := library(t, fmt.Sprint("m", i), func(b *wasm.Builder) {
				for _, name := range names {
					if s, ok := p.imports[name]; ok {
						b.ImportFunc("env", name, b.Type(signatures[s].Params, nil))
					}
				}
				for _, name := range names {
					if s, ok := p.defines[name]; ok {
						b.ExportFunc(name, b.Func(b.Type(signatures[s].Params, nil), nil,
							new(wasm.Code)))
					}
				}
			})
			for _, name := range names {
				if rapid.IntRange(0, 3).Draw(t, "weak") == 0 {
					m.Weak[name], p.weak[name] = true, true
				}
			}
			modules, plans = append(modules, m), append(plans, p)
		}
		now := rapid.Bool().Draw(t, "now")
		definer := func(name string) int {
			return slices.IndexFunc(plans, func(p plan) bool {
				_, ok := p.defines[name]
				return ok
			})
		}
		var want error
		for _, p := range plans {
			for _, name := range names {
				s, imported := p.imports[name]
				switch d := definer(name); {
				case !imported || want != nil:
				case d < 0 && now && !p.weak[name]:
					want = errUndefined
				case d >= 0 && now && plans[d].defines[name] != s:
					want = errSignature
				}
			}
		}
		b, err := bindAll(newEnv(), now, modules...)
		if !errors.Is(err, want) {
			t.Fatalf("%v, want %v", err, want)
		}
		if err != nil {
			return
		}
		for i, m := range modules {
			if len(b.Bindings[m]) != len(plans[i].imports) {
				t.Fatalf("%s: %d bindings", m.Name, len(b.Bindings[m]))
			}
			for _, x := range b.Bindings[m] {
				checkFunction(t, modules, plans, i, x, definer(x.Imp.Name))
			}
		}
		if !slices.Equal(b.Order, modules) {
			t.Fatalf("order: %v", b.Order)
		}
	})
}

// checkFunction checks how module i is bound to a name that module d defines.
func checkFunction(t *rapid.T, modules []*image.Module, plans []plan, i int, x shim.Binding,
	d int) {
	name := x.Imp.Name
	var fn *image.Function
	fits := d >= 0 && plans[d].defines[name] == plans[i].imports[name]
	if d >= 0 {
		fn = modules[d].Exports[name].Fn
	}
	switch {
	case fits && d < i:
		if x.Kind != shim.BindFunction || x.Fn != fn {
			t.Fatalf("m%d.%s: %+v, want the function of m%d", i, name, x, d)
		}
	case x.Kind != shim.BindPLT || !slices.Contains(modules[i].PLT, x.PLT):
		t.Fatalf("m%d.%s: %+v, want a PLT entry", i, name, x)
	case fits && x.PLT.Target != fn, !fits && x.PLT.Target != nil:
		t.Fatalf("m%d.%s: PLT entry with target %v, want that of m%d", i, name, x.PLT.Target, d)
	case d >= 0 && !fits && x.PLT.Mistaken != fn:
		t.Fatalf("m%d.%s: mistaken for %v, not for that of m%d", i, name, x.PLT.Mistaken, d)
	}
	uses := slices.Contains(modules[i].Uses, modules[max(d, 0)])
	if d >= 0 && d != i && fits && !uses {
		t.Fatalf("m%d does not keep m%d loaded, which defines %s", i, d, name)
	}
}

// Imports that are no functions, and what is wrong with them.
func TestBindOthers(t *testing.T) {
	i32 := wasm.GlobalType{Type: wasm.I32}
	base := library(t, "base", func(b *wasm.Builder) {
		b.ExportGlobal("data", b.Global(wasm.I32, false, wasm.ConstI32(8)))
		b.ExportGlobal("counter", b.Global(wasm.I64, true, wasm.ConstI64(0)))
		b.ExportFunc("function", b.Func(b.Type(nil, nil), nil, new(wasm.Code)))
	})
	global := func(module, name string, t wasm.GlobalType) func(*wasm.Builder) {
		return func(b *wasm.Builder) { b.ImportGlobal(module, name, t) }
	}
	memory := func(name string, l wasm.Limits) func(*wasm.Builder) {
		return func(b *wasm.Builder) { b.ImportMemory("env", name, wasm.MemoryType{Limits: l}) }
	}
	table := func(name string, entries uint32) func(*wasm.Builder) {
		return func(b *wasm.Builder) {
			b.ImportTable("env", name,
				wasm.TableType{Elem: wasm.FuncRef, Limits: wasm.Limits{Min: entries}})
		}
	}
	tag := func(b *wasm.Builder) { b.ImportTag("env", "exception", b.Type(nil, nil)) }
	variable := wasm.GlobalType{Type: wasm.I32, Mutable: true}
	counter := wasm.GlobalType{Type: wasm.I64, Mutable: true}
	const functions = "__indirect_function_table"
	for name, test := range map[string]struct {
		build func(b *wasm.Builder)
		kind  shim.Kind
		err   error
	}{
		"address":          {global("GOT.mem", "data", i32), shim.BindData, nil},
		"no address":       {global("GOT.mem", "none", i32), 0, errUndefined},
		"of a function":    {global("GOT.mem", "function", i32), 0, errKind},
		"weak":             {global("GOT.mem", "weak", i32), shim.BindConst, nil},
		"the linker's":     {global("GOT.mem", "__heap_base", i32), shim.BindConst, nil},
		"pointer":          {global("GOT.func", "function", i32), shim.BindPointer, nil},
		"pointer of data":  {global("GOT.func", "data", i32), 0, errKind},
		"memory base":      {global("env", "__memory_base", i32), shim.BindMemoryBase, nil},
		"mutable base":     {global("env", "__memory_base", variable), 0, errImport},
		"stack pointer":    {global("env", "__stack_pointer", variable), shim.BindStackPointer, nil},
		"global":           {global("env", "counter", counter), shim.BindGlobal, nil},
		"another type":     {global("env", "counter", i32), 0, errKind},
		"of a host module": {global("wasi", "counter", counter), 0, errImport},
		"memory":           {memory("memory", wasm.Limits{Min: 3}), shim.BindMemory, nil},
		"too much memory":  {memory("memory", wasm.Limits{Min: 17}), 0, errLarge},
		"too little":       {memory("memory", wasm.Limits{Max: 15, HasMax: true}), 0, errSmall},
		"another memory":   {memory("other", wasm.Limits{}), 0, errImport},
		"table":            {table(functions, 5), shim.BindTable, nil},
		"too many entries": {table(functions, 101), 0, errLarge},
		"another table":    {table("other", 1), 0, errImport},
		"made tag":         {tag, shim.BindTag, nil},
	} {
		t.Run(name, func(t *testing.T) {
			m := library(t, "m", test.build)
			m.Weak["weak"] = true
			e := newEnv()
			e.symbols["__heap_base"] = 65536
			b, err := bindAll(e, true, base, m)
			if !errors.Is(err, test.err) {
				t.Fatalf("%v, want %v", err, test.err)
			}
			if test.err == nil && (len(b.Bindings[m]) != 1 || b.Bindings[m][0].Kind != test.kind) {
				t.Errorf("%+v, want kind %d", b.Bindings[m], test.kind)
			}
			if name == "memory" && b.Pages != 3 || name == "table" && b.Entries != 5 {
				t.Errorf("%d pages, %d entries", b.Pages, b.Entries)
			}
			if name == "made tag" && (len(b.Order) != 3 || b.Order[1].Name != "tags of m") {
				t.Errorf("the module of the tag comes before the one that imports it: %v", b.Order)
			}
		})
	}
}

// What a module imports and exports again is the definer's, also for modules behind it.
func TestBindReexports(t *testing.T) {
	a := library(t, "a", func(b *wasm.Builder) {
		b.ExportFunc("f", b.Func(b.Type(nil, nil), nil, new(wasm.Code)))
	})
	again := library(t, "again", func(b *wasm.Builder) {
		b.ExportFunc("g", b.ImportFunc("env", "f", b.Type(nil, nil)))
	})
	user := library(t, "user", func(b *wasm.Builder) {
		b.ImportFunc("env", "g", b.Type(nil, nil))
	})
	b, err := bindAll(newEnv(), true, a, again, user)
	if err != nil {
		t.Fatal(err)
	}
	if x := b.Bindings[user][0]; x.Kind != shim.BindFunction || x.Fn != a.Exports["f"].Fn {
		t.Errorf("%+v", x)
	}
}

// A system interface is the host's before the linker's, and two imports of one name must agree.
func TestBindHosts(t *testing.T) {
	host := &image.Module{Name: "wasi", Exports: map[string]*image.Export{}}
	own := &image.Module{Name: "linker"}
	function := func(m *image.Module, name string) *image.Export {
		return &image.Export{Mod: m, Name: name, Kind: image.KindFunction,
			Fn: image.NewFunction(m, name, wasm.FuncType{})}
	}
	host.Exports["f"] = function(host, "f")
	e := newEnv()
	e.hosts["wasi"] = host
	e.provided["wasi.f"], e.provided["wasi.g"] = function(own, "f"), function(own, "g")
	m := library(t, "m", func(b *wasm.Builder) {
		for _, name := range []string{"f", "g", "f"} {
			b.ImportFunc("wasi", name, b.Type(nil, nil))
		}
	})
	b, err := bindAll(e, true, m)
	if err != nil {
		t.Fatal(err)
	}
	if len(e.bound) != 2 || b.Bindings[m][0].Fn.Mod != host || b.Bindings[m][1].Fn.Mod != own {
		t.Errorf("bound %v: %+v", e.bound, b.Bindings[m])
	}
	twice := library(t, "twice", func(b *wasm.Builder) {
		b.ImportFunc("wasi", "f", b.Type(nil, nil))
		b.ImportFunc("wasi", "f", b.Type([]wasm.ValType{wasm.I32}, nil))
	})
	if _, err := bindAll(e, true, twice); !errors.Is(err, errImport) {
		t.Errorf("imported twice, with different types: %v", err)
	}
}
