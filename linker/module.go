package linker

import (
	"context"
	"crypto/sha256"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/persist"
	"github.com/lockstep-wasm/lockstep/linker/internal/spans"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// module is one module of the process image, for all of its groups: a guest's module, or one that
// stands for functions of the host. Nothing in it changes after the operation that made it, except
// what is said to be guarded.
type module struct {
	id      uint32
	name    string            // by which other modules need it
	file    string            // where it was found
	depth   int               // how many modules lead from the one that was asked for to this one
	stat    fs.FileInfo       // of that file; nil for a module given as bytes
	content [sha256.Size]byte // the sum of its bytes, of a library

	src  *wasm.Module // nil for the linker's own functions
	info *dylink.Info // nil for an executable that was linked without any library
	// it is a main module with fixed addresses, whether it has a dylink.0 section or not
	fixed  bool
	weak   map[string]bool // symbols that may be missing
	shared bool            // its memory is declared shared: it was built for threads

	hooks []*hookTable // by which its code calls the linker

	compiled wazero.CompiledModule
	bridges  []*bridge
	sources  map[string]source // what each import namespace is taken from

	placed   bool        // memory and table were decided when the image was laid out
	firstTLS uint32      // and so was the first group's thread-local storage
	memory   spans.Span  // its data area; for an ordinary executable, nothing
	tlsSize  uint32      // bytes of thread-local storage per group; 0 for none
	tlsPow   uint32      // and its alignment, as a power of two
	table    spans.Span  // its own slots of the function table
	segment  spans.Owner // of these

	exports   map[string]*export
	functions []*function // what exports offer, sorted by name
	needed    []*module   // the libraries that it names, in order
	uses      []*module   // every module that it is bound to: they live as long as it does
	links     []*link     // the functions that it reaches through the link table

	put putter

	// instance serves every group; nil for a module of which each group has its own.
	instance api.Module
	// hostName is what the linker's own host module is imported as, of which there is one for all
	// groups.
	hostName string

	// closing is who unloads it; set under the state lock alone, nil before.
	closing atomic.Pointer[closing]
	reach   atomic.Pointer[[]*module] // its closure, once it was asked for
	// other names that it is known by; guarded by the state lock
	aliases []string
	handles atomic.Int32 // open handles; changed under the state lock alone
	// the same without those of operations that may yet fail: what readers see
	shown     atomic.Int32
	generated bool // made by the linker, not loaded
	// It makes what OpenAll opens one load group. It is loaded as long as one of them is, and no
	// library to users.
	joins bool
}

// importKey names an import.
type importKey struct{ module, name string }

// export is something that a module offers by name.
type export struct {
	mod    *module // whose it is
	name   string
	kind   exportKind
	fn     *function       // of a function
	global wasm.GlobalType // of a global
	tag    wasm.FuncType   // of a tag
	init   wasm.ConstExpr  // of data
	addr   uint32          // of data, once its module has a place
	tls    bool            // an offset in thread-local storage, not an address
	fixed  bool            // an address that is not relative to the data area
}

// function is the one identity of a function: two exports of it, or a re-export by another module,
// share it, so that it gets one function pointer.
type function struct {
	mod  *module // whose export it is
	name string  // the name of that export
	typ  wasm.FuncType
	api  *FunctionType // typ in public terms
	slot uint32        // in its module's own element segment; 0 when it is in none
	stub bool          // it is no export, but the stub in a bridge that calls an undefined function
}

// namespace is what its module's putter imports the function from. As with bridges, it does not
// tell which module it is.
func (fn *function) namespace() string {
	if fn.stub {
		return stubsPrefix + strconv.Itoa(fn.mod.sources["env"].bridge)
	}
	if fn.mod.hostName != "" {
		return fn.mod.hostName
	}
	return selfNamespace
}

// namespace tells what a namespace of the module's putter is.
func (m *module) namespace(name string) string {
	if name == selfNamespace {
		return m.importName()
	}
	if i, err := strconv.Atoi(strings.TrimPrefix(name, stubsPrefix)); err == nil &&
		strings.HasPrefix(name, stubsPrefix) {
		return bridgeNamespace(m.id, i)
	}
	return name
}

func newFunction(m *module, name string, typ wasm.FuncType) *function {
	return &function{mod: m, name: name, typ: typ, api: publicType(typ)}
}

// importName is the namespace under which generated modules import from m.
func (m *module) importName() string {
	if m.hostName != "" {
		return m.hostName
	}
	return moduleNamespace(m.id)
}

// special reports whether an export belongs to the toolchain's own machinery: it is never what
// another module means by that name.
func special(name string) bool {
	switch name {
	case "_initialize", "_start", "__memory_base", "__table_base", "__stack_pointer",
		"__indirect_function_table",
		"__heap_base", "__heap_end", "__data_end", "__global_base", "__stack_low", "__stack_high",
		"__dso_handle",
		"__tls_base", "__tls_size", "__tls_align",
		// Not everything that begins like these: __wasm_setjmp and __wasm_longjmp are libc's.
		"__wasm_call_ctors", "__wasm_start", "__wasm_init_memory", "__wasm_init_memory_flag",
		"__wasm_init_tls", "__wasm_apply_data_relocs", "__wasm_apply_global_relocs",
		"__wasm_apply_tls_relocs",
		"__wasm_apply_global_tls_relocs":
		return true
	}
	return false
}

// readExports fills exports and functions from the decoded module. What a module imports and
// exports again comes when it is bound, see reexport: a module must not be bound to its own import.
func (m *module) readExports() {
	m.exports = make(map[string]*export, len(m.src.Exports))
	byIndex := map[uint32]*function{}
	flags := map[string]dylink.Flags{}
	if m.info != nil {
		for _, e := range m.info.Exports {
			flags[e.Name] |= e.Flags
		}
	}
	for _, e := range m.src.Exports {
		if int(e.Index) < m.src.Imported(e.Kind) {
			continue
		}
		if flags[e.Name]&(dylink.BindingLocal|dylink.VisibilityHidden) != 0 && !special(e.Name) {
			continue // it says itself that it belongs to no other module
		}
		x := &export{mod: m, name: e.Name, kind: exportOther}
		switch e.Kind {
		case wasm.KindFunc:
			x.kind = exportFunction
			fn := byIndex[e.Index]
			if fn == nil {
				typ, _ := m.src.FuncType(e.Index)
				fn = newFunction(m, e.Name, typ)
				m.functions = append(m.functions, fn)
			}
			byIndex[e.Index] = fn
			x.fn = fn
		case wasm.KindGlobal:
			x.kind = exportGlobal
			x.global, _ = m.src.GlobalType(e.Index)
			if !x.global.Mutable && x.global.Type == wasm.I32 {
				x.kind, x.init = exportData,
					m.src.Globals[int(e.Index)-m.src.Imported(wasm.KindGlobal)].Init
				x.tls, x.fixed = flags[e.Name].Has(dylink.TLS), flags[e.Name].Has(dylink.Absolute)
			}
		case wasm.KindTag:
			x.kind = exportTag
			x.tag, _ = m.src.TagType(e.Index)
		}
		m.exports[e.Name] = x
	}
	m.indexFunctions()
}

// indexFunctions fixes the order of functions, which is that of the putter's element segment.
func (m *module) indexFunctions() {
	slices.SortFunc(m.functions,
		func(a, b *function) int { return strings.Compare(a.name, b.name) })
	m.put.index = make(map[*function]uint32, len(m.functions))
	for i, fn := range m.functions {
		m.put.index[fn] = uint32(i)
	}
}

// close releases the compiled code, once: wazero counts how often equal code is compiled and
// closed, and would take a second close for that of another linker. New instances cannot be made
// any more; those that there are keep what they run.
func (m *module) close(ctx context.Context) {
	closeCode(ctx, &m.compiled)
	for _, b := range m.bridges {
		closeCode(ctx, &b.compiled)
	}
	m.put.close(ctx)
}

func closeCode(ctx context.Context, c *wazero.CompiledModule) {
	if *c != nil {
		_ = (*c).Close(ctx) // it never fails
		*c = nil
	}
}

// putter are the generated modules that put a module's functions into tables, each for a batch of
// functions: the first pointer into a library costs the same however many functions it exports.
// They are compiled when they are first needed, and each group has an instance of them then.
type putter struct {
	index map[*function]uint32 // position in the order of functions

	mu       sync.Mutex                       // guards compiled
	compiled map[uint32]wazero.CompiledModule // by batch
}

// putBatch is how many functions a putter can put.
const putBatch = 128

func (p *putter) close(ctx context.Context) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, compiled := range p.compiled {
		_ = compiled.Close(ctx) // it never fails
	}
	p.compiled = nil
}

// closing is one goroutine's work of unloading what is not used any more. When there are
// destructors to run it takes three steps:
//
//  1. A link operation takes the modules out of the scope: nothing finds them any more, and who
//     opens such a library again gets another copy of it. The modules themselves stay as they are.
//  2. Outside of any operation, with no lock held, the destructors run. They may call the linker as
//     any code of the guest may.
//  3. A link operation takes the modules out of the groups. What is unused by now and has
//     destructors begins again with the first step.
//
// While the work is under way, the modules are left alone by others that unload something. If it
// ends early (its context, or its group), the next one that unloads something completes it.
type closing struct{ ended atomic.Bool }

// hookTable is a table of functions of the linker that modules are given when they are loaded, and
// that calls from inside them go through: see [wasm.RewriteOptions]. That way nothing has to be
// added to their imported functions, whose numbers are everywhere.
type hookTable struct {
	// under which a module exports it, and the namespace from which the filler imports it
	name      string
	functions []string
	types     []wasm.FuncType
	// once there is a module with such a table; guarded by the state lock
	filler wazero.CompiledModule
}

// heldBesides reports whether a work other than this one, which is nil for none, keeps the module.
func (c *closing) heldBesides(other *closing) bool {
	return c != nil && c != other && !c.ended.Load()
}

// importedFunctions returns how each imported function is satisfied, by its index; nil for one that
// is imported twice, the second time.
func (m *module) importedFunctions(bindings []binding) []*binding {
	of := make(map[*wasm.Import]*binding, len(bindings))
	for i := range bindings {
		of[bindings[i].imp] = &bindings[i]
	}
	functions := make([]*binding, 0, m.src.Imported(wasm.KindFunc))
	for i := range m.src.Imports {
		if imp := &m.src.Imports[i]; imp.Kind == wasm.KindFunc {
			functions = append(functions, of[imp])
		}
	}
	return functions
}

// closure is a module and what it needs, breadth first. It is called when all that m needs is
// known, and must not be changed.
func (m *module) closure() []*module {
	if all := m.reach.Load(); all != nil {
		return *all
	}
	all, seen := []*module{m}, map[*module]bool{m: true}
	for i := 0; i < len(all); i++ {
		for _, n := range all[i].needed {
			if !seen[n] {
				seen[n] = true
				all = append(all, n)
			}
		}
	}
	m.reach.Store(&all)
	return all
}

// exportsNothing tells whether a library defines nothing that others could mean.
func (m *module) exportsNothing() bool {
	for name := range m.exports {
		if !special(name) {
			return false
		}
	}
	return true
}

func importError(m *module, imp *wasm.Import, reason string) error {
	return &ImportError{Module: m.name, Namespace: imp.Module, Name: imp.Name, Reason: reason}
}

// names are modules by a name, or a file.
type names = persist.Map[string, *module]
