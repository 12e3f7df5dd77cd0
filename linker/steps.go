package linker

import (
	"context"
	"errors"
	"slices"
)

// fill is a slot of the function table and what it has to hold.
type fill struct {
	fn   *function
	slot uint32
}

// loadStep instantiates modules in a group.
type loadStep struct {
	modules []*module // in order
	fills   []fill    // slots outside of the modules' own element segments
	slots   uint32    // entries that the function table has to have
	links   uint32    // and the link table
	tls     map[*Group]map[*module]uint32
}

// apply implements step.
func (s *loadStep) apply(ctx context.Context, g *Group) error {
	err := func() error {
		if err := g.growTables(ctx, s.slots, s.links); err != nil {
			return err
		}
		for _, m := range s.modules {
			if err := g.instantiate(ctx, m, s.tls[g][m]); err != nil {
				return &LoadError{File: m.file, Module: m.name, Err: err}
			}
			if m == g.l.main { // it may have brought the function table
				if err := g.growTables(ctx, s.slots, s.links); err != nil {
					return err
				}
			}
		}
		for _, m := range s.modules {
			if err := g.bindThreadLocal(m); err != nil {
				return err
			}
		}
		return g.fill(ctx, s.fills)
	}()
	if err != nil {
		return errors.Join(err, s.undo(ctx, g))
	}
	return nil
}

// undo implements step. It also takes back an apply that stopped half-way.
func (s *loadStep) undo(ctx context.Context, g *Group) error {
	errs := []error{g.clearFills(ctx, s.fills)}
	for _, m := range slices.Backward(s.modules) {
		errs = append(errs, g.remove(ctx, m))
	}
	return errors.Join(errs...)
}

// fillStep puts functions into slots.
type fillStep struct {
	fills []fill
	slots uint32 // entries that the function table has to have
}

// apply implements step.
func (s *fillStep) apply(ctx context.Context, g *Group) error {
	err := g.growTables(ctx, s.slots, 0)
	if err == nil {
		err = g.fill(ctx, s.fills)
	}
	if err != nil {
		return errors.Join(err, s.undo(ctx, g))
	}
	return nil
}

// undo implements step.
func (s *fillStep) undo(ctx context.Context, g *Group) error { return g.clearFills(ctx, s.fills) }

// growStep makes the function table longer: slots for closures.
type growStep struct{ slots uint32 }

// apply implements step.
func (s *growStep) apply(ctx context.Context, g *Group) error {
	return g.growTables(ctx, s.slots, 0)
}

// undo implements step. The entries stay, unused, because a table cannot shrink: all groups agree
// on which entries are in use.
func (s *growStep) undo(context.Context, *Group) error { return nil }
