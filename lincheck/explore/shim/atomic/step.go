package atomic

import (
	"unsafe"

	"github.com/lockstep-wasm/lockstep/lincheck/explore/internal/sched"
)

// step is the scheduling point before an operation on the variable at p; nil outside of a run.
func step(p unsafe.Pointer, typ, name string, write bool) (*sched.Task, *sched.Object) {
	t := sched.Current()
	if t == nil {
		return nil, nil
	}
	o := t.Object(p, typ, nil)
	t.Point(sched.Op{Name: name, Obj: o, Write: write})
	return t, o
}

// load is an atomic read: what was observed happened before.
func load[P, V any](p *P, typ string, real func() V) V {
	t, o := step(unsafe.Pointer(p), typ, "Load", false)
	v := real()
	if t != nil {
		t.Acquire(o)
		if t.Tracing() {
			t.Value(v)
		}
	}
	return v
}

// store is an atomic write: it observes nothing.
func store[P, V any](p *P, typ string, v V, real func(V)) {
	t, o := step(unsafe.Pointer(p), typ, "Store", true)
	real(v)
	if t != nil {
		t.Replace(o)
		if t.Tracing() {
			t.Value(v)
		}
	}
}

// update is an atomic read and write with one argument: Add, Swap, And, Or.
func update[P, V any](p *P, typ, name string, arg V, real func(V) V) V {
	t, o := step(unsafe.Pointer(p), typ, name, true)
	v := real(arg)
	if t != nil {
		t.Acquire(o)
		t.Release(o)
		if t.Tracing() {
			t.Value(arg, sched.Outcome{V: v})
		}
	}
	return v
}

// swap is CompareAndSwap. For the search it is a write even if it fails.
func swap[P, V any](p *P, typ string, old, new V, real func(old, new V) bool) bool {
	t, o := step(unsafe.Pointer(p), typ, "CompareAndSwap", true)
	ok := real(old, new)
	if t != nil {
		t.Acquire(o)
		if ok {
			t.Release(o)
		}
		if t.Tracing() {
			t.Value(old, new, sched.Outcome{V: ok})
		}
	}
	return ok
}
