package presence

import (
	"context"
	"errors"
)

// Thread is an instance group: the thread of the guest that goroutines enter, one at a time. Two of
// them are equal if they are the same group.
type Thread interface {
	// Hold waits until the thread is free, holds it, and goes in.
	Hold(ctx context.Context) error
	// Release goes out, and lets go of the thread. It is not to be cancelled.
	Release(ctx context.Context)
	// Alive returns why the thread cannot be entered.
	Alive() error

	// Park goes out of a thread that the goroutine holds on.
	Park()
	// Enter goes in again. The error is the context's, too.
	Enter(ctx context.Context) error
	// Resume goes in again whatever the context says, for a goroutine with nowhere else to go.
	Resume(ctx context.Context) error

	// Renew returns the number of the next holder, by which a goroutine goes in at once. It is not
	// 0, and makes the earlier ones void. The caller holds the thread.
	Renew() (holder uint64)
	// IsIn reports whether the holder of a number is inside. Any goroutine may ask.
	IsIn(holder uint64) bool

	// Watch looks for the end of a context, which interrupts the guest, until stop is called.
	Watch(ctx context.Context) (stop func())
}

// Errors of contexts. The linker exports them, and says there what they mean to its users.
var (
	ErrReplay      = errors.New("linker: call from within a replayed link operation")
	ErrInOperation = errors.New("linker: call from within a link operation")
	ErrBusy        = errors.New("linker: context is in use by a nested call")
	ErrStale       = errors.New("linker: the context belongs to a call that has ended")
	ErrForeign     = errors.New("linker: the context belongs to a call of another goroutine")
)
