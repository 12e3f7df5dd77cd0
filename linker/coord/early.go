package coord

import (
	"context"

	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// leading is one call of Link. A second one can begin within the first when that has committed
// early, so they form a stack: Member.leading is the innermost. Guarded by the mutex.
type leading struct {
	outer     *leading
	committed bool   // early: the rest of Work.Do is not part of the operation
	commit    uint64 // its number then
	err       error  // why an early commit failed: the operation is to be taken back
}

// CommitEarly publishes and commits what w.Do has done so far, as op. It is called from within
// w.Do, on the goroutine that runs it. When it succeeds, the operation is over: w.Commit has been
// called, the lease and the state lock are free, and the rest of w.Do is as any other code in the
// group, which may begin operations of its own. Its results but the error do not count any more,
// and Link returns that error together with the commit's number.
//
// On an error w.Do has to take back whatever it has done and to return an error; until then all
// groups hold still. The errors are those of Link, and ErrNotLocked when w.Do is not under way.
func (m *Member) CommitEarly(ctx context.Context, w Work, op Operation) (commit uint64, err error) {
	c := m.c
	c.mu.Lock()
	defer c.mu.Unlock()
	l := m.leading
	if err := m.closed(); err != nil {
		return 0, err
	}
	switch {
	case l == nil || l.committed || m.stage() != protocol.Locked:
		return 0, ErrNotLocked
	case l.err != nil:
		return 0, l.err
	}
	if l.commit, l.err = m.commitEarly(ctx, w, op); l.err != nil {
		return 0, l.err
	}
	l.committed = true
	m.end() // what prepare and own have begun
	m.end()
	return l.commit, nil
}

func (m *Member) commitEarly(ctx context.Context, w Work, op Operation) (uint64, error) {
	c := m.c
	if err := c.worked(m, op); err != nil {
		return 0, err
	}
	m.publish()
	if err := c.lead(ctx, m, m.broadcast); err != nil {
		return 0, err
	}
	commit, undone, err := c.decide(context.WithoutCancel(ctx), m, w)
	if undone {
		return 0, c.reason()
	}
	return commit, err
}

// takenBack ends an operation that could not be committed early, when w.Do has taken back its work.
// The mutex is held.
func (m *Member) takenBack() {
	c := m.c
	if c.poison != nil || m.dead {
		return
	}
	switch m.stage() {
	case protocol.Replaying:
		m.must(protocol.ActRollback)
		c.present, c.cause = Operation{}, nil
	case protocol.Locked:
		m.must(protocol.ActUnlockState)
	default:
		m.cancel()
	}
}

// Wanted reports whether another group waits for a lock that the caller's operation has.
func (m *Member) Wanted() bool {
	m.c.mu.Lock()
	defer m.c.mu.Unlock()
	s := &m.c.state
	return s.LeaseQueue.Len() > 0 || s.StateQueue.Len() > 0
}
