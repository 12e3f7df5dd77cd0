package linker

import (
	"context"
	"errors"
	"sync/atomic"
)

// entry is one goroutine's stay in a group. It travels in the context that host functions get, so that a call
// from a host function back into its group is recognised as the same goroutine's.
type entry struct {
	group  *Group
	parent *entry // the stay from which this one was begun
	tx     *tx    // the operation that this goroutine leads
	replay bool   // another group's operation is being replayed

	busy   atomic.Bool // a call that began in this stay is under way
	over   atomic.Bool // the stay has ended
	nested bool        // the goroutine was in the group already
	back   bool        // the goroutine held the group's lock already, further out
	left   *entry      // the stay that is suspended meanwhile, in another group

	unwatch func() // ends what looks for the end of its context

	// A system call that is under way; both stay when it panics.
	unlock func() // what it holds
	parked bool   // the group is parked for it
}

type entryKey struct{}

func withEntry(ctx context.Context, e *entry) context.Context {
	return context.WithValue(ctx, entryKey{}, e)
}

// entryOf returns the innermost stay that a context belongs to, or nil.
func entryOf(ctx context.Context) *entry {
	e, _ := ctx.Value(entryKey{}).(*entry)
	for e != nil && e.over.Load() {
		e = e.parent
	}
	return e
}

func (e *entry) leads() bool { return e != nil && e.tx != nil }

// GroupFromContext returns the group whose guest called a host function, by the function's context; nil for any
// other context.
func GroupFromContext(ctx context.Context) *Group {
	if e := entryOf(ctx); e != nil {
		return e.group
	}
	return nil
}

// enter begins a stay in the group: it waits until nobody else is inside and no link operation needs the group
// to hold still. From within the group, it nests. From within another group, that group is parked for as
// long as the stay lasts, so that it can be served meanwhile.
func (g *Group) enter(ctx context.Context) (context.Context, *entry, error) {
	if g.l.closed.Load() || g.l.ending.Load() > 0 && ctx.Value(finishKey{}) == nil {
		return nil, nil, ErrClosed
	}
	outer := entryOf(ctx)
	if outer == nil {
		if err := g.acquire(ctx); err != nil {
			return nil, nil, err
		}
		e := &entry{group: g, unwatch: g.watch(ctx)}
		return withEntry(ctx, e), e, nil
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
	err := e.from(ctx, outer)
	if err != nil {
		outer.busy.Store(false)
		return nil, nil, err
	}
	e.unwatch = g.watch(ctx)
	return withEntry(ctx, e), e, nil
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
	e.over.Store(true)
	e.unwatch()
	e.endSystem()
	if e.parent != nil {
		defer e.parent.busy.Store(false)
	}
	switch {
	case e.nested:
		if e.parked {
			return e.group.resume(ctx)
		}
		return nil
	case e.back:
		e.group.member.Park()
	default:
		e.group.release(ctx)
	}
	if e.left != nil {
		return e.left.group.resume(ctx)
	}
	return nil
}

// resume makes a parked group run again, whatever the context says: its goroutine has nowhere else to go.
func (g *Group) resume(ctx context.Context) error {
	if err := g.member.Enter(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	return g.clearStale(ctx)
}

// acquire takes the group's own lock and makes the group run.
func (g *Group) acquire(ctx context.Context) error {
	select {
	case g.lock <- struct{}{}:
	default:
		select {
		case g.lock <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	err := g.alive()
	if err == nil {
		err = g.member.Enter(ctx)
	}
	if err != nil {
		if errors.Is(err, ErrGroupClosed) && g.cause.CompareAndSwap(nil, &err) { // the coordinator took it out
			g.bury(context.WithoutCancel(ctx))
		}
		<-g.lock
	}
	return err
}

// release is the reverse of acquire, and not to be cancelled. Nobody is inside a closed group any more, so its instances go now.
func (g *Group) release(ctx context.Context) {
	if g.cause.Load() != nil || g.member.Gone() {
		g.bury(context.WithoutCancel(ctx))
	}
	g.member.Park()
	<-g.lock
}

// inside runs f within a stay in the group.
func (g *Group) inside(ctx context.Context, f func(ctx context.Context, e *entry) error) (err error) {
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
	if err := g.clearStale(ctx); err != nil {
		return err
	}
	return g.survive(ctx, e, f(ctx, e))
}

// survive takes the group out of the image if the engine has closed a part of it, because the context of a call ended: see
// wazero's WithCloseOnContextDone. Within an operation that is for whoever began it to find.
func (g *Group) survive(ctx context.Context, e *entry, err error) error {
	if ctx.Err() != nil && e.tx == nil && g.engineClosed() {
		g.die(ctx.Err())
	}
	return err
}

// Safepoint takes part in other groups' link operations, if there are any. Host functions that compute for long
// call it now and then; those that wait use [Group.Block]. ctx must come from a call into the group.
func (g *Group) Safepoint(ctx context.Context) error {
	e := entryOf(ctx)
	switch {
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
	return g.clearStale(ctx)
}

// Block runs f, which may wait for as long as it likes: meanwhile the group does not hold up anybody, and link
// operations are replayed in it by their leaders. f must not use the group, nor the context of the call
// that it runs in. ctx must come from a call into the group.
func (g *Group) Block(ctx context.Context, f func()) (err error) {
	e := entryOf(ctx)
	switch {
	case e == nil || e.group != g:
		return ErrNoGroup
	case e.replay || e.tx != nil: // nobody can wait for this group
		f()
		return nil
	case !e.busy.CompareAndSwap(false, true):
		return ErrBusyContext
	}
	defer e.busy.Store(false)
	g.member.Park()
	defer func() { err = g.resume(ctx) }()
	f()
	return nil
}
