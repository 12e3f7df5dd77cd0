package space

import (
	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/shim"
)

// tlsBase returns where a module's thread-local storage is in this group, or 0. The module itself
// knows best: an executable's own start-up code may have placed it.
func (sp *Space) tlsBase(m *image.Module) uint32 {
	inst := sp.Instances[m]
	if inst == nil {
		return 0
	}
	if inst.Mod != nil {
		if x := inst.Mod.ExportedGlobal("__tls_base"); x != nil {
			if base := uint32(x.Get()); base != 0 {
				return base
			}
		}
	}
	return inst.tls
}

// ThreadLocal returns the address of a thread-local symbol in this group.
func (sp *Space) ThreadLocal(x *image.Export) (uint32, error) {
	base := sp.tlsBase(x.Mod)
	if base == 0 {
		return 0, sp.shared.Errors.NoThreadLocal(x)
	}
	return base + x.Addr, nil
}

// bindThreadLocal tells a module where other modules' thread-local data is in this group.
func (sp *Space) bindThreadLocal(m *image.Module) error {
	for i, br := range CodeOf(m).Shims {
		for _, x := range br.Bindings {
			if x.Kind != shim.BindThreadLocal {
				continue
			}
			address, err := sp.ThreadLocal(x.Exp)
			if err != nil {
				return sp.shared.Errors.Load(m, err)
			}
			global, ok := sp.Instances[m].Shims[i].ExportedGlobal(x.Imp.Name).(api.MutableGlobal)
			if !ok {
				return sp.shared.Errors.Load(m, sp.shared.Errors.NoGlobal(m, x.Imp))
			}
			global.Set(uint64(address))
		}
	}
	return nil
}
