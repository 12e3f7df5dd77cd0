package linker

import (
	"context"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/resolve"
	"github.com/lockstep-wasm/lockstep/linker/internal/shim"
	"github.com/lockstep-wasm/lockstep/linker/internal/text"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// binder decides how each import of a batch is satisfied. It changes nothing but the modules of the
// batch, and it finds every error that look-ups and signatures can have.
type binder struct {
	t        *linkOp
	snapshot *image.Snapshot // with the batch's modules
	// modules of the batch that are instantiated before the present one
	ready map[*image.Module]bool
	batch map[*image.Module]bool
	now   bool            // undefined functions are refused
	order []*image.Module // the batch in order of instantiation, with what is generated for it

	bindings map[*image.Module][]shim.Binding
	pages    uint32 // size that some import demands of the memory
	entries  uint32 // and of the function table

	at importer
}

// importer is what binding the imports of one module needs to know again and again.
type importer struct {
	m         *image.Module
	symbols   image.SearchOrder      // where it finds them
	used      map[*image.Module]bool // as in module.uses
	functions map[string]uint32      // the types of the functions that it imports from env
}

// begin makes m the module whose imports are bound.
func (b *binder) begin(m *image.Module) {
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

// bind satisfies the imports of one module.
func (b *binder) bind(ctx context.Context, m *image.Module) error {
	b.begin(m)
	if err := b.makeTags(ctx, m); err != nil {
		return err
	}
	if err := b.ask(ctx, m); err != nil {
		return err
	}
	functions := len(m.Functions)
	seen := map[importKey]*wasm.Import{}
	for i := range m.Src.Imports {
		imp := &m.Src.Imports[i]
		key := importKey{imp.Module, imp.Name}
		if first := seen[key]; first != nil {
			if !resolve.SameImport(m, first, imp) {
				return importError(m, imp, "it is imported twice, with different types")
			}
			continue
		}
		seen[key] = imp
		x, err := b.one(ctx, m, imp)
		if err != nil {
			return err
		}
		x.Imp = imp
		b.t.l.logBinding(ctx, m, imp, x)
		b.bindings[m] = append(b.bindings[m], x)
		b.use(m, x)
	}
	if len(m.Functions) > functions { // with stubs
		m.IndexFunctions()
	}
	b.reexport(m)
	return nil
}

// reexport makes symbols of what a module imports and exports again: they are the definers' own,
// under the names that the module has for them. It is called when the module is bound, so that
// nothing of it is bound to them.
func (b *binder) reexport(m *image.Module) {
	var bound map[importKey]shim.Binding
	for _, e := range m.Src.Exports {
		imp, ok := m.Src.ImportOf(e.Kind, e.Index)
		if !ok || m.Exports[e.Name] != nil || image.IsToolchain(e.Name) {
			continue
		}
		if bound == nil {
			bound = make(map[importKey]shim.Binding, len(b.bindings[m]))
			for _, x := range b.bindings[m] {
				bound[importKey{x.Imp.Module, x.Imp.Name}] = x
			}
		}
		x := bound[importKey{imp.Module, imp.Name}]
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
func (b *binder) use(m *image.Module, x shim.Binding) {
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

func (b *binder) one(ctx context.Context, m *image.Module, imp *wasm.Import) (shim.Binding, error) {
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

func (b *binder) function(ctx context.Context, m *image.Module, imp *wasm.Import) (shim.Binding,
	error) {
	want := m.Src.Types[imp.Type]
	var x *image.Export
	if imp.Module == "env" {
		if x = b.t.l.registersExit(m, imp.Name, want); x == nil {
			x = b.t.l.notStub(imp.Name, b.at.symbols.LookupFor(imp.Name))
		}
	} else if x = b.t.l.askedFor(imp.Module, imp.Name, want); x == nil {
		hs, err := b.t.hostShim(ctx, imp.Module)
		if err != nil {
			return shim.Binding{}, err
		}
		if hs != nil {
			x = hs.Exports[imp.Name]
		}
	}
	if x == nil {
		x = b.t.l.askedFor(imp.Module, imp.Name, want)
	}
	if x == nil {
		x = b.t.l.host.Exports[imp.Module+"."+imp.Name]
	}
	var mistaken *image.Function
	switch {
	case x == nil:
		if b.now && !m.IsWeak(imp) {
			return shim.Binding{}, &UndefinedSymbolError{Module: m.Name, Symbol: imp.Name}
		}
	case x.Kind != image.KindFunction:
		return shim.Binding{}, wrongKind(m, x, "function "+want.String())
	case !x.Fn.Type.Equal(want):
		if legal, ok := resolve.Legalised(imp, x.Fn, want); ok && b.instantiated(m, x.Fn.Mod) {
			return legal, nil
		}
		if b.now {
			return shim.Binding{}, wrongSignature(m, imp.Name, x.Fn, want)
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
func (b *binder) instantiated(m, definer *image.Module) bool {
	return definer != m && (!b.batch[definer] || b.ready[definer])
}

func wrongSignature(m *image.Module, symbol string, found *image.Function,
	want wasm.FuncType) error {
	return &SymbolError{Module: m.Name, Symbol: symbol, Definer: found.Mod.Name,
		Want: want.String(), Found: found.Type.String()}
}

func wrongKind(m *image.Module, x *image.Export, want string) error {
	found := "another export"
	switch x.Kind {
	case image.KindFunction:
		found = "function " + x.Fn.Type.String()
	case image.KindData:
		found = "data"
	case image.KindGlobal:
		found = "global " + x.Global.String()
	case image.KindTag:
		found = "tag " + x.Tag.String()
	}
	return &SymbolError{Module: m.Name, Symbol: x.Name, Definer: x.Mod.Name, Want: want,
		Found: found}
}

// What modules import the image's table and memory as.
const (
	functionTable = "__indirect_function_table"
	linearMemory  = "memory"
)

func (b *binder) table(m *image.Module, imp *wasm.Import) (shim.Binding, error) {
	switch {
	case imp.Table.Elem != wasm.FuncRef:
		return shim.Binding{}, importError(m, imp, "the function table holds funcref, not "+
			imp.Table.Elem.String())
	case imp.Module != "env":
		return shim.Binding{}, importError(m, imp, "a table can only be imported from env")
	case imp.Name != functionTable:
		return shim.Binding{}, importError(m, imp, "the only table of env is "+functionTable+
			", the function table")
	case imp.Table.HasMax && imp.Table.Max < b.t.l.tableMax:
		return shim.Binding{}, &LimitError{Limit: limitTable + " as module " + text.Name(m.Name) +
			" imports it", Value: uint64(b.t.l.tableMax), Max: uint64(imp.Table.Max)}
	case imp.Table.Min > b.t.l.tableMax:
		return shim.Binding{}, &LimitError{Limit: limitTable, Value: uint64(imp.Table.Min),
			Max: uint64(b.t.l.tableMax)}
	}
	b.entries = max(b.entries, imp.Table.Min)
	return shim.Binding{Kind: shim.BindTable}, nil
}

func (b *binder) memory(m *image.Module, imp *wasm.Import) (shim.Binding, error) {
	switch {
	case imp.Module != "env":
		return shim.Binding{}, importError(m, imp, "a memory can only be imported from env")
	case imp.Name != linearMemory:
		return shim.Binding{}, importError(m, imp, "the only memory of env is "+linearMemory)
	case imp.Memory.HasMax && imp.Memory.Max < b.t.l.maxPages:
		return shim.Binding{}, &LimitError{Limit: limitMemory + " as module " + text.Name(m.Name) +
			" imports it", Value: uint64(b.t.l.maxPages), Max: uint64(imp.Memory.Max)}
	case imp.Memory.Min > b.t.l.maxPages:
		return shim.Binding{}, &LimitError{Limit: limitMemory, Value: uint64(imp.Memory.Min),
			Max: uint64(b.t.l.maxPages)}
	case imp.Memory.Shared && b.t.l.noSharedMemory != nil:
		return shim.Binding{}, b.t.l.noSharedMemory
	}
	b.pages = max(b.pages, imp.Memory.Min)
	return shim.Binding{Kind: shim.BindMemory}, nil
}
