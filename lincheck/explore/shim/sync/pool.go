package sync

import (
	"sync"
	"unsafe"

	"github.com/lockstep-wasm/lockstep/lincheck/explore/internal/sched"
)

// Pool is sync.Pool. In a run it gives back what was put into it last.
type Pool struct {
	New func() any

	real sync.Pool
}

// poolState is the state of a Pool in a run.
type poolState struct {
	items  []any
	stamps []sched.Stamp
}

func (p *Pool) state(t *sched.Task) (*sched.Object, *poolState) {
	o := t.Object(unsafe.Pointer(p), "sync.Pool", nil)
	if o.State == nil {
		o.State = &poolState{}
	}
	return o, o.State.(*poolState)
}

// Get is sync.Pool.Get.
func (p *Pool) Get() any {
	t := sched.Current()
	if t == nil {
		if v := p.real.Get(); v != nil || p.New == nil {
			return v
		}
		return p.New()
	}
	o, st := p.state(t)
	t.Point(sched.Op{Name: "Get", Obj: o, Write: true})
	if n := len(st.items); n > 0 {
		v := st.items[n-1]
		t.Join(st.stamps[n-1])
		st.items, st.stamps = st.items[:n-1], st.stamps[:n-1]
		t.Value(v)
		return v
	}
	if p.New == nil {
		return nil
	}
	return p.New()
}

// Put is sync.Pool.Put.
func (p *Pool) Put(x any) {
	t := sched.Current()
	if x == nil {
		return
	}
	if t == nil {
		p.real.Put(x)
		return
	}
	o, st := p.state(t)
	t.Point(sched.Op{Name: "Put", Obj: o, Write: true})
	st.items, st.stamps = append(st.items, x), append(st.stamps, t.Stamp())
	t.Value(x)
}
