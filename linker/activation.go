package linker

import (
	"context"
	"reflect"
	"sync/atomic"

	"github.com/lockstep-wasm/lockstep/linker/internal/goroutine"
	"github.com/lockstep-wasm/lockstep/linker/internal/image"
)

// activation is one goroutine's presence in a group. It is the context that host
// functions get, so that a call from a host function back into its group is recognised as the same
// goroutine's.
//
// Life cycle: begin records the goroutine; enter waits until the group is free and holds it, or
// nests in the activation that the context belongs to, which is suspended meanwhile (busy); end
// makes the context stale. An activation is used again by the next call with the same context
// (reusable). When that is the same goroutine's, the activation begins and ends by the
// compare-and-swap that goes in or out (holder). The table of states is in spec/lifetimes.md.
//
// Invariants:
//
//   - One goroutine at a time is in a group, and goroutine is that one, or 0 when the activation is
//     over.
//   - Activations form a stack by parent; only the innermost one is not busy.
//   - An activation with op belongs to the operation, and ends before that is published. One with
//     replay begins nothing: every request of it is ErrReplay.
//
// Rejected: a context that counts as the activation around it when its own is over. That one may be
// under way in another goroutine.
type activation struct {
	// of the call, without the activation; never changed, for contexts are derived from it
	context.Context

	group  *Group
	parent *activation // the activation around it, which is busy; nil for the outermost
	// the one that stays, 0 once the activation has ended; no other may use the context
	goroutine atomic.Uintptr
	op        *linkOp  // belongs to this goroutine until it is published; nil if it leads none
	receipt   *Receipt // what the context wants filled in, or nil
	// replay says that what this goroutine does is decided: another group's operation is being
	// replayed, a group is being built, or work is being taken back. A guest cannot ask for more.
	replay bool
	// of the operation that is being replayed, if there is one that can be ended
	by   *leader
	view *image.Snapshot // the symbols that a group is built from; nil for those of the image

	busy atomic.Bool // a call that began in this activation is under way
	// reusable: the activation can serve another call with the same context
	reusable bool
	// holder is not 0 in an activation that has ended and that is used again: the number with which
	// its goroutine goes into the group at once, see coord.Member.In.
	holder atomic.Uint64

	nested bool        // the goroutine was in the group already
	back   bool        // the goroutine held the group's lock already, further out
	left   *activation // the activation that is suspended meanwhile, in another group

	unwatch func() // ends what looks for the end of its context

	// A system call that is under way; both stay when it panics.
	unlock func() // releases the descriptors that the call holds; nil for none
	parked bool   // the group has to come in again when the call returns
}

type activationKey struct{}

// Value implements context.Context.
func (act *activation) Value(key any) any {
	if key == (activationKey{}) {
		return act
	}
	return act.Context.Value(key)
}

// begin makes the activation the context of what the calling goroutine does in it.
func (act *activation) begin(ctx context.Context) {
	if act.Context == nil {
		act.Context = ctx
		act.receipt, _ = ctx.Value(receiptKey{}).(*Receipt)
	}
	act.goroutine.Store(goroutine.ID())
}

// withActivation begins an activation for what a goroutine does in a group without entering it; end
// ends it.
func withActivation(ctx context.Context, act *activation) (inner context.Context, end func()) {
	act.begin(ctx)
	return act, act.end
}

// activationOf returns the activation that a context belongs to, nil if there is none or if it has
// ended. It is for the linker's own functions that guests call: the engine calls them on the
// goroutine of the activation. What the embedder calls uses ownActivation.
func activationOf(ctx context.Context) *activation {
	if act, _ := ctx.Value(activationKey{}).(*activation); act != nil && !act.over() {
		return act
	}
	return nil
}

// ownActivation returns the activation that a context belongs to, nil for a context that comes from
// no call into a group. A context that its call has left behind, or that is another goroutine's, is
// refused: who uses it would be inside a group, or inside a link operation, together with the
// goroutine that it was made for.
func ownActivation(ctx context.Context) (*activation, error) {
	act, _ := ctx.Value(activationKey{}).(*activation)
	switch {
	case act == nil:
		return nil, nil
	case act.over():
		return nil, ErrStaleContext
	case act.goroutine.Load() != goroutine.ID():
		return nil, ErrForeignContext
	}
	return act, nil
}

// WithoutGroup returns a context with the values, the deadline and the cancellation of ctx that
// does not belong to any call into a group. A host function hands it to goroutines that it starts:
// they may use it for calls of their own, also when the host function has returned. From within the
// call a group that is inside it cannot be entered with such a context, and waiting for that is a
// deadlock.
func WithoutGroup(ctx context.Context) context.Context {
	return context.WithValue(ctx, activationKey{}, (*activation)(nil))
}

func (act *activation) leads() bool { return act != nil && act.op != nil }

// isComparable reports whether a context can be compared with others: anything may be one.
func isComparable(ctx context.Context) bool {
	return ctx == context.Background() || reflect.TypeOf(ctx).Kind() == reflect.Pointer
}

// snapshot is what an activation sees: the committed symbols; within an operation, those of the
// operation too.
func (act *activation) snapshot() *image.Snapshot {
	switch {
	case act.view != nil:
		return act.view
	case act.op != nil || act.replay:
		return act.group.l.state.snapshot
	}
	return act.group.l.committed.Load()
}

// uncancellableKey marks the contexts of guest code that a call which only closes something must
// not stop.
type uncancellableKey struct{}

func uncancellable(ctx context.Context) context.Context {
	return context.WithValue(ctx, uncancellableKey{}, true)
}

// GroupFromContext returns the group whose guest called a host function, by the function's context;
// nil for any other context, and for one whose call has ended.
func GroupFromContext(ctx context.Context) *Group {
	if act := activationOf(ctx); act != nil {
		return act.group
	}
	return nil
}

// parks reports whether others could wait for the group that a goroutine is inside: not while it
// leads or replays an operation.
func (act *activation) parks() bool { return act.op == nil && !act.replay }

// unlockFDs releases what lockFDs took.
func (act *activation) unlockFDs() {
	if act.unlock != nil {
		act.unlock()
		act.unlock = nil
	}
}

// over reports whether the activation has ended.
func (act *activation) over() bool {
	if holder := act.holder.Load(); holder != 0 {
		return !act.group.member.IsIn(holder)
	}
	return act.goroutine.Load() == 0
}

// end ends the activation: its context is of no use any more.
func (act *activation) end() {
	act.goroutine.Store(0)
	act.holder.Store(0)
}

// leader is on whose behalf an operation is replayed. Code of the guest that a replay runs ends as
// the leader's own does: with the context, and when the group is to be closed.
type leader struct {
	ctx   context.Context
	group *Group
}
