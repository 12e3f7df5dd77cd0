package coord

import (
	"context"
	"runtime"
	"sync/atomic"

	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// Token is the topology lease as a value. It may move to another goroutine, one goroutine at a
// time, and ends exactly once: by Release, or by going over to a link operation or a child. A token
// that becomes garbage without ending is reported to Config.OnLeak, and its lease stays taken. But
// for what ended points to, which any goroutine may change, nothing in it changes.
type Token struct {
	m     *Member
	id    uint64
	ended *atomic.Bool
	leak  runtime.Cleanup
}

// ID tells tokens apart: it counts the leases that were granted.
func (t *Token) ID() uint64 { return t.id }

// Lease acquires the topology lease, first come, first served, taking part in
// others' operations while it waits (acquire_topology_token of the reference).
// The errors are ErrGroupClosed, ErrPoisoned, ErrReentrant, ErrReplaying and
// the context's.
func (m *Member) Lease(ctx context.Context) (*Token, error) {
	m.lock()
	defer m.unlock()
	if err := m.lease(ctx); err != nil {
		return nil, err
	}
	return m.token(), nil
}

// TryLease acquires the lease if it is free and no group waits for it.
func (m *Member) TryLease() (*Token, bool) {
	c := m.c
	m.lock()
	defer m.unlock()
	if c.state.Holder != protocol.NoGroup || c.state.LeaseQueue.Len() > 0 || m.mayRequest() != nil {
		return nil, false
	}
	m.must(protocol.ActRequestLease)
	m.must(protocol.ActGrantLease)
	return m.token(), true
}

func (m *Member) token() *Token {
	m.c.tokens++
	t := &Token{m: m, id: m.c.tokens, ended: new(atomic.Bool)}
	if report := m.c.onLeak; report != nil {
		ended, id := t.ended, t.id
		t.leak = runtime.AddCleanup(t, func(struct{}) {
			if !ended.Load() {
				report(id)
			}
		}, struct{}{})
	}
	return t
}

// end ends the token; a second end is an error.
func (t *Token) end() error {
	if !t.ended.CompareAndSwap(false, true) {
		return ErrTokenReleased
	}
	t.leak.Stop()
	return nil
}

// Release gives the lease back. Releasing a token a second time is
// ErrTokenReleased and changes nothing.
func (t *Token) Release() error {
	if err := t.end(); err != nil {
		return err
	}
	t.m.c.mu.Lock()
	defer t.m.c.mu.Unlock()
	t.m.cancel() // a group that died has lost its lease already
	return nil
}

// mayRequest tells what keeps m from asking for something: nil, or an error. The mutex is held.
func (m *Member) mayRequest() error {
	switch {
	case m.closed() != nil:
		return m.closed()
	case m.atRendezvous():
		return ErrReplaying
	case m.stage() != protocol.Idle || m.mode() != protocol.Running:
		return ErrReentrant
	}
	return nil
}

// lease is Lease with the mutex held and without a token.
func (m *Member) lease(ctx context.Context) error {
	if err := m.mayRequest(); err != nil {
		return err
	}
	c := m.c
	m.must(protocol.ActRequestLease)
	if c.state.Holder != protocol.NoGroup {
		c.wanted()
	}
	err := c.await(ctx, m, func() bool {
		return c.state.Holder == protocol.NoGroup && c.state.LeaseQueue.Head() == m.id
	}, func() bool { return m.perform(protocol.ActGrantLease) })
	if err != nil {
		m.cancel()
	}
	return err
}

// cancel withdraws whatever m asked for and holds. The mutex is held, and m is
// not at a rendezvous. A group that died has nothing to withdraw.
func (m *Member) cancel() {
	if !m.gone.Load() {
		m.perform(protocol.ActCancel)
	}
}
