package presence

import (
	"context"
	"reflect"
	"sync/atomic"
)

// Spare is the activation of a thread's last call from outside, which the next call with the same
// context uses again. So most calls take no memory, and a context is watched until another comes.
//
// A context that was kept from an earlier call is stale between calls. In a later call with the
// same context it is that call's. The two cannot be told apart, and need not be.
//
// All methods but At are called by the goroutine that holds the thread.
type Spare struct{ kept atomic.Pointer[Activation] }

// At returns the activation that is kept, nil if there is none for the context. The goroutine need
// not hold the thread: see [Activation.Last].
func (s *Spare) At(ctx context.Context) *Activation {
	if a := s.kept.Load(); a != nil && a.Context == ctx {
		return a
	}
	return nil
}

// Again begins the activation that is kept for a context. nil means that there is none, and that
// the caller has to begin another one with [Spare.Begin].
func (s *Spare) Again(ctx context.Context) *Activation {
	a := s.At(ctx)
	if a == nil {
		s.Drop()
		return nil
	}
	a.Begin(ctx)
	a.holder.Store(0)
	return a
}

// Begin begins an activation from outside that has never begun.
func (s *Spare) Begin(ctx context.Context, a *Activation) {
	a.reusable, a.unwatch = isComparable(ctx), a.thread.Watch(ctx)
	a.Begin(ctx)
}

// End ends an activation from outside, and keeps it if it can serve another call. One that was
// begun by its number ends when the goroutine goes out.
func (s *Spare) End(a *Activation) {
	a.parked = false // by a system call that has panicked
	switch {
	case a.holder.Load() != 0:
	case a.reusable:
		a.holder.Store(a.thread.Renew())
		s.kept.Store(a)
	default:
		a.End()
		a.unwatch()
	}
}

// Drop forgets the activation that is kept.
func (s *Spare) Drop() {
	if a := s.kept.Swap(nil); a != nil {
		a.thread.Renew()
		a.End()
		a.unwatch()
	}
}

// isComparable reports whether a context can be compared with others: anything may be one.
func isComparable(ctx context.Context) bool {
	return ctx == context.Background() || reflect.TypeOf(ctx).Kind() == reflect.Pointer
}
