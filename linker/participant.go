package linker

import (
	"context"
	"errors"
	"slices"

	"github.com/lockstep-wasm/lockstep/linker/coord"
	"github.com/lockstep-wasm/lockstep/linker/internal/failpoint"
	"github.com/lockstep-wasm/lockstep/linker/internal/presence"
	"github.com/lockstep-wasm/lockstep/linker/internal/space"
)

// replayed is what participants are told of an operation: its payload.
type replayed struct {
	steps []space.Step
	by    *leader // nil when no step runs code of the guest
}

// interruption returns why code of the guest has to stop in a replay, or nil.
func (l *leader) interruption() error {
	if l.group.closing.Load() > 0 && !presence.IsUncancellable(l.ctx) {
		return ErrGroupClosed
	}
	return withCause(l.ctx)
}

// participant is a group's side of other groups' operations.
type participant struct{ g *Group }

// Apply implements coord.Participant.
func (p participant) Apply(ctx context.Context, op coord.Operation) error {
	what, _ := op.Payload.(replayed)
	ctx, end := p.context(ctx, what.by)
	defer end()
	if what.by != nil {
		defer p.g.watch(what.by.ctx)()
	}
	returned := false
	defer func() {
		if !returned { // the coordinator takes a group out that panics
			p.g.died(ctx)
		}
	}()
	err := p.replay(ctx, what.steps)
	returned = true
	return err
}

func (p participant) replay(ctx context.Context, steps []space.Step) error {
	if err := p.g.l.config.inject.At(ctx, p.g, failpoint.Replay); err != nil {
		return err
	}
	for i, s := range steps {
		if err := s.Apply(ctx, &p.g.space); err != nil {
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
	what, _ := op.Payload.(replayed)
	ctx, end := p.context(ctx, nil)
	defer end()
	return p.undo(ctx, what.steps)
}

func (p participant) undo(ctx context.Context, steps []space.Step) error {
	var errs []error
	for _, s := range slices.Backward(steps) {
		errs = append(errs, s.Undo(ctx, &p.g.space))
	}
	return errors.Join(errs...)
}

// context marks what runs during a replay, so that a call back into the linker gets an error. That
// the leader's context ends is for the guest's code alone to see, at its safepoints: an engine that
// closes what it finds under way would take the group along.
func (p participant) context(ctx context.Context, by *leader) (context.Context, func()) {
	act := newActivation(p.g, nil)
	act.Replay, act.by = true, by
	return withActivation(context.WithoutCancel(ctx), act)
}
