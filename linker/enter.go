package linker

import (
	"context"
	"errors"

	"github.com/lockstep-wasm/lockstep/linker/internal/goroutine"
)

// enterAgain begins the next activation of a goroutine that was the last one in the group, with the
// same context, if the group is free. It is one compare-and-swap, and takes no memory. nil means
// that enter has to do it.
func (g *Group) enterAgain(ctx context.Context) *activation {
	e := g.spare.Load()
	if e == nil || e.Context != ctx {
		return nil
	}
	// The number comes first: when In agrees, the goroutine has not changed since.
	holder, turns := e.holder.Load(), g.l.turn.needed()
	if e.goroutine.Load() != goroutine.ID() || turns && !g.l.turn.lock.TryLock() {
		return nil
	}
	in := g.member.In(holder)
	if in && g.alive() == nil && g.l.ending.Load() == 0 && turns == g.l.turn.needed() {
		g.turned = turns
		return e
	}
	if in {
		g.release(e)
	}
	if turns {
		g.l.turn.lock.Unlock()
	}
	return nil
}

// beginActivation begins the activation of a goroutine that holds the group. An activation that has
// ended is used again when the context is the same, so that most calls take no memory for it. Its
// context is watched until then.
func (g *Group) beginActivation(ctx context.Context) *activation {
	if e := g.spare.Load(); e != nil && e.Context == ctx {
		e.begin(ctx)
		e.holder.Store(0)
		return e
	}
	g.dropSpare()
	e := &activation{group: g, reusable: isComparable(ctx), unwatch: g.watch(ctx)}
	e.begin(ctx)
	return e
}

// endActivation is the reverse.
func (g *Group) endActivation(e *activation) {
	if e.reusable {
		e.holder.Store(g.member.Renew())
		g.spare.Store(e)
		return
	}
	e.end()
	e.unwatch()
}

// dropSpare forgets the activation that is kept for the next call. The caller holds the group.
func (g *Group) dropSpare() {
	if e := g.spare.Swap(nil); e != nil {
		g.member.Renew()
		e.end()
		e.unwatch()
	}
}

// enter begins an activation in the group: it waits until no other goroutine is inside and no link
// operation needs the group to hold still. From within the group, it nests. From within another
// group, that group is parked for as long as the activation lasts, so that it can be served
// meanwhile.
func (g *Group) enter(ctx context.Context) (*activation, error) {
	if e := g.enterAgain(ctx); e != nil {
		return e, nil
	}
	if g.l.closed.Load() || g.l.ending.Load() > 0 && ctx.Value(finishKey{}) == nil {
		return nil, ErrClosed
	}
	outer, err := ownActivation(ctx)
	if err != nil {
		return nil, err
	}
	if outer == nil {
		return g.enterOutside(ctx)
	}
	if outer.replay {
		return nil, ErrReplay
	}
	if outer.group != g && outer.tx != nil {
		return nil, ErrInOperation
	}
	if !outer.busy.CompareAndSwap(false, true) {
		return nil, ErrBusyContext
	}
	e := &activation{group: g, parent: outer, tx: outer.tx}
	if err := e.from(ctx, outer); err != nil {
		outer.busy.Store(false)
		return nil, err
	}
	e.begin(ctx)
	e.unwatch = g.watch(ctx)
	return e, nil
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

func (e *activation) from(ctx context.Context, outer *activation) error {
	g := e.group
	if outer.group == g {
		e.nested = true
		return g.alive()
	}
	for o := outer; o != nil; o = o.parent {
		e.back = e.back || o.group == g
	}
	outer.group.member.Park()
	e.left = outer
	var err error
	if e.back {
		err = g.member.Enter(ctx)
	} else {
		err = g.acquire(ctx)
	}
	if err != nil {
		return errors.Join(err, outer.group.resume(ctx))
	}
	return nil
}

// leave ends an activation.
func (e *activation) leave() error {
	if e.unlock != nil {
		e.endSystem()
	}
	if e.parent == nil {
		e.leaveOutside()
		return nil
	}
	e.end()
	e.unwatch()
	defer e.parent.busy.Store(false)
	switch {
	case e.nested:
		return e.unpark(e)
	case e.back:
		e.group.member.Park()
	default:
		e.group.release(e)
	}
	if e.left != nil {
		return e.left.group.resume(e)
	}
	return nil
}

// leaveAgain ends an activation that is used again, if nothing has happened in it that is to be
// taken care of. It is one compare-and-swap.
func (e *activation) leaveAgain() bool {
	g := e.group
	return e.holder.Load() != 0 && e.unlock == nil && !g.turned &&
		g.cause.Load() == nil && g.member.Out()
}

// leaveOutside ends an activation that began outside of all groups. Mostly it is one that is used
// again.
func (e *activation) leaveOutside() {
	g := e.group
	turned := g.turned
	g.turned = false
	if e.holder.Load() == 0 {
		g.endActivation(e)
	}
	g.release(e)
	if turned {
		g.l.turn.lock.Unlock()
	}
}

// unpark ends a system call that did not end itself, because it panicked.
func (e *activation) unpark(ctx context.Context) error {
	e.endSystem()
	if !e.parked {
		return nil
	}
	e.parked = false
	return e.group.resume(ctx)
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
			g.bury(context.WithoutCancel(ctx))
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
		g.bury(context.WithoutCancel(ctx))
	}
	g.member.Park()
	g.member.Drop()
}

// inside runs f within an activation in the group.
func (g *Group) inside(ctx context.Context,
	f func(ctx context.Context, e *activation) error) (err error) {
	e, err := g.enter(ctx)
	if err != nil {
		return err
	}
	defer e.leaveWith(&err)
	if err := e.ready(); err != nil {
		return err
	}
	return e.survive(f(e, e))
}

// ready prepares an activation that has begun.
func (e *activation) ready() error {
	if !e.group.space.Stale.Any() { // mostly
		return nil
	}
	return e.group.space.ClearStale(e)
}

// leaveWith is leave for a deferred call. That the group which called this one has ended meanwhile
// is not an error of what was done here: that has its result, and must not be lost. Every later
// call of that group says so.
func (e *activation) leaveWith(err *error) {
	if e.leaveAgain() {
		return
	}
	if left := e.leave(); left != nil && *err != nil {
		*err = errors.Join(*err, left)
	}
}

// survive takes the group out of the image if the engine has closed a part of it, because the
// context of a call ended: see wazero's WithCloseOnContextDone. Within an operation, the call that
// began it finds that out.
func (e *activation) survive(err error) error {
	if e.Context.Err() != nil && e.tx == nil && e.group.space.EngineClosed() {
		e.group.die(e.Context.Err())
	}
	return err
}

// called is what an error of the guest means, nil included: judge, exiting and survive.
func (e *activation) called(err error) error {
	if err != nil {
		err = e.group.judge(e, e.group.exiting(e, e, err))
	}
	return e.survive(err)
}

// Safepoint takes part in other groups' link operations, if there are any. Host functions that
// compute for long call it now and then; those that wait use [Group.Block]. ctx must come from a
// call into the group.
func (g *Group) Safepoint(ctx context.Context) error {
	e, err := ownActivation(ctx)
	switch {
	case err != nil:
		return err
	case e == nil || e.group != g:
		return ErrNoGroup
	case e.replay || e.tx != nil:
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
	e := activationOf(ctx)
	if e == nil {
		return
	}
	if e.replay || e.tx != nil {
		return
	}
	if err := e.group.safepoint(ctx); err != nil {
		panic(err)
	}
	e.group.l.attention.settle()
}
