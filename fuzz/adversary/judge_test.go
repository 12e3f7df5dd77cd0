package adversary_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tetratelabs/wazero/sys"

	"github.com/lockstep-wasm/lockstep/linker"
)

// errPanic is what host functions panic with.
var errPanic = errors.New("adversary: a host function panics")

// isDeliberate tells whether a panic is a host function's own: the engine passes it on.
func isDeliberate(p any) bool {
	err, ok := p.(error)
	return ok && (errors.Is(err, errPanic) || errors.As(err, new(*sys.ExitError)))
}

// sentinels are the errors that carry no detail.
var sentinels = []error{
	linker.ErrPoisoned, linker.ErrClosed, linker.ErrGroupClosed, linker.ErrLibraryClosed,
	linker.ErrNotLoaded,
	linker.ErrForeignLibrary, linker.ErrReplay, linker.ErrInOperation,
	linker.ErrBusyContext, linker.ErrForeignContext, linker.ErrStaleContext,
	linker.ErrNoGroup, linker.ErrNoMemory, context.Canceled, errPanic,
}

// class names an error in a word or two.
func class(err error) string {
	if err == nil {
		return "ok"
	}
	for _, s := range sentinels {
		if errors.Is(err, s) {
			return s.Error()
		}
	}
	if isTrap(err) {
		return "trap"
	}
	for errors.Unwrap(err) != nil {
		err = errors.Unwrap(err)
	}
	return fmt.Sprintf("%T", err)
}

func isTrap(err error) bool { return strings.Contains(err.Error(), "wasm error: unreachable") }

func isA[T error](err error) bool {
	var t T
	return errors.As(err, &t)
}

// judge accepts the errors that an act may end with where it was done, and no others.
func (d *doing) judge(err error) {
	switch {
	case err == nil && d.c.foreign && d.enters():
		d.fail("it was let in with the context of another goroutine's call")
	case err == nil, d.allowed(err):
	case d.im.l.Err() != nil:
		d.fail("the image is poisoned: %v", d.im.l.Err())
	default:
		d.fail("unexpected: %T %v", err, err)
	}
}

func (d *doing) allowed(err error) bool {
	ending := d.im.ends() || d.m.doomed.Load() || d.c.host() && d.c.member.ended()
	switch {
	case errors.Is(err, linker.ErrPoisoned):
		return false
	case errors.Is(err, linker.ErrClosed), errors.Is(err, linker.ErrGroupClosed):
		return ending
	case errors.Is(err, context.Canceled):
		return d.a.fuse.how != never || d.c.host() || d.c.inside
	case errors.Is(err, linker.ErrInOperation), errors.Is(err, linker.ErrReplay):
		return d.c.host() || d.inScript()
	case errors.Is(err, linker.ErrNoGroup):
		return d.a.kind == safepoints // outside of a call
	case errors.Is(err, linker.ErrForeignContext), errors.Is(err, linker.ErrStaleContext):
		return d.c.foreign
	case errors.Is(err, errPanic), isTrap(err), isA[*sys.ExitError](err):
		return d.inScript() || d.expected(err)
	}
	return d.expected(err)
}

// enters tells whether the act cannot be done without going into a group.
func (d *doing) enters() bool {
	return slices.Contains([]kind{opens, calls, sharesClosure, spawns}, d.a.kind)
}

// inScript tells whether the act may have run a guest that calls host functions.
func (d *doing) inScript() bool {
	switch d.a.kind {
	case opens, opensBytes, opensAll, callsHost, closesLibrary, closesGroup, closesLinker, traps,
		usesKept, runs:
		return true
	}
	return false
}

// expected lists the errors that say something about what was asked for.
func (d *doing) expected(err error) bool {
	switch d.a.kind {
	case opens, opensBytes, opensAll:
		var limit *linker.LimitError
		if errors.As(err, &limit) {
			return d.c.host() && strings.HasPrefix(limit.Limit, "constructors")
		}
		never := d.failing() && isA[*linker.NotFoundError](err)
		return never || errors.Is(err, linker.ErrNotLoaded) ||
			d.c.host() && isA[*linker.LoadError](err)
	case closesLibrary, closesGroup, closesLinker, runs:
		return isA[*linker.DestructorError](err)
	case looksUp, looksNext, calls, setsClosure, prepares:
		return errors.Is(err, linker.ErrLibraryClosed) || isA[*linker.UndefinedSymbolError](err) ||
			isA[*linker.ClosureError](err)
	case callsPrepared:
		return errors.Is(err, linker.ErrLibraryClosed)
	case freesClosure, freesCallback:
		return isA[*linker.ClosureError](err)
	case spawns:
		var limit *linker.LimitError
		return errors.As(err, &limit) && strings.Contains(limit.Limit, "groups")
	case startsThreads, waitsForThreads:
		return isA[*linker.ThreadError](err) || isTrap(err)
	}
	return false
}

// ended reports whether something that ends the group has begun.
func (m *member) ended() bool { return m != nil && (m.doomed.Load() || m.im.ends()) }

// outcome of a closing.
type outcome uint8

const (
	closedNow    outcome = iota
	closedBefore         // by another task
	stillOpen
	unclear
)

// closing tells what a closing has done. One whose destructors failed has closed the handle all
// the same.
func closing(err error) outcome {
	switch {
	case err == nil:
		return closedNow
	case errors.Is(err, linker.ErrLibraryClosed):
		return closedBefore
	case isA[*linker.DestructorError](err),
		errors.Is(err, linker.ErrGroupClosed),
		errors.Is(err, linker.ErrClosed):
		return unclear
	}
	return stillOpen
}
