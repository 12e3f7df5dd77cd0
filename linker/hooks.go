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
	if l.config.polls {
		opt.ExportStart = shim.StartExport
		opt.Polls = &wasm.Polls{Module: shim.BaseNamespace, Name: shim.BasePoll,
			Export: l.pollHooks.Name}
	}
	if l.noSharedMemory == nil {
		opt.ExportStart = shim.StartExport
		opt.Waits = l.waitHooks.Name
	}
}

// hook notes which tables a module was given.
func (l *Linker) hook(m *image.Module, r *wasm.Rewritten) {
	space.CodeOf(m).Hooks = nil
	if r.Polls {
		space.CodeOf(m).Hooks = append(space.CodeOf(m).Hooks, &l.pollHooks)
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
