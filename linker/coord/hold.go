package coord

import (
	"context"

	"github.com/lockstep-wasm/lockstep/linker/internal/ctxlock"
)

// hold is the lock of a group: the goroutine that has it goes into the group and out of it, builds
// it, or takes it apart, and the others wait. It is not part of the protocol, which says nothing of
// goroutines.
//
// A goroutine that finds the group free holds it and goes in by one compare-and-swap of the gate's
// word, and leaves it by another. The others take the lock, which is first come, first served, and
// set gateWanted: from then on no goroutine comes in at once, and who has come in gives way when
// it leaves.
type hold struct {
	lock   *ctxlock.Lock
	handed chan struct{} // from who has come in at once to who has the lock; holds at most one
}

func newHold() hold { return hold{lock: ctxlock.New(), handed: make(chan struct{}, 1)} }

// In holds a free group and goes in (Unpark). False means that the slow path has to be taken: Hold
// and Enter. holder is what Renew has returned last; a number from before that is refused.
func (m *Member) In(holder uint64) bool {
	w := m.gate.word.Load()
	return w&^(gateHolder-gatePassage) == holder|gateOpen && w&gatePassage == 0 &&
		passages(w) < gatePassages && m.gate.word.CompareAndSwap(w, w+(gatePassage|gateHeld))
}

// Out is the reverse of In (Park). False means that the slow path has to be taken: Park and Drop.
// That is so when the group has died, too.
func (m *Member) Out() bool {
	w := m.gate.word.Load()
	return w&(gateOpen|gateHeld|gateWanted|gatePassage) == gateOpen|gateHeld|gatePassage &&
		passages(w) < gatePassages && m.gate.word.CompareAndSwap(w, w+(gatePassage-gateHeld))
}

// IsIn reports whether the goroutine that In has let in with a number is in the group still. Any
// goroutine may ask.
func (m *Member) IsIn(holder uint64) bool {
	w := m.gate.word.Load()
	return w&gateHeld != 0 && w&^(gateHolder-1) == holder
}

// Renew returns the number with which In lets a goroutine in from now on. It is not 0. The caller
// holds the group.
func (m *Member) Renew() (holder uint64) {
	for {
		if holder = m.gate.word.Add(gateHolder) &^ (gateHolder - 1); holder != 0 {
			return holder
		}
	}
}

// Hold waits until the group is free and holds it. The error is the context's, which ends the wait.
// A group that is free is held whatever the context says.
func (m *Member) Hold(ctx context.Context) error {
	if err := m.hold.lock.Lock(ctx); err != nil {
		return err
	}
	if m.gate.word.Or(gateWanted)&gateHeld == 0 {
		return nil
	}
	select {
	case <-m.hold.handed:
		return nil
	case <-ctx.Done():
	}
	if m.gate.word.And(^uint64(gateWanted))&gateHeld == 0 {
		<-m.hold.handed // it is given way already
	}
	m.hold.lock.Unlock()
	return ctx.Err()
}

// TryHold holds the group if it is free.
func (m *Member) TryHold() bool {
	if !m.hold.lock.TryLock() {
		return false
	}
	for {
		w := m.gate.word.Load()
		if w&gateHeld != 0 {
			m.hold.lock.Unlock()
			return false
		}
		if m.gate.word.CompareAndSwap(w, w|gateWanted) {
			return true
		}
	}
}

// Drop lets go of the group: it is the goroutine's that has waited longest, or free. The caller
// holds it, and is not in it.
func (m *Member) Drop() {
	if m.gate.word.Load()&gateHeld != 0 {
		if m.gate.word.And(^uint64(gateHeld))&gateWanted != 0 {
			m.hold.handed <- struct{}{}
		}
		return
	}
	if !m.hold.lock.Wanted() { // else it stays wanted
		m.gate.word.And(^uint64(gateWanted))
	}
	m.hold.lock.Unlock()
}

// Held reports whether a goroutine holds the group, which may change at once.
func (m *Member) Held() bool { return m.hold.lock.Held() || m.gate.word.Load()&gateHeld != 0 }
