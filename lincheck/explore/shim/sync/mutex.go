package sync

import (
	"sync"
	"unsafe"

	"github.com/lockstep-wasm/lockstep/lincheck/explore/internal/sched"
)

// Locker is sync.Locker.
type Locker = sync.Locker

// Mutex is sync.Mutex. Its use by tasks changes nothing in the real one, whose state it begins
// with.
type Mutex struct{ real sync.Mutex }

// mutexState is the state of a Mutex in a run.
type mutexState struct{ held bool }

func (m *Mutex) state(t *sched.Task) (*sched.Object, *mutexState) {
	o := t.Object(unsafe.Pointer(m), "sync.Mutex", nil)
	if o.State == nil {
		st := &mutexState{held: !m.real.TryLock()}
		if !st.held {
			m.real.Unlock()
		}
		o.State = st
	}
	return o, o.State.(*mutexState)
}

// Lock is sync.Mutex.Lock.
func (m *Mutex) Lock() {
	t := sched.Current()
	if t == nil {
		m.real.Lock()
		return
	}
	o, st := m.state(t)
	t.Point(sched.Op{Kind: sched.Acquire, Name: "Lock", Obj: o, Write: true,
		Ready: func() bool { return !st.held }})
	m.take(t, o, st)
}

func (m *Mutex) take(t *sched.Task, o *sched.Object, st *mutexState) {
	st.held = true
	o.Hold(t)
	t.Acquire(o)
}

// TryLock is sync.Mutex.TryLock.
func (m *Mutex) TryLock() bool {
	t := sched.Current()
	if t == nil {
		return m.real.TryLock()
	}
	o, st := m.state(t)
	t.Point(sched.Op{Name: "TryLock", Obj: o, Write: true})
	ok := !st.held
	if ok {
		m.take(t, o, st)
	}
	t.Value(ok)
	return ok
}

// Unlock is sync.Mutex.Unlock. Where that would end the program, it panics.
func (m *Mutex) Unlock() {
	t := sched.Current()
	if t == nil {
		m.real.Unlock()
		return
	}
	o, st := m.state(t)
	t.Point(sched.Op{Kind: sched.Release, Name: "Unlock", Obj: o, Write: true})
	if !st.held {
		panic("sync: unlock of unlocked mutex")
	}
	st.held = false
	o.Drop(t)
	t.Release(o)
}
