package linker

import (
	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
)

// tlsBase returns where a module's thread-local storage is in this group, or 0. The module itself
// knows best: an executable's own start-up code may have placed it.
func (sp *space) tlsBase(m *image.Module) uint32 {
	inst := sp.instances[m]
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
func (sp *space) threadLocal(x *image.Export) (uint32, error) {
	base := sp.tlsBase(x.Mod)
	if base == 0 {
		return 0, &SymbolError{Symbol: x.Name, Definer: x.Mod.Name,
			Want: "an address in this group",
			Found: "thread-local data of a module that has no thread-local storage here (link it " +
				"with --export-if-defined=__wasm_init_tls)"}
	}
	return base + x.Addr, nil
}

// bindThreadLocal tells a module where other modules' thread-local data is in this group.
func (sp *space) bindThreadLocal(m *image.Module) error {
	for i, br := range codeOf(m).bridges {
		for _, x := range br.bindings {
			if x.kind != bindThreadLocal {
				continue
			}
			address, err := sp.threadLocal(x.exp)
			if err != nil {
				return &LoadError{File: m.File, Module: m.Name, Err: err}
			}
			global, ok := sp.instances[m].bridges[i].ExportedGlobal(x.imp.Name).(api.MutableGlobal)
			if !ok {
				return &LoadError{File: m.File, Module: m.Name,
					Err: importError(m, x.imp, "its bridge has no mutable global of that name")}
			}
			global.Set(uint64(address))
		}
	}
	return nil
}
