package image

import (
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// ReadInfo takes from a decoded module what the linker looks at often.
func (m *Module) ReadInfo() {
	m.Weak = map[string]bool{}
	if m.Info != nil {
		for _, i := range m.Info.Imports {
			if i.Flags.Has(dylink.BindingWeak) && IsSymbolSpace(i.Module) {
				m.Weak[i.Field] = true
			}
		}
	}
	if mem, ok := m.Src.MemoryType(0); ok {
		m.Shared = mem.Shared
	}
	if _, ok := m.Src.ExportByName("__wasm_init_tls"); ok {
		size, _ := m.Constant("__tls_size")
		align, _ := m.Constant("__tls_align")
		m.TLSSize = size
		for 1<<m.TLSPow < align && m.TLSPow < 16 {
			m.TLSPow++
		}
	}
}

// ReadExports fills exports and functions from the decoded module. What a module imports and
// exports again comes when it is bound, see reexport: a module must not be bound to its own import.
func (m *Module) ReadExports() {
	m.Exports = make(map[string]*Export, len(m.Src.Exports))
	byIndex := map[uint32]*Function{}
	flags := map[string]dylink.Flags{}
	if m.Info != nil {
		for _, e := range m.Info.Exports {
			flags[e.Name] |= e.Flags
		}
	}
	for _, e := range m.Src.Exports {
		if int(e.Index) < m.Src.Imported(e.Kind) {
			continue
		}
		if flags[e.Name]&(dylink.BindingLocal|dylink.VisibilityHidden) != 0 &&
			!IsToolchain(e.Name) {
			continue // it says itself that it belongs to no other module
		}
		x := &Export{Mod: m, Name: e.Name, Kind: KindOther}
		switch e.Kind {
		case wasm.KindFunc:
			x.Kind = KindFunction
			fn := byIndex[e.Index]
			if fn == nil {
				typ, _ := m.Src.FuncType(e.Index)
				fn = NewFunction(m, e.Name, typ)
				m.Functions = append(m.Functions, fn)
			}
			byIndex[e.Index] = fn
			x.Fn = fn
		case wasm.KindGlobal:
			x.Kind = KindGlobal
			x.Global, _ = m.Src.GlobalType(e.Index)
			if !x.Global.Mutable && x.Global.Type == wasm.I32 {
				x.Kind, x.Init = KindData,
					m.Src.Globals[int(e.Index)-m.Src.Imported(wasm.KindGlobal)].Init
				x.TLS, x.Fixed = flags[e.Name].Has(dylink.TLS), flags[e.Name].Has(dylink.Absolute)
			}
		case wasm.KindTag:
			x.Kind = KindTag
			x.Tag, _ = m.Src.TagType(e.Index)
		}
		m.Exports[e.Name] = x
	}
	m.IndexFunctions()
}

// FindThreadLocal finds out which exports of a main module at fixed addresses are thread-local
// variables. Such a module exports each as its offset in the thread-local storage, and nothing says
// so: it looks as an address. Where the module's data begins, no offset can be mistaken for one.
func (m *Module) FindThreadLocal() {
	size, _ := m.Constant("__tls_size")
	if !m.Fixed || size == 0 {
		return
	}
	low, ok := m.Constant("__global_base")
	if !ok {
		low = defaultGlobalBase
		for i := range m.Src.Data {
			if v, err := m.Src.Data[i].Offset.Eval(nil); m.Src.Data[i].Mode == wasm.Active &&
				err == nil {
				low = min(low, uint32(v))
			}
		}
	}
	for name, x := range m.Exports {
		if x.Kind != KindData || IsToolchain(name) {
			continue
		}
		if v, err := x.Init.Eval(nil); err == nil && uint32(v) < min(size, low) {
			x.TLS = true
		}
	}
}

// defaultGlobalBase is where wasm-ld puts data, unless it is told otherwise or the stack comes
// first.
const defaultGlobalBase = 1024

// Constant returns the value of an exported constant i32 global.
func (m *Module) Constant(name string) (uint32, bool) {
	e, ok := m.Src.ExportByName(name)
	first := m.Src.Imported(wasm.KindGlobal)
	if !ok || e.Kind != wasm.KindGlobal || int(e.Index) < first {
		return 0, false
	}
	g := m.Src.Globals[int(e.Index)-first]
	v, err := g.Init.Eval(nil)
	return uint32(v), err == nil && g.Type.Type == wasm.I32
}
