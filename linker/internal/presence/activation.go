package presence

import (
	"context"
	"sync/atomic"

	"github.com/lockstep-wasm/lockstep/linker/internal/goroutine"
)

// Activation is one goroutine's presence in a group. It is the context that host functions get, so
// that a call from a host function back into its group is recognised as the same goroutine's.
//
// Life cycle: Begin records the goroutine, which holds the group already ([Spare.Begin]), or nests
// in the activation that its context belongs to ([Activation.Nest]). That one is suspended
// meanwhile (busy). End makes the context stale. An activation from outside is used again by the
// next call with the same context. When that is the same goroutine's, the activation begins and
// ends by the compare-and-swap that goes in or out (holder). The table of states is in
// spec/lifetimes.md, and the model is tla/Stays.tla.
//
// Invariants:
//
//   - One goroutine at a time is in a group, and goroutine is that one, or 0 when the activation is
//     over.
//   - Activations form a stack by parent; only the innermost one is not busy.
//   - An activation that leads an operation ends before that is published. One with Replay begins
//     nothing: every request of it is [ErrReplay].
//
// Rejected: a context that counts as the activation around it when its own is over. That one may be
// under way in another goroutine.
type Activation struct {
	// of the call, without the activation; never changed, for contexts are derived from it
	context.Context

	// Of is what embeds the activation. It is set once.
	Of any
	// Replay says that what this goroutine does is decided: another group's operation is being
	// replayed, a group is being built, or work is being taken back. A guest cannot ask for more.
	Replay bool

	thread Thread
	parent *Activation // the activation around it, which is busy; nil for the outermost
	// the one that stays, 0 once the activation has ended; no other may use the context
	goroutine atomic.Uintptr

	busy atomic.Bool // a call that began in this activation is under way
	// reusable: the activation can serve another call with the same context
	reusable bool
	// holder is not 0 in an activation that has ended and that is used again: the number with which
	// its goroutine goes into the group at once, see [Thread.Renew].
	holder atomic.Uint64

	nested bool        // the goroutine was in the group already
	back   bool        // the goroutine held the group's lock already, further out
	left   *Activation // the activation that is suspended meanwhile, in another group

	unwatch func() // ends what looks for the end of its context

	// A system call that is under way; both stay when it panics.
	unlock func() // releases what the call has locked; nil for none
	parked bool   // the group has to come in again when the call returns
}

type key struct{}

// Value implements context.Context.
func (a *Activation) Value(k any) any {
	if k == (key{}) {
		return a
	}
	return a.Context.Value(k)
}

// Init makes an activation in a thread that has not begun; parent is the one around it, or nil.
func (a *Activation) Init(of any, t Thread, parent *Activation) {
	a.Of, a.thread, a.parent = of, t, parent
}

// Parent returns the activation around it, nil for the outermost.
func (a *Activation) Parent() *Activation { return a.parent }

// Begin makes the activation the context of what the calling goroutine does in it. The first time
// decides what the context is.
func (a *Activation) Begin(ctx context.Context) {
	if a.Context == nil {
		a.Context = ctx
	}
	a.goroutine.Store(goroutine.ID())
}

// End ends the activation: its context is of no use any more.
func (a *Activation) End() {
	a.goroutine.Store(0)
	a.holder.Store(0)
}

// Over reports whether the activation has ended. Any goroutine may ask.
func (a *Activation) Over() bool {
	if holder := a.holder.Load(); holder != 0 {
		return !a.thread.IsIn(holder)
	}
	return a.goroutine.Load() == 0
}

// Last returns the goroutine that was the last one in the thread, and the number with which it goes
// in at once. The number is read first: when the thread agrees to it, the goroutine has not changed
// since.
func (a *Activation) Last() (holder uint64, id uintptr) {
	holder = a.holder.Load()
	return holder, a.goroutine.Load()
}

// Plain reports whether the activation is used again, and nothing has happened in it that is to be
// taken care of at its end. The goroutine that is inside asks.
func (a *Activation) Plain() bool { return a.holder.Load() != 0 && a.unlock == nil }

// From returns the activation that a context belongs to, nil if there is none or if it has ended.
// It is for functions that the engine calls on the goroutine of the activation. Others use [Own].
func From(ctx context.Context) *Activation {
	if a, _ := ctx.Value(key{}).(*Activation); a != nil && !a.Over() {
		return a
	}
	return nil
}

// Own returns the activation that a context belongs to, nil for a context that comes from no call
// into a group. A context that its call has left behind, or that is another goroutine's, is
// refused: who uses it would be inside a group, or inside a link operation, together with the
// goroutine that it was made for.
func Own(ctx context.Context) (*Activation, error) {
	a, _ := ctx.Value(key{}).(*Activation)
	switch {
	case a == nil:
		return nil, nil
	case a.Over():
		return nil, ErrStale
	case a.goroutine.Load() != goroutine.ID():
		return nil, ErrForeign
	}
	return a, nil
}

// Without returns a context with the values, the deadline and the cancellation of ctx that belongs
// to no activation.
func Without(ctx context.Context) context.Context {
	return context.WithValue(ctx, key{}, (*Activation)(nil))
}

// uncancellableKey marks the contexts of guest code that a call which only closes something must
// not stop.
type uncancellableKey struct{}

// Uncancellable returns a context for guest code that is to finish when its group or the linker is
// closing, for that is what the closing waits for.
func Uncancellable(ctx context.Context) context.Context {
	return context.WithValue(ctx, uncancellableKey{}, true)
}

// IsUncancellable reports whether a context comes from [Uncancellable].
func IsUncancellable(ctx context.Context) bool { return ctx.Value(uncancellableKey{}) != nil }
