package linker

import (
	"context"
	"fmt"
	"maps"

	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// AllocateClosure reserves an entry of the function table, the same in every group, for a function pointer that
// is decided at run time, and returns it. Until [Group.SetClosure] fills it, it is null or, when it was freed before, what
// it held then. Entries come from a free list; when that is empty, one link operation adds 100.
func (g *Group) AllocateClosure(ctx context.Context) (slot uint32, err error) {
	err = g.inside(ctx, func(ctx context.Context, e *entry) error {
		if e.tx != nil {
			slot, err = e.tx.closure(ctx)
			return err
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
		if *slot = c.takeSpare(); *slot != 0 {
			return nil
		}
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

// closure takes an entry within an operation, for a constructor. The coordinator counts the entries of the free list, and
// does so between operations; those of constructors are not among them.
func (t *tx) closure(ctx context.Context) (uint32, error) {
	s := &t.l.state
	if slot := s.closures.takeSpare(); slot != 0 {
		return slot, nil
	}
	slot, err := s.slots.take(1, 1)
	if err != nil {
		return 0, err
	}
	s.closures.live[slot], s.closures.own[slot] = true, true
	return slot, t.perform(ctx, &growStep{slots: s.slots.length})
}

// takeSpare takes an entry that a constructor took and somebody gave back, 0 for none.
func (c *closures) takeSpare() uint32 {
	n := len(c.spare)
	if n == 0 {
		return 0
	}
	slot := c.spare[n-1]
	c.spare = c.spare[:n-1]
	c.live[slot] = true
	return slot
}

// giveSpare gives back an entry that a constructor took, and reports whether it is one.
func (c *closures) giveSpare(slot uint32) bool {
	if !c.own[slot] || !c.live[slot] {
		return false
	}
	delete(c.live, slot)
	c.spare = append(c.spare, slot)
	return true
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
			old, oldTrampoline := t.l.state.scope.closures[slot], t.l.state.scope.trampolines[slot]
			t.change(func(s *scope) {
				s.closures, s.trampolines = maps.Clone(s.closures), maps.Clone(s.trampolines)
				delete(s.trampolines, slot)
				if s.closures == nil {
					s.closures = map[uint32]*function{}
				}
				s.closures[slot] = fn
			})
			return t.perform(ctx, &closureStep{slot: slot, fn: fn, old: old, oldTrampoline: oldTrampoline})
		})
	})
}

// loaded reports whether functions of a module can be called.
func (l *Linker) loaded(m *module) bool {
	return m == l.main || m.instance != nil || m.hostName != "" || l.state.scope.has(m)
}

// FreeClosure gives an entry back. Pointers to it must not be used any more: what it holds stays there until it
// is allocated and set again. Within a link operation, that is in a constructor, only entries that a constructor
// allocated can be given back; for others it is ErrInOperation.
func (g *Group) FreeClosure(ctx context.Context, slot uint32) error {
	return g.inside(ctx, func(ctx context.Context, e *entry) error {
		c := &g.l.state.closures
		if e.tx != nil {
			if c.giveSpare(slot) {
				return nil
			}
			return ErrInOperation
		}
		return g.member.WithState(ctx, func() error {
			if !c.live[slot] {
				return &ClosureError{Slot: slot}
			}
			if c.giveSpare(slot) {
				return nil
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
	slot                      uint32
	fn, old                   *function   // what it holds, and held
	trampoline, oldTrampoline *trampoline // or these
}

// apply implements step.
func (s *closureStep) apply(ctx context.Context, g *Group) error {
	return g.putClosure(ctx, s.slot, s.fn, s.trampoline)
}

// undo implements step.
func (s *closureStep) undo(ctx context.Context, g *Group) error {
	return g.putClosure(ctx, s.slot, s.old, s.oldTrampoline)
}

// putClosure makes an entry of this group's table a function, a trampoline, or null.
func (g *Group) putClosure(ctx context.Context, slot uint32, fn *function, tr *trampoline) error {
	switch {
	case fn != nil:
		return g.putSlot(ctx, slot, fn)
	case tr != nil:
		return g.putTrampoline(ctx, slot, tr)
	}
	return g.clearSlots(ctx, span{slot, 1})
}
