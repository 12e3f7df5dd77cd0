package linker

import (
	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// tlsBase returns where a module's thread-local storage is in this group, or 0. The module itself
// knows best: an executable's own start-up code may have placed it.
func (g *Group) tlsBase(m *module) uint32 {
	inst := g.instances[m]
	if inst == nil {
		return 0
	}
	if inst.mod != nil {
		if x := inst.mod.ExportedGlobal("__tls_base"); x != nil {
			if base := uint32(x.Get()); base != 0 {
				return base
			}
		}
	}
	return inst.tls
}

// threadLocal returns the address of a thread-local symbol in this group.
func (g *Group) threadLocal(x *export) (uint32, error) {
	base := g.tlsBase(x.mod)
	if base == 0 {
		return 0, &SymbolError{Symbol: x.name, Definer: x.mod.name,
			Want: "an address in this group",
			Found: "thread-local data of a module that has no thread-local storage here (link it " +
				"with --export-if-defined=__wasm_init_tls)"}
	}
	return base + x.addr, nil
}

// threadLocalData satisfies a GOT.mem import of another module's thread-local data. Every group has
// an address of its own, and each has its own bridge, whose global is set when all modules have
// their storage.
func (b *binder) threadLocalData(m *module, imp *wasm.Import, x *export) (binding, error) {
	if !imp.Global.Mutable {
		return binding{}, importError(m, imp, "it is thread-local in module "+x.mod.name+
			", so it has no constant address")
	}
	return binding{kind: bindThreadLocal, exp: x}, nil
}

// bindThreadLocal tells a module where other modules' thread-local data is in this group.
func (g *Group) bindThreadLocal(m *module) error {
	for i, br := range m.bridges {
		for _, x := range br.bindings {
			if x.kind != bindThreadLocal {
				continue
			}
			address, err := g.threadLocal(x.exp)
			if err != nil {
				return &LoadError{File: m.file, Module: m.name, Err: err}
			}
			global, ok := g.instances[m].bridges[i].ExportedGlobal(x.imp.Name).(api.MutableGlobal)
			if !ok {
				return &LoadError{File: m.file, Module: m.name,
					Err: importError(m, x.imp, "its bridge has no mutable global of that name")}
			}
			global.Set(uint64(address))
		}
	}
	return nil
}

// findThreadLocal finds out which exports of a main module at fixed addresses are thread-local
// variables. Such a module exports each as its offset in the thread-local storage, and nothing says
// so: it looks as an address. Where the module's data begins, no offset can be mistaken for one.
func (m *module) findThreadLocal() {
	size, _ := m.constant("__tls_size")
	if !m.fixed || size == 0 {
		return
	}
	low, ok := m.constant("__global_base")
	if !ok {
		low = defaultGlobalBase
		for i := range m.src.Data {
			if v, err := m.src.Data[i].Offset.Eval(nil); m.src.Data[i].Mode == wasm.Active &&
				err == nil {
				low = min(low, uint32(v))
			}
		}
	}
	for name, x := range m.exports {
		if x.kind != exportData || special(name) {
			continue
		}
		if v, err := x.init.Eval(nil); err == nil && uint32(v) < min(size, low) {
			x.tls = true
		}
	}
}

// defaultGlobalBase is where wasm-ld puts data, unless it is told otherwise or the stack comes
// first.
const defaultGlobalBase = 1024
