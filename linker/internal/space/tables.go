package space

import (
	"context"
	"errors"
	"fmt"

	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker/internal/failpoint"
	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/shim"
	"github.com/lockstep-wasm/lockstep/linker/internal/spans"
	"github.com/lockstep-wasm/lockstep/linker/internal/text"
)

// lastWriter is the function of the table writer that was used last. An api.Function has a stack of
// its own, which is most of what a table writer takes, so a group keeps one for each of its two
// tables. The functions do not call out, so one serves all calls.
type lastWriter struct {
	of  api.Module
	put api.Function
}

// use makes it the function of a table writer.
func (p *lastWriter) use(writer api.Module, export string) api.Function {
	if p.of != writer {
		*p = lastWriter{writer, writer.ExportedFunction(export)}
	}
	return p.put
}

// writerOf returns the instance that puts a function into this group's tables, and the function's
// number to it.
func (sp *Space) writerOf(ctx context.Context, fn *image.Function) (api.Module, uint64, error) {
	m := fn.Mod
	batch, position := fn.Index/writerBatch, uint64(fn.Index%writerBatch)
	inst := sp.Instances[m]
	if inst == nil { // a host module
		inst = &Instance{}
		sp.Instances[m] = inst
	}
	if w := inst.writers[batch]; w != nil {
		return w, position, nil
	}
	if err := sp.Inject(ctx, failpoint.TableWriter); err != nil {
		return nil, 0, err
	}
	compiled, err := CodeOf(m).writer.compile(ctx, sp.shared, m, batch)
	if err != nil {
		return nil, 0, err
	}
	w, err := sp.shared.InstantiateIn(ctx, compiled,
		func(name string) api.Module { return sp.Namespace(shim.WriterNamespace(m, name)) })
	if err != nil {
		return nil, 0, err
	}
	if inst.writers == nil {
		inst.writers = map[uint32]api.Module{}
	}
	inst.writers[batch] = w
	return w, position, nil
}

// fill puts functions into slots of the function table.
func (sp *Space) fill(ctx context.Context, fills []Fill) error {
	for _, f := range fills {
		if err := sp.PutSlot(ctx, f.Slot, f.Fn); err != nil {
			return err
		}
	}
	return nil
}

// PutSlot puts a function into an entry of the function table.
func (sp *Space) PutSlot(ctx context.Context, slot uint32, fn *image.Function) error {
	w, position, err := sp.writerOf(ctx, fn)
	if err != nil {
		return fmt.Errorf("linker: function %s of %s into the table: %w", text.Quote(fn.Name),
			text.Name(fn.Mod.Name), err)
	}
	if err := sp.Inject(ctx, failpoint.Put); err != nil {
		return err
	}
	_, err = sp.slotWriter.use(w, shim.PutSlot).Call(ctx, uint64(slot), position)
	return err
}

// PutPLT puts a function into an entry of the PLT.
func (sp *Space) PutPLT(ctx context.Context, index uint32, fn *image.Function) error {
	w, position, err := sp.writerOf(ctx, fn)
	if err != nil {
		return fmt.Errorf("linker: function %s of %s into the PLT: %w", text.Quote(fn.Name),
			text.Name(fn.Mod.Name), err)
	}
	if err := sp.Inject(ctx, failpoint.PutPLT); err != nil {
		return err
	}
	_, err = sp.pltWriter.use(w, shim.PutPLT).Call(ctx, uint64(index), position)
	if err != nil {
		return err
	}
	sp.forgetPLT(index) // it may have held another one
	if sp.resolvedTo[fn.Mod] == nil {
		sp.resolvedTo[fn.Mod] = map[uint32]bool{}
	}
	sp.Resolved[index], sp.resolvedTo[fn.Mod][index] = fn, true
	return nil
}

// forgetPLT keeps Resolved and resolvedTo in step.
func (sp *Space) forgetPLT(index uint32) {
	if fn := sp.Resolved[index]; fn != nil {
		delete(sp.resolvedTo[fn.Mod], index)
		if len(sp.resolvedTo[fn.Mod]) == 0 {
			delete(sp.resolvedTo, fn.Mod)
		}
	}
	delete(sp.Resolved, index)
}

func (sp *Space) clearPLT(ctx context.Context, index uint32) error {
	if sp.Resolved[index] == nil {
		return nil
	}
	sp.forgetPLT(index)
	_, err := sp.base.ExportedFunction(shim.BaseClearPLT).Call(ctx, uint64(index))
	return err
}

// clearFills makes slots null again; those beyond the table's end are none.
func (sp *Space) clearFills(ctx context.Context, fills []Fill) error {
	var errs []error
	for _, f := range fills {
		errs = append(errs, sp.clearSlots(ctx, spans.Span{Base: f.Slot, Size: 1}))
	}
	return errors.Join(errs...)
}

func (sp *Space) clearSlots(ctx context.Context, r spans.Span) error {
	if r.Size == 0 || sp.table == nil || r.End() > uint64(sp.Slots) {
		return nil
	}
	_, err := sp.table.ExportedFunction(shim.TableClear).Call(ctx, uint64(r.Base), uint64(r.Size))
	return err
}

// growTables makes the tables as long as they have to be.
func (sp *Space) growTables(ctx context.Context, slots, plt uint32) error {
	grow := func(mod api.Module, export string, have *uint32, want uint32, what string) error {
		if want <= *have || mod == nil {
			return nil
		}
		r, err := mod.ExportedFunction(export).Call(ctx, uint64(want-*have))
		if err != nil {
			return err
		}
		if int32(r[0]) < 0 {
			return sp.shared.Errors.Limit(what+" (entries)", uint64(want), uint64(*have))
		}
		*have = want
		return nil
	}
	if err := sp.Inject(ctx, failpoint.GrowTables); err != nil {
		return err
	}
	if err := grow(sp.table, shim.TableGrow, &sp.Slots, slots, "function table"); err != nil {
		return err
	}
	return grow(sp.base, shim.BaseGrowPLT, &sp.pltLength, plt, "PLT")
}
