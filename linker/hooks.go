package linker

import (
	"context"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// hookOptions says which tables the code of modules needs.
func (l *Linker) hookOptions(opt *wasm.RewriteOptions) {
	if l.config.polls {
		opt.ExportStart = startExport
		opt.Polls = &wasm.Polls{Module: baseNamespace, Name: basePoll, Export: l.pollHooks.name}
	}
	if l.noSharedMemory == nil {
		opt.ExportStart = startExport
		opt.Waits = l.waitHooks.name
	}
}

// hook notes which tables a module was given.
func (l *Linker) hook(m *image.Module, r *wasm.Rewritten) {
	codeOf(m).hooks = nil
	if r.Polls {
		codeOf(m).hooks = append(codeOf(m).hooks, &l.pollHooks)
	}
	if r.Waits {
		codeOf(m).hooks = append(codeOf(m).hooks, &l.waitHooks)
	}
}

// fillers compiles what fills the tables of a module, for the first one that has such tables.
func (l *Linker) fillers(ctx context.Context, m *image.Module) error {
	for _, h := range codeOf(m).hooks {
		if h.filler != nil {
			continue
		}
		filler, err := h.build(l.host.HostName)
		if h.filler, err = l.compileGenerated(ctx, h.name, filler, err); err != nil {
			return err
		}
	}
	return nil
}

// build writes the module that fills such a table.
func (h *hookTable) build(host string) ([]byte, error) {
	var b wasm.Builder
	var functions []uint32
	for k, t := range h.types {
		functions = append(functions,
			b.ImportFunc(host, h.functions[k], b.Type(t.Params, t.Results)))
	}
	table := b.ImportTable(h.name, h.name, wasm.TableType{Elem: wasm.FuncRef})
	b.ActiveFuncs(table, wasm.ConstI32(0), functions...)
	return b.Bytes()
}
