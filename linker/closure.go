package linker

import (
	"context"
	"fmt"
	"maps"

	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// AllocateClosure reserves an entry of the function table, the same in every group, for a function pointer that
// is decided at run time, and returns it. It is null until [Group.SetClosure] fills it. Entries come from a free
// list; when that is empty, one link operation adds 100.
func (g *Group) AllocateClosure(ctx context.Context) (slot uint32, err error) {
	err = g.inside(ctx, func(ctx context.Context, e *entry) error {
		if e.tx != nil {
			return ErrInOperation
		}
		for slot == 0 {
			if err := g.takeClosure(ctx, &slot); err != nil || slot != 0 {
				return err
			}
			if err := e.run(ctx, protocol.AllocateFunctionTable, func(ctx context.Context, t *tx) error { return t.moreClosures(ctx) }); err != nil {
				return err
			}
		}
		return nil
	})
	return slot, err
}

// takeClosure takes a slot from the free list, under the state lock alone; slot stays 0 when there is none.
func (g *Group) takeClosure(ctx context.Context, slot *uint32) error {
	return g.member.WithState(ctx, func() error {
		c := &g.l.state.closures
		n := len(c.free)
		if n == 0 {
			return nil
		}
		if ok, err := g.member.AllocateClosure(); err != nil || !ok {
			return err
		}
		*slot = c.free[n-1]
		c.free = c.free[:n-1]
		c.live[*slot] = true
		return nil
	})
}

// moreClosures fills the free list, unless somebody else has done so meanwhile.
func (t *tx) moreClosures(ctx context.Context) error {
	s := &t.l.state
	if len(s.closures.free) > 0 {
		return nil
	}
	base, err := s.slots.take(closureBatch, 1)
	if err != nil {
		return err
	}
	for i := range uint32(closureBatch) {
		s.closures.free = append(s.closures.free, base+closureBatch-1-i)
	}
	return t.perform(ctx, &growStep{slots: s.slots.length})
}

// SetClosure makes the entry of a closure, in every group, a function found as [Group.Call] finds it: a guest's
// or the host's. It is a link operation.
func (g *Group) SetClosure(ctx context.Context, slot uint32, lib *Library, name string) error {
	return g.inside(ctx, func(ctx context.Context, e *entry) error {
		fn, err := e.function(lib, name)
		if err != nil {
			return err
		}
		return e.run(ctx, protocol.ResolveFunction, func(ctx context.Context, t *tx) error {
			if !t.l.state.closures.live[slot] {
				return &ClosureError{Slot: slot}
			}
			if !t.l.loaded(fn.mod) {
				return ErrLibraryClosed
			}
			old := t.l.state.scope.closures[slot]
			t.change(func(s *scope) {
				s.closures = maps.Clone(s.closures)
				if s.closures == nil {
					s.closures = map[uint32]*function{}
				}
				s.closures[slot] = fn
			})
			return t.perform(ctx, &closureStep{slot: slot, fn: fn, old: old})
		})
	})
}

// loaded reports whether functions of a module can be called.
func (l *Linker) loaded(m *module) bool {
	return m == l.main || m.instance != nil || m.hostName != "" || l.state.scope.has(m)
}

// FreeClosure gives an entry back. Pointers to it must not be used any more: what it holds stays there until it
// is allocated and set again.
func (g *Group) FreeClosure(ctx context.Context, slot uint32) error {
	return g.inside(ctx, func(ctx context.Context, e *entry) error {
		if e.tx != nil {
			return ErrInOperation
		}
		return g.member.WithState(ctx, func() error {
			c := &g.l.state.closures
			if !c.live[slot] {
				return &ClosureError{Slot: slot}
			}
			if _, err := g.member.FreeClosure(); err != nil {
				return err
			}
			delete(c.live, slot)
			c.free = append(c.free, slot)
			return nil
		})
	})
}

// ClosureError says that a table entry is not an allocated closure.
type ClosureError struct{ Slot uint32 }

// Error implements the error interface.
func (e *ClosureError) Error() string {
	return fmt.Sprintf("linker: table entry %d is not an allocated closure", e.Slot)
}

// closureStep changes what a closure holds.
type closureStep struct {
	slot    uint32
	fn, old *function // old is nil when the entry was null
}

// apply implements step.
func (s *closureStep) apply(ctx context.Context, g *Group) error {
	return g.putSlot(ctx, s.slot, s.fn)
}

// undo implements step.
func (s *closureStep) undo(ctx context.Context, g *Group) error {
	if s.old == nil {
		return g.clearSlots(ctx, span{s.slot, 1})
	}
	return g.putSlot(ctx, s.slot, s.old)
}
