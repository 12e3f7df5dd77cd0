package linker

import (
	"context"
	"slices"

	"github.com/tetratelabs/wazero/api"
)

// open makes what a group has before any module. stackTop is the first address above its stack, 0
// when the main module brings one.
func (sp *space) open(ctx context.Context, stackTop uint32) (err error) {
	if sp.base, err = sp.image.instantiateIn(ctx, sp.image.baseCode, sp.namespace); err != nil {
		return err
	}
	sp.imports[baseNamespace] = sp.base
	sp.setBaseStack(stackTop)
	if sp.image.polls {
		if global, ok := sp.base.ExportedGlobal(basePoll).(api.MutableGlobal); ok {
			sp.preempt.Open(global)
		}
	}
	if !sp.image.ownTable {
		return sp.openTable(ctx)
	}
	return nil
}

// openMain does what an ordinary executable needs once it is instantiated.
func (sp *space) openMain(ctx context.Context, mod api.Module) error {
	if sp.image.stackPointer != nil {
		sp.setStackPointer(mod.ExportedGlobal(sp.image.stackPointer.Name))
		if sp.stack != 0 {
			sp.stackReset(uint64(sp.stack) + uint64(sp.stackSize))
		}
	}
	if sp.image.ownTable {
		return sp.openTable(ctx)
	}
	return nil
}

// openTable makes the module that changes the function table, once there is one.
func (sp *space) openTable(ctx context.Context) (err error) {
	if sp.table, err = sp.image.instantiateIn(ctx, sp.image.tableCode, sp.namespace); err != nil {
		return err
	}
	sp.imports[tableNamespace] = sp.table
	if sp.image.ownTable {
		sp.slots = sp.image.main.Table.Size
		return nil
	}
	sp.slots, err = sp.tableLength(ctx)
	return err
}

// setBaseStack sets the stack pointer that libraries import, unless the main module has it.
func (sp *space) setBaseStack(top uint32) {
	sp.setStackPointer(sp.base.ExportedGlobal(baseStackPointer))
	sp.stackReset(uint64(top))
}

func (sp *space) tableLength(ctx context.Context) (uint32, error) {
	r, err := sp.table.ExportedFunction(tableSize).Call(ctx)
	if err != nil {
		return 0, err
	}
	return uint32(r[0]), nil
}

// everything returns all that the group has in the runtime.
func (sp *space) everything() (all []api.Module) {
	for _, c := range sp.callers {
		all = append(all, c.mod)
	}
	for _, inst := range sp.instances {
		all = append(all, inst.all()...)
	}
	for _, mod := range sp.trampolines {
		all = append(all, mod)
	}
	return slices.DeleteFunc(append(all, sp.table, sp.base),
		func(mod api.Module) bool { return mod == nil })
}

// engineClosed reports whether a part of the group was closed that the linker has not closed.
func (sp *space) engineClosed() bool {
	return slices.ContainsFunc(sp.everything(), func(mod api.Module) bool { return mod.IsClosed() })
}

// closeInstances closes everything that the group has in the runtime. What closing an instance can
// report is an error of a file system that it alone uses, and instances made here have none.
func (sp *space) closeInstances(ctx context.Context) {
	for _, mod := range sp.everything() {
		_ = mod.Close(ctx)
	}
	sp.instances, sp.callers, sp.functions, sp.trampolines = nil, nil, nil, nil
	sp.table, sp.base = nil, nil
}
