package linker

import "context"

// begin is called before a function of a system interface, which may wait: the group is parked
// meanwhile, so that nobody waits for it. It is a safepoint, too. The result is 1 if the function
// is to be called in the instance of the standard streams, and otherwise 0.
func (s *system) begin(ctx context.Context, a access, descriptor int32) (streams uint64) {
	e := entryOf(ctx)
	if e == nil {
		panic(ErrNoGroup)
	}
	e.escaped = true
	if a == accessNone || a == accessPoll { // sched_yield, a sleep
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
	streams, e.unlock = s.lock(a, descriptor)
	return streams
}

// beginPoll is begin for poll_oneoff. A mere sleep looks no file up, and who waits for standard
// streams does so in their instance: neither may hold up those who open files.
func (s *system) beginPoll(ctx context.Context, m *imageMemory, subscriptions,
	n uint32) (streams uint64) {
	a, descriptor := s.pollAccess(m, subscriptions, n)
	return s.begin(ctx, a, descriptor)
}

// end is called after a function of a system interface.
func (s *system) end(ctx context.Context) {
	e := entryOf(ctx)
	e.endSystem()
	if e.parked {
		e.parked = false
		if err := e.group.resume(ctx); err != nil {
			panic(err)
		}
	}
}
