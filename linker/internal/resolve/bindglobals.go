package resolve

import (
	"context"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/shim"
	"github.com/lockstep-wasm/lockstep/linker/internal/text"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// data satisfies a GOT.mem import: the address of a data symbol.
func (b *Binder) data(m *image.Module, imp *wasm.Import) (shim.Binding, error) {
	if imp.Global.Type != wasm.I32 {
		return shim.Binding{},
			b.errors.Import(m, imp, "an address is an i32, not "+imp.Global.Type.String())
	}
	if v, ok := b.env.LinkerSymbol(imp.Name); ok {
		return shim.Binding{Kind: shim.BindConst, Value: v}, nil
	}
	x := b.at.symbols.Lookup(imp.Name)
	switch {
	case x == nil && m.IsWeak(imp):
		return shim.Binding{Kind: shim.BindConst}, nil
	case x == nil:
		return shim.Binding{}, b.errors.Undefined(m, imp.Name)
	case x.Kind != image.KindData:
		return shim.Binding{}, b.errors.WrongKind(m, x, "data")
	case x.TLS:
		return b.threadLocalData(m, imp, x)
	}
	return shim.Binding{Kind: shim.BindData, Exp: x}, nil
}

// pointer satisfies a GOT.func import: the pointer of a function.
func (b *Binder) pointer(m *image.Module, imp *wasm.Import) (shim.Binding, error) {
	if imp.Global.Type != wasm.I32 {
		return shim.Binding{}, b.errors.Import(m, imp, "a function pointer is an i32, not "+
			imp.Global.Type.String())
	}
	x := b.env.NotStub(imp.Name, b.at.symbols.LookupFor(imp.Name))
	if index, ok := b.at.functions[imp.Name]; ok && x == nil {
		x = b.env.Asked("env", imp.Name, m.Src.Types[index])
	}
	if x == nil {
		x = b.env.Provided(shim.ProvidedPrefix + imp.Name)
	}
	switch {
	case x == nil && m.IsWeak(imp):
		return shim.Binding{Kind: shim.BindConst}, nil
	case x == nil:
		if fn := b.stubPointer(m, imp); fn != nil {
			return shim.Binding{Kind: shim.BindPointer, Fn: fn}, nil
		}
		return shim.Binding{}, b.errors.Undefined(m, imp.Name)
	case x.Kind != image.KindFunction:
		return shim.Binding{}, b.errors.WrongKind(m, x, "function")
	}
	return shim.Binding{Kind: shim.BindPointer, Fn: x.Fn}, nil
}

// stubPointer returns what a module gets for the address of an undefined function: the stub through
// which it calls that function, which fails when it is called. A module that only takes the address
// tells no signature, so its stub has neither parameters nor results: called as anything else, it
// traps as a function of another type does. nil is returned if everything is to be bound.
func (b *Binder) stubPointer(m *image.Module, imp *wasm.Import) *image.Function {
	if b.Now {
		return nil
	}
	var typ wasm.FuncType
	if index, ok := b.at.functions[imp.Name]; ok {
		typ = m.Src.Types[index]
	} else {
		stub := &image.PLTEntry{Mod: m, Namespace: "env", Symbol: imp.Name, Address: true}
		m.PLT = append(m.PLT, stub)
		b.Bindings[m] = append(b.Bindings[m], shim.Binding{Kind: shim.BindPLT, PLT: stub,
			Imp: &wasm.Import{Module: "env", Name: imp.Name, Kind: wasm.KindFunc}})
	}
	fn := image.NewFunction(m, imp.Name, typ)
	fn.Stub = true
	m.Functions = append(m.Functions, fn)
	return fn
}

// global satisfies an import of a global that is no GOT entry.
func (b *Binder) global(m *image.Module, imp *wasm.Import) (shim.Binding, error) {
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
			return shim.Binding{}, b.errors.Import(m, imp, "only a library has a place of its own")
		}
		if own && imp.Global != want {
			return shim.Binding{}, b.errors.Import(m, imp, "it is a global "+want.String()+", not "+
				imp.Global.String())
		}
		if own && kind == shim.BindStackPointer && b.limits.StackPointer != nil &&
			m != b.limits.StackPointer.Mod {
			return shim.Binding{Kind: shim.BindGlobal, Exp: b.limits.StackPointer}, nil
		}
		if own {
			return shim.Binding{Kind: kind}, nil
		}
		if v, ok := b.env.LinkerSymbol(imp.Name); ok && !imp.Global.Mutable &&
			imp.Global.Type == wasm.I32 {
			return shim.Binding{Kind: shim.BindConst, Value: v}, nil
		}
	}
	x := b.at.symbols.Lookup(imp.Name)
	switch {
	case imp.Module != "env":
		return shim.Binding{}, b.errors.Import(m, imp, "a host module has functions only")
	case x == nil:
		return shim.Binding{}, b.errors.Undefined(m, imp.Name)
	case x.Kind == image.KindData && !x.TLS && imp.Global == (wasm.GlobalType{Type: wasm.I32}):
		return shim.Binding{Kind: shim.BindData, Exp: x}, nil
	case (x.Kind != image.KindGlobal && x.Kind != image.KindData) || x.Global != imp.Global:
		return shim.Binding{}, b.errors.WrongKind(m, x, "global "+imp.Global.String())
	case !b.instantiated(m, x.Mod):
		return shim.Binding{}, b.errors.Import(m, imp, "module "+text.Name(x.Mod.Name)+
			", which defines it, is instantiated later")
	}
	return shim.Binding{Kind: shim.BindGlobal, Exp: x}, nil
}

// makeTags makes the undefined tags that a module imports, for all that import them later: in one
// module, however many there are.
func (b *Binder) makeTags(ctx context.Context, m *image.Module) error {
	var missing []Tag
	seen := map[string]bool{}
	for i := range m.Src.Imports {
		imp := &m.Src.Imports[i]
		if imp.Kind != wasm.KindTag || imp.Module != "env" || seen[imp.Name] {
			continue
		}
		seen[imp.Name] = true
		if b.env.MadeTag(imp.Name) == nil && b.at.symbols.Lookup(imp.Name) == nil {
			missing = append(missing, Tag{imp.Name, m.Src.Types[imp.Type]})
		}
	}
	if len(missing) == 0 {
		return nil
	}
	made, err := b.env.NewTags(ctx, m, missing)
	if err != nil {
		return err
	}
	b.Ready(made)
	return nil
}

// tag satisfies an import of an exception tag: that of the first module that defines it. An
// undefined one is made, for all that import it.
func (b *Binder) tag(m *image.Module, imp *wasm.Import) (shim.Binding, error) {
	want := m.Src.Types[imp.Type]
	x := b.env.MadeTag(imp.Name)
	if x == nil {
		x = b.at.symbols.Lookup(imp.Name)
	}
	switch {
	case imp.Module != "env":
		return shim.Binding{}, b.errors.Import(m, imp, "a tag can only be imported from env")
	case x == nil:
		return shim.Binding{}, b.errors.Undefined(m, imp.Name)
	case x.Kind != image.KindTag:
		return shim.Binding{}, b.errors.WrongKind(m, x, "tag "+want.String())
	case !x.Tag.Equal(want):
		return shim.Binding{}, b.errors.WrongKind(m, x, "tag "+want.String())
	case !b.instantiated(m, x.Mod):
		return shim.Binding{}, b.errors.Import(m, imp, "module "+text.Name(x.Mod.Name)+
			", which defines it, is instantiated later")
	}
	return shim.Binding{Kind: shim.BindTag, Exp: x}, nil
}

// threadLocalData satisfies a GOT.mem import of another module's thread-local data. Every group has
// an address of its own, and each has its own import shim, whose global is set when all modules
// have their storage.
func (b *Binder) threadLocalData(m *image.Module, imp *wasm.Import, x *image.Export) (shim.Binding,
	error) {
	if !imp.Global.Mutable {
		return shim.Binding{}, b.errors.Import(m, imp, "it is thread-local in module "+x.Mod.Name+
			", so it has no constant address")
	}
	return shim.Binding{Kind: shim.BindThreadLocal, Exp: x}, nil
}
