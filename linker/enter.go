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
	act := g.spare.Load()
	if act == nil || act.Context != ctx {
		return nil
	}
	// The number comes first: when In agrees, the goroutine has not changed since.
	holder, turns := act.holder.Load(), g.l.turn.needed()
	if act.goroutine.Load() != goroutine.ID() || turns && !g.l.turn.lock.TryLock() {
		return nil
	}
	in := g.member.In(holder)
	if in && g.alive() == nil && g.l.ending.Load() == 0 && turns == g.l.turn.needed() {
		g.turned = turns
		return act
	}
	if in {
		g.release(act)
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
	if act := g.spare.Load(); act != nil && act.Context == ctx {
		act.begin(ctx)
		act.holder.Store(0)
		return act
	}
	g.dropSpare()
	act := &activation{group: g, reusable: isComparable(ctx), unwatch: g.watch(ctx)}
	act.begin(ctx)
	return act
}

// endActivation keeps an activation that serves another call with the same context.
func (g *Group) endActivation(act *activation) {
	if act.reusable {
		act.holder.Store(g.member.Renew())
		g.spare.Store(act)
		return
	}
	act.end()
	act.unwatch()
}

// dropSpare forgets the activation that is kept for the next call. The caller holds the group.
func (g *Group) dropSpare() {
	if act := g.spare.Swap(nil); act != nil {
		g.member.Renew()
		act.end()
		act.unwatch()
	}
}

// enter begins an activation in the group: it waits until no other goroutine is inside and no link
// operation needs the group to hold still. From within the group, it nests. From within another
// group, that group is parked for as long as the activation lasts, so that it can be served
// meanwhile.
func (g *Group) enter(ctx context.Context) (*activation, error) {
	if act := g.enterAgain(ctx); act != nil {
		return act, nil
	}
	if g.l.closed.Load() || g.l.ending.Load() > 0 && ctx.Value(uncancellableKey{}) == nil {
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
	if outer.group != g && outer.op != nil {
		return nil, ErrInOperation
	}
	if !outer.busy.CompareAndSwap(false, true) {
		return nil, ErrBusyContext
	}
	act := &activation{group: g, parent: outer, op: outer.op}
	if err := act.from(ctx, outer); err != nil {
		outer.busy.Store(false)
		return nil, err
	}
	act.begin(ctx)
	act.unwatch = g.watch(ctx)
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

func (act *activation) from(ctx context.Context, outer *activation) error {
	g := act.group
	if outer.group == g {
		act.nested = true
		return g.alive()
	}
	for o := outer; o != nil; o = o.parent {
		act.back = act.back || o.group == g
	}
	outer.group.member.Park()
	act.left = outer
	var err error
	if act.back {
		err = g.member.Enter(ctx)
	} else {
		err = g.acquire(ctx)
	}
	if err != nil {
		return errors.Join(err, outer.group.resume(ctx))
	}
	return nil
}

func (act *activation) leave() error {
	if act.unlock != nil {
		act.unlockFDs()
	}
	if act.parent == nil {
		act.leaveOutside()
		return nil
	}
	act.end()
	act.unwatch()
	defer act.parent.busy.Store(false)
	switch {
	case act.nested:
		return act.unpark(act)
	case act.back:
		act.group.member.Park()
	default:
		act.group.release(act)
	}
	if act.left != nil {
		return act.left.group.resume(act)
	}
	return nil
}

// leaveAgain ends an activation that is used again, if nothing has happened in it that is to be
// taken care of. It is one compare-and-swap.
func (act *activation) leaveAgain() bool {
	g := act.group
	return act.holder.Load() != 0 && act.unlock == nil && !g.turned &&
		g.cause.Load() == nil && g.member.Out()
}

// leaveOutside ends an activation that began outside of all groups. Mostly it is one that is used
// again.
func (act *activation) leaveOutside() {
	g := act.group
	turned := g.turned
	g.turned = false
	if act.holder.Load() == 0 {
		g.endActivation(act)
	}
	g.release(act)
	if turned {
		g.l.turn.lock.Unlock()
	}
}

// unpark ends a system call that did not end itself, because it panicked.
func (act *activation) unpark(ctx context.Context) error {
	act.unlockFDs()
	if !act.parked {
		return nil
	}
	act.parked = false
	return act.group.resume(ctx)
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
	case act.replay || act.op != nil:
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
	if act.replay || act.op != nil {
		return
	}
	if err := act.group.safepoint(ctx); err != nil {
		panic(err)
	}
	act.group.l.attention.settle()
}
