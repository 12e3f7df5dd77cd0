package linker

import (
	"context"

	"github.com/lockstep-wasm/lockstep/linker/internal/fdlock"
)

// lockFDs is called before a function of a system interface, which may wait: the group is
// parked meanwhile, so that no operation waits for it. It is a safepoint, too. The result is 1 if
// the function is to be called in the instance of the standard streams, and otherwise 0.
func (l *Linker) lockFDs(ctx context.Context, a fdlock.Access,
	descriptor int32) (streams uint64) {
	act := activationOf(ctx)
	if act == nil {
		panic(ErrNoGroup)
	}
	if a == fdlock.None || a == fdlock.Poll { // sched_yield, a sleep
		if err := act.yields(ctx); err != nil {
			panic(err)
		}
	}
	if act.parks() {
		if err := act.Park(); err != nil {
			panic(err)
		}
	}
	streams, unlock := l.fds.Lock(a, descriptor)
	act.Locked(unlock)
	return streams
}

// lockPolledFDs is lockFDs for poll_oneoff. A mere sleep looks no file up, and who waits for
// standard streams does so in their instance: neither may hold up those who open files.
func (l *Linker) lockPolledFDs(ctx context.Context, subscriptions, n uint32) (streams uint64) {
	const most = 1 << 16
	a, descriptor := fdlock.Poll, int32(-1)
	if b, ok := l.shared.Mem.At(subscriptions, min(n, most)*fdlock.SubscriptionSize); ok &&
		n <= most {
		a, descriptor = l.fds.PollAccess(b)
	}
	return l.lockFDs(ctx, a, descriptor)
}

// unlockFDs is called after a function of a system interface.
func unlockFDs(ctx context.Context) {
	act := activationOf(ctx)
	if err := act.Unpark(ctx); err != nil {
		panic(err)
	}
	act.group.l.attention.settle()
}
