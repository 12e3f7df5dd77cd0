// Package ctxlock has a mutex that is waited for until a context ends, and that is first come,
// first served.
//
// It is for locks that are taken at every call and hardly ever waited for: without a waiter, taking
// and giving it is an atomic instruction each, a quarter of what a channel of one costs. It may use
// nothing of the linker; a Lock guards itself.
package ctxlock

import (
	"context"
	"sync/atomic"
)

// Lock is such a mutex. Any goroutine may use it, and another one than the holder may unlock it. It
// must not be copied.
type Lock struct {
	// word is held, and above it the number of goroutines that wait and that no Unlock has served.
	word atomic.Uint32
	// handed carries the lock from an Unlock to the waiter that it serves, so that no newcomer
	// comes first. It holds at most one: who has the lock is the only one that can hand it over.
	handed chan struct{}
}

const (
	held   = 1
	waiter = 2
)

// New makes a lock that is free.
func New() *Lock { return &Lock{handed: make(chan struct{}, 1)} }

// TryLock takes the lock if it is free.
func (l *Lock) TryLock() bool { return l.word.CompareAndSwap(0, held) }

// Held reports whether a goroutine has the lock, which may change at once.
func (l *Lock) Held() bool { return l.word.Load()&held != 0 }

// Wanted reports whether a goroutine waits for the lock, which may change at once.
func (l *Lock) Wanted() bool { return l.word.Load() >= waiter }

// Lock waits for the lock and takes it. The error is the context's, which ends the wait. A lock
// that is free is taken whatever the context says.
func (l *Lock) Lock(ctx context.Context) error {
	if l.TryLock() {
		return nil
	}
	return l.wait(ctx)
}

func (l *Lock) wait(ctx context.Context) error {
	for {
		w := l.word.Load()
		if w&held == 0 {
			if l.word.CompareAndSwap(w, w|held) {
				return nil
			}
			continue
		}
		if l.word.CompareAndSwap(w, w+waiter) {
			break
		}
	}
	select {
	case <-l.handed:
		return nil
	case <-ctx.Done():
	}
	for {
		w := l.word.Load()
		if w < waiter { // every waiter is served, this one as well: the lock is on its way
			<-l.handed
			l.Unlock()
			return ctx.Err()
		}
		if l.word.CompareAndSwap(w, w-waiter) {
			return ctx.Err()
		}
	}
}

// Unlock gives the lock to the goroutine that has waited longest, or sets it free. Unlocking a free
// lock panics.
func (l *Lock) Unlock() {
	if l.word.CompareAndSwap(held, 0) {
		return
	}
	for {
		w := l.word.Load()
		switch {
		case w&held == 0:
			panic("ctxlock: unlock of a free lock")
		case w < waiter: // a waiter has given up meanwhile
			if l.word.CompareAndSwap(w, 0) {
				return
			}
		case l.word.CompareAndSwap(w, w-waiter):
			l.handed <- struct{}{}
			return
		}
	}
}
