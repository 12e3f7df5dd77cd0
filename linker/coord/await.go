package coord

import (
	"context"
	"slices"

	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// waiter is a goroutine that waits inside or in front of group m. The mutex guards held; the rest
// does not change.
type waiter struct {
	Waiter
	m          *Member
	held       bool        // it waits at the rendezvous, where its context does not count
	out        bool        // it waits until m is out
	canProceed func() bool // what it waits for may be there; reads the state only
}

// ready tells whether another look is worthwhile for the waiter. The mutex is held.
func (w *waiter) ready() bool {
	if w.out {
		return w.m.out()
	}
	if w.m.c.state.Poisoned || w.m.gone.Load() {
		return true
	}
	if w.m.mode() == protocol.Running && w.m.pendingStep() != nothing {
		return true
	}
	return !w.m.atRendezvous() && (w.held || w.canProceed())
}

// await waits until done holds, taking part in whatever operation counts on m meanwhile: because of
// this cooperation a waiting group does not stop the others. canProceed tells, without side
// effects, that done can hold; done may perform actions. The mutex is held when await is called,
// when it calls canProceed and done, and when it returns; it is free while await waits and while a
// participant works.
//
// The context ends the wait only while the group is free to go: from its
// arrival until the operation is over it is not.
func (c *Coordinator) await(ctx context.Context, m *Member, may, done func() bool) error {
	var w *waiter
	defer func() { c.forget(w) }()
	for {
		if err := m.closed(); err != nil {
			return err
		}
		if m.mode() == protocol.Running && c.serve(ctx, m) {
			continue
		}
		held := m.mode() == protocol.Running && m.atRendezvous()
		if !held {
			if done() {
				return nil
			}
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		if w == nil {
			w = &waiter{Waiter: c.waiting.Waiter(), m: m, canProceed: may}
			c.waiters = append(c.waiters, w)
		}
		w.held = held
		c.pause(ctx, w)
	}
}

// pause lets go of the mutex until w has something to do, or its context ends
// while that counts. That it ended is seen by who calls pause.
func (c *Coordinator) pause(ctx context.Context, w *waiter) {
	if w.held {
		ctx = context.WithoutCancel(ctx)
	}
	c.mu.Unlock()
	defer c.mu.Lock()
	_ = w.Wait(ctx)
}

func (c *Coordinator) forget(w *waiter) {
	if i := slices.Index(c.waiters, w); i >= 0 {
		c.waiters = slices.Delete(c.waiters, i, i+1)
	}
}

// pendingStep is what the present operation wants of a group now.
type pendingStep uint8

const (
	nothing pendingStep = iota
	toArrive
	toApply
	toUndo
)

// pendingStep tells what the present operation wants of m now. The mutex is held.
func (m *Member) pendingStep() pendingStep {
	s := &m.c.state
	if s.Poisoned { // perhaps while m was working: nothing counts any more
		return nothing
	}
	switch m.part() {
	case protocol.Expected:
		if s.Pending() {
			return toArrive
		}
	case protocol.Arrived:
		if s.Mail[m.id].Len() > 0 {
			return toApply
		}
	case protocol.Applied:
		if s.Failed && s.AllTried() {
			return toUndo
		}
	}
	return nothing
}

// serve does what the present operation wants of m now, and tells whether that was
// anything. It is called by m's own goroutine, or by the leader's while m is
// parked, with the mutex held; the mutex is free while the participant works.
func (c *Coordinator) serve(ctx context.Context, m *Member) bool {
	switch m.pendingStep() {
	case toArrive:
		if c.state.Asleep(m.id) {
			return m.perform(protocol.ActClaim)
		}
		return m.perform(protocol.ActArrive)
	case toApply:
		if err := c.work(m,
			func() error {
				return m.participant.Apply(context.WithoutCancel(ctx),
					c.present)
			}); err != nil {
			c.fail(m, err)
		} else if m.pendingStep() == toApply {
			m.must(protocol.ActApply)
		}
		return true
	case toUndo:
		if err := c.work(m,
			func() error {
				return m.participant.Undo(context.WithoutCancel(ctx),
					c.present)
			}); err != nil {
			if m.pendingStep() == toUndo {
				c.poison = &PoisonError{Group: m.id, Apply: c.cause, Undo: err}
				m.must(protocol.ActFailUndo)
			}
		} else if m.pendingStep() == toUndo {
			m.must(protocol.ActUndo)
		}
		return true
	}
	return false
}

// fail notes that m could not apply the operation.
func (c *Coordinator) fail(m *Member, err error) {
	if m.pendingStep() != toApply { // it died meanwhile, and no leader waits for it
		return
	}
	if c.cause == nil {
		c.cause = &ReplayError{Group: m.id, Err: err}
	}
	m.must(protocol.ActFailApply)
}

// work runs f without the mutex. If it panics, or ends the goroutine, that is the death of m, which
// is then no participant any more.
func (c *Coordinator) work(m *Member, f func() error) (err error) {
	m.begin()
	c.mu.Unlock()
	returned := false
	defer func() {
		v := recover()
		c.mu.Lock()
		switch {
		case v != nil:
			err = &PanicError{Value: v}
			m.crash(err)
		case !returned:
			m.crash(ErrUnfinished)
		}
		m.end()
	}()
	err = f()
	returned = true
	return err
}
