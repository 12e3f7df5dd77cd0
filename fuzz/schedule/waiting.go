package schedule

import (
	"context"
	"sync"

	"github.com/lockstep-wasm/lockstep/linker/coord"
)

// Notified is the strategy coord.Notified under the scheduler: who waits goes on
// when it is woken, or when its context ends. Besides, it is a failure to wake
// a waiter whose goroutine waits no more: it was not forgotten.
func (s *Scheduler) Notified() coord.Waiting { return &notified{&mutex{s: s}} }

type notified struct{ mu *mutex }

func (n *notified) Mutex() sync.Locker { return n.mu }

func (n *notified) Waiter() coord.Waiter {
	s := n.mu.s
	w := &waiter{s: s, owner: s.current}
	if s.current != nil {
		s.current.waiter = w
	}
	return w
}

// Go starts a task for what a coordinator has to finish by itself.
func (n *notified) Go(f func()) { n.mu.s.Go("background", f) }

type waiter struct {
	s     *Scheduler
	owner *task
	woken bool
}

func (w *waiter) Wait(ctx context.Context) error {
	w.s.running("wait").pause(wait{kind: atWaiter, waiter: w, ctx: ctx, label: "wait"})
	if w.woken {
		w.woken = false
		return nil
	}
	return ctx.Err()
}

func (w *waiter) Wake() {
	if w.owner != nil && (w.owner.finished || w.owner.waiter != w) {
		w.s.Failf("%s is woken for a wait that is over", w.owner.name)
	}
	w.woken = true
}

// Polling is the strategy coord.Polling under the scheduler, in virtual time: a spin and a yield
// let the others run, a sleep lasts until the clock, which stands still while a task can run, has
// moved.
func (s *Scheduler) Polling(b coord.Backoff) coord.Waiting {
	return &polling{mu: &mutex{s: s}, backoff: b}
}

type polling struct {
	mu      *mutex
	backoff coord.Backoff
}

func (p *polling) Mutex() sync.Locker { return p.mu }

func (p *polling) Waiter() coord.Waiter { return &pollingWaiter{s: p.mu.s, backoff: p.backoff} }

func (p *polling) Go(f func()) { p.mu.s.Go("background", f) }

type pollingWaiter struct {
	s       *Scheduler
	backoff coord.Backoff
}

func (w *pollingWaiter) Wait(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if pause := w.backoff.Next(); pause.Sleep > 0 {
		return w.s.Sleep(ctx, pause.Sleep)
	}
	w.s.Pass()
	return nil
}

func (w *pollingWaiter) Wake() {}
