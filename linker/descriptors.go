package linker

import (
	"context"

	"github.com/lockstep-wasm/lockstep/linker/internal/fdlock"
)

// beginSystem is called before a function of a system interface, which may wait: the group is
// parked meanwhile, so that no operation waits for it. It is a safepoint, too. The result is 1 if
// the function is to be called in the instance of the standard streams, and otherwise 0.
func (l *Linker) beginSystem(ctx context.Context, a fdlock.Access,
	descriptor int32) (streams uint64) {
	e := activationOf(ctx)
	if e == nil {
		panic(ErrNoGroup)
	}
	if a == fdlock.None || a == fdlock.Poll { // sched_yield, a sleep
		if err := e.yields(ctx); err != nil {
			panic(err)
		}
	}
	if e.parks() {
		if err := e.group.alive(); err != nil {
			panic(err)
		}
		e.group.member.Park()
		e.parked = true
	}
	streams, e.unlock = l.fds.Lock(a, descriptor)
	return streams
}

// beginPoll is beginSystem for poll_oneoff. A mere sleep looks no file up, and who waits for
// standard streams does so in their instance: neither may hold up those who open files.
func (l *Linker) beginPoll(ctx context.Context, subscriptions, n uint32) (streams uint64) {
	const most = 1 << 16
	a, descriptor := fdlock.Poll, int32(-1)
	if b, ok := l.shared.Mem.At(subscriptions, min(n, most)*fdlock.SubscriptionSize); ok &&
		n <= most {
		a, descriptor = l.fds.PollAccess(b)
	}
	return l.beginSystem(ctx, a, descriptor)
}

// endSystem is called after a function of a system interface.
func endSystem(ctx context.Context) {
	e := activationOf(ctx)
	e.endSystem()
	if e.parked {
		e.parked = false
		if err := e.group.resume(ctx); err != nil {
			panic(err)
		}
	}
	e.group.l.attention.settle()
}
