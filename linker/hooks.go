package linker

import (
	"context"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/shim"
	"github.com/lockstep-wasm/lockstep/linker/internal/space"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// hookOptions says which tables the code of modules needs.
func (l *Linker) hookOptions(opt *wasm.RewriteOptions) {
	if l.config.loopSafepoints {
		opt.ExportStart = shim.StartExport
		opt.Safepoints = &wasm.Safepoints{Module: shim.BaseNamespace, Name: shim.BaseSafepoint,
			Export: l.loopHooks.Name}
	}
	if l.noSharedMemory == nil {
		opt.ExportStart = shim.StartExport
		opt.Waits = l.waitHooks.Name
	}
}

// newStubHooks is the table that replaces functions of <dlfcn.h> that can do nothing.
func newStubHooks() space.HookTable {
	i32 := wasm.I32
	one := []wasm.ValType{i32}
	two := []wasm.ValType{i32, i32}
	types := map[string]wasm.FuncType{"dlopen": {Params: two, Results: one},
		"dlsym":   {Params: two, Results: one},
		"dlerror": {Results: one}, "dladdr": {Params: two, Results: one},
		"dlclose":         {Params: one, Results: one},
		"dl_iterate_phdr": {Params: two, Results: one}}
	h := space.HookTable{Name: shim.ReservedPrefix + "stubs"}
	for _, name := range dlNames {
		h.Functions = append(h.Functions, shim.ProvidedPrefix+name)
		h.Types = append(h.Types, types[name])
	}
	return h
}

// hook notes which tables a module was given.
func (l *Linker) hook(m *image.Module, r *wasm.Rewritten) {
	space.CodeOf(m).Hooks = nil
	if r.Safepoints {
		space.CodeOf(m).Hooks = append(space.CodeOf(m).Hooks, &l.loopHooks)
	}
	if r.Stubs {
		space.CodeOf(m).Hooks = append(space.CodeOf(m).Hooks, &l.stubHooks)
	}
	if r.Waits {
		space.CodeOf(m).Hooks = append(space.CodeOf(m).Hooks, &l.waitHooks)
	}
}

// fillers compiles what fills the tables of a module, for the first one that has such tables.
func (l *Linker) fillers(ctx context.Context, m *image.Module) error {
	for _, h := range space.CodeOf(m).Hooks {
		if h.Filler != nil {
			continue
		}
		filler, err := shim.HookFiller(h.Name, h.Functions, h.Types, l.host.HostName)
		if h.Filler, err = l.compileGenerated(ctx, h.Name, filler, err); err != nil {
			return err
		}
	}
	return nil
}
