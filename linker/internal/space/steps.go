package space

import (
	"context"
	"errors"
	"slices"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
)

// Step is a change that every group makes to its own space. It gets that and nothing else: from
// this package neither the linker, nor its locks, nor a group can be reached. The same values serve
// all groups.
type Step interface {
	// Apply makes the change. On an error nothing of it is left.
	Apply(ctx context.Context, sp *Space) error
	// Undo takes an apply that succeeded back.
	Undo(ctx context.Context, sp *Space) error
}

// Fill is a slot of the function table and what it has to hold.
type Fill struct {
	Fn   *image.Function
	Slot uint32
}

// LoadStep instantiates modules in a group.
type LoadStep struct {
	Modules []*image.Module // in order
	Fills   []Fill          // slots outside of the modules' own element segments
	Slots   uint32          // entries that the function table has to have
	PLT     uint32          // and the PLT
	TLS     map[*Space]map[*image.Module]uint32
}

// Apply implements Step.
func (s *LoadStep) Apply(ctx context.Context, sp *Space) error {
	err := sp.Load(ctx, s.Modules, s.TLS[sp], s.Slots, s.PLT)
	if err == nil {
		err = sp.fill(ctx, s.Fills)
	}
	if err != nil {
		return errors.Join(err, s.Undo(ctx, sp))
	}
	return nil
}

// Undo implements Step. It also takes back an apply that stopped half-way.
func (s *LoadStep) Undo(ctx context.Context, sp *Space) error {
	errs := []error{sp.clearFills(ctx, s.Fills)}
	for _, m := range slices.Backward(s.Modules) {
		errs = append(errs, sp.remove(ctx, m))
	}
	return errors.Join(errs...)
}

// FillStep puts functions into slots.
type FillStep struct {
	Fills []Fill
	Slots uint32 // entries that the function table has to have
}

// Apply implements Step.
func (s *FillStep) Apply(ctx context.Context, sp *Space) error {
	err := sp.growTables(ctx, s.Slots, 0)
	if err == nil {
		err = sp.fill(ctx, s.Fills)
	}
	if err != nil {
		return errors.Join(err, s.Undo(ctx, sp))
	}
	return nil
}

// Undo implements Step.
func (s *FillStep) Undo(ctx context.Context, sp *Space) error { return sp.clearFills(ctx, s.Fills) }

// GrowStep makes the function table longer: slots for closures.
type GrowStep struct{ Slots uint32 }

// Apply implements Step.
func (s *GrowStep) Apply(ctx context.Context, sp *Space) error {
	return sp.growTables(ctx, s.Slots, 0)
}

// Undo implements Step. The entries stay, unused, because a table cannot shrink: all groups agree
// on which entries are in use.
func (s *GrowStep) Undo(context.Context, *Space) error { return nil }

// SnapshotStep changes nothing in a group: what changed are the records alone, and committing it
// makes that visible.
type SnapshotStep struct{}

// Apply implements Step.
func (SnapshotStep) Apply(context.Context, *Space) error { return nil }

// Undo implements Step.
func (SnapshotStep) Undo(context.Context, *Space) error { return nil }
