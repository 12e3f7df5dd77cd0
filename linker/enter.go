package linker

import (
	"context"
	"errors"
	"reflect"
	"sync/atomic"

	"github.com/lockstep-wasm/lockstep/linker/internal/goroutine"
)

// entry is one goroutine's stay in a group. It is the context that host functions get, so that a
// call from a host function back into its group is recognised as the same goroutine's. Its life,
// and what a context is refused for, are in spec/lifetimes.md.
type entry struct {
	// of the call, without the stay; never changed, for contexts are derived from it
	context.Context

	group  *Group
	parent *entry // the stay from which this one was begun
	// the one that stays, 0 once the stay has ended; no other may use the context
	goroutine atomic.Uintptr
	tx        *tx // the operation that this goroutine leads
	// replay says that what this goroutine does is decided: another group's operation is being
	// replayed, a group is being built, or work is being taken back. A guest cannot ask for more.
	replay bool
	by     *leader // of the operation that is being replayed, if there is one that can be ended
	view   *scope  // the symbols that a group is built from; nil for those of the image

	busy    atomic.Bool // a call that began in this stay is under way
	escaped bool        // code of the embedder has got the context, and may keep it
	// reusable: the stay can serve another call with the same context
	reusable bool

	nested bool   // the goroutine was in the group already
	back   bool   // the goroutine held the group's lock already, further out
	left   *entry // the stay that is suspended meanwhile, in another group

	unwatch func() // ends what looks for the end of its context

	// A system call that is under way; both stay when it panics.
	unlock func() // what it holds
	parked bool   // the group is parked for it
}

type entryKey struct{}

// Value implements context.Context.
func (e *entry) Value(key any) any {
	if key == (entryKey{}) {
		return e
	}
	return e.Context.Value(key)
}

// begin makes the stay the context of what the calling goroutine does in it.
func (e *entry) begin(ctx context.Context) {
	if e.Context == nil {
		e.Context = ctx
	}
	e.goroutine.Store(goroutine.ID())
}

// end ends the stay: its context is of no use any more.
func (e *entry) end() { e.goroutine.Store(0) }

// over reports whether the stay has ended.
func (e *entry) over() bool { return e.goroutine.Load() == 0 }

// withStay begins a stay for what a goroutine does in a group without entering it; end ends the
// stay.
func withStay(ctx context.Context, e *entry) (inner context.Context, end func()) {
	e.begin(ctx)
	return e, e.end
}

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

// isComparable reports whether a context can be compared with others: anything may be one.
func isComparable(ctx context.Context) bool {
	return ctx == context.Background() || reflect.TypeOf(ctx).Kind() == reflect.Pointer
}

// entryOf returns the stay that a context belongs to, nil if there is none or if it has ended. It
// is for the linker's own functions that guests call: the engine calls them on the goroutine of the
// stay. What the embedder calls uses stayOf.
func entryOf(ctx context.Context) *entry {
	if e, _ := ctx.Value(entryKey{}).(*entry); e != nil && !e.over() {
		return e
	}
	return nil
}

// stayOf returns the stay that a context belongs to, nil for a context that comes from no call into
// a group. A context that its call has left behind, or that is another goroutine's, is refused: who
// uses it would be inside a group, or inside a link operation, together with the goroutine that it
// was made for.
func stayOf(ctx context.Context) (*entry, error) {
	e, _ := ctx.Value(entryKey{}).(*entry)
	switch {
	case e == nil:
		return nil, nil
	case e.over():
		return nil, ErrStaleContext
	case e.goroutine.Load() != goroutine.ID():
		return nil, ErrForeignContext
	}
	return e, nil
}

// WithoutGroup returns a context with the values, the deadline and the cancellation of ctx that
// does not belong to any call into a group. A host function hands it to goroutines that it starts:
// they may use it for calls of their own, also when the host function has returned. From within the
// call a group that is inside it cannot be entered with such a context, and waiting for that is a
// deadlock.
func WithoutGroup(ctx context.Context) context.Context {
	return context.WithValue(ctx, entryKey{}, (*entry)(nil))
}

func (e *entry) leads() bool { return e != nil && e.tx != nil }

// GroupFromContext returns the group whose guest called a host function, by the function's context;
// nil for any other context, and for one whose call has ended.
func GroupFromContext(ctx context.Context) *Group {
	if e := entryOf(ctx); e != nil {
		return e.group
	}
	return nil
}

// enter begins a stay in the group: it waits until nobody else is inside and no link operation
// needs the group to hold still. From within the group, it nests. From within another group, that
// group is parked for as long as the stay lasts, so that it can be served meanwhile.
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
	return g.clearStale(ctx)
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
	if err := g.clearStale(ctx); err != nil {
		return err
	}
	return g.survive(ctx, e, f(ctx, e))
}

// survive takes the group out of the image if the engine has closed a part of it, because the
// context of a call ended: see wazero's WithCloseOnContextDone. Within an operation that is for
// whoever began it to find.
func (g *Group) survive(ctx context.Context, e *entry, err error) error {
	if ctx.Err() != nil && e.tx == nil && g.engineClosed() {
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
	return g.clearStale(ctx)
}

// Block runs f, which may wait for as long as it likes: meanwhile the group does not hold up
// anybody, and link operations are replayed in it by their leaders. f must not use the group, nor
// the context of the call that it runs in. ctx must come from a call into the group.
func (g *Group) Block(ctx context.Context, f func()) (err error) {
	e, err := stayOf(ctx)
	switch {
	case err != nil:
		return err
	case e == nil || e.group != g:
		return ErrNoGroup
	}
	if err := e.yields(ctx); err != nil {
		return err
	}
	switch {
	case !e.parks(): // no operation can wait for this group
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
