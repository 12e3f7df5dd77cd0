package adversary_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"pgregory.net/rapid"

	"github.com/lockstep-wasm/lockstep/linker/coord"
)

// fuse says when the context of a call ends. No fuse knows of time: a context ends when something
// has happened so many times.
type fuse struct {
	how  fuseKind
	when int
}

type fuseKind uint8

const (
	never      fuseKind = iota
	before              // it has ended when the call begins
	looks               // when it was looked at so many times
	happenings          // when so many things have happened in the world, in any of its images
)

func (f fuse) String() string {
	name := [...]string{"never", "before", "looks", "happenings"}[f.how]
	return fmt.Sprintf("(%s %d)", name, f.when)
}

func drawFuse(t *rapid.T) fuse {
	how := []fuseKind{
		never,
		never,
		never,
		never,
		never,
		before,
		looks,
		looks,
		happenings,
		happenings,
	}
	return fuse{
		how:  how[rapid.IntRange(0, len(how)-1).Draw(t, "fuse")],
		when: rapid.IntRange(1, 40).Draw(t, "when"),
	}
}

// light returns a context with a fuse, and what puts it out.
func (w *world) light(ctx context.Context, f fuse) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	switch f.how {
	case before:
		cancel()
	case looks:
		counting := &lookedAt{Context: ctx, cancel: cancel}
		counting.left.Store(int64(f.when))
		return counting, cancel
	case happenings:
		return ctx, w.bell.arm(f.when, cancel)
	}
	return ctx, cancel
}

// lookedAt is a context that ends when it was looked at so many times.
type lookedAt struct {
	context.Context
	left   atomic.Int64
	cancel context.CancelFunc
}

func (c *lookedAt) look() {
	if c.left.Add(-1) == 0 {
		c.cancel()
	}
}

// Done implements context.Context.
func (c *lookedAt) Done() <-chan struct{} {
	c.look()
	return c.Context.Done()
}

// Err implements context.Context.
func (c *lookedAt) Err() error {
	c.look()
	return c.Context.Err()
}

// bell counts what happens, and ends contexts at numbers. The linkers' observers ring it, and so do
// the file system and the host functions.
type bell struct {
	rung atomic.Int64
	next atomic.Int64 // the first number at which a context ends, or so early that there is none

	mu    sync.Mutex
	armed []alarm // guarded by mu
}

type alarm struct {
	at     int64
	cancel *context.CancelFunc // its address tells it from others
}

const noAlarm = 1<<63 - 1

func newBell() *bell {
	b := &bell{}
	b.next.Store(noAlarm)
	return b
}

// ring notes that something has happened.
func (b *bell) ring() {
	n := b.rung.Add(1)
	if n < b.next.Load() {
		return
	}
	b.mu.Lock()
	var due []alarm
	b.armed = slices.DeleteFunc(b.armed, func(a alarm) bool {
		if a.at <= n {
			due = append(due, a)
		}
		return a.at <= n
	})
	b.reset()
	b.mu.Unlock()
	for _, a := range due {
		(*a.cancel)()
	}
}

// arm makes a context end when as many more things have happened. The function that it returns
// ends it at once.
func (b *bell) arm(more int, cancel context.CancelFunc) context.CancelFunc {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.armed = append(b.armed, alarm{b.rung.Load() + int64(more), &cancel})
	b.reset()
	return func() {
		b.mu.Lock()
		b.armed = slices.DeleteFunc(b.armed, func(a alarm) bool { return a.cancel == &cancel })
		b.reset()
		b.mu.Unlock()
		cancel()
	}
}

// reset computes next; mu is held.
func (b *bell) reset() {
	next := int64(noAlarm)
	for _, a := range b.armed {
		next = min(next, a.at)
	}
	b.next.Store(next)
}

// observe implements coord.Observer.
func (b *bell) observe(coord.Event) { b.ring() }

// Enabled implements slog.Handler. The linker logs in the middle of its operations, between the
// actions that observe sees: while it searches, binds, and looks up.
func (b *bell) Enabled(context.Context, slog.Level) bool { return true }

// Handle implements slog.Handler.
func (b *bell) Handle(context.Context, slog.Record) error {
	b.ring()
	return nil
}

// WithAttrs implements slog.Handler.
func (b *bell) WithAttrs([]slog.Attr) slog.Handler { return b }

// WithGroup implements slog.Handler.
func (b *bell) WithGroup(string) slog.Handler { return b }
