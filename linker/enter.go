package linker

import (
	"context"
	"errors"
)

// beginEntry begins the stay of a goroutine that has taken the group's lock. A stay that has ended
// is used again when the context is the same and no code of the embedder has got it, so that most
// calls take no memory for it. Its context is watched until then.
func (g *Group) beginEntry(ctx context.Context) *entry {
	e := g.spare
	if e == nil || e.Context != ctx {
		g.dropSpare()
		e = &entry{group: g, reusable: isComparable(ctx), unwatch: g.watch(ctx)}
	}
	g.spare = nil
	e.begin(ctx)
	return e
}

// endEntry is the reverse.
func (g *Group) endEntry(e *entry) {
	if e.reusable && !e.escaped {
		g.spare = e
	} else {
		e.unwatch()
	}
}

// dropSpare forgets the stay that is kept for the next call.
func (g *Group) dropSpare() {
	if g.spare != nil {
		g.spare.unwatch()
		g.spare = nil
	}
}

// enter begins a stay in the group: it waits until no other goroutine is inside and no link
// operation needs the group to hold still. From within the group, it nests. From within another
// group, that group is parked for as long as the stay lasts, so that it can be served meanwhile.
func (g *Group) enter(ctx context.Context) (context.Context, *entry, error) {
	if g.l.closed.Load() || g.l.ending.Load() > 0 && ctx.Value(finishKey{}) == nil {
		return nil, nil, ErrClosed
	}
	outer, err := stayOf(ctx)
	if err != nil {
		return nil, nil, err
	}
	if outer == nil {
		if err := g.l.turn.take(ctx); err != nil {
			return nil, nil, err
		}
		if err := g.acquire(ctx); err != nil {
			g.l.turn.give()
			return nil, nil, err
		}
		e := g.beginEntry(ctx)
		return e, e, nil
	}
	if outer.replay {
		return nil, nil, ErrReplay
	}
	if outer.group != g && outer.tx != nil {
		return nil, nil, ErrInOperation
	}
	if !outer.busy.CompareAndSwap(false, true) {
		return nil, nil, ErrBusyContext
	}
	e := &entry{group: g, parent: outer, tx: outer.tx}
	if err := e.from(ctx, outer); err != nil {
		outer.busy.Store(false)
		return nil, nil, err
	}
	e.begin(ctx)
	e.unwatch = g.watch(ctx)
	return e, e, nil
}

func (e *entry) from(ctx context.Context, outer *entry) error {
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

// leave ends a stay.
func (e *entry) leave(ctx context.Context) error {
	e.end()
	e.endSystem()
	if e.parent != nil {
		e.unwatch()
		defer e.parent.busy.Store(false)
	}
	switch {
	case e.nested:
		return e.unpark(ctx)
	case e.back:
		e.group.member.Park()
	default:
		outermost := e.parent == nil
		if outermost {
			e.group.endEntry(e)
		}
		e.group.release(ctx)
		if outermost {
			e.group.l.turn.give()
		}
	}
	if e.left != nil {
		return e.left.group.resume(ctx)
	}
	return nil
}

// unpark ends a system call that did not end itself, because it panicked.
func (e *entry) unpark(ctx context.Context) error {
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

// acquire takes the group's own lock and makes the group run.
func (g *Group) acquire(ctx context.Context) error {
	if err := g.lock.Lock(ctx); err != nil {
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
		g.lock.Unlock()
	}
	return err
}

// release is the reverse of acquire, and not to be cancelled. A group that is dying is released by
// the last goroutine that leaves it.
func (g *Group) release(ctx context.Context) {
	if g.cause.Load() != nil || g.member.Gone() {
		g.bury(context.WithoutCancel(ctx))
	}
	g.member.Park()
	g.lock.Unlock()
}

// inside runs f within a stay in the group.
func (g *Group) inside(ctx context.Context,
	f func(ctx context.Context, e *entry) error) (err error) {
	ctx, e, err := g.enter(ctx)
	if err != nil {
		return err
	}
	defer func() {
		// That the group which called this one has ended meanwhile is not an error of what was done
		// here: that has its result, and must not be lost. Every later call of that group says so.
		if left := e.leave(ctx); left != nil && err != nil {
			err = errors.Join(err, left)
		}
	}()
	if err := g.space.ClearStale(ctx); err != nil {
		return err
	}
	return g.survive(ctx, e, f(ctx, e))
}

// survive takes the group out of the image if the engine has closed a part of it, because the
// context of a call ended: see wazero's WithCloseOnContextDone. Within an operation, the call that
// began it finds that out.
func (g *Group) survive(ctx context.Context, e *entry, err error) error {
	if ctx.Err() != nil && e.tx == nil && g.space.EngineClosed() {
		g.die(ctx.Err())
	}
	return err
}

// Safepoint takes part in other groups' link operations, if there are any. Host functions that
// compute for long call it now and then; those that wait use [Group.Block]. ctx must come from a
// call into the group.
func (g *Group) Safepoint(ctx context.Context) error {
	e, err := stayOf(ctx)
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

// safepoint is called by a gateway before every host function. Its panics end the guest's call, as
// a trap does; they are what Call returns.
func safepoint(ctx context.Context) {
	e := entryOf(ctx)
	if e == nil {
		return
	}
	e.escaped = true
	if e.replay || e.tx != nil {
		return
	}
	if err := e.group.safepoint(ctx); err != nil {
		panic(err)
	}
}
