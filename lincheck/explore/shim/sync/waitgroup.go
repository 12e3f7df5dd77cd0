package sync

import (
	"sync"
	"unsafe"

	"github.com/lockstep-wasm/lockstep/lincheck/explore/internal/sched"
	"github.com/lockstep-wasm/lockstep/lincheck/explore/shim/rt"
)

// WaitGroup is sync.WaitGroup. Its counter must be 0 when a run first uses it.
type WaitGroup struct{ real sync.WaitGroup }

func (wg *WaitGroup) state(t *sched.Task) (*sched.Object, *int) {
	o := t.Object(unsafe.Pointer(wg), "sync.WaitGroup", nil)
	if o.State == nil {
		o.State = new(int)
	}
	return o, o.State.(*int)
}

// Add is sync.WaitGroup.Add.
func (wg *WaitGroup) Add(delta int) {
	t := sched.Current()
	if t == nil {
		wg.real.Add(delta)
		return
	}
	o, n := wg.state(t)
	op := sched.Op{Name: "Add", Obj: o, Write: true}
	if delta < 0 {
		op.Name = "Done"
	}
	t.Point(op)
	*n += delta
	if *n < 0 {
		panic("sync: negative WaitGroup counter")
	}
	if delta < 0 {
		t.Release(o)
	}
	t.Value(*n)
}

// Done is sync.WaitGroup.Done.
func (wg *WaitGroup) Done() { wg.Add(-1) }

// Wait is sync.WaitGroup.Wait.
func (wg *WaitGroup) Wait() {
	t := sched.Current()
	if t == nil {
		wg.real.Wait()
		return
	}
	o, n := wg.state(t)
	t.Point(sched.Op{Name: "Wait", Obj: o, Ready: func() bool { return *n == 0 }})
	t.Acquire(o)
}

// Go is sync.WaitGroup.Go.
func (wg *WaitGroup) Go(f func()) {
	if sched.Current() == nil {
		wg.real.Go(f)
		return
	}
	wg.Add(1)
	rt.Go(func() {
		defer wg.Done()
		f()
	})
}
