// Package modinfo says what a WebAssembly module offers and needs, as readelf -d and nm -D do for
// ELF: its dylink section, its functions, data, thread-local data, tags, table and memory, and,
// from a main module down, the tree of libraries and who defines each symbol. It reads files only:
// nothing is compiled or run. The command "lockstep info" prints a [Module], "lockstep ldd" a
// [Tree].
//
// The conventions are those of the WebAssembly tool conventions, "Dynamic Linking"
// (https://github.com/WebAssembly/tool-conventions/blob/main/DynamicLinking.md).
//
// All functions may be called by any number of goroutines.
//
// It is for this project, and promises nothing to other modules.
package modinfo

import (
	"errors"
	"slices"
	"strings"

	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// Form is what a module can be used as.
type Form string

// The forms.
const (
	// Library is a shared library: -shared.
	Library Form = "shared library"
	// PIE is a position-independent main module: -pie, or Emscripten's MAIN_MODULE.
	PIE Form = "position-independent main module"
	// Executable is a main module with fixed addresses, which exports its function table.
	Executable Form = "main module with fixed addresses"
	// Plain is any other module: it has no table that libraries could be linked to.
	Plain Form = "ordinary module"
)

// Kind is what a symbol is.
type Kind string

// The kinds of symbols.
const (
	Function    Kind = "function"
	Data        Kind = "data"         // an address; of a library, relative to its data
	TLS         Kind = "thread-local" // its value is an offset in the module's thread-local storage
	Pointer     Kind = "pointer to"   // an import: the pointer of a function (GOT.func)
	Address     Kind = "address of"   // an import: the address of data (GOT.mem)
	Global      Kind = "global"
	Tag         Kind = "tag"
	Table       Kind = "table"
	Memory      Kind = "memory"
	OwnMachine  Kind = "toolchain"    // the toolchain's own: __wasm_call_ctors
	unknownKind Kind = "unknown kind" // of a later version of WebAssembly
)

// Symbol is an import or an export.
type Symbol struct {
	Kind      Kind   `json:"kind"`
	Namespace string `json:"namespace,omitempty"` // of an import: "env", "wasi_snapshot_preview1"
	Name      string `json:"name"`
	Type      string `json:"type,omitempty"`  // a signature, limits, or a value type
	Value     string `json:"value,omitempty"` // of data, as an address
	Weak      bool   `json:"weak,omitempty"`  // an import that may be missing
	Flags     string `json:"flags,omitempty"` // of the dylink section, but BINDING_WEAK and TLS
	Again     bool   `json:"reexport,omitempty"`
}

// Module is what is in a module.
type Module struct {
	Form    Form     `json:"form"`
	Older   bool     `json:"older_section,omitempty"` // its section is "dylink", not "dylink.0"
	Bytes   int      `json:"bytes"`
	Needed  []string `json:"needed,omitempty"`
	Path    []string `json:"runtime_path,omitempty"`
	Data    uint32   `json:"data_size"`  // bytes
	Align   uint32   `json:"data_align"` // bytes
	Entries uint32   `json:"table_entries"`
	TLS     uint32   `json:"tls_size"` // bytes of thread-local storage in every thread
	Shared  bool     `json:"shared_memory"`
	Imports []Symbol `json:"imports"`
	Exports []Symbol `json:"exports"`
	Hints   []string `json:"hints,omitempty"`
	// Allocator tells whether it has malloc and free, so that a library can be the main module as
	// well.
	Allocator bool `json:"allocator"`

	weak map[string]bool
}

// Read says what is in a module. It takes time and memory in proportion to the module's length.
// What it returns for bytes that the linker could not read is the linker's own error; see
// linker.Check.
func Read(bytes []byte) (*Module, error) {
	src, err := wasm.DecodeWithin(bytes, wasm.DefaultLimits().AnyCost()) // nothing is compiled
	if err != nil {
		return nil, err
	}
	m := &Module{Form: Plain, Bytes: len(bytes), Align: 1, weak: map[string]bool{}}
	info, err := dylink.Read(bytes)
	switch {
	case errors.Is(err, dylink.ErrNotLibrary):
		info = &dylink.Info{}
	case err != nil:
		return nil, err
	default:
		m.Form = Library
		m.Older = info.Legacy
	}
	m.Needed, m.Path = info.Needed, info.RuntimePath
	m.Data, m.Entries = info.MemorySize, info.TableSize
	if info.MemoryAlignment < 32 {
		m.Align = 1 << info.MemoryAlignment
	}
	r := reader{Module: m, src: src, flags: map[string]dylink.Flags{}}
	r.imports(info)
	r.exports(info)
	m.Allocator = m.hasExport("malloc") && m.hasExport("free")
	r.form()
	m.hint()
	return m, nil
}

// reader fills a Module.
type reader struct {
	*Module
	src   *wasm.Module
	flags map[string]dylink.Flags
	table bool // it exports a function table
	start bool // it has a start function of a program or a main
}

func (r *reader) imports(info *dylink.Info) {
	for _, i := range info.Imports {
		if i.Flags.Has(dylink.BindingWeak) {
			r.weak[i.Field] = true
		}
	}
	for i := range r.src.Imports {
		imp := &r.src.Imports[i]
		s := Symbol{Namespace: imp.Module, Name: imp.Name, Kind: unknownKind}
		switch imp.Kind {
		case wasm.KindFunc:
			s.Kind, s.Type = Function, r.src.Types[imp.Type].String()
		case wasm.KindTable:
			s.Kind, s.Type = Table, imp.Table.String()
		case wasm.KindMemory:
			s.Kind, s.Type = Memory, imp.Memory.String()
			r.Shared = imp.Memory.Shared
		case wasm.KindTag:
			s.Kind, s.Type = Tag, r.src.Types[imp.Type].String()
		case wasm.KindGlobal:
			switch imp.Module {
			case "GOT.mem":
				s.Kind = Address
			case "GOT.func":
				s.Kind = Pointer
			default:
				s.Kind, s.Type = Global, imp.Global.String()
			}
		}
		s.Weak = r.weak[imp.Name] && imp.Kind != wasm.KindMemory && imp.Kind != wasm.KindTable
		if machinery(imp.Name) {
			s.Kind = OwnMachine
		}
		r.Imports = append(r.Imports, s)
	}
}

func (r *reader) exports(info *dylink.Info) {
	for _, e := range info.Exports {
		r.flags[e.Name] |= e.Flags
	}
	if mem, ok := r.src.MemoryType(0); ok {
		r.Shared = mem.Shared
	}
	for _, e := range r.src.Exports {
		s := Symbol{Name: e.Name, Kind: unknownKind, Again: int(e.Index) < r.src.Imported(e.Kind)}
		switch e.Kind {
		case wasm.KindFunc:
			t, _ := r.src.FuncType(e.Index)
			s.Kind, s.Type = Function, t.String()
		case wasm.KindTable:
			t, _ := r.src.TableType(e.Index)
			s.Kind, s.Type = Table, t.String()
			r.table = r.table || t.Elem == wasm.FuncRef
		case wasm.KindMemory:
			t, _ := r.src.MemoryType(e.Index)
			s.Kind, s.Type = Memory, t.String()
		case wasm.KindTag:
			t, _ := r.src.TagType(e.Index)
			s.Kind, s.Type = Tag, t.String()
		case wasm.KindGlobal:
			r.exportedGlobal(&s, e)
		}
		if flags := r.flags[e.Name] &^ (dylink.BindingWeak | dylink.TLS); flags != 0 {
			s.Flags = flags.String()
		}
		s.Weak = r.flags[e.Name].Has(dylink.BindingWeak)
		r.start = r.start || e.Name == "_start"
		if machinery(e.Name) {
			s.Kind = OwnMachine
		}
		r.Exports = append(r.Exports, s)
	}
	slices.SortStableFunc(
		r.Exports,
		func(a, b Symbol) int { return strings.Compare(a.Name, b.Name) },
	)
}

func (r *reader) exportedGlobal(s *Symbol, e wasm.Export) {
	t, _ := r.src.GlobalType(e.Index)
	s.Kind, s.Type = Global, t.String()
	if t.Mutable || t.Type != wasm.I32 || s.Again {
		return
	}
	init := r.src.Globals[int(e.Index)-r.src.Imported(wasm.KindGlobal)].Init
	s.Kind, s.Type, s.Value = Data, "", init.String()
	if v, err := init.Eval(nil); err == nil {
		s.Value = hex(uint32(v))
		if e.Name == "__tls_size" {
			r.TLS = uint32(v)
		}
	}
	if r.flags[e.Name].Has(dylink.TLS) {
		s.Kind = TLS
	}
}

// form tells what the module can be used as.
func (r *reader) form() {
	memory := r.src.Count(wasm.KindMemory) > r.src.Imported(wasm.KindMemory)
	switch {
	case r.Form == Library && r.table && !r.hasImport("__memory_base"):
		r.Form = Executable // with a section that names the libraries it needs
	case r.Form == Library && (memory || r.start || r.hasExport("main") ||
		r.hasExport("__main_argc_argv")):
		r.Form = PIE
	case r.Form == Plain && r.table:
		r.Form = Executable
	}
}

// machinery tells whether a name belongs to the toolchain: it is never what another module means by
// it.
func machinery(name string) bool {
	switch name {
	case "__memory_base",
		"__table_base",
		"__stack_pointer",
		"__indirect_function_table",
		"__tls_base",
		"__tls_size",
		"__tls_align",
		"__dso_handle",
		"__heap_base",
		"__heap_end",
		"__data_end",
		"__global_base",
		"__stack_low",
		"__stack_high",
		"_initialize",
		"__wasm_call_ctors",
		"__wasm_call_dtors",
		"__wasm_init_memory",
		"__wasm_init_memory_flag",
		"__wasm_init_tls",
		"__wasm_apply_data_relocs",
		"__wasm_apply_global_relocs",
		"__wasm_apply_tls_relocs",
		"__wasm_apply_global_tls_relocs",
		"__wasm_start":
		return true
	}
	return false
}

func (m *Module) hasExport(name string) bool {
	return slices.ContainsFunc(m.Exports, func(s Symbol) bool { return s.Name == name })
}

func (m *Module) hasImport(name string) bool {
	return slices.ContainsFunc(m.Imports, func(s Symbol) bool { return s.Name == name })
}

// Symbols lists what another module can mean by a name: the exports but for the toolchain's.
func (m *Module) Symbols() []Symbol {
	var list []Symbol
	for _, s := range m.Exports {
		if s.Kind != OwnMachine && s.Kind != Table && s.Kind != Memory && !s.Again {
			list = append(list, s)
		}
	}
	return list
}
