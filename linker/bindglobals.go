package linker

import (
	"context"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/shim"
	"github.com/lockstep-wasm/lockstep/linker/internal/space"
	"github.com/lockstep-wasm/lockstep/linker/internal/text"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// data satisfies a GOT.mem import: the address of a data symbol.
func (b *binder) data(m *image.Module, imp *wasm.Import) (shim.Binding, error) {
	if imp.Global.Type != wasm.I32 {
		return shim.Binding{},
			importError(m, imp, "an address is an i32, not "+imp.Global.Type.String())
	}
	if v, ok := b.t.l.linkerSymbols[imp.Name]; ok {
		return shim.Binding{Kind: shim.BindConst, Value: v}, nil
	}
	x := b.at.symbols.Lookup(imp.Name)
	switch {
	case x == nil && m.IsWeak(imp):
		return shim.Binding{Kind: shim.BindConst}, nil
	case x == nil:
		return shim.Binding{}, &UndefinedSymbolError{Module: m.Name, Symbol: imp.Name}
	case x.Kind != image.KindData:
		return shim.Binding{}, wrongKind(m, x, "data")
	case x.TLS:
		return b.threadLocalData(m, imp, x)
	}
	return shim.Binding{Kind: shim.BindData, Exp: x}, nil
}

// pointer satisfies a GOT.func import: the pointer of a function.
func (b *binder) pointer(m *image.Module, imp *wasm.Import) (shim.Binding, error) {
	if imp.Global.Type != wasm.I32 {
		return shim.Binding{}, importError(m, imp, "a function pointer is an i32, not "+
			imp.Global.Type.String())
	}
	x := b.t.l.notStub(imp.Name, b.at.symbols.LookupFor(imp.Name))
	if index, ok := b.at.functions[imp.Name]; ok && x == nil {
		x = b.t.l.askedFor("env", imp.Name, m.Src.Types[index])
	}
	if x == nil {
		x = b.t.l.host.Exports[shim.ProvidedPrefix+imp.Name]
	}
	switch {
	case x == nil && m.IsWeak(imp):
		return shim.Binding{Kind: shim.BindConst}, nil
	case x == nil:
		if fn := b.stubPointer(m, imp); fn != nil {
			return shim.Binding{Kind: shim.BindPointer, Fn: fn}, nil
		}
		return shim.Binding{}, &UndefinedSymbolError{Module: m.Name, Symbol: imp.Name}
	case x.Kind != image.KindFunction:
		return shim.Binding{}, wrongKind(m, x, "function")
	}
	return shim.Binding{Kind: shim.BindPointer, Fn: x.Fn}, nil
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
		b.bindings[m] = append(b.bindings[m], shim.Binding{Kind: shim.BindPLT, PLT: stub,
			Imp: &wasm.Import{Module: "env", Name: imp.Name, Kind: wasm.KindFunc}})
	}
	fn := image.NewFunction(m, imp.Name, typ)
	fn.Stub = true
	m.Functions = append(m.Functions, fn)
	return fn
}

// global satisfies an import of a global that is no GOT entry.
func (b *binder) global(m *image.Module, imp *wasm.Import) (shim.Binding, error) {
	if imp.Module == "env" {
		want := wasm.GlobalType{Type: wasm.I32}
		kind, own := shim.BindConst, true
		switch imp.Name {
		case "__memory_base":
			kind = shim.BindMemoryBase
		case "__table_base":
			kind = shim.BindTableBase
		case "__stack_pointer":
			kind, want.Mutable = shim.BindStackPointer, true
		default:
			own = false
		}
		if own && m.Fixed && kind != shim.BindStackPointer {
			return shim.Binding{}, importError(m, imp, "only a library has a place of its own")
		}
		if own && imp.Global != want {
			return shim.Binding{}, importError(m, imp, "it is a global "+want.String()+", not "+
				imp.Global.String())
		}
		if own && kind == shim.BindStackPointer && b.t.l.shared.StackPointer != nil &&
			m != b.t.l.shared.StackPointer.Mod {
			return shim.Binding{Kind: shim.BindGlobal, Exp: b.t.l.shared.StackPointer}, nil
		}
		if own {
			return shim.Binding{Kind: kind}, nil
		}
		if v, ok := b.t.l.linkerSymbols[imp.Name]; ok && !imp.Global.Mutable &&
			imp.Global.Type == wasm.I32 {
			return shim.Binding{Kind: shim.BindConst, Value: v}, nil
		}
	}
	x := b.at.symbols.Lookup(imp.Name)
	switch {
	case imp.Module != "env":
		return shim.Binding{}, importError(m, imp, "a host module has functions only")
	case x == nil:
		return shim.Binding{}, &UndefinedSymbolError{Module: m.Name, Symbol: imp.Name}
	case x.Kind == image.KindData && !x.TLS && imp.Global == (wasm.GlobalType{Type: wasm.I32}):
		return shim.Binding{Kind: shim.BindData, Exp: x}, nil
	case (x.Kind != image.KindGlobal && x.Kind != image.KindData) || x.Global != imp.Global:
		return shim.Binding{}, wrongKind(m, x, "global "+imp.Global.String())
	case !b.instantiated(m, x.Mod):
		return shim.Binding{}, importError(m, imp, "module "+text.Name(x.Mod.Name)+
			", which defines it, is instantiated later")
	}
	return shim.Binding{Kind: shim.BindGlobal, Exp: x}, nil
}

// madeTag is an exception tag that several modules import and none defines.
type madeTag struct {
	name string
	typ  wasm.FuncType
}

// madeTag finds a tag that was made for modules that were loaded before. The first of them has
// decided which tag all of them throw and catch.
func (b *binder) madeTag(name string) *image.Export { return b.t.l.state.snapshot.Tags.At(name) }

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
		seen[imp.Name] = true
		if b.madeTag(imp.Name) == nil && b.at.symbols.Lookup(imp.Name) == nil {
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
func (b *binder) tag(m *image.Module, imp *wasm.Import) (shim.Binding, error) {
	want := m.Src.Types[imp.Type]
	x := b.madeTag(imp.Name)
	if x == nil {
		x = b.at.symbols.Lookup(imp.Name)
	}
	switch {
	case imp.Module != "env":
		return shim.Binding{}, importError(m, imp, "a tag can only be imported from env")
	case x == nil:
		return shim.Binding{}, &UndefinedSymbolError{Module: m.Name, Symbol: imp.Name}
	case x.Kind != image.KindTag:
		return shim.Binding{}, wrongKind(m, x, "tag "+want.String())
	case !x.Tag.Equal(want):
		return shim.Binding{}, wrongKind(m, x, "tag "+want.String())
	case !b.instantiated(m, x.Mod):
		return shim.Binding{}, importError(m, imp, "module "+text.Name(x.Mod.Name)+
			", which defines it, is instantiated later")
	}
	return shim.Binding{Kind: shim.BindTag, Exp: x}, nil
}

// threadLocalData satisfies a GOT.mem import of another module's thread-local data. Every group has
// an address of its own, and each has its own import shim, whose global is set when all modules
// have their storage.
func (b *binder) threadLocalData(m *image.Module, imp *wasm.Import, x *image.Export) (shim.Binding,
	error) {
	if !imp.Global.Mutable {
		return shim.Binding{}, importError(m, imp, "it is thread-local in module "+x.Mod.Name+
			", so it has no constant address")
	}
	return shim.Binding{Kind: shim.BindThreadLocal, Exp: x}, nil
}

// makeTags makes a module that defines such tags, because m imports them.
func (op *linkOp) makeTags(ctx context.Context, m *image.Module,
	tags []madeTag) (*image.Module, error) {
	var b wasm.Builder
	for _, x := range tags {
		b.ExportTag(x.name, b.Tag(b.Type(x.typ.Params, nil)))
	}
	bytes, err := b.Bytes()
	if err != nil {
		return nil, err
	}
	made := &image.Module{ID: op.l.nextID(), Name: "tags of " + m.Name, Generated: true,
		Code: &space.Code{}}
	if made.Src, err = wasm.DecodeWithin(bytes, wasm.DefaultLimits().AnyCost()); err != nil {
		return nil, err
	}
	made.ReadExports()
	op.modules = append(op.modules, made)
	if space.CodeOf(made).Compiled, err = op.l.shared.Cache.CompileModule(ctx, bytes); err != nil {
		return nil, &FeatureError{Feature: "exception handling", Err: err}
	}
	op.change(func(s *image.Snapshot) {
		for name, x := range made.Exports {
			s.Tags = s.Tags.With(name, x)
		}
	})
	return made, nil
}
