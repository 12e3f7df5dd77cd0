package presence

import (
	"context"
	"errors"
)

// Nest begins an activation within the one that its context belongs to. leads says that outer leads
// an operation: it cannot go into another thread then, which may take part. When outer is in
// another thread, that is parked until the new activation ends, so that it can be served meanwhile.
func (a *Activation) Nest(ctx context.Context, outer *Activation, leads bool) error {
	if outer.Replay {
		return ErrReplay
	}
	if outer.thread != a.thread && leads {
		return ErrInOperation
	}
	if !outer.busy.CompareAndSwap(false, true) {
		return ErrBusy
	}
	a.parent = outer
	if err := a.from(ctx, outer); err != nil {
		outer.busy.Store(false)
		return err
	}
	a.Begin(ctx)
	a.unwatch = a.thread.Watch(ctx)
	return nil
}

// from goes into the thread from within that of outer.
func (a *Activation) from(ctx context.Context, outer *Activation) error {
	if outer.thread == a.thread {
		a.nested = true
		return a.thread.Alive()
	}
	for o := outer; o != nil; o = o.parent {
		a.back = a.back || o.thread == a.thread
	}
	outer.thread.Park()
	a.left = outer
	var err error
	if a.back {
		err = a.thread.Enter(ctx)
	} else {
		err = a.thread.Hold(ctx)
	}
	if err != nil {
		return errors.Join(err, outer.thread.Resume(ctx))
	}
	return nil
}

// Leave is the reverse of [Activation.Nest]. An error is that of a thread which has ended.
func (a *Activation) Leave() error {
	a.Unlock()
	a.End()
	a.unwatch()
	defer a.parent.busy.Store(false)
	switch {
	case a.nested:
		return a.Unpark(a)
	case a.back:
		a.thread.Park()
	default:
		a.thread.Release(a)
	}
	if a.left != nil {
		return a.left.thread.Resume(a)
	}
	return nil
}

// Block runs f, which may wait, while the thread is parked. A call with the context of the
// activation is refused meanwhile. An error is that of a thread which has ended; ctx belongs to the
// activation.
func (a *Activation) Block(ctx context.Context, f func()) (err error) {
	if !a.busy.CompareAndSwap(false, true) {
		return ErrBusy
	}
	defer a.busy.Store(false)
	a.thread.Park()
	defer func() { err = a.thread.Resume(ctx) }()
	f()
	return nil
}

// Park parks the thread for a system call that may wait, until [Activation.Unpark].
func (a *Activation) Park() error {
	if err := a.thread.Alive(); err != nil {
		return err
	}
	a.thread.Park()
	a.parked = true
	return nil
}

// Locked notes what releases that which a system call has locked. nil is nothing.
func (a *Activation) Locked(unlock func()) { a.unlock = unlock }

// Unlock releases what a system call has locked, if that has not been done.
func (a *Activation) Unlock() {
	if a.unlock != nil {
		a.unlock()
		a.unlock = nil
	}
}

// Unpark ends a system call: it is called when that returns, and again at the end of the
// activation, for a call that has panicked.
func (a *Activation) Unpark(ctx context.Context) error {
	a.Unlock()
	if !a.parked {
		return nil
	}
	a.parked = false
	return a.thread.Resume(ctx)
}
