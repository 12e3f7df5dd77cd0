package context

import (
	"context"
	"errors"
	"sync"
	"time"
	"unsafe"

	"github.com/lockstep-wasm/lockstep/lincheck/explore/internal/sched"
	"github.com/lockstep-wasm/lockstep/lincheck/explore/shim/rt"
)

// Types and errors that are those of the standard package.
type (
	Context         = context.Context
	CancelFunc      = context.CancelFunc
	CancelCauseFunc = context.CancelCauseFunc
)

// Canceled and DeadlineExceeded are the standard errors.
var (
	Canceled         = context.Canceled
	DeadlineExceeded = context.DeadlineExceeded
)

// Background is context.Background.
func Background() Context { return context.Background() }

// TODO is context.TODO.
func TODO() Context { return context.TODO() }

// WithValue is context.WithValue.
func WithValue(parent Context, key, val any) Context { return context.WithValue(parent, key, val) }

// WithoutCancel is context.WithoutCancel.
func WithoutCancel(parent Context) Context {
	if lookup(parent) == nil {
		return context.WithoutCancel(parent)
	}
	return context.WithValue(context.WithoutCancel(parent), ownKey{}, (*cancelled)(nil))
}

// ownKey is the key under which contexts of a run find themselves in those that come from them.
type ownKey struct{}

// cancelled is a context of a run that can be cancelled.
type cancelled struct {
	parent Context
	// the outermost context of the run that it comes from; itself if that is none
	root     *cancelled
	done     chan struct{}
	deadline time.Time // zero: none
	timer    *sched.Timer

	// The rest is used by the task that runs, or, when the run is over, by any goroutine.
	mu       sync.Mutex
	err      error
	cause    error
	children []*child
}

// child is what is told of a cancellation.
type child struct {
	f    func(t *sched.Task, err, cause error) // t is nil outside of a run
	gone bool
}

// lookup is the innermost context of a run that ctx comes from.
func lookup(ctx Context) *cancelled {
	c, _ := ctx.Value(ownKey{}).(*cancelled)
	return c
}

// object stands for all contexts that come from one, with their channels: one step cancels them
// together.
func (c *cancelled) object(t *sched.Task) *sched.Object {
	return t.Object(unsafe.Pointer(c.root), "context", nil)
}

// Deadline is part of Context.
func (c *cancelled) Deadline() (time.Time, bool) {
	if up, ok := c.parent.Deadline(); ok && (c.deadline.IsZero() || up.Before(c.deadline)) {
		return up, true
	}
	return c.deadline, !c.deadline.IsZero()
}

// Done is part of Context.
func (c *cancelled) Done() <-chan struct{} { return c.done }

// Err is part of Context.
func (c *cancelled) Err() error {
	t := sched.Current()
	if t == nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.err
	}
	o := c.object(t)
	t.Point(sched.Op{Name: "Err", Obj: o})
	t.Acquire(o)
	t.Value(c.err)
	return c.err
}

// Value is part of Context.
func (c *cancelled) Value(key any) any {
	if key == (ownKey{}) {
		return c
	}
	return c.parent.Value(key)
}

// AfterFunc is what the standard package looks for in a parent that is not one of its own, to
// cancel contexts that come from it: f is called in the step of the cancellation.
func (c *cancelled) AfterFunc(f func()) func() bool {
	return c.add(&child{f: func(*sched.Task, error, error) { f() }})
}

// add registers a child, or tells it at once; the function takes it back.
func (c *cancelled) add(ch *child) func() bool {
	c.mu.Lock()
	err, cause := c.err, c.cause
	if err == nil {
		c.children = append(c.children, ch)
	}
	c.mu.Unlock()
	if err != nil {
		ch.gone = true
		ch.f(sched.Current(), err, cause)
		return func() bool { return false }
	}
	return func() bool {
		was := !ch.gone
		ch.gone = true
		return was
	}
}

// end cancels the context without a scheduling point.
func (c *cancelled) end(t *sched.Task, err, cause error) {
	c.mu.Lock()
	if c.err != nil {
		c.mu.Unlock()
		return
	}
	if cause == nil {
		cause = err
	}
	c.err, c.cause = err, cause
	children := c.children
	c.children = nil
	c.mu.Unlock()
	if c.timer != nil {
		c.timer.Stop()
	}
	if t == nil {
		close(c.done)
	} else {
		t.Release(c.object(t))
		rt.CloseNow(t, c.done)
	}
	for _, ch := range children {
		if !ch.gone {
			ch.gone = true
			ch.f(t, err, cause)
		}
	}
}

// cancel is what the caller's cancel function does.
func (c *cancelled) cancel(cause error) {
	t := sched.Current()
	if t != nil {
		t.Point(sched.Op{Name: "cancel", Obj: c.object(t), Write: true})
	}
	c.end(t, Canceled, cause)
}

// derive makes a context of the run.
func derive(t *sched.Task, parent Context) *cancelled {
	c := &cancelled{parent: parent, done: make(chan struct{})}
	up := lookup(parent)
	if c.root = c; up != nil {
		c.root = up.root
	}
	rt.Share(t, c.done, c.object(t))
	switch {
	case up != nil:
		up.add(&child{f: c.end})
	case parent.Err() != nil: // it comes from outside of the run
		c.end(t, parent.Err(), context.Cause(parent))
	}
	return c
}

// WithCancel is context.WithCancel.
func WithCancel(parent Context) (Context, CancelFunc) {
	ctx, cancel := WithCancelCause(parent)
	return ctx, func() { cancel(nil) }
}

// WithCancelCause is context.WithCancelCause.
func WithCancelCause(parent Context) (Context, CancelCauseFunc) {
	t := sched.Current()
	if t == nil {
		return context.WithCancelCause(parent)
	}
	c := derive(t, parent)
	return c, c.cancel
}

// WithDeadline is context.WithDeadline.
func WithDeadline(parent Context, d time.Time) (Context, CancelFunc) {
	return WithDeadlineCause(parent, d, nil)
}

// WithDeadlineCause is context.WithDeadlineCause.
func WithDeadlineCause(parent Context, d time.Time, cause error) (Context, CancelFunc) {
	t := sched.Current()
	if t == nil {
		return context.WithDeadlineCause(parent, d, cause)
	}
	return withTimeout(t, parent, d.Sub(epoch().Add(t.Now())), cause)
}

// WithTimeout is context.WithTimeout.
func WithTimeout(parent Context, timeout time.Duration) (Context, CancelFunc) {
	return WithTimeoutCause(parent, timeout, nil)
}

// WithTimeoutCause is context.WithTimeoutCause.
func WithTimeoutCause(parent Context, d time.Duration, cause error) (Context, CancelFunc) {
	t := sched.Current()
	if t == nil {
		return context.WithTimeoutCause(parent, d, cause)
	}
	return withTimeout(t, parent, d, cause)
}

// epoch is when runs begin, as in the time package beside this one.
func epoch() time.Time { return time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) }

func withTimeout(t *sched.Task, parent Context, d time.Duration, cause error) (Context,
	CancelFunc) {
	c := derive(t, parent)
	c.deadline = epoch().Add(t.Now() + d)
	if c.err == nil {
		if d <= 0 {
			c.end(t, DeadlineExceeded, cause)
		} else {
			c.timer = t.After(d, func(t *sched.Task) { c.end(t, DeadlineExceeded, cause) })
		}
	}
	return c, func() { c.cancel(nil) }
}

// Cause is context.Cause.
func Cause(ctx Context) error {
	c := lookup(ctx)
	if c == nil {
		return context.Cause(ctx)
	}
	if err := context.Cause(ctx); err != nil && !errors.Is(err, c.Err()) {
		return err // of a standard context that comes from c
	}
	return c.cause
}

// AfterFunc is context.AfterFunc.
func AfterFunc(ctx Context, f func()) (stop func() bool) {
	t := sched.Current()
	c := lookup(ctx)
	if t == nil || c == nil {
		return context.AfterFunc(ctx, f)
	}
	o := c.object(t)
	t.Point(sched.Op{Name: "AfterFunc", Obj: o, Write: true})
	t.Acquire(o)
	undo := c.add(&child{f: func(t *sched.Task, _, _ error) {
		if t == nil {
			go f()
			return
		}
		t.Go("AfterFunc", f)
	}})
	return func() bool {
		if t := sched.Current(); t != nil {
			t.Point(sched.Op{Name: "stop", Obj: c.object(t), Write: true})
		}
		return undo()
	}
}
