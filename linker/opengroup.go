package linker

import (
	"context"
	"slices"

	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker/internal/ctxlock"
)

func newGroup(l *Linker) *Group {
	return &Group{
		l: l, lock: ctxlock.New(),
		instances: map[*module]*instance{}, spaces: map[string]api.Module{},
		links: map[uint32]*link{}, linked: map[uint32]*function{},
		linkedTo: map[*module]map[uint32]bool{}, awaited: map[*module][]*link{},
		functions: map[*function]*functionPool{}, callers: map[string]*functionPool{},
		trampolines: map[trampolineKey]api.Module{},
	}
}

// open makes what a group has before any module. stackTop is the first address above its stack, 0
// when the main module brings one.
func (g *Group) open(ctx context.Context, stackTop uint32) (err error) {
	if g.base, err = g.l.instantiateIn(ctx, g.l.baseCode, g.namespace); err != nil {
		return err
	}
	g.spaces[baseNamespace] = g.base
	g.setBaseStack(stackTop)
	if g.l.config.polls {
		if global, ok := g.base.ExportedGlobal(basePoll).(api.MutableGlobal); ok {
			g.preempt.Open(global)
		}
	}
	if !g.l.ownTable {
		return g.openTable(ctx)
	}
	return nil
}

// openMain does what an ordinary executable needs once it is instantiated.
func (g *Group) openMain(ctx context.Context, mod api.Module) error {
	if g.l.stackPointer != nil {
		g.setStackPointer(mod.ExportedGlobal(g.l.stackPointer.name))
		if g.stack != 0 {
			g.stackReset(uint64(g.stack) + uint64(g.stackSize))
		}
	}
	if g.l.ownTable {
		return g.openTable(ctx)
	}
	return nil
}

// openTable makes the module that changes the function table, once there is one.
func (g *Group) openTable(ctx context.Context) (err error) {
	if g.table, err = g.l.instantiateIn(ctx, g.l.tableCode, g.namespace); err != nil {
		return err
	}
	g.spaces[tableNamespace] = g.table
	if g.l.ownTable {
		g.slots = g.l.main.table.Size
		return nil
	}
	g.slots, err = g.tableLength(ctx)
	return err
}

// setBaseStack sets the stack pointer that libraries import, unless the main module has it.
func (g *Group) setBaseStack(top uint32) {
	g.setStackPointer(g.base.ExportedGlobal(baseStackPointer))
	g.stackReset(uint64(top))
}

func (g *Group) tableLength(ctx context.Context) (uint32, error) {
	r, err := g.table.ExportedFunction(tableSize).Call(ctx)
	if err != nil {
		return 0, err
	}
	return uint32(r[0]), nil
}

// everything returns all that the group has in the runtime.
func (g *Group) everything() (all []api.Module) {
	for _, c := range g.callers {
		all = append(all, c.mod)
	}
	for _, inst := range g.instances {
		all = append(all, inst.all()...)
	}
	for _, mod := range g.trampolines {
		all = append(all, mod)
	}
	return slices.DeleteFunc(append(all, g.table, g.base),
		func(mod api.Module) bool { return mod == nil })
}

// engineClosed reports whether a part of the group was closed that the linker has not closed.
func (g *Group) engineClosed() bool {
	return slices.ContainsFunc(g.everything(), func(mod api.Module) bool { return mod.IsClosed() })
}

// Memory returns the linear memory, which is the same for all groups.
func (g *Group) Memory() api.Memory { return g.l.Memory() }
