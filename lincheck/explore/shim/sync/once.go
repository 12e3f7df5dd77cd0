package sync

import (
	"sync"
	"unsafe"

	"github.com/lockstep-wasm/lockstep/lincheck/explore/internal/sched"
)

// Once is sync.Once.
type Once struct {
	real sync.Once
	done bool // written inside of real, or by a task
}

// onceState is the state of a Once in a run.
type onceState struct{ running bool }

// Do is sync.Once.Do.
func (o *Once) Do(f func()) {
	t := sched.Current()
	if t == nil {
		o.real.Do(func() {
			if !o.done {
				defer func() { o.done = true }()
				f()
			}
		})
		return
	}
	obj := t.Object(unsafe.Pointer(o), "sync.Once", nil)
	if obj.State == nil {
		obj.State = &onceState{}
	}
	st := obj.State.(*onceState)
	t.Point(sched.Op{Name: "Do", Obj: obj, Write: !o.done,
		Ready: func() bool { return !st.running }})
	if o.done {
		t.Acquire(obj)
		t.Value("done")
		return
	}
	st.running = true
	obj.Hold(t)
	defer func() {
		if t.Over() {
			return
		}
		t.Point(sched.Op{Name: "Do ends", Obj: obj, Write: true})
		st.running, o.done = false, true
		obj.Drop(t)
		t.Release(obj)
	}()
	f()
}

// OnceFunc is sync.OnceFunc.
func OnceFunc(f func()) func() {
	once := OnceValue(func() struct{} { f(); return struct{}{} })
	return func() { once() }
}

// OnceValue is sync.OnceValue.
func OnceValue[T any](f func() T) func() T {
	once := OnceValues(func() (T, struct{}) { return f(), struct{}{} })
	return func() T {
		v, _ := once()
		return v
	}
}

// OnceValues is sync.OnceValues.
func OnceValues[T1, T2 any](f func() (T1, T2)) func() (T1, T2) {
	var (
		once  Once
		valid bool
		p     any
		r1    T1
		r2    T2
	)
	return func() (T1, T2) {
		once.Do(func() {
			defer func() {
				if !valid {
					p = recover()
					panic(p)
				}
			}()
			r1, r2 = f()
			valid = true
		})
		if !valid {
			panic(p)
		}
		return r1, r2
	}
}
