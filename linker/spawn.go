package linker

import (
	"context"
	"fmt"
	"log/slog"
	"slices"

	"github.com/lockstep-wasm/lockstep/linker/coord"
	"github.com/lockstep-wasm/lockstep/linker/internal/failpoint"
	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/spans"
	"github.com/lockstep-wasm/lockstep/linker/internal/text"
)

// Spawn makes another group: a thread of the guest, with its own instances of all modules, which
// see the same memory and the same function pointers. It begins with an empty stack of its own;
// what it runs is up to the caller. A group that cannot be built leaves no trace.
//
// The error wraps ErrOneGroup when the image cannot have more than one group: when the runtime has
// no threads (see [NewRuntimeConfig]), or when an ordinary executable does not export its stack
// pointer.
func (g *Group) Spawn(ctx context.Context, options ...SpawnOption) (child *Group, err error) {
	s := spawnOptions{stackSize: g.l.config.stackSize}
	for _, option := range options {
		if option != nil {
			option(&s)
		}
	}
	err = g.inside(ctx, func(ctx context.Context, act *activation) error {
		if act.op != nil {
			return ErrInOperation
		}
		if err := g.l.canSpawn(); err != nil {
			return err
		}
		child, err = g.spawn(ctx, s)
		return err
	})
	if err != nil {
		return nil, err
	}
	return child, nil
}

func (l *Linker) canSpawn() error {
	switch {
	case l.noSharedMemory != nil:
		return fmt.Errorf("%w: %w", ErrOneGroup, l.noSharedMemory)
	case l.shared.Main.Fixed && l.shared.StackPointer == nil:
		return fmt.Errorf("%w: %w", ErrOneGroup,
			&ImportError{Module: l.shared.Main.Name, Namespace: "env", Name: "__stack_pointer",
				Reason: "the main module does not export it, so its threads would share one " +
					"stack (link it with --export=__stack_pointer)"})
	}
	return nil
}

// SpawnOption changes what [Group.Spawn] makes.
type SpawnOption func(*spawnOptions)

// StackSize sets the size of the new group's stack, in bytes, at least 1024; the default is
// [Config.WithStackSize].
func StackSize(bytes uint32) SpawnOption {
	return func(s *spawnOptions) { s.stackSize = max(bytes, 1024) }
}

// spawnOptions is what a new group is to be like.
type spawnOptions struct{ stackSize uint32 }

// spawn makes a group on the caller's goroutine.
func (g *Group) spawn(ctx context.Context, s spawnOptions) (*Group, error) {
	pending, err := g.reserve(ctx, s)
	if err != nil {
		return nil, err
	}
	return pending.attach(ctx)
}

// pendingGroup is a group that is being made. It has the lease, and may move to another goroutine
// with it; it ends by attach.
type pendingGroup struct {
	group *Group
	child *coord.Child
	tls   map[*image.Module]uint32
}

// maxAllocations is how often the parent of a new group looks what that needs before it has the
// lease.
const maxAllocations = 100

// reserve makes what needs the guest's allocator, in the parent, takes the lease and hands it to
// the child. The allocator is code of the guest, so it runs while the parent holds nothing; what
// was loaded meanwhile is found when the parent has the lease, which it gives back then to begin
// again.
func (g *Group) reserve(ctx context.Context, s spawnOptions) (pending *pendingGroup, err error) {
	n := newGroupOf(g.l)
	n.space.StackSize = uint32(min(spans.AlignUp(uint64(s.stackSize), 16), 1<<32-16))
	reserved := false
	defer func() {
		if !reserved { // an error, or a panic
			n.forget()
		}
	}()
	tls := map[*image.Module]uint32{}
	for range maxAllocations {
		if err := n.allocate(ctx, g, tls); err != nil {
			return nil, err
		}
		token, err := g.member.Lease(ctx)
		if err != nil {
			return nil, err
		}
		if !g.l.allocated(tls) {
			if err := token.Release(); err != nil {
				return nil, err
			}
			continue
		}
		child, err := token.Spawn()
		if err != nil {
			return nil, err
		}
		n.member, n.id = child.Member(), child.ID()
		n.member.TryHold() // until it is attached, or discarded
		if g.l.turn.share(g.member.Held()) {
			g.turned = true
		}
		reserved = true
		return &pendingGroup{group: n, child: child, tls: tls}, nil
	}
	return nil, &LimitError{
		Limit: "libraries with thread-local data that are loaded while a group is spawned",
		Value: maxAllocations + 1, Max: maxAllocations}
}

// attach builds the group and makes it one of the image.
func (pending *pendingGroup) attach(ctx context.Context) (*Group, error) {
	n := pending.group
	defer n.member.Drop()
	built := false
	defer func() {
		if !built { // an error, or a panic
			closed := error(ErrGroupClosed)
			n.cause.CompareAndSwap(nil, &closed)
			n.discard(ctx)
		}
	}()
	defer n.watch(ctx)()
	_, err := pending.child.Attach(ctx, func(ctx context.Context, _ int) (coord.Participant,
		error) {
		if err := n.l.config.inject.At(ctx, n, failpoint.Added); err != nil {
			return nil, err
		}
		// What ends all groups does not find one that is added later, so this looks after it has
		// been added.
		n.l.groups.add(n)
		if err := n.l.ended(); err != nil {
			return nil, err
		}
		view := n.l.committed.Load()
		act := newActivation(n, nil)
		act.Replay, act.view = true, view
		ctx, end := withActivation(ctx, act)
		defer end()
		return participant{n}, n.build(ctx, view, pending.tls)
	})
	if err != nil {
		return nil, err
	}
	built = true
	n.l.log(ctx, LogGroups, "spawned", slog.Int("group", n.id))
	return n, nil
}

// ended returns why no group can be added to the image any more, or nil.
func (l *Linker) ended() error {
	if l.closed.Load() {
		return ErrClosed
	}
	if cause := l.guestThreads.ended(); cause != nil {
		return fmt.Errorf("%w: %w", ErrGroupClosed, cause)
	}
	return nil
}

// allocate takes a stack and thread-local storage for a new group, as far as it has none; parent is
// a group that the caller is inside.
func (g *Group) allocate(ctx context.Context, parent *Group,
	tls map[*image.Module]uint32) (err error) {
	mem := g.l.heap
	if g.space.Stack == 0 {
		if err := g.l.config.inject.At(ctx, g, failpoint.Stack); err != nil {
			return err
		}
		if g.space.Stack, err = mem.Take(ctx, heapGuest{parent}, g.space.StackSize,
			16); err != nil {
			return fmt.Errorf("linker: stack of a new group: %w", err)
		}
		mem.Own(heapGuest{g}, g.space.Stack)
	}
	for _, m := range g.l.committed.Load().Order {
		if m.TLSSize == 0 || tls[m] != 0 {
			continue
		}
		base, err := uint32(0), g.l.config.inject.At(ctx, g, failpoint.ThreadLocal)
		if err == nil {
			base, err = mem.Take(ctx, heapGuest{parent}, m.TLSSize, 1<<m.TLSPow)
		}
		if err != nil {
			return fmt.Errorf("linker: thread-local storage of module %s: %w", text.Name(m.Name),
				err)
		}
		mem.Own(heapGuest{g}, base)
		tls[m] = base
	}
	return nil
}

// allocated reports whether there is thread-local storage for every module that needs it. That
// of modules which were unloaded meanwhile it gives back. The caller has the lease.
func (l *Linker) allocated(tls map[*image.Module]uint32) bool {
	order := l.committed.Load().Order
	loaded := image.Set(order)
	for m, base := range tls {
		if !loaded[m] {
			l.heap.Give(base)
			delete(tls, m)
		}
	}
	return !slices.ContainsFunc(order, func(m *image.Module) bool {
		return m.TLSSize > 0 &&
			tls[m] == 0
	})
}

// build makes the new group's instances from the committed records, which cannot change: the caller
// has the lease. Closures alone are freed without it; the entries of those are in g.stale. No data
// is written and no constructor runs: all groups share the memory.
func (g *Group) build(ctx context.Context, s *image.Snapshot, tls map[*image.Module]uint32) error {
	if err := g.l.config.inject.At(ctx, g, failpoint.Build); err != nil {
		return err
	}
	slots, links := g.l.state.slots.Length, g.l.state.plt.Length
	if err := g.space.Open(ctx, g.space.Stack+g.space.StackSize); err != nil {
		return err
	}
	if err := g.space.Load(ctx, s.Order, tls, slots, links); err != nil {
		return err
	}
	for fn, slot := range s.Pointers.All {
		if err := g.space.PutSlot(ctx, slot, fn); err != nil {
			return err
		}
	}
	for slot, fn := range s.Closures.All {
		if err := g.space.PutSlot(ctx, slot, fn); err != nil {
			return err
		}
	}
	for slot, tr := range s.Trampolines.All {
		if err := g.space.PutTrampoline(ctx, slot, tr); err != nil {
			return err
		}
	}
	return g.l.config.inject.At(ctx, g, failpoint.Built)
}
