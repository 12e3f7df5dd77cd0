package linker

import (
	"context"
	"errors"
	"fmt"

	"github.com/tetratelabs/wazero/sys"

	"github.com/lockstep-wasm/lockstep/linker/coord"
	"github.com/lockstep-wasm/lockstep/linker/internal/image"
)

// ThreadError says why a thread that the guest had started ended before its function returned, or
// that a destructor of its thread-local data trapped then.
type ThreadError struct {
	Thread int32 // its number
	Err    error // the trap, or the error of a host function
}

// Error implements the error interface.
func (e *ThreadError) Error() string {
	return fmt.Sprintf("linker: thread %d: %s", e.Thread, inner(e.Err))
}

// Unwrap returns the reason.
func (e *ThreadError) Unwrap() error { return e.Err }

// Why threadSpawn fails.
var (
	errNoThreadStart = errors.New("linker: the image has no function wasi_thread_start(i32, i32)")
	errManyThreads   = errors.New("linker: no more threads may begin")
)

// threadSpawn begins a thread and returns its number. The thread is there when it returns, but for
// one that a constructor starts: that begins when the operation has been committed, at the latest
// when the constructor waits, see "When does a thread begin that a constructor starts?" in
// spec/rationale.md.
func (g *Group) threadSpawn(ctx context.Context, argument uint32) (int32, error) {
	act := activationOf(ctx)
	x := act.snapshot().Lookup(threadStart)
	switch {
	case act.Replay:
		return 0, ErrReplay
	case x == nil, x.Kind != image.KindFunction, !x.Fn.Type.Equal(threadStartType):
		return 0, errNoThreadStart
	}
	if err := g.l.canSpawn(); err != nil {
		return 0, err
	}
	threadCtx, cancel := context.WithCancel(WithoutGroup(context.WithoutCancel(ctx)))
	t := g.l.guestThreads.add(cancel)
	if t == nil {
		cancel()
		return 0, errManyThreads
	}
	late := lateThread{t, threadCtx, x.Fn, argument}
	if act.op != nil {
		if !act.op.startLater(late) {
			g.l.guestThreads.done(t, nil)
			return 0, errManyThreads
		}
		return t.id, nil
	}
	if err := g.startThread(ctx, late); err != nil {
		g.l.guestThreads.done(t, nil)
		return 0, err
	}
	return t.id, nil
}

// startThread makes the group of a thread, and its goroutine. On an error the thread has not begun.
func (g *Group) startThread(ctx context.Context, late lateThread) error {
	pending, err := g.reserve(ctx, spawnOptions{stackSize: g.l.config.stackSize})
	if err != nil {
		return err
	}
	pending.group.thread = late.thread.id
	// The parent waits for its child, so that a failure is still the parent's. No operation can
	// wait for the parent meanwhile: the child has the lease.
	attached := make(chan error)
	go g.l.runThread(late.ctx, late.thread, pending, late.start, late.argument, attached)
	return <-attached
}

// runThread is a thread from its attachment to its end.
func (l *Linker) runThread(ctx context.Context, t *guestThread, pending *pendingGroup,
	start *image.Function, argument uint32, attached chan<- error) {
	g, err := pending.attachSafely(ctx)
	if err != nil {
		attached <- err
		return
	}
	l.guestThreads.attached(t, g)
	attached <- nil
	err = g.inside(ctx, func(ctx context.Context, act *activation) error {
		_, err := g.space.Call(ctx, start, uint64(t.id), uint64(argument))
		return g.closeOnExit(act, g.exiting(ctx, act, err))
	})
	if err != nil { // nothing of the thread runs after a trap
		l.dtors.DropThread(g, nil)
	}
	// What else this can return is that the group, or the linker, is closed, or that the image is
	// poisoned.
	if closed := g.Close(context.WithoutCancel(ctx)); err == nil &&
		errors.As(closed, new(*DestructorError)) {
		err = closed
	}
	var exit *sys.ExitError
	if err != nil && !errors.As(err, &exit) && !errors.Is(err, ErrGroupClosed) &&
		!errors.Is(err, ErrClosed) {
		l.guestThreads.done(t, &ThreadError{Thread: t.id, Err: err})
		return
	}
	l.guestThreads.done(t, nil)
}

// attachSafely is attach on a goroutine where nothing else would catch a panic of a participant.
func (pending *pendingGroup) attachSafely(ctx context.Context) (g *Group, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("linker: a new thread: %w", &coord.PanicError{Value: r})
		}
	}()
	return pending.attach(ctx)
}

// Wait waits until every thread that the guest has started by thread-spawn has ended. The error
// joins a [*ThreadError] for each that failed since Wait was last called (the first 100), or is the
// context's. Groups that Go has spawned are not threads in this sense. A host function may call it,
// but not one that a thread calls.
//
// A thread that traps ends alone; the others go on. What follows from it, for a thread that joins
// it for instance, is up to the guest. An exit in any group, however, ends the whole image once the
// guest has started a thread: all groups are closed, those that are running at their next call of
// the host.
func (l *Linker) Wait(ctx context.Context) error {
	var failed []error
	act, err := ownActivation(ctx)
	if err != nil {
		return err
	}
	wait := func() { failed, err = l.guestThreads.wait(ctx) }
	if act == nil {
		wait()
	} else if act.group.thread != 0 {
		return ErrInOperation
	} else if blocked := act.group.Block(ctx, wait); blocked != nil {
		return errors.Join(blocked, err)
	}
	return errors.Join(append(failed, err)...)
}

// Thread returns the number of the thread that a group is, as the guest knows it; 0 for a group
// that Go has spawned.
func (g *Group) Thread() int32 { return g.thread }

// endThreads ends all threads and waits until they are gone, before the linker closes.
func (l *Linker) endThreads(ctx context.Context) error {
	l.guestThreads.end(ErrClosed)
	l.futexes.InterruptAll(ErrClosed)
	_, err := l.guestThreads.wait(ctx)
	return err
}

// startThreads has threads begin that constructors have started. Wait returns the error of one that
// cannot: its constructor was told that it begins.
func (op *linkOp) startThreads(ctx context.Context) {
	for _, late := range op.threads {
		if err := op.g.startThread(ctx, late); err != nil {
			op.l.guestThreads.done(late.thread, &ThreadError{Thread: late.thread.id, Err: err})
		}
	}
	op.threads = nil
}
