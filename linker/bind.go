package linker

import (
	"context"

	"github.com/lockstep-wasm/lockstep/linker/internal/text"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// binder decides how each import of a batch is satisfied. It changes nothing but the modules of the
// batch, and it finds every error that look-ups and signatures can have.
type binder struct {
	t     *tx
	scope *scope           // with the batch's modules
	ready map[*module]bool // modules of the batch that are instantiated before the present one
	batch map[*module]bool
	now   bool      // undefined functions are refused
	order []*module // the batch in order of instantiation, with what is generated for it

	bindings map[*module][]binding
	pages    uint32 // size that some import demands of the memory
	entries  uint32 // and of the function table

	at importer
}

// importer is what binding the imports of one module needs to know again and again.
type importer struct {
	m         *module
	local     []*module         // its local scope, once something was looked for there
	used      map[*module]bool  // as in module.uses
	functions map[string]uint32 // the types of the functions that it imports from env
}

// begin makes m the module whose imports are bound.
func (b *binder) begin(m *module) {
	b.at = importer{m: m, used: set(m.uses), functions: map[string]uint32{}}
	for i := range m.src.Imports {
		imp := &m.src.Imports[i]
		if _, ok := b.at.functions[imp.Name]; !ok && imp.Kind == wasm.KindFunc &&
			imp.Module == "env" {
			b.at.functions[imp.Name] = imp.Type
		}
	}
}

// lookup finds a symbol as [scope.lookupFrom] does for the module whose imports are bound.
func (b *binder) lookup(name string) *export {
	if x := b.scope.global.lookup(name); x != nil {
		return x
	}
	if b.at.local == nil {
		b.at.local = b.scope.localScope(b.at.m)
	}
	if x := firstOf(b.at.local, name); x != nil {
		return x
	}
	return b.scope.lookupHost(name)
}

// lookupFor is lookup without what belongs to a toolchain's machinery.
func (b *binder) lookupFor(name string) *export {
	if special(name) {
		return nil
	}
	return b.lookup(name)
}

// bind satisfies the imports of one module.
func (b *binder) bind(ctx context.Context, m *module) error {
	b.begin(m)
	if err := b.makeTags(ctx, m); err != nil {
		return err
	}
	if err := b.ask(ctx, m); err != nil {
		return err
	}
	functions := len(m.functions)
	seen := map[importKey]*wasm.Import{}
	for i := range m.src.Imports {
		imp := &m.src.Imports[i]
		key := importKey{imp.Module, imp.Name}
		if first := seen[key]; first != nil {
			if !sameImport(m, first, imp) {
				return importError(m, imp, "it is imported twice, with different types")
			}
			continue
		}
		seen[key] = imp
		x, err := b.one(ctx, m, imp)
		if err != nil {
			return err
		}
		x.imp = imp
		b.t.l.logBinding(ctx, m, imp, x)
		b.bindings[m] = append(b.bindings[m], x)
		b.use(m, x)
	}
	if len(m.functions) > functions { // with stubs
		m.indexFunctions()
	}
	b.reexport(m)
	return nil
}

// reexport makes symbols of what a module imports and exports again: they are the definers' own,
// under the names that the module has for them. It is called when the module is bound, so that
// nothing of it is bound to them.
func (b *binder) reexport(m *module) {
	var bound map[importKey]binding
	for _, e := range m.src.Exports {
		imp, ok := m.src.ImportOf(e.Kind, e.Index)
		if !ok || m.exports[e.Name] != nil || special(e.Name) {
			continue
		}
		if bound == nil {
			bound = make(map[importKey]binding, len(b.bindings[m]))
			for _, x := range b.bindings[m] {
				bound[importKey{x.imp.Module, x.imp.Name}] = x
			}
		}
		x := bound[importKey{imp.Module, imp.Name}]
		fn := x.fn
		if x.link != nil {
			fn = x.link.target
		}
		switch {
		case fn != nil && e.Kind == wasm.KindFunc:
			m.exports[e.Name] = &export{mod: fn.mod, name: fn.name, kind: exportFunction, fn: fn}
		case x.exp != nil && x.imp.Module == "env":
			m.exports[e.Name] = x.exp
		}
	}
}

// use makes m keep alive what it is bound to.
func (b *binder) use(m *module, x binding) {
	var used *module
	switch {
	case x.fn != nil:
		used = x.fn.mod
	case x.exp != nil:
		used = x.exp.mod
	case x.link != nil && x.link.target != nil:
		used = x.link.target.mod
	}
	if used != nil && used != m && !b.at.used[used] {
		b.at.used[used] = true
		m.uses = append(m.uses, used)
	}
}

func sameImport(m *module, a, b *wasm.Import) bool {
	if a.Kind != b.Kind {
		return false
	}
	switch a.Kind {
	case wasm.KindFunc, wasm.KindTag:
		return m.src.Types[a.Type].Equal(m.src.Types[b.Type])
	case wasm.KindGlobal:
		return a.Global == b.Global
	}
	return true
}

func (b *binder) one(ctx context.Context, m *module, imp *wasm.Import) (binding, error) {
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

func (b *binder) function(ctx context.Context, m *module, imp *wasm.Import) (binding, error) {
	want := m.src.Types[imp.Type]
	var x *export
	if imp.Module == "env" {
		if x = b.t.l.registersExit(m, imp.Name, want); x == nil {
			x = b.t.l.notStub(imp.Name, b.lookupFor(imp.Name))
		}
	} else if x = b.t.l.askedFor(imp.Module, imp.Name, want); x == nil {
		gateway, err := b.t.gateway(ctx, imp.Module)
		if err != nil {
			return binding{}, err
		}
		if gateway != nil {
			x = gateway.exports[imp.Name]
		}
	}
	if x == nil {
		x = b.t.l.askedFor(imp.Module, imp.Name, want)
	}
	if x == nil {
		x = b.t.l.host.exports[imp.Module+"."+imp.Name]
	}
	var mistaken *function
	switch {
	case x == nil:
		if b.now && !m.isWeak(imp) {
			return binding{}, &UndefinedSymbolError{Module: m.name, Symbol: imp.Name}
		}
	case x.kind != exportFunction:
		return binding{}, wrongKind(m, x, "function "+want.String())
	case !x.fn.typ.Equal(want):
		if legal, ok := legalised(imp, x.fn, want); ok && b.instantiated(m, x.fn.mod) {
			return legal, nil
		}
		if b.now {
			return binding{}, wrongSignature(m, imp.Name, x.fn, want)
		}
		mistaken, x = x.fn, nil // calling it is an error, unless another one comes first by then
	case b.instantiated(m, x.fn.mod):
		return binding{kind: bindFunction, fn: x.fn}, nil
	}
	k := &link{mod: m, namespace: imp.Module, symbol: imp.Name, typ: want, mistaken: mistaken}
	if x != nil {
		k.target = x.fn
	}
	m.links = append(m.links, k)
	return binding{kind: bindLink, link: k}, nil
}

// instantiated reports whether a definer is there when m is instantiated.
func (b *binder) instantiated(m, definer *module) bool {
	return definer != m && (!b.batch[definer] || b.ready[definer])
}

func wrongSignature(m *module, symbol string, found *function, want wasm.FuncType) error {
	return &SymbolError{Module: m.name, Symbol: symbol, Definer: found.mod.name,
		Want: want.String(), Found: found.typ.String()}
}

func wrongKind(m *module, x *export, want string) error {
	found := "another export"
	switch x.kind {
	case exportFunction:
		found = "function " + x.fn.typ.String()
	case exportData:
		found = "data"
	case exportGlobal:
		found = "global " + x.global.String()
	case exportTag:
		found = "tag " + x.tag.String()
	}
	return &SymbolError{Module: m.name, Symbol: x.name, Definer: x.mod.name, Want: want,
		Found: found}
}

// What modules import the image's table and memory as.
const (
	functionTable = "__indirect_function_table"
	linearMemory  = "memory"
)

func (b *binder) table(m *module, imp *wasm.Import) (binding, error) {
	switch {
	case imp.Table.Elem != wasm.FuncRef:
		return binding{}, importError(m, imp, "the function table holds funcref, not "+
			imp.Table.Elem.String())
	case imp.Module != "env":
		return binding{}, importError(m, imp, "a table can only be imported from env")
	case imp.Name != functionTable:
		return binding{}, importError(m, imp, "the only table of env is "+functionTable+
			", the function table")
	case imp.Table.HasMax && imp.Table.Max < b.t.l.tableMax:
		return binding{}, &LimitError{Limit: limitTable + " as module " + text.Name(m.name) +
			" imports it", Value: uint64(b.t.l.tableMax), Max: uint64(imp.Table.Max)}
	case imp.Table.Min > b.t.l.tableMax:
		return binding{}, &LimitError{Limit: limitTable, Value: uint64(imp.Table.Min),
			Max: uint64(b.t.l.tableMax)}
	}
	b.entries = max(b.entries, imp.Table.Min)
	return binding{kind: bindTable}, nil
}

func (b *binder) memory(m *module, imp *wasm.Import) (binding, error) {
	switch {
	case imp.Module != "env":
		return binding{}, importError(m, imp, "a memory can only be imported from env")
	case imp.Name != linearMemory:
		return binding{}, importError(m, imp, "the only memory of env is "+linearMemory)
	case imp.Memory.HasMax && imp.Memory.Max < b.t.l.maxPages:
		return binding{}, &LimitError{Limit: limitMemory + " as module " + text.Name(m.name) +
			" imports it", Value: uint64(b.t.l.maxPages), Max: uint64(imp.Memory.Max)}
	case imp.Memory.Min > b.t.l.maxPages:
		return binding{}, &LimitError{Limit: limitMemory, Value: uint64(imp.Memory.Min),
			Max: uint64(b.t.l.maxPages)}
	case imp.Memory.Shared && b.t.l.noSharedMemory != nil:
		return binding{}, b.t.l.noSharedMemory
	}
	b.pages = max(b.pages, imp.Memory.Min)
	return binding{kind: bindMemory}, nil
}
