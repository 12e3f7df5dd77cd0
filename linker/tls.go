package linker

import "github.com/tetratelabs/wazero/api"

// tlsBase returns where a module's thread-local storage is in this group, or 0. The module itself
// knows best: an executable's own start-up code may have placed it.
func (sp *space) tlsBase(m *module) uint32 {
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
func (sp *space) threadLocal(x *export) (uint32, error) {
	base := sp.tlsBase(x.mod)
	if base == 0 {
		return 0, &SymbolError{Symbol: x.name, Definer: x.mod.name,
			Want: "an address in this group",
			Found: "thread-local data of a module that has no thread-local storage here (link it " +
				"with --export-if-defined=__wasm_init_tls)"}
	}
	return base + x.addr, nil
}

// bindThreadLocal tells a module where other modules' thread-local data is in this group.
func (sp *space) bindThreadLocal(m *module) error {
	for i, br := range m.bridges {
		for _, x := range br.bindings {
			if x.kind != bindThreadLocal {
				continue
			}
			address, err := sp.threadLocal(x.exp)
			if err != nil {
				return &LoadError{File: m.file, Module: m.name, Err: err}
			}
			global, ok := sp.instances[m].bridges[i].ExportedGlobal(x.imp.Name).(api.MutableGlobal)
			if !ok {
				return &LoadError{File: m.file, Module: m.name,
					Err: importError(m, x.imp, "its bridge has no mutable global of that name")}
			}
			global.Set(uint64(address))
		}
	}
	return nil
}
