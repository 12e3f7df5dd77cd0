package presence

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
)

var (
	errDead  = errors.New("the thread is dead")
	errTwice = errors.New("a goroutine is in the thread already")
)

// fake is a thread that consists of a lock. It has what a group of the linker has around that.
type fake struct {
	spare Spare
	lock  sync.Mutex
	// next is the number of the next holder, and holder that of the one inside, if it came by it.
	next, holder atomic.Uint64

	// What follows belongs to the goroutine that has the lock.
	inside   int // 1 if a goroutine is in it, which is not parked
	dead     bool
	watched  int
	resumed  int
	resuming []error // what the next calls of Resume return
}

func (f *fake) Hold(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	f.lock.Lock()
	if f.dead {
		f.lock.Unlock()
		return errDead
	}
	return f.goIn()
}

func (f *fake) goIn() error {
	if f.inside == 1 {
		return errTwice
	}
	f.inside = 1
	return nil
}

func (f *fake) Release(context.Context) {
	f.inside = 0
	f.holder.Store(0)
	f.lock.Unlock()
}

func (f *fake) Alive() error {
	if f.dead {
		return errDead
	}
	return nil
}

func (f *fake) Park() { f.inside = 0 }

func (f *fake) Enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return f.goIn()
}

func (f *fake) Resume(context.Context) error {
	f.resumed++
	if err := f.goIn(); err != nil {
		return err
	}
	if len(f.resuming) == 0 {
		return nil
	}
	err := f.resuming[0]
	f.resuming = f.resuming[1:]
	return err
}

func (f *fake) Renew() uint64 { return f.next.Add(1) }

func (f *fake) IsIn(holder uint64) bool { return f.holder.Load() == holder }

func (f *fake) Watch(context.Context) (stop func()) {
	f.watched++
	return func() { f.watched-- }
}

// in is the compare-and-swap by which the last goroutine comes in again.
func (f *fake) in(holder uint64) bool {
	if !f.lock.TryLock() {
		return false
	}
	if f.next.Load() != holder || holder == 0 {
		f.lock.Unlock()
		return false
	}
	f.holder.Store(holder)
	return f.goIn() == nil
}

// call is one activation, with the thread that it is in.
type call struct {
	Activation
	t *fake
}

func newCall(t *fake) *call {
	c := &call{t: t}
	c.Init(c, t, nil)
	return c
}

// enter enters a thread as the linker does. leads says that the activation of the context leads an
// operation.
func enter(ctx context.Context, t *fake, leads bool, me func() uintptr) (*call, error) {
	if a := t.spare.At(ctx); a != nil {
		if holder, id := a.Last(); id == me() && t.in(holder) {
			return a.Of.(*call), nil
		}
	}
	outer, err := Own(ctx)
	if err != nil {
		return nil, err
	}
	if outer != nil {
		c := newCall(t)
		return c, c.Nest(ctx, outer, leads)
	}
	if err := t.Hold(ctx); err != nil {
		return nil, err
	}
	if a := t.spare.Again(ctx); a != nil {
		return a.Of.(*call), nil
	}
	c := newCall(t)
	t.spare.Begin(ctx, &c.Activation)
	return c, nil
}

// leave leaves it as the linker does.
func (c *call) leave() error {
	if c.Parent() != nil {
		return c.Leave()
	}
	c.Unlock()
	c.t.spare.End(&c.Activation)
	c.t.Release(c)
	return nil
}
