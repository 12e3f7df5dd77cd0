package resolve

import (
	"context"
	"strings"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/shim"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// importer is what binding the imports of one module needs to know again and again.
type importer struct {
	m         *image.Module
	symbols   image.SearchOrder      // the scopes of m, in the order in which they are searched
	used      map[*image.Module]bool // m.Uses as a set
	functions map[string]uint32      // the type of each function that m imports from env
}

// begin makes m the module whose imports are bound.
func (b *Binder) begin(m *image.Module) {
	b.at = importer{m: m, symbols: b.snapshot.OrderOf(m), used: image.Set(m.Uses),
		functions: map[string]uint32{}}
	for i := range m.Src.Imports {
		imp := &m.Src.Imports[i]
		if _, ok := b.at.functions[imp.Name]; !ok && imp.Kind == wasm.KindFunc &&
			imp.Module == "env" {
			b.at.functions[imp.Name] = imp.Type
		}
	}
}

// Bind satisfies the imports of one module, which is instantiated next.
func (b *Binder) Bind(ctx context.Context, m *image.Module) error {
	b.begin(m)
	if err := b.makeTags(ctx, m); err != nil {
		return err
	}
	if err := b.env.Ask(ctx, m, func(imp *wasm.Import) bool {
		return b.hasFunction(m, imp)
	}); err != nil {
		return err
	}
	functions := len(m.Functions)
	seen := map[key]*wasm.Import{}
	for i := range m.Src.Imports {
		imp := &m.Src.Imports[i]
		name := key{imp.Module, imp.Name}
		if first := seen[name]; first != nil {
			if !SameImport(m, first, imp) {
				return b.errors.Import(m, imp, "it is imported twice, with different types")
			}
			continue
		}
		seen[name] = imp
		x, err := b.one(ctx, m, imp)
		if err != nil {
			return err
		}
		x.Imp = imp
		b.env.Bound(ctx, m, imp, x)
		b.Bindings[m] = append(b.Bindings[m], x)
		b.use(m, x)
	}
	if len(m.Functions) > functions { // with stubs
		m.IndexFunctions()
	}
	b.reexport(m)
	b.Ready(m)
	return nil
}

// reexport makes symbols of what a module imports and exports again: they are the definers' own,
// under the names that the module has for them. It is called when the module is bound, so that
// nothing of it is bound to them.
func (b *Binder) reexport(m *image.Module) {
	var bound map[key]shim.Binding
	for _, e := range m.Src.Exports {
		imp, ok := m.Src.ImportOf(e.Kind, e.Index)
		if !ok || m.Exports[e.Name] != nil || image.IsToolchain(e.Name) {
			continue
		}
		if bound == nil {
			bound = make(map[key]shim.Binding, len(b.Bindings[m]))
			for _, x := range b.Bindings[m] {
				bound[key{x.Imp.Module, x.Imp.Name}] = x
			}
		}
		x := bound[key{imp.Module, imp.Name}]
		fn := x.Fn
		if x.PLT != nil {
			fn = x.PLT.Target
		}
		switch {
		case fn != nil && e.Kind == wasm.KindFunc:
			m.Exports[e.Name] = &image.Export{Mod: fn.Mod, Name: fn.Name, Kind: image.KindFunction,
				Fn: fn}
		case x.Exp != nil && x.Imp.Module == "env":
			m.Exports[e.Name] = x.Exp
		}
	}
}

// use makes m keep alive what it is bound to.
func (b *Binder) use(m *image.Module, x shim.Binding) {
	var used *image.Module
	switch {
	case x.Fn != nil:
		used = x.Fn.Mod
	case x.Exp != nil:
		used = x.Exp.Mod
	case x.PLT != nil && x.PLT.Target != nil:
		used = x.PLT.Target.Mod
	}
	if used != nil && used != m && !b.at.used[used] {
		b.at.used[used] = true
		m.Uses = append(m.Uses, used)
	}
}

func (b *Binder) one(ctx context.Context, m *image.Module, imp *wasm.Import) (shim.Binding, error) {
	switch imp.Kind {
	case wasm.KindFunc:
		return b.function(ctx, m, imp)
	case wasm.KindTable:
		return b.table(m, imp)
	case wasm.KindMemory:
		return b.memory(m, imp)
	case wasm.KindTag:
		return b.tag(m, imp)
	}
	switch imp.Module {
	case "GOT.mem":
		return b.data(m, imp)
	case "GOT.func":
		return b.pointer(m, imp)
	}
	return b.global(m, imp)
}

func (b *Binder) function(ctx context.Context, m *image.Module, imp *wasm.Import) (shim.Binding,
	error) {
	want := m.Src.Types[imp.Type]
	var x *image.Export
	if imp.Module == "env" {
		if x = b.env.InterposeAtexit(m, imp.Name, want); x == nil {
			x = b.env.NotStub(imp.Name, b.at.symbols.LookupFor(imp.Name))
		}
	} else if x = b.env.Asked(imp.Module, imp.Name, want); x == nil {
		hs, err := b.env.Host(ctx, imp.Module)
		if err != nil {
			return shim.Binding{}, err
		}
		if hs != nil {
			x = hs.Exports[imp.Name]
		}
	}
	if x == nil {
		x = b.env.Asked(imp.Module, imp.Name, want)
	}
	if x == nil {
		x = b.env.Provided(imp.Module + "." + imp.Name)
	}
	var mistaken *image.Function
	switch {
	case x == nil:
		if b.Now && !m.IsWeak(imp) {
			return shim.Binding{}, b.errors.Undefined(m, imp.Name)
		}
	case x.Kind != image.KindFunction:
		return shim.Binding{}, b.errors.WrongKind(m, x, "function "+want.String())
	case !x.Fn.Type.Equal(want):
		if legal, ok := Legalised(imp, x.Fn, want); ok && b.instantiated(m, x.Fn.Mod) {
			return legal, nil
		}
		if b.Now {
			return shim.Binding{}, b.errors.WrongSignature(m, imp.Name, x.Fn, want)
		}
		mistaken, x = x.Fn, nil // calling it is an error, unless another one comes first by then
	case b.instantiated(m, x.Fn.Mod):
		return shim.Binding{Kind: shim.BindFunction, Fn: x.Fn}, nil
	}
	k := &image.PLTEntry{Mod: m, Namespace: imp.Module, Symbol: imp.Name, Type: want,
		Mistaken: mistaken}
	if x != nil {
		k.Target = x.Fn
	}
	m.PLT = append(m.PLT, k)
	return shim.Binding{Kind: shim.BindPLT, PLT: k}, nil
}

// instantiated reports whether a definer is there when m is instantiated.
func (b *Binder) instantiated(m, definer *image.Module) bool {
	return definer != m && (!b.batch[definer] || b.ready[definer])
}

// What modules import the image's table and memory as.
const (
	functionTable = "__indirect_function_table"
	linearMemory  = "memory"
)

func (b *Binder) table(m *image.Module, imp *wasm.Import) (shim.Binding, error) {
	switch {
	case imp.Table.Elem != wasm.FuncRef:
		return shim.Binding{}, b.errors.Import(m, imp, "the function table holds funcref, not "+
			imp.Table.Elem.String())
	case imp.Module != "env":
		return shim.Binding{}, b.errors.Import(m, imp, "a table can only be imported from env")
	case imp.Name != functionTable:
		return shim.Binding{}, b.errors.Import(m, imp, "the only table of env is "+functionTable+
			", the function table")
	case imp.Table.HasMax && imp.Table.Max < b.limits.Entries:
		return shim.Binding{}, b.errors.TooSmall(m, imp, b.limits.Entries, imp.Table.Max)
	case imp.Table.Min > b.limits.Entries:
		return shim.Binding{}, b.errors.TooLarge(imp, imp.Table.Min, b.limits.Entries)
	}
	b.Entries = max(b.Entries, imp.Table.Min)
	return shim.Binding{Kind: shim.BindTable}, nil
}

func (b *Binder) memory(m *image.Module, imp *wasm.Import) (shim.Binding, error) {
	switch {
	case imp.Module != "env":
		return shim.Binding{}, b.errors.Import(m, imp, "a memory can only be imported from env")
	case imp.Name != linearMemory:
		return shim.Binding{}, b.errors.Import(m, imp, "the only memory of env is "+linearMemory)
	case imp.Memory.HasMax && imp.Memory.Max < b.limits.Pages:
		return shim.Binding{}, b.errors.TooSmall(m, imp, b.limits.Pages, imp.Memory.Max)
	case imp.Memory.Min > b.limits.Pages:
		return shim.Binding{}, b.errors.TooLarge(imp, imp.Memory.Min, b.limits.Pages)
	case imp.Memory.Shared && b.limits.NoSharedMemory != nil:
		return shim.Binding{}, b.limits.NoSharedMemory
	}
	b.Pages = max(b.Pages, imp.Memory.Min)
	return shim.Binding{Kind: shim.BindMemory}, nil
}

// hasFunction reports whether an import has a function without asking the configuration.
func (b *Binder) hasFunction(m *image.Module, imp *wasm.Import) bool {
	if imp.Module != "env" {
		return strings.HasPrefix(imp.Module, shim.ReservedPrefix)
	}
	return image.IsToolchain(imp.Name) ||
		b.env.InterposeAtexit(m, imp.Name, m.Src.Types[imp.Type]) != nil ||
		b.env.NotStub(imp.Name, b.at.symbols.LookupFor(imp.Name)) != nil
}
