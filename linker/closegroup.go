package linker

import (
	"context"
	"errors"
	"log/slog"

	"github.com/lockstep-wasm/lockstep/linker/internal/presence"
)

// Close takes the group out of the image. It waits until no goroutine is inside it, and, with
// [Config.WithLoopSafepoints], ends the guest that computes in it; from within the group it is
// ErrInOperation. Before that the destructors of the group's thread-local data run, see "Closing"
// in the package documentation; if one of them traps, the error is a [*DestructorError]. Closing
// twice is no error. The image lives on without any group, but no group can be spawned then.
func (g *Group) Close(ctx context.Context) error {
	act, err := ownActivation(ctx)
	if err != nil {
		return err
	}
	for ; act != nil; act = act.outer() {
		if act.group == g {
			return ErrInOperation
		}
	}
	defer g.beginClosing()()
	outside := ctx
	act, err = g.enter(presence.Uncancellable(ctx))
	if err != nil {
		if g.cause.Load() != nil {
			return nil
		}
		if errors.Is(err, ErrClosed) { // the linker is closing: it is about to do the same
			return g.l.closeGroup(outside, g)
		}
		return err
	}
	ctx = act
	destroyed := g.endThread(ctx, act)
	if g.cause.Load() == nil {
		if err = g.member.Detach(ctx); err == nil {
			closed := error(ErrGroupClosed)
			g.cause.Store(&closed)
		}
	}
	if left := act.leave(); err == nil && left != nil {
		err = left
	}
	g.l.log(ctx, LogGroups, "closed", slog.Int("group", g.id))
	return errors.Join(destroyed, err)
}

func (l *Linker) closeGroup(ctx context.Context, g *Group) error {
	if err := g.member.Hold(ctx); err != nil {
		return err
	}
	defer g.member.Drop()
	closed := error(ErrClosed)
	if g.cause.CompareAndSwap(nil, &closed) {
		g.member.Crash(ErrClosed)
	}
	if err := g.member.AwaitOut(ctx); err != nil {
		return err
	}
	g.discard(ctx)
	return nil
}
