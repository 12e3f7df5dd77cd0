package linker

import (
	"context"
	"errors"
	"fmt"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/space"
	"github.com/lockstep-wasm/lockstep/linker/internal/spans"
	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// AllocateClosure reserves an entry of the function table, the same in every group, for a function
// pointer that is decided at run time, and returns it. Until [Group.SetClosure] fills it, it is
// null. Entries come from a free list; when that is empty, one link operation adds 100. What was
// freed comes back in the order in which it was freed, after the quarantine of
// [Config.WithPointerQuarantine].
//
// The error is a [*LimitError] when the function table cannot grow and nothing is left to be used
// again.
func (g *Group) AllocateClosure(ctx context.Context) (uint32, error) {
	var slot uint32
	err := g.inside(ctx, func(ctx context.Context, act *activation) (err error) {
		if act.op != nil {
			return act.op.nested(ctx, func(ctx context.Context, op *linkOp) error {
				slot, err = op.closure(ctx)
				return err
			})
		}
		for slot == 0 {
			if err := g.takeClosure(ctx, &slot); err != nil || slot != 0 {
				return err
			}
			err := act.run(ctx, protocol.AllocateFunctionTable,
				func(ctx context.Context, op *linkOp) error { return op.moreClosures(ctx) })
			if limit := (*LimitError)(nil); errors.As(err, &limit) {
				early := g.member.WithState(ctx,
					func() error { slot = g.l.state.closures.TakeEarly(); return nil })
				if early != nil || slot != 0 {
					return early
				}
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return slot, nil
}

// takeClosure takes a slot that may be handed out, under the state lock alone; slot stays 0 when
// there is none.
func (g *Group) takeClosure(ctx context.Context, slot *uint32) error {
	return g.member.WithState(ctx, func() error {
		c := &g.l.state.closures
		if *slot = c.TakeSpare(); *slot != 0 || len(c.Free) == 0 {
			return nil
		}
		ok, err := g.member.AllocateClosure()
		if ok && err == nil {
			*slot = c.TakeFree()
		}
		return err
	})
}

// moreClosures fills the free list, unless another group has done so meanwhile.
func (op *linkOp) moreClosures(ctx context.Context) error {
	s := &op.l.state
	if len(s.closures.Free) > 0 {
		return nil
	}
	base, err := op.take(closureBatch, 1, spans.Owner{})
	if err != nil {
		return err
	}
	s.closures.Add(spans.Span{Base: base, Size: closureBatch})
	return op.perform(ctx, &space.GrowStep{Slots: s.slots.Length})
}

// closure takes an entry within an operation, for a constructor. The coordinator counts the entries
// of the free list, and does so between operations; those of constructors are not among them.
func (op *linkOp) closure(ctx context.Context) (uint32, error) {
	s := &op.l.state
	if slot := s.closures.TakeSpare(); slot != 0 {
		op.again = append(op.again, slot)
		return slot, nil
	}
	slot, err := op.take(1, 1, spans.Owner{})
	if err != nil {
		if slot = s.closures.TakeEarly(); slot != 0 {
			op.again = append(op.again, slot)
			return slot, nil
		}
		return 0, err
	}
	s.closures.Adopt(slot)
	return slot, op.perform(ctx, &space.GrowStep{Slots: s.slots.Length})
}

// SetClosure makes the entry of a closure, in every group, a function found as [Group.Call] finds
// it: a guest's or the host's. It is a link operation.
func (g *Group) SetClosure(ctx context.Context, slot uint32, lib *Library, name string) error {
	return g.inside(ctx, func(ctx context.Context, act *activation) error {
		if _, err := act.function(lib, name); err != nil {
			return err
		}
		return act.run(ctx, protocol.ResolveFunction, func(ctx context.Context, op *linkOp) error {
			if !op.l.state.closures.Live.At(slot) {
				return &ClosureError{Slot: slot}
			}
			fn, err := act.function(lib, name) // others may have changed the snapshot
			if err != nil {
				return err
			}
			return op.setClosure(ctx, slot, fn, nil)
		})
	})
}

// FreeClosure gives an entry back. Pointers to it must not be used any more. The entry becomes null
// in this group before FreeClosure returns, and in every other group at its next safepoint (a call
// of the host, the beginning of a call from Go, a link operation). It is null everywhere before
// another function is put there. So a stale pointer traps until the entry is allocated and set
// again, which takes as long as [Config.WithPointerQuarantine] says. A group that executes code
// without ever calling the host still finds the old function meanwhile.
//
// The error is a [*ClosureError] for an entry that is no closure, or that was freed already. Within
// a link operation, that is in a constructor, only entries that a constructor allocated can be
// given back; for others it is ErrInOperation.
func (g *Group) FreeClosure(ctx context.Context, slot uint32) error {
	return g.freeEntry(ctx, slot, func(*image.Snapshot) bool { return true })
}

// freeEntry frees a closure, if it is of the kind that may be freed so. is is asked under the state
// lock.
func (g *Group) freeEntry(ctx context.Context, slot uint32, is func(*image.Snapshot) bool) error {
	return g.inside(ctx, func(ctx context.Context, act *activation) error {
		c := &g.l.state.closures
		live := func() bool { return c.Live.At(slot) && is(g.l.state.snapshot) }
		if act.op != nil {
			switch {
			case !live():
				return &ClosureError{Slot: slot}
			case !c.Own.At(slot):
				return ErrInOperation
			}
			return act.op.nested(ctx,
				func(ctx context.Context, op *linkOp) error { return op.freeClosure(ctx, slot) })
		}
		return g.member.WithState(ctx, func() error {
			if !live() {
				return &ClosureError{Slot: slot}
			}
			g.l.emptyClosure(slot)
			for _, other := range g.l.groups.list() {
				other.space.Stale.Add(slot)
			}
			g.l.attention.raise()
			err := g.space.ClearStale(ctx)
			if c.Give(slot) && c.Release() {
				_, counted := g.member.FreeClosure()
				err = errors.Join(err, counted)
			}
			return err
		})
	})
}

// emptyClosure forgets what a closure holds. It is called under the state lock, and no operation
// has to tell the groups: all that reads this without the lock is [Linker.Addr].
func (l *Linker) emptyClosure(slot uint32) {
	s := l.state.snapshot
	if s.Closures.At(slot) == nil && s.Trampolines.At(slot) == nil {
		return
	}
	next := s.WithClosure(slot, nil, nil)
	l.state.snapshot = next
	l.committed.Store(next)
}

// freeClosure gives an entry back within an operation, in which it becomes null everywhere.
func (op *linkOp) freeClosure(ctx context.Context, slot uint32) error {
	if err := op.setClosure(ctx, slot, nil, nil); err != nil {
		return err
	}
	op.l.state.closures.Give(slot)
	return nil
}

// setClosure changes what a live closure holds, within an operation.
func (op *linkOp) setClosure(ctx context.Context, slot uint32, fn *image.Function,
	tr *image.Trampoline) error {
	s := op.l.state.snapshot
	step := &space.ClosureStep{Slot: slot, Fn: fn, Old: s.Closures.At(slot), Trampoline: tr,
		OldTrampoline: s.Trampolines.At(slot)}
	op.l.state.snapshot = s.WithClosure(slot, fn, tr)
	return op.perform(ctx, step)
}

// ClosureError says that a table entry is not an allocated closure.
type ClosureError struct{ Slot uint32 }

// Error implements the error interface.
func (e *ClosureError) Error() string {
	return fmt.Sprintf("linker: table entry %d is not an allocated closure", e.Slot)
}
