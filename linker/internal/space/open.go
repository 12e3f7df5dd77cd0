package space

import (
	"context"
	"slices"

	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker/internal/shim"
)

// Open makes what a group has before any module. stackTop is the first address above its stack, 0
// when the main module brings one.
func (sp *Space) Open(ctx context.Context, stackTop uint32) (err error) {
	if sp.base, err = sp.shared.InstantiateIn(ctx, sp.shared.BaseCode, sp.Namespace); err != nil {
		return err
	}
	sp.Imports[shim.BaseNamespace] = sp.base
	sp.SetBaseStack(stackTop)
	if sp.shared.LoopSafepoints {
		if global, ok := sp.base.ExportedGlobal(shim.BaseSafepoint).(api.MutableGlobal); ok {
			sp.Preempt.Open(global)
		}
	}
	if !sp.shared.OwnTable {
		return sp.openTable(ctx)
	}
	return nil
}

// openMain does what an ordinary executable needs once it is instantiated.
func (sp *Space) openMain(ctx context.Context, mod api.Module) error {
	if sp.shared.StackPointer != nil {
		sp.setStackPointer(mod.ExportedGlobal(sp.shared.StackPointer.Name))
		if sp.Stack != 0 {
			sp.stackReset(uint64(sp.Stack) + uint64(sp.StackSize))
		}
	}
	if sp.shared.OwnTable {
		return sp.openTable(ctx)
	}
	return nil
}

// openTable makes the module that changes the function table, once there is one.
func (sp *Space) openTable(ctx context.Context) (err error) {
	if sp.table, err = sp.shared.InstantiateIn(ctx, sp.shared.TableCode, sp.Namespace); err != nil {
		return err
	}
	sp.Imports[shim.TableNamespace] = sp.table
	if sp.shared.OwnTable {
		sp.Slots = sp.shared.Main.Table.Size
		return nil
	}
	sp.Slots, err = sp.tableLength(ctx)
	return err
}

// SetBaseStack sets the stack pointer that libraries import, unless the main module has it.
func (sp *Space) SetBaseStack(top uint32) {
	sp.setStackPointer(sp.base.ExportedGlobal(shim.BaseStackPointer))
	sp.stackReset(uint64(top))
}

func (sp *Space) tableLength(ctx context.Context) (uint32, error) {
	r, err := sp.table.ExportedFunction(shim.TableSize).Call(ctx)
	if err != nil {
		return 0, err
	}
	return uint32(r[0]), nil
}

// Everything returns all that the group has in the runtime.
func (sp *Space) Everything() (all []api.Module) {
	for _, c := range sp.callers {
		all = append(all, c.mod)
	}
	for _, inst := range sp.Instances {
		all = append(all, inst.all()...)
	}
	for _, mod := range sp.trampolines {
		all = append(all, mod)
	}
	return slices.DeleteFunc(append(all, sp.table, sp.base),
		func(mod api.Module) bool { return mod == nil })
}

// EngineClosed reports whether a part of the group was closed that the linker has not closed.
func (sp *Space) EngineClosed() bool {
	return slices.ContainsFunc(sp.Everything(), func(mod api.Module) bool { return mod.IsClosed() })
}

// CloseInstances closes everything that the group has in the runtime. What closing an instance can
// report is an error of a file system that it alone uses, and instances made here have none.
func (sp *Space) CloseInstances(ctx context.Context) {
	for _, mod := range sp.Everything() {
		_ = mod.Close(ctx)
	}
	sp.Instances, sp.callers, sp.functions, sp.trampolines = nil, nil, nil, nil
	sp.table, sp.base = nil, nil
}
