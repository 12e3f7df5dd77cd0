package coord

import (
	"context"
	"errors"
	"slices"

	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// ErrUnfinished is the cause of the death of a group whose goroutine panicked
// or ended (runtime.Goexit) in the middle of a request.
var ErrUnfinished = errors.New("coord: the goroutine ended in the middle of a request")

// Link performs a link operation: lease, state lock, w.Do, both epochs,
// w.Commit. It returns the commit's number, or 0 when w.Do found nothing to do.
//
// An error means that nothing was done: w.Do's error; a *ReplayError when
// another group could not follow, after all have undone; the context's
// error when it ended before the broadcast (afterwards the operation completes
// whatever the context says); ErrGroupClosed, ErrPoisoned, ErrReentrant,
// ErrReplaying. If w panics, the group has died, and the panic goes on.
func (m *Member) Link(ctx context.Context, w Work) (commit uint64, err error) {
	m.lock()
	defer m.unlock()
	if err := m.lease(ctx); err != nil {
		return 0, err
	}
	return m.link(ctx, w)
}

// Link is Member.Link with the lease in hand; the token ends.
func (t *Token) Link(ctx context.Context, w Work) (commit uint64, err error) {
	if err := t.end(); err != nil {
		return 0, err
	}
	t.m.c.mu.Lock()
	defer t.m.c.mu.Unlock()
	if err := t.m.closed(); err != nil {
		return 0, err
	}
	return t.m.link(ctx, w)
}

// link leads an operation. The mutex is held, and so is the lease.
func (m *Member) link(ctx context.Context, w Work) (uint64, error) {
	if err := m.awaitState(ctx); err != nil {
		return 0, err
	}
	l := &leading{outer: m.leading}
	m.leading = l
	finished := false
	defer func() {
		m.leading = l.outer
		if !finished {
			m.abandon(w)
		}
	}()
	broadcast, err := m.prepare(ctx, w, l)
	if broadcast {
		l.commit, err = m.c.replay(context.WithoutCancel(ctx), m, w)
	}
	finished = true
	return l.commit, err
}

// abandon ends the operation of a goroutine that panicked or ended:
// the group has died, and if the operation was broadcast, another goroutine
// keeps the promise.
func (m *Member) abandon(w Work) {
	c := m.c
	m.crash(ErrUnfinished)
	if m.stage() != protocol.Replaying {
		return
	}
	m.begin() // it works in the name of the group, which is not out before
	c.waiting.Go(func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		defer m.end()
		_, _ = c.replay(context.Background(), m, w) // the member is dead, and has no caller
	})
}

// prepare is the operation up to its broadcast, with lease and state lock in hand. The shared state
// is half changed meanwhile, so a leader that is killed from outside keeps both locks until its
// goroutine has taken its work back: only then is its Crash performed.
func (m *Member) prepare(ctx context.Context, w Work, l *leading) (broadcast bool, err error) {
	c := m.c
	m.begin()
	defer func() {
		if !l.committed {
			m.end()
		}
	}()
	var op Operation
	var changed bool
	err = m.runUnlocked(func() (err error) {
		op, changed, err = w.Do(ctx)
		return err
	})
	switch {
	case l.committed:
		return false, err
	case l.err != nil:
		if err == nil {
			err = errors.Join(l.err,
				m.runUnlocked(func() error { return w.Undo(context.WithoutCancel(ctx)) }))
		}
		m.takenBack()
		return false, errors.Join(m.closed(), err)
	}
	if m.closed() != nil {
		if err == nil && changed { // killed from outside while it worked
			err = m.withdraw(ctx, w)
		}
		return false, errors.Join(m.closed(), err)
	}
	if err != nil || !changed {
		m.must(protocol.ActUnlockState)
		return false, err
	}
	if err := c.worked(m, op); err != nil {
		return false, errors.Join(err, m.withdraw(ctx, w))
	}
	m.publish()
	if err := c.lead(ctx, m, m.broadcast); err != nil {
		return false, errors.Join(err, m.withdraw(ctx, w))
	}
	return true, nil
}

// broadcast opens epoch 2, if all participants have arrived.
func (m *Member) broadcast() bool { return m.perform(protocol.ActBroadcast) }

// worked performs Work with a tag that is not in the log, which is forgotten first when it is full.
func (c *Coordinator) worked(m *Member, op Operation) error {
	c.perform(protocol.Step{Action: protocol.ActCheckpoint})
	c.tag++
	t := protocol.Step{Action: protocol.ActWork, Group: m.id,
		Op: protocol.Op{Kind: op.Kind, Tag: c.tag}}
	if !c.perform(t) {
		return c.state.Perform(t)
	}
	c.present, c.cause = op, nil
	return nil
}

// lead does the leader's part until done: it acts for the groups that are
// parked, and waits for the others. The context ends the wait before the broadcast.
func (c *Coordinator) lead(ctx context.Context, m *Member, done func() bool) error {
	w := &waiter{Waiter: c.waiting.Waiter(), m: m,
		canProceed: func() bool { return c.leaderMay(m) }}
	c.waiters = append(c.waiters, w)
	defer c.forget(w)
	for {
		if c.poison != nil {
			return c.poison
		}
		if m.gone.Load() && m.stage() != protocol.Replaying {
			return m.closed()
		}
		if h := c.parkedWithStep(); h != nil {
			c.serve(ctx, h)
			continue
		}
		if done() {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		c.pause(ctx, w)
	}
}

// parkedWithStep is a parked group that the leader has to act for, or nil.
func (c *Coordinator) parkedWithStep() *Member {
	i := slices.IndexFunc(c.members[:], func(h *Member) bool {
		return h != nil && c.state.Asleep(h.id) && h.pendingStep() != nothing
	})
	if i < 0 {
		return nil
	}
	return c.members[i]
}

// leaderMay tells whether the leader has something to do: an epoch is complete,
// or a parked group needs it.
func (c *Coordinator) leaderMay(m *Member) bool {
	s := &c.state
	if c.parkedWithStep() != nil {
		return true
	}
	if m.stage() == protocol.Published {
		return s.Every(protocol.Arrived, protocol.Arrived)
	}
	return s.Every(protocol.Applied, protocol.Applied) || s.Every(protocol.Failed, protocol.Undone)
}

// replay is epoch 2, up to the commit or to the rollback of an operation that
// a participant could not apply.
func (c *Coordinator) replay(ctx context.Context, m *Member, w Work) (commit uint64, err error) {
	commit, undone, err := c.decide(ctx, m, w)
	if undone {
		return 0, c.rollback(ctx, m, w)
	}
	return commit, err
}

// decide is epoch 2, up to the commit, or until all but the leader have undone the operation.
// Nothing ends it early: the operation is broadcast.
func (c *Coordinator) decide(ctx context.Context, m *Member, w Work) (commit uint64, undone bool,
	err error) {
	err = c.lead(ctx, m, func() bool {
		if c.state.Failed {
			if !c.state.Every(protocol.Failed, protocol.Undone) {
				return false
			}
			undone = true
			return true
		}
		if !c.state.Every(protocol.Applied, protocol.Applied) {
			return false
		}
		commit = c.commits.Load() + 1
		w.Commit(commit)
		c.commits.Store(commit) // after what it counts can be seen
		m.must(protocol.ActCommit)
		return true
	})
	if err == nil && undone {
		return 0, true, nil
	}
	finish := c.present.Finish
	c.present = Operation{}
	if commit != 0 && finish != nil {
		_ = m.runUnlocked(func() error { finish(ctx); return nil })
	}
	return commit, false, err
}

// reason returns why the present operation is taken back.
func (c *Coordinator) reason() error {
	if c.cause == nil { // the group that failed has died since
		return &ReplayError{Group: protocol.NoGroup, Err: ErrGroupClosed}
	}
	return c.cause
}

// rollback takes back the leader's own work, after all others have undone.
func (c *Coordinator) rollback(ctx context.Context, m *Member, w Work) error {
	cause := c.reason()
	if err := m.runUnlocked(func() error { return w.Undo(ctx) }); err != nil &&
		m.mode() == protocol.Running {
		c.poison = &PoisonError{Group: m.id, Apply: cause, Undo: err}
		m.must(protocol.ActFailRollback)
		return c.poison
	}
	m.must(protocol.ActRollback)
	c.present, c.cause = Operation{}, nil
	return cause
}

// withdraw takes the leader's work back before the broadcast. A leader that
// cannot has died: only its own instances differ from those of others.
func (m *Member) withdraw(ctx context.Context, w Work) error {
	err := m.runUnlocked(func() error { return w.Undo(context.WithoutCancel(ctx)) })
	if err != nil {
		m.crash(err)
	}
	m.cancel()
	return err
}

// runUnlocked runs a step of the leader's own work without the mutex. If it panics or
// ends the goroutine, the group has died.
func (m *Member) runUnlocked(f func() error) error {
	c, l := m.c, m.leading
	early := l != nil && l.committed
	m.begin()
	c.mu.Unlock()
	returned := false
	defer func() {
		c.mu.Lock()
		if !returned {
			m.crash(ErrUnfinished)
		}
		if early || l == nil || !l.committed { // else CommitEarly has ended it
			m.end()
		}
	}()
	err := f()
	returned = true
	return err
}
