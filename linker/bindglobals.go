package linker

import (
	"context"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/text"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// data satisfies a GOT.mem import: the address of a data symbol.
func (b *binder) data(m *image.Module, imp *wasm.Import) (binding, error) {
	if imp.Global.Type != wasm.I32 {
		return binding{}, importError(m, imp, "an address is an i32, not "+imp.Global.Type.String())
	}
	if v, ok := b.t.l.linkerSymbols[imp.Name]; ok {
		return binding{kind: bindConst, value: v}, nil
	}
	x := b.lookup(imp.Name)
	switch {
	case x == nil && m.IsWeak(imp):
		return binding{kind: bindConst}, nil
	case x == nil:
		return binding{}, &UndefinedSymbolError{Module: m.Name, Symbol: imp.Name}
	case x.Kind != image.KindData:
		return binding{}, wrongKind(m, x, "data")
	case x.TLS:
		return b.threadLocalData(m, imp, x)
	}
	return binding{kind: bindData, exp: x}, nil
}

// pointer satisfies a GOT.func import: the pointer of a function.
func (b *binder) pointer(m *image.Module, imp *wasm.Import) (binding, error) {
	if imp.Global.Type != wasm.I32 {
		return binding{}, importError(m, imp, "a function pointer is an i32, not "+
			imp.Global.Type.String())
	}
	x := b.t.l.notStub(imp.Name, b.lookupFor(imp.Name))
	if index, ok := b.at.functions[imp.Name]; ok && x == nil {
		x = b.t.l.askedFor("env", imp.Name, m.Src.Types[index])
	}
	if x == nil {
		x = b.t.l.host.Exports[providedPrefix+imp.Name]
	}
	switch {
	case x == nil && m.IsWeak(imp):
		return binding{kind: bindConst}, nil
	case x == nil:
		if fn := b.stubPointer(m, imp); fn != nil {
			return binding{kind: bindPointer, fn: fn}, nil
		}
		return binding{}, &UndefinedSymbolError{Module: m.Name, Symbol: imp.Name}
	case x.Kind != image.KindFunction:
		return binding{}, wrongKind(m, x, "function")
	}
	return binding{kind: bindPointer, fn: x.Fn}, nil
}

// stubPointer returns what a module gets for the address of an undefined function: the stub through
// which it calls that function, which fails when it is called. A module that only takes the address
// tells no signature, so its stub has neither parameters nor results: called as anything else, it
// traps as a function of another type does. nil is returned if everything is to be bound.
func (b *binder) stubPointer(m *image.Module, imp *wasm.Import) *image.Function {
	if b.now {
		return nil
	}
	var typ wasm.FuncType
	if index, ok := b.at.functions[imp.Name]; ok {
		typ = m.Src.Types[index]
	} else {
		stub := &image.PLTEntry{Mod: m, Namespace: "env", Symbol: imp.Name, Address: true}
		m.PLT = append(m.PLT, stub)
		b.bindings[m] = append(b.bindings[m], binding{kind: bindLink, link: stub,
			imp: &wasm.Import{Module: "env", Name: imp.Name, Kind: wasm.KindFunc}})
	}
	fn := image.NewFunction(m, imp.Name, typ)
	fn.Stub = true
	m.Functions = append(m.Functions, fn)
	return fn
}

// global satisfies an import of a global that is no GOT entry.
func (b *binder) global(m *image.Module, imp *wasm.Import) (binding, error) {
	if imp.Module == "env" {
		want := wasm.GlobalType{Type: wasm.I32}
		kind, own := bindConst, true
		switch imp.Name {
		case "__memory_base":
			kind = bindMemoryBase
		case "__table_base":
			kind = bindTableBase
		case "__stack_pointer":
			kind, want.Mutable = bindStackPointer, true
		default:
			own = false
		}
		if own && m.Fixed && kind != bindStackPointer {
			return binding{}, importError(m, imp, "only a library has a place of its own")
		}
		if own && imp.Global != want {
			return binding{}, importError(m, imp, "it is a global "+want.String()+", not "+
				imp.Global.String())
		}
		if own && kind == bindStackPointer && b.t.l.shared.stackPointer != nil &&
			m != b.t.l.shared.stackPointer.Mod {
			return binding{kind: bindGlobal, exp: b.t.l.shared.stackPointer}, nil
		}
		if own {
			return binding{kind: kind}, nil
		}
		if v, ok := b.t.l.linkerSymbols[imp.Name]; ok && !imp.Global.Mutable &&
			imp.Global.Type == wasm.I32 {
			return binding{kind: bindConst, value: v}, nil
		}
	}
	x := b.lookup(imp.Name)
	switch {
	case imp.Module != "env":
		return binding{}, importError(m, imp, "a host module has functions only")
	case x == nil:
		return binding{}, &UndefinedSymbolError{Module: m.Name, Symbol: imp.Name}
	case x.Kind == image.KindData && !x.TLS && imp.Global == (wasm.GlobalType{Type: wasm.I32}):
		return binding{kind: bindData, exp: x}, nil
	case (x.Kind != image.KindGlobal && x.Kind != image.KindData) || x.Global != imp.Global:
		return binding{}, wrongKind(m, x, "global "+imp.Global.String())
	case !b.instantiated(m, x.Mod):
		return binding{}, importError(m, imp, "module "+text.Name(x.Mod.Name)+
			", which defines it, is instantiated later")
	}
	return binding{kind: bindGlobal, exp: x}, nil
}

// madeTag is an exception tag that several modules import and none defines.
type madeTag struct {
	name string
	typ  wasm.FuncType
}

// madeTag finds a tag that was made for modules that were loaded before. The first of them has
// decided which tag all of them throw and catch.
func (b *binder) madeTag(name string) *image.Export { return b.t.l.state.scope.Tags.At(name) }

// makeTags makes the undefined tags that a module imports, for all that import them later: in one
// module, however many there are.
func (b *binder) makeTags(ctx context.Context, m *image.Module) error {
	var missing []madeTag
	seen := map[string]bool{}
	for i := range m.Src.Imports {
		imp := &m.Src.Imports[i]
		if imp.Kind != wasm.KindTag || imp.Module != "env" || seen[imp.Name] {
			continue
		}
		if seen[imp.Name] = true; b.madeTag(imp.Name) == nil && b.lookup(imp.Name) == nil {
			missing = append(missing, madeTag{imp.Name, m.Src.Types[imp.Type]})
		}
	}
	if len(missing) == 0 {
		return nil
	}
	made, err := b.t.makeTags(ctx, m, missing)
	if err != nil {
		return err
	}
	b.batch[made], b.ready[made] = true, true
	b.order = append(b.order, made)
	return nil
}

// tag satisfies an import of an exception tag: that of the first module that defines it. An
// undefined one is made, for all that import it.
func (b *binder) tag(m *image.Module, imp *wasm.Import) (binding, error) {
	want := m.Src.Types[imp.Type]
	x := b.madeTag(imp.Name)
	if x == nil {
		x = b.lookup(imp.Name)
	}
	switch {
	case imp.Module != "env":
		return binding{}, importError(m, imp, "a tag can only be imported from env")
	case x == nil:
		return binding{}, &UndefinedSymbolError{Module: m.Name, Symbol: imp.Name}
	case x.Kind != image.KindTag:
		return binding{}, wrongKind(m, x, "tag "+want.String())
	case !x.Tag.Equal(want):
		return binding{}, wrongKind(m, x, "tag "+want.String())
	case !b.instantiated(m, x.Mod):
		return binding{}, importError(m, imp, "module "+text.Name(x.Mod.Name)+
			", which defines it, is instantiated later")
	}
	return binding{kind: bindTag, exp: x}, nil
}

// threadLocalData satisfies a GOT.mem import of another module's thread-local data. Every group has
// an address of its own, and each has its own bridge, whose global is set when all modules have
// their storage.
func (b *binder) threadLocalData(m *image.Module, imp *wasm.Import, x *image.Export) (binding,
	error) {
	if !imp.Global.Mutable {
		return binding{}, importError(m, imp, "it is thread-local in module "+x.Mod.Name+
			", so it has no constant address")
	}
	return binding{kind: bindThreadLocal, exp: x}, nil
}

// makeTags makes a module that defines such tags, because m imports them.
func (t *tx) makeTags(ctx context.Context, m *image.Module, tags []madeTag) (*image.Module, error) {
	var b wasm.Builder
	for _, x := range tags {
		b.ExportTag(x.name, b.Tag(b.Type(x.typ.Params, nil)))
	}
	bytes, err := b.Bytes()
	if err != nil {
		return nil, err
	}
	made := &image.Module{ID: t.l.nextID(), Name: "tags of " + m.Name, Generated: true,
		Code: &code{}}
	if made.Src, err = wasm.DecodeWithin(bytes, wasm.DefaultLimits().AnyCost()); err != nil {
		return nil, err
	}
	made.ReadExports()
	t.modules = append(t.modules, made)
	if codeOf(made).compiled, err = t.l.shared.codes.CompileModule(ctx, bytes); err != nil {
		return nil, &FeatureError{Feature: "exception handling", Err: err}
	}
	t.change(func(s *image.Snapshot) {
		for name, x := range made.Exports {
			s.Tags = s.Tags.With(name, x)
		}
	})
	return made, nil
}
