package linker

import (
	"context"
	"fmt"

	"github.com/lockstep-wasm/lockstep/linker/internal/presence"
	"github.com/lockstep-wasm/lockstep/linker/internal/shim"
	"github.com/lockstep-wasm/lockstep/linker/internal/space"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// WithLoopSafepoints adds safepoints to the main module and all libraries: one in every round of a
// loop, at the beginning of every function that calls others, and after every thousand instructions
// or so of other code. A guest that computes for ever without calling the host then delays no other
// group's link operations, and can be ended. Memory that is filled or copied by one
// instruction is filled or copied in pieces of 1 MiB, with a safepoint between them. The default is
// false, which costs nothing.
//
// A call is ended when its context is done, when its group is closed by [Group.Close] or by an exit
// elsewhere, and when the linker is closed: it returns an *[InterruptedError]. So is the
// constructor of a library that is being loaded, and the start function that a load repeats in
// every group: it is a load that has failed, and leaves nothing.
// To the guest it is a trap: no code of its own runs, and no catch_all catches it. As after a trap
// the group lives on, unless [Config.WithTrapClosesGroup] says otherwise: the guest has been
// stopped half-way, perhaps with a lock of its own held that other groups wait for. Its stack
// pointer is as it was before the call.
//
// Modules get larger, and slower: each round loads, decreases, stores and tests a global.
// BenchmarkLoopSafepoints in libraries measures it. Line numbers of DWARF do not fit any more and
// are left out, so traces name functions only. wazero's own WithCloseOnContextDone ends calls, too,
// at a much higher price; what it ends cannot be used again, so a group that it has hit is closed.
func (c *Config) WithLoopSafepoints(on bool) *Config {
	return c.with(func(c *Config) { c.loopSafepoints = on })
}

// InterruptedError says that a guest was stopped at a safepoint, and why.
type InterruptedError struct {
	Group int // the number of its group
	// the context's error and cause, ErrGroupClosed, ErrClosed, or the exit that ended the image
	Err error
}

// Error implements the error interface.
func (e *InterruptedError) Error() string {
	return fmt.Sprintf("linker: group %d: interrupted: %s", e.Group, inner(e.Err))
}

// Unwrap returns the reason.
func (e *InterruptedError) Unwrap() error { return e.Err }

// hostLoop is what a module calls that has used up its rounds.
const hostLoop = "loop"

func newLoopHooks() space.HookTable {
	return space.HookTable{Name: shim.ReservedPrefix + "polls", Functions: []string{hostLoop},
		Types: []wasm.FuncType{wasm.SafepointType()}}
}

// unwatched ends nothing: most contexts need not be watched.
func unwatched() {}

// watch makes the group's guest see, wherever it is, that a context has ended. It returns what ends
// that.
func (g *Group) watch(ctx context.Context) (stop func()) {
	if !g.l.config.loopSafepoints || ctx.Done() == nil {
		return unwatched
	}
	unwatch := context.AfterFunc(ctx, g.space.Preempt.Hold)
	return func() {
		if !unwatch() {
			g.space.Preempt.Release()
		}
	}
}

// interruption returns why a guest has to stop where it is, or nil. Destructors go on when a group
// or the linker is only to be closed: they are what that waits for. So does a replay when its group
// is to be closed; it ends when that of its leader is, and with the context of the leader.
func (act *activation) interruption(ctx context.Context) error {
	g := act.group
	err := g.alive()
	finish := presence.IsUncancellable(ctx)
	switch {
	case err != nil:
	case g.l.ending.Load() > 0 && !finish:
		err = ErrClosed
	case g.closing.Load() > 0 && !finish && !act.Replay:
		err = ErrGroupClosed
	case act.by != nil:
		err = act.by.interruption()
	default:
		err = withCause(ctx)
	}
	if err == nil {
		return nil
	}
	return &InterruptedError{Group: g.id, Err: err}
}

// withCause returns the error of a context that has ended, with its cause.
func withCause(ctx context.Context) error {
	err := ctx.Err()
	if cause := context.Cause(ctx); err != nil && cause != err {
		err = fmt.Errorf("%w: %w", err, cause)
	}
	return err
}

// loopSafepoint is called by a guest that has used up its rounds.
func loopSafepoint(ctx context.Context) {
	act := activationOf(ctx)
	if act == nil {
		panic(ErrNoGroup)
	}
	act.group.space.Preempt.Lower()
	if err := act.interruption(ctx); err != nil {
		panic(err)
	}
	safepoint(ctx)
}

// attend makes all guests that run look, because there is an operation to take part in.
func (l *Linker) attend() {
	l.attention.raise()
	if !l.config.loopSafepoints {
		return
	}
	for _, g := range l.groups.list() {
		if g.member.Held() { // a goroutine is inside
			g.space.Preempt.Raise()
		}
	}
}

// wantsAttention reports whether there is something to do at a safepoint: for the group of a guest
// that is inside, mostly. A group that is entered looks for itself.
func (l *Linker) wantsAttention() bool {
	if l.coord == nil || l.coord.Pending() { // it is being built
		return true
	}
	for _, g := range l.groups.list() {
		if g.member.Held() &&
			(g.space.Stale.Any() || g.cause.Load() != nil || g.member.Gone()) {
			return true
		}
	}
	return false
}

// beginClosing makes guests that compute stop, and new calls fail, while the linker closes; the
// result takes that back.
func (l *Linker) beginClosing() (end func()) {
	if !l.config.loopSafepoints {
		return func() {}
	}
	groups := l.groups.list()
	l.ending.Add(1)
	for _, g := range groups {
		g.space.Preempt.Hold()
	}
	l.futexes.InterruptAll(ErrClosed)
	return func() {
		l.ending.Add(-1)
		for _, g := range groups {
			g.space.Preempt.Release()
		}
	}
}

// beginClosing makes the guest that computes in the group stop; the result takes that back.
func (g *Group) beginClosing() (end func()) {
	if !g.l.config.loopSafepoints {
		return func() {}
	}
	g.closing.Add(1)
	g.space.Preempt.Hold()
	g.l.futexes.Interrupt(g, ErrGroupClosed)
	return func() {
		g.closing.Add(-1)
		g.space.Preempt.Release()
	}
}
