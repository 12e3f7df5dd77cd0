package linker

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync/atomic"

	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker/coord"
	"github.com/lockstep-wasm/lockstep/linker/internal/ctxlock"
)

// Group is an instance group: one thread of the guest. It has its own instance of every module, its
// own function table, globals and stack; the memory is everybody's. All methods are safe for
// concurrent use, but one goroutine at a time is inside a group, and the others wait.
type Group struct {
	// Set before another goroutine can reach the group.
	l      *Linker
	member *coord.Member
	id     int
	thread int32 // its number, if the guest has started it
	// the group's own lock: held while a goroutine builds it, is inside, or releases it
	lock  *ctxlock.Lock
	stack uint32 // its data area, 0 if the main module brought it

	// Safe for concurrent use by themselves.
	cause     atomic.Pointer[error] // why it is dying; set once
	flag      pollFlag              // what its code looks at
	closing   atomic.Int32          // how many want it to stop
	forgotten atomic.Bool           // what it had in memory was given back
	stale     staleSlots            // entries of its function table that it has to clear

	// What follows belongs to the goroutine that has the lock, and, while the coordinator holds the
	// group still, to the one that replays an operation for it. When the group is dying, it belongs
	// to the goroutine that has the lock after AwaitOut.
	base      api.Module // link table, stack pointer, perhaps the function table
	table     api.Module // changes the function table
	slots     uint32     // length of the function table
	linkSlots uint32     // length of the link table
	stackSize uint32
	spare     *entry // a stay that has ended, to be used again
	// stackPointer is that of its modules.
	stackPointer api.MutableGlobal
	instances    map[*module]*instance
	spaces       map[string]api.Module       // what generated modules import from
	links        map[uint32]*link            // entries of the link table
	linked       map[uint32]*function        // and what they hold
	linkedTo     map[*module]map[uint32]bool // the same, by the modules of the functions
	// that are to hold functions of modules which are not there yet
	awaited    map[*module][]*link
	functions  map[*function]*functionPool
	callers    map[string]*functionPool // of function pointers, by signature
	dlError    dlError
	calls      int  // of its functions that are under way
	allocating bool // one of them is the guest's allocator
	// trampolines are the closures that guests prepared.
	trampolines map[trampolineKey]api.Module
}

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
		g.flag.open(g.base.ExportedGlobal(basePoll))
	}
	if !g.l.ownTable {
		return g.openTable(ctx)
	}
	return nil
}

// setBaseStack sets the stack pointer that libraries import, unless the main module has it.
func (g *Group) setBaseStack(top uint32) {
	g.setStackPointer(g.base.ExportedGlobal(baseStackPointer))
	g.stackReset(uint64(top))
}

// openTable makes the module that changes the function table, once there is one.
func (g *Group) openTable(ctx context.Context) (err error) {
	if g.table, err = g.l.instantiateIn(ctx, g.l.tableCode, g.namespace); err != nil {
		return err
	}
	g.spaces[tableNamespace] = g.table
	if g.l.ownTable {
		g.slots = g.l.main.table.size
		return nil
	}
	g.slots, err = g.tableLength(ctx)
	return err
}

func (g *Group) tableLength(ctx context.Context) (uint32, error) {
	r, err := g.table.ExportedFunction(tableSize).Call(ctx)
	if err != nil {
		return 0, err
	}
	return uint32(r[0]), nil
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

// ID returns the group's number. That of the first group is 0; numbers of closed groups are used
// again.
func (g *Group) ID() int { return g.id }

// Linker returns the linker that the group belongs to.
func (g *Group) Linker() *Linker { return g.l }

// Memory returns the linear memory, which is the same for all groups.
func (g *Group) Memory() api.Memory { return g.l.Memory() }

// Close takes the group out of the image. It waits until nobody is inside it, and, with
// [Config.WithLoopSafepoints], ends the guest that computes in it; from within the group it is
// ErrInOperation. Before that the destructors of the group's thread-local data run, see "Closing"
// in the package documentation; of those that trap the error says so, a [*DestructorError]. Closing
// twice is no error. The image lives on without any group, but nobody can spawn one then.
func (g *Group) Close(ctx context.Context) error {
	e, err := stayOf(ctx)
	if err != nil {
		return err
	}
	for ; e != nil; e = e.parent {
		if e.group == g {
			return ErrInOperation
		}
	}
	defer g.beginClosing()()
	outside := ctx
	ctx, e, err = g.enter(finishing(ctx))
	if err != nil {
		if g.cause.Load() != nil {
			return nil
		}
		if errors.Is(err, ErrClosed) { // the linker is closing: it is about to do the same
			return g.l.closeGroup(outside, g)
		}
		return err
	}
	destroyed := g.endThread(ctx, e)
	if g.cause.Load() == nil {
		if err = g.member.Detach(ctx); err == nil {
			closed := error(ErrGroupClosed)
			g.cause.Store(&closed)
		}
	}
	if left := e.leave(ctx); err == nil && left != nil {
		err = left
	}
	g.l.log(ctx, LogGroups, "closed", slog.Int("group", g.id))
	return errors.Join(destroyed, err)
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
