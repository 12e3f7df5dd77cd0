package linker

import (
	"context"
	"errors"
	"fmt"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker/internal/codecache"
	"github.com/lockstep-wasm/lockstep/linker/internal/failpoint"
	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/spans"
	"github.com/lockstep-wasm/lockstep/linker/internal/text"
)

// putterOf returns the instance that puts a function into this group's tables, and the function's
// number to it.
func (sp *space) putterOf(ctx context.Context, fn *image.Function) (*putterInstance, uint64,
	error) {
	m := fn.Mod
	batch, position := fn.Index/putBatch, uint64(fn.Index%putBatch)
	inst := sp.instances[m]
	if inst == nil { // a host module
		inst = &instance{}
		sp.instances[m] = inst
	}
	if p := inst.put[batch]; p != nil {
		return p, position, nil
	}
	if err := sp.inject(ctx, failpoint.Putter); err != nil {
		return nil, 0, err
	}
	compiled, err := codeOf(m).put.compile(ctx, sp.image.codes, m, batch)
	if err != nil {
		return nil, 0, err
	}
	mod, err := sp.image.instantiateIn(ctx, compiled,
		func(name string) api.Module { return sp.namespace(putterNamespace(m, name)) })
	if err != nil {
		return nil, 0, err
	}
	if inst.put == nil {
		inst.put = map[uint32]*putterInstance{}
	}
	p := &putterInstance{mod: mod, put: mod.ExportedFunction(putSlot),
		link: mod.ExportedFunction(putLink)}
	inst.put[batch] = p
	return p, position, nil
}

// compile compiles what puts a batch of functions.
func (p *putter) compile(ctx context.Context, c *codecache.Cache, m *image.Module,
	batch uint32) (wazero.CompiledModule, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if compiled := p.compiled[batch]; compiled != nil {
		return compiled, nil
	}
	first := int(batch * putBatch)
	bytes, err := buildPut(m.Functions[first:min(first+putBatch, len(m.Functions))])
	if err != nil {
		return nil, err
	}
	compiled, err := c.CompileModule(ctx, bytes)
	if err != nil {
		return nil, err
	}
	if p.compiled == nil {
		p.compiled = map[uint32]wazero.CompiledModule{}
	}
	p.compiled[batch] = compiled
	return compiled, nil
}

// fill puts functions into slots of the function table.
func (sp *space) fill(ctx context.Context, fills []fill) error {
	for _, f := range fills {
		if err := sp.putSlot(ctx, f.slot, f.fn); err != nil {
			return err
		}
	}
	return nil
}

// putSlot puts a function into an entry of the function table.
func (sp *space) putSlot(ctx context.Context, slot uint32, fn *image.Function) error {
	p, position, err := sp.putterOf(ctx, fn)
	if err != nil {
		return fmt.Errorf("linker: function %s of %s into the table: %w", text.Quote(fn.Name),
			text.Name(fn.Mod.Name), err)
	}
	if err := sp.inject(ctx, failpoint.Put); err != nil {
		return err
	}
	_, err = p.put.Call(ctx, uint64(slot), position)
	return err
}

// putLink puts a function into an entry of the link table.
func (sp *space) putLink(ctx context.Context, index uint32, fn *image.Function) error {
	p, position, err := sp.putterOf(ctx, fn)
	if err != nil {
		return fmt.Errorf("linker: function %s of %s into the link table: %w", text.Quote(fn.Name),
			text.Name(fn.Mod.Name), err)
	}
	if err := sp.inject(ctx, failpoint.Link); err != nil {
		return err
	}
	if _, err := p.link.Call(ctx, uint64(index), position); err != nil {
		return err
	}
	sp.unlink(index) // it may have held another one
	if sp.linkedTo[fn.Mod] == nil {
		sp.linkedTo[fn.Mod] = map[uint32]bool{}
	}
	sp.linked[index], sp.linkedTo[fn.Mod][index] = fn, true
	return nil
}

// unlink forgets what an entry of the link table holds.
func (sp *space) unlink(index uint32) {
	if fn := sp.linked[index]; fn != nil {
		delete(sp.linkedTo[fn.Mod], index)
		if len(sp.linkedTo[fn.Mod]) == 0 {
			delete(sp.linkedTo, fn.Mod)
		}
	}
	delete(sp.linked, index)
}

func (sp *space) clearLink(ctx context.Context, index uint32) error {
	if sp.linked[index] == nil {
		return nil
	}
	sp.unlink(index)
	_, err := sp.base.ExportedFunction(baseClearLink).Call(ctx, uint64(index))
	return err
}

// clearFills makes slots null again; those beyond the table's end are none.
func (sp *space) clearFills(ctx context.Context, fills []fill) error {
	var errs []error
	for _, f := range fills {
		errs = append(errs, sp.clearSlots(ctx, spans.Span{Base: f.slot, Size: 1}))
	}
	return errors.Join(errs...)
}

func (sp *space) clearSlots(ctx context.Context, r spans.Span) error {
	if r.Size == 0 || sp.table == nil || r.End() > uint64(sp.slots) {
		return nil
	}
	_, err := sp.table.ExportedFunction(tableClear).Call(ctx, uint64(r.Base), uint64(r.Size))
	return err
}

// growTables makes the tables as long as they have to be.
func (sp *space) growTables(ctx context.Context, slots, links uint32) error {
	grow := func(mod api.Module, export string, have *uint32, want uint32, what string) error {
		if want <= *have || mod == nil {
			return nil
		}
		r, err := mod.ExportedFunction(export).Call(ctx, uint64(want-*have))
		if err != nil {
			return err
		}
		if int32(r[0]) < 0 {
			return &LimitError{Limit: what + " (entries)", Value: uint64(want), Max: uint64(*have)}
		}
		*have = want
		return nil
	}
	if err := sp.inject(ctx, failpoint.GrowTables); err != nil {
		return err
	}
	if err := grow(sp.table, tableGrow, &sp.slots, slots, "function table"); err != nil {
		return err
	}
	return grow(sp.base, baseGrowLinks, &sp.linkSlots, links, "link table")
}
