package linker

import (
	"context"
	"errors"
	"slices"

	"github.com/lockstep-wasm/lockstep/linker/coord"
	"github.com/lockstep-wasm/lockstep/linker/internal/failpoint"
)

// participant is a group's side of other groups' operations.
type participant struct{ g *Group }

// Apply implements coord.Participant.
func (p participant) Apply(ctx context.Context, op coord.Operation) error {
	ctx, end := p.context(ctx)
	defer end()
	steps, _ := op.Payload.([]step)
	returned := false
	defer func() {
		if !returned { // the coordinator takes a group out that panics
			p.g.died(ctx)
		}
	}()
	err := p.replay(ctx, steps)
	returned = true
	return err
}

func (p participant) replay(ctx context.Context, steps []step) error {
	if err := p.g.l.config.inject.At(ctx, p.g, failpoint.Replay); err != nil {
		return err
	}
	for i, s := range steps {
		if err := s.apply(ctx, p.g); err != nil {
			return errors.Join(err, p.undo(ctx, steps[:i]))
		}
		if err := p.g.l.config.inject.At(ctx, p.g, failpoint.Applied); err != nil {
			return errors.Join(err, p.undo(ctx, steps[:i+1]))
		}
	}
	if err := p.g.l.config.inject.At(ctx, p.g, failpoint.Replayed); err != nil {
		return errors.Join(err, p.undo(ctx, steps))
	}
	return nil
}

// Undo implements coord.Participant.
func (p participant) Undo(ctx context.Context, op coord.Operation) error {
	ctx, end := p.context(ctx)
	defer end()
	steps, _ := op.Payload.([]step)
	return p.undo(ctx, steps)
}

func (p participant) undo(ctx context.Context, steps []step) error {
	var errs []error
	for _, s := range slices.Backward(steps) {
		errs = append(errs, s.undo(ctx, p.g))
	}
	return errors.Join(errs...)
}

// context marks what runs during a replay, so that a call back into the linker gets an error.
func (p participant) context(ctx context.Context) (context.Context, func()) {
	return withStay(context.WithoutCancel(ctx), &entry{group: p.g, replay: true})
}
