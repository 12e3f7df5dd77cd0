package sync

import (
	"sync"
	"unsafe"

	"github.com/lockstep-wasm/lockstep/lincheck/explore/internal/sched"
)

// RWMutex is sync.RWMutex: a writer that waits keeps new readers out. For the search, what readers
// do commutes.
type RWMutex struct{ real sync.RWMutex }

// rwState is the state of a RWMutex in a run.
type rwState struct {
	readers int
	writer  bool // there is one, or one waits for the readers to go
}

func (m *RWMutex) state(t *sched.Task) (*sched.Object, *rwState) {
	o := t.Object(unsafe.Pointer(m), "sync.RWMutex", nil)
	if o.State == nil {
		st := &rwState{}
		switch {
		case m.real.TryLock():
			m.real.Unlock()
		case m.real.TryRLock(): // how many readers there are outside of the run cannot be seen
			m.real.RUnlock()
			st.readers = 1
		default:
			st.writer = true
		}
		o.State = st
	}
	return o, o.State.(*rwState)
}

// Lock is sync.RWMutex.Lock.
func (m *RWMutex) Lock() {
	t := sched.Current()
	if t == nil {
		m.real.Lock()
		return
	}
	o, st := m.state(t)
	t.Point(sched.Op{Kind: sched.Announce, Name: "Lock", Obj: o, Write: true,
		Ready: func() bool { return !st.writer }})
	st.writer = true
	if st.readers > 0 {
		t.Point(sched.Op{Kind: sched.AcquireAll, Name: "Lock, after readers", Obj: o, Write: true,
			Ready: func() bool { return st.readers == 0 }})
	}
	o.Hold(t)
	t.AcquireAll(o)
}

// TryLock is sync.RWMutex.TryLock.
func (m *RWMutex) TryLock() bool {
	t := sched.Current()
	if t == nil {
		return m.real.TryLock()
	}
	o, st := m.state(t)
	t.Point(sched.Op{Name: "TryLock", Obj: o, Write: true})
	ok := !st.writer && st.readers == 0
	if ok {
		st.writer = true
		o.Hold(t)
		t.AcquireAll(o)
	}
	t.Value(ok)
	return ok
}

// Unlock is sync.RWMutex.Unlock.
func (m *RWMutex) Unlock() {
	t := sched.Current()
	if t == nil {
		m.real.Unlock()
		return
	}
	o, st := m.state(t)
	t.Point(sched.Op{Kind: sched.Release, Name: "Unlock", Obj: o, Write: true})
	if !st.writer || st.readers > 0 {
		panic("sync: Unlock of unlocked RWMutex")
	}
	st.writer = false
	o.Drop(t)
	t.Release(o)
}

// RLock is sync.RWMutex.RLock.
func (m *RWMutex) RLock() {
	t := sched.Current()
	if t == nil {
		m.real.RLock()
		return
	}
	o, st := m.state(t)
	t.Point(sched.Op{Kind: sched.Acquire, Name: "RLock", Obj: o,
		Ready: func() bool { return !st.writer }})
	st.readers++
	o.Hold(t)
	t.Acquire(o)
}

// TryRLock is sync.RWMutex.TryRLock.
func (m *RWMutex) TryRLock() bool {
	t := sched.Current()
	if t == nil {
		return m.real.TryRLock()
	}
	o, st := m.state(t)
	t.Point(sched.Op{Name: "TryRLock", Obj: o})
	ok := !st.writer
	if ok {
		st.readers++
		o.Hold(t)
		t.Acquire(o)
	}
	t.Value(ok)
	return ok
}

// RUnlock is sync.RWMutex.RUnlock.
func (m *RWMutex) RUnlock() {
	t := sched.Current()
	if t == nil {
		m.real.RUnlock()
		return
	}
	o, st := m.state(t)
	t.Point(sched.Op{Kind: sched.ReleaseRead, Name: "RUnlock", Obj: o})
	if st.readers == 0 {
		panic("sync: RUnlock of unlocked RWMutex")
	}
	st.readers--
	t.Changed()
	o.Drop(t)
	t.ReleaseReader(o)
}

// RLocker is sync.RWMutex.RLocker.
func (m *RWMutex) RLocker() Locker { return (*rlocker)(m) }

type rlocker RWMutex

func (r *rlocker) Lock()   { (*RWMutex)(r).RLock() }
func (r *rlocker) Unlock() { (*RWMutex)(r).RUnlock() }
