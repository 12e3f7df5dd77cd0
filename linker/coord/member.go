package coord

import (
	"context"
	"sync/atomic"

	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// Member is one instance group. It is parked while no goroutine is inside it. Its
// methods are called by the goroutine that is inside (one at a time), except
// Enter, which goes in, and Crash, which any goroutine may call.
type Member struct {
	// Never changed when the group is attached.
	c           *Coordinator
	id          protocol.Group
	generation  uint64 // of the slot, see hasSlot
	participant Participant

	gate gate        // in and out without the mutex
	hold hold        // one goroutine at a time
	gone atomic.Bool // written with c.mu held

	// Guarded by c.mu.
	cause   error    // of the death; nil while it lives
	working int      // goroutines that work for it without the mutex: see begin
	dead    bool     // the action that ended it, Crash, Detach or Cancel, has been performed
	leading *leading // the innermost Link, a stack by its outer ones; nil outside of Link
}

// ID is the group's slot. It is used again when the group is gone.
func (m *Member) ID() int { return int(m.id) }

// Gone reports whether the group has left or died. Any goroutine may ask.
func (m *Member) Gone() bool { return m.gone.Load() }

// closed is nil while the group exists and the image is sound. The mutex is held.
func (m *Member) closed() error {
	switch {
	case m.c.poison != nil:
		return m.c.poison
	case !m.gone.Load():
		return nil
	case m.cause != nil:
		return &CrashError{Group: m.id, Cause: m.cause}
	}
	return ErrGroupClosed
}

// Enter goes into the group (Unpark). It costs one compare-and-swap while no operation counts on
// the group. While one does, Enter waits at the door (Wake), and the end of the operation
// lets it in. The errors are ErrGroupClosed, ErrPoisoned,
// ErrReentrant when a goroutine is inside, and the context's.
func (m *Member) Enter(ctx context.Context) error {
	if m.gate.in() {
		return nil
	}
	m.lock()
	defer m.unlock()
	err := m.enter(ctx)
	if err == nil {
		m.open()
	}
	return err
}

func (m *Member) enter(ctx context.Context) error {
	if err := m.closed(); err != nil {
		return err
	}
	if m.mode() == protocol.Running {
		return ErrReentrant
	}
	c := m.c
	if m.perform(protocol.ActUnpark) { // mostly: no operation counts on the group
		return nil
	}
	inside := func() bool { return m.mode() == protocol.Running }
	err := c.await(ctx, m, inside, func() bool {
		if inside() || m.perform(protocol.ActUnpark) {
			return true
		}
		m.perform(protocol.ActWake) // the end of the operation lets it in
		return false
	})
	if err != nil {
		m.perform(protocol.ActCancelWake)
	}
	return err
}

// Park leaves the group: no goroutine is inside, or its goroutine is about to block
// in something that does not touch the linker. Whatever is pending then, the
// leader does for it. It costs what Enter costs. Parking a group that is gone does nothing.
func (m *Member) Park() {
	if m.gate.out() {
		return
	}
	m.lock()
	defer m.unlock()
	if m.perform(protocol.ActPark) {
		m.open()
	}
}

// Safepoint takes part in a pending operation, if there is one, and returns
// when it is over (do_pending_link_operations of the reference). Without one it
// costs an atomic load. The errors are ErrGroupClosed and ErrPoisoned; the
// context does not end an operation that counts on this group.
func (m *Member) Safepoint(ctx context.Context) error {
	if !m.c.attention.Load() && !m.gone.Load() {
		return nil
	}
	c := m.c
	m.lock()
	defer m.unlock()
	// A group that replays is at its safepoint already, and one that leads is
	// no operation's participant.
	if m.atRendezvous() || m.stage() != protocol.Idle {
		return m.closed()
	}
	return c.await(context.WithoutCancel(ctx), m, func() bool { return false }, func() bool {
		return m.part() == protocol.NoPart
	})
}

// Detach leaves for good, in the state lock's queue, taking part in whatever is
// pending first. It may be called from outside the group when it is parked.
func (m *Member) Detach(ctx context.Context) error {
	c := m.c
	m.lock()
	defer m.unlock()
	outside := m.mode() == protocol.Parked && !m.gone.Load()
	if outside {
		if err := m.enter(ctx); err != nil {
			return err
		}
	}
	if err := m.lockState(ctx); err != nil {
		if outside {
			m.perform(protocol.ActPark)
		}
		return err
	}
	m.must(protocol.ActDetach)
	m.leave()
	c.wake()
	return nil
}

// Crash takes a group out that trapped, exited or panicked: it counts as
// detached, wherever it stood, and no operation waits for it. Later calls
// return a *CrashError with the cause. While a goroutine works for the group (in
// Work.Do, say, or in Participant.Apply), the action is performed when that goroutine is done:
// until then the group keeps the locks that protect what is half changed. A leader whose operation
// is broadcast already still completes it. Any goroutine may call Crash; the first cause counts.
func (m *Member) Crash(cause error) {
	m.lock()
	defer m.unlock()
	m.crash(cause)
}

func (m *Member) crash(cause error) {
	if m.gone.Load() || m.c.poison != nil {
		return
	}
	if cause == nil {
		cause = ErrCrashed
	}
	m.shut() // also when another goroutine's work for the group failed
	m.cause = cause
	m.gone.Store(true)
	if m.working > 0 {
		m.c.wake() // a leader that waits for others sees it, and takes its work back
		return
	}
	m.perish()
}

// perish performs the Crash of a group that is gone. The mutex is held.
func (m *Member) perish() {
	m.leave() // before the action, which wakes who must see it
	m.must(protocol.ActCrash)
}

// leave notes that the action that ends a group has been performed, or is about to be. The mutex is
// held.
func (m *Member) leave() {
	m.gone.Store(true)
	m.dead = true
	m.c.members[m.id] = nil
}

// begin notes that a goroutine begins to work for the group without the mutex, in the group's own
// instances or in the shared state: the group cannot die under its hands. The mutex is held.
func (m *Member) begin() { m.working++ }

// end is the reverse of begin. A Crash that came meanwhile is performed now. The mutex is held.
func (m *Member) end() {
	m.working--
	if m.working > 0 || !m.gone.Load() {
		return
	}
	if !m.dead && m.c.poison == nil {
		m.perish()
	}
	m.c.wake()
}

// out reports whether no goroutine works for the group any more, nor ever will. The mutex is held.
func (m *Member) out() bool { return m.working == 0 && (m.dead || m.c.poison != nil) }

// AwaitOut waits until no goroutine works for a group that has left or died, or whose image is
// poisoned: from then on what it has belongs to the caller. The wait is as long as the work that is
// under way; the error is the context's. Any goroutine may call it that does not work for the group
// itself.
func (m *Member) AwaitOut(ctx context.Context) error {
	c := m.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if m.out() {
		return nil
	}
	w := &waiter{Waiter: c.waiting.Waiter(), m: m, out: true}
	c.waiters = append(c.waiters, w)
	defer c.forget(w)
	for !m.out() {
		if err := ctx.Err(); err != nil {
			return err
		}
		c.pause(ctx, w)
	}
	return nil
}
