package linker

import (
	"context"
	"errors"
	"slices"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
)

// fill is a slot of the function table and what it has to hold.
type fill struct {
	fn   *image.Function
	slot uint32
}

// loadStep instantiates modules in a group.
type loadStep struct {
	modules []*image.Module // in order
	fills   []fill          // slots outside of the modules' own element segments
	slots   uint32          // entries that the function table has to have
	links   uint32          // and the link table
	tls     map[*space]map[*image.Module]uint32
}

// apply implements step.
func (s *loadStep) apply(ctx context.Context, sp *space) error {
	err := sp.load(ctx, s.modules, s.tls[sp], s.slots, s.links)
	if err == nil {
		err = sp.fill(ctx, s.fills)
	}
	if err != nil {
		return errors.Join(err, s.undo(ctx, sp))
	}
	return nil
}

// undo implements step. It also takes back an apply that stopped half-way.
func (s *loadStep) undo(ctx context.Context, sp *space) error {
	errs := []error{sp.clearFills(ctx, s.fills)}
	for _, m := range slices.Backward(s.modules) {
		errs = append(errs, sp.remove(ctx, m))
	}
	return errors.Join(errs...)
}

// fillStep puts functions into slots.
type fillStep struct {
	fills []fill
	slots uint32 // entries that the function table has to have
}

// apply implements step.
func (s *fillStep) apply(ctx context.Context, sp *space) error {
	err := sp.growTables(ctx, s.slots, 0)
	if err == nil {
		err = sp.fill(ctx, s.fills)
	}
	if err != nil {
		return errors.Join(err, s.undo(ctx, sp))
	}
	return nil
}

// undo implements step.
func (s *fillStep) undo(ctx context.Context, sp *space) error { return sp.clearFills(ctx, s.fills) }

// growStep makes the function table longer: slots for closures.
type growStep struct{ slots uint32 }

// apply implements step.
func (s *growStep) apply(ctx context.Context, sp *space) error {
	return sp.growTables(ctx, s.slots, 0)
}

// undo implements step. The entries stay, unused, because a table cannot shrink: all groups agree
// on which entries are in use.
func (s *growStep) undo(context.Context, *space) error { return nil }

// scopeStep changes nothing in a group: what changed are the records alone, and committing it makes
// that visible.
type scopeStep struct{}

// apply implements step.
func (scopeStep) apply(context.Context, *space) error { return nil }

// undo implements step.
func (scopeStep) undo(context.Context, *space) error { return nil }
