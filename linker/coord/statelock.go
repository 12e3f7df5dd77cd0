package coord

import (
	"context"

	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// WithState runs f holding the state lock without the lease
// (write_linker_state of the reference), taking part in others' operations
// while it waits. No operation is published while f runs. f must not call the
// coordinator, except AllocateClosure and FreeClosure of this member. The
// errors are f's, ErrGroupClosed, ErrPoisoned, ErrReentrant, ErrReplaying and
// the context's.
func (m *Member) WithState(ctx context.Context, f func() error) error {
	m.lock()
	defer m.unlock()
	if err := m.lockState(ctx); err != nil {
		return err
	}
	return m.holding(f)
}

// TryWithState is WithState if the state lock is free and no group waits for it; otherwise it
// returns false and does nothing (try_write of the reference).
func (m *Member) TryWithState(f func() error) (bool, error) {
	c := m.c
	m.lock()
	defer m.unlock()
	s := &c.state
	if s.Writer != protocol.NoGroup || s.Readers != 0 || s.StateQueue.Len() > 0 ||
		m.mayRequest() != nil {
		return false, nil
	}
	m.must(protocol.ActRequestState)
	m.must(protocol.ActLockState)
	return true, m.holding(f)
}

// holding runs f without the mutex and then lets go of the state lock. If f
// panics or ends the goroutine, the group has died.
func (m *Member) holding(f func() error) error {
	c := m.c
	m.begin()
	c.mu.Unlock()
	returned := false
	defer func() {
		c.mu.Lock()
		if !returned {
			m.crash(ErrUnfinished)
		}
		m.end() // a group that has died gives the lock back with its Crash
		if !m.gone.Load() {
			m.must(protocol.ActUnlockState)
		}
	}()
	err := f()
	returned = true
	return err
}

// lockState acquires the state lock without the lease. The mutex is held.
func (m *Member) lockState(ctx context.Context) error {
	if err := m.mayRequest(); err != nil {
		return err
	}
	return m.awaitState(ctx)
}

// awaitState joins the state lock's queue and waits for the lock. It is also
// how a holder of the lease gets it (write_linker_state_with_topology, and
// write_linker_state_blocking_holding_topology for a child).
func (m *Member) awaitState(ctx context.Context) error {
	c := m.c
	m.must(protocol.ActRequestState)
	if c.state.Writer != protocol.NoGroup {
		c.wanted()
	}
	err := c.await(ctx, m, func() bool {
		return c.state.Writer == protocol.NoGroup && c.state.Readers == 0 &&
			c.state.StateQueue.Head() == m.id
	}, func() bool { return m.perform(protocol.ActLockState) })
	if err != nil {
		m.cancel()
	}
	return err
}

// AllocateClosure takes a slot from the count of free closure slots. It is
// called inside WithState; false means that there is none, and an
// AllocateFunctionTable operation is needed. Outside it is ErrNotLocked.
func (m *Member) AllocateClosure() (bool, error) {
	return m.closure(protocol.ActAllocateClosure, func(s *protocol.State) uint32 { return s.Free })
}

// FreeClosure gives a slot back to the count of free closure slots. It is
// called inside WithState; false means that none is taken.
func (m *Member) FreeClosure() (bool, error) {
	return m.closure(protocol.ActFreeClosure, func(s *protocol.State) uint32 { return s.Taken })
}

func (m *Member) closure(a protocol.Action, left func(*protocol.State) uint32) (bool, error) {
	c := m.c
	m.lock()
	defer m.unlock()
	switch {
	case m.closed() != nil:
		return false, m.closed()
	case m.stage() != protocol.Locked:
		return false, ErrNotLocked
	case left(&c.state) == 0:
		return false, nil
	}
	m.must(a)
	return true, nil
}
