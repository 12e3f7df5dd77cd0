package coord

import (
	"context"
	"sync"
)

// Waiting is how goroutines wait for each other. The package has two
// strategies, [Notified] and [Polling]; a controlled scheduler is a third. Its
// methods may be called by any goroutine.
type Waiting interface {
	// Mutex is the coordinator's mutex. Each of its critical sections is one step of a
	// goroutine, and performs any number of actions of the protocol.
	Mutex() sync.Locker
	// Waiter is what one goroutine waits with, once.
	Waiter() Waiter
	// Go starts a goroutine, for what the coordinator has to finish by itself.
	Go(f func())
}

// Waiter lets one goroutine wait until another look at the state is worthwhile.
type Waiter interface {
	// Wait is called without the mutex, when a look at the state found nothing
	// to do. It returns nil when another look is worthwhile, which may be too
	// early, and the context's error when the context ends first.
	Wait(ctx context.Context) error
	// Wake is called with the mutex held, when the goroutine has something to
	// do. It must not block.
	Wake()
}

// Notified is the strategy of waiting until one is told: a goroutine sleeps on
// a channel, and who changes the state wakes exactly those that have something
// to do now. It is the default.
func Notified() Waiting { return &notified{} }

type notified struct{ mu sync.Mutex }

func (n *notified) Mutex() sync.Locker { return &n.mu }

func (n *notified) Go(f func()) { go f() }

func (n *notified) Waiter() Waiter { return &notifiedWaiter{woken: make(chan struct{}, 1)} }

// notifiedWaiter has a channel of one: a wake-up that comes before the wait is
// not lost, and one that comes twice does not block.
type notifiedWaiter struct{ woken chan struct{} }

func (w *notifiedWaiter) Wait(ctx context.Context) error {
	select {
	case <-w.woken:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w *notifiedWaiter) Wake() {
	select {
	case w.woken <- struct{}{}:
	default:
	}
}

// Polling is the reference's strategy: look, back off, look again. It sends no wake-ups, so none
// can be too early; it costs up to MaxSleep of latency. The numbers are those of b.
func Polling(b Backoff) Waiting { return &polling{backoff: b} }

type polling struct {
	mu      sync.Mutex // the coordinator's; backoff needs no guard, it never changes
	backoff Backoff
}

func (p *polling) Mutex() sync.Locker { return &p.mu }

func (p *polling) Go(f func()) { go f() }

func (p *polling) Waiter() Waiter { return &pollingWaiter{backoff: p.backoff} }

type pollingWaiter struct{ backoff Backoff }

func (w *pollingWaiter) Wait(ctx context.Context) error { return w.backoff.Wait(ctx) }

func (w *pollingWaiter) Wake() {}
