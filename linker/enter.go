package linker

import (
	"context"
	"errors"

	"github.com/lockstep-wasm/lockstep/linker/internal/goroutine"
	"github.com/lockstep-wasm/lockstep/linker/internal/presence"
)

// enterAgain begins the next activation of a goroutine that was the last one in the group, with the
// same context, if the group is free. It is one compare-and-swap, and takes no memory. nil means
// that enter has to do it.
func (g *Group) enterAgain(ctx context.Context) *activation {
	a := g.spare.At(ctx)
	if a == nil {
		return nil
	}
	holder, id := a.Last()
	turns := g.l.turn.needed()
	if id != goroutine.ID() || turns && !g.l.turn.lock.TryLock() {
		return nil
	}
	in := g.member.In(holder)
	if in && g.alive() == nil && g.l.ending.Load() == 0 && turns == g.l.turn.needed() {
		g.turned = turns
		return a.Of.(*activation)
	}
	if in {
		g.release(a)
	}
	if turns {
		g.l.turn.lock.Unlock()
	}
	return nil
}

// beginActivation begins the activation of a goroutine that holds the group. One that has ended is
// used again when the context is the same.
func (g *Group) beginActivation(ctx context.Context) *activation {
	if a := g.spare.Again(ctx); a != nil {
		return a.Of.(*activation)
	}
	act := newActivation(g, nil)
	act.receipt, _ = ctx.Value(receiptKey{}).(*Receipt)
	g.spare.Begin(ctx, &act.Activation)
	return act
}

// enter begins an activation in the group: it waits until no other goroutine is inside and no link
// operation needs the group to hold still. From within the group, it nests. From within another
// group, that group is parked for as long as the activation lasts, so that it can be served
// meanwhile.
func (g *Group) enter(ctx context.Context) (*activation, error) {
	if act := g.enterAgain(ctx); act != nil {
		return act, nil
	}
	if g.l.closed.Load() || g.l.ending.Load() > 0 && !presence.IsUncancellable(ctx) {
		return nil, ErrClosed
	}
	outer, err := ownActivation(ctx)
	if err != nil {
		return nil, err
	}
	if outer == nil {
		return g.enterOutside(ctx)
	}
	act := newActivation(g, outer)
	act.op = outer.op
	if err := act.Nest(ctx, &outer.Activation, outer.op != nil); err != nil {
		return nil, err
	}
	act.receipt, _ = ctx.Value(receiptKey{}).(*Receipt)
	return act, nil
}

// enterOutside is enter for a context that comes from no group.
func (g *Group) enterOutside(ctx context.Context) (*activation, error) {
	for {
		turns := g.l.turn.needed()
		if turns {
			if err := g.l.turn.lock.Lock(ctx); err != nil {
				return nil, err
			}
		}
		if err := g.acquire(ctx); err != nil {
			if turns {
				g.l.turn.lock.Unlock()
			}
			return nil, err
		}
		if turns == g.l.turn.needed() {
			g.turned = turns
			return g.beginActivation(ctx), nil
		}
		g.release(ctx) // there is a second group since
	}
}

func (act *activation) leave() error {
	if act.Parent() != nil {
		return act.Leave()
	}
	act.Unlock()
	act.leaveOutside()
	return nil
}

// leaveAgain ends an activation that is used again, if nothing has happened in it that is to be
// taken care of. It is one compare-and-swap.
func (act *activation) leaveAgain() bool {
	g := act.group
	return act.Plain() && !g.turned && g.cause.Load() == nil && g.member.Out()
}

// leaveOutside ends an activation that began outside of all groups. Mostly it is one that is used
// again.
func (act *activation) leaveOutside() {
	g := act.group
	turned := g.turned
	g.turned = false
	g.spare.End(&act.Activation)
	g.release(act)
	if turned {
		g.l.turn.lock.Unlock()
	}
}

// resume makes a parked group run again, whatever the context says: its goroutine has nowhere else
// to go.
func (g *Group) resume(ctx context.Context) error {
	if err := g.member.Enter(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	return g.space.ClearStale(ctx)
}

// acquire waits until the group is free, holds it and makes it run.
func (g *Group) acquire(ctx context.Context) error {
	if err := g.member.Hold(ctx); err != nil {
		return err
	}
	err := g.alive()
	if err == nil {
		err = g.member.Enter(ctx)
	}
	if err != nil {
		if errors.Is(err, ErrGroupClosed) {
			cause := err
			g.cause.CompareAndSwap(nil, &cause) // the coordinator took it out
			g.releaseDying(context.WithoutCancel(ctx))
		}
		g.member.Drop()
	}
	return err
}

// release is the reverse of acquire, and not to be cancelled. A group that is dying is released by
// the last goroutine that leaves it.
func (g *Group) release(ctx context.Context) {
	if g.cause.Load() == nil && g.member.Out() { // mostly
		return
	}
	if g.cause.Load() != nil || g.member.Gone() {
		g.releaseDying(context.WithoutCancel(ctx))
	}
	g.member.Park()
	g.member.Drop()
}

// inside runs f within an activation in the group.
func (g *Group) inside(ctx context.Context,
	f func(ctx context.Context, act *activation) error) (err error) {
	act, err := g.enter(ctx)
	if err != nil {
		return err
	}
	defer act.leaveWith(&err)
	if err := act.ready(); err != nil {
		return err
	}
	return act.closeIfEngineClosed(f(act, act))
}

// ready prepares an activation that has begun.
func (act *activation) ready() error {
	if !act.group.space.Stale.Any() { // mostly
		return nil
	}
	return act.group.space.ClearStale(act)
}

// leaveWith is leave for a deferred call. That the group which called this one has ended meanwhile
// is not an error of what was done here: that has its result, and must not be lost. Every later
// call of that group says so.
func (act *activation) leaveWith(err *error) {
	if act.leaveAgain() {
		return
	}
	if left := act.leave(); left != nil && *err != nil {
		*err = errors.Join(*err, left)
	}
}

// closeIfEngineClosed takes the group out of the image if the engine has closed a part of it,
// because the context of a call ended: see wazero's WithCloseOnContextDone. Within an operation,
// the call that began it finds that out.
func (act *activation) closeIfEngineClosed(err error) error {
	if act.Context.Err() != nil && act.op == nil && act.group.space.EngineClosed() {
		act.group.die(act.Context.Err())
	}
	return err
}

// called is what an error of the guest means, nil included: closeOnExit, exiting and
// closeIfEngineClosed.
func (act *activation) called(err error) error {
	if err != nil {
		err = act.group.closeOnExit(act, act.group.exiting(act, act, err))
	}
	return act.closeIfEngineClosed(err)
}

// Safepoint takes part in other groups' link operations, if there are any. Host functions that
// compute for long call it now and then; those that wait use [Group.Block]. ctx must come from a
// call into the group.
func (g *Group) Safepoint(ctx context.Context) error {
	act, err := ownActivation(ctx)
	switch {
	case err != nil:
		return err
	case act == nil || act.group != g:
		return ErrNoGroup
	case act.Replay || act.op != nil:
		return nil
	}
	return g.safepoint(ctx)
}

func (g *Group) safepoint(ctx context.Context) error {
	if err := g.member.Safepoint(ctx); err != nil {
		return err
	}
	return g.space.ClearStale(ctx)
}

// safepoint is called by a host shim before a host function, when attention is up. Its panics end
// the guest's call, as a trap does; they are what Call returns.
func safepoint(ctx context.Context) {
	act := activationOf(ctx)
	if act == nil {
		return
	}
	if act.Replay || act.op != nil {
		return
	}
	if err := act.group.safepoint(ctx); err != nil {
		panic(err)
	}
	act.group.l.attention.settle()
}
