package sync

import (
	"sync"
	"unsafe"

	"github.com/lockstep-wasm/lockstep/lincheck/explore/internal/sched"
)

// Cond is sync.Cond.
type Cond struct {
	L Locker

	once sync.Once
	real *sync.Cond // for goroutines that are no tasks
}

// NewCond is sync.NewCond.
func NewCond(l Locker) *Cond { return &Cond{L: l} }

func (c *Cond) outside() *sync.Cond {
	c.once.Do(func() { c.real = sync.NewCond(c.L) })
	return c.real
}

// condState is the state of a Cond in a run: who waits, in the order in which they came.
type condState struct{ waiting []*condWaiter }

type condWaiter struct {
	woken bool
	stamp sched.Stamp
}

func (c *Cond) state(t *sched.Task) (*sched.Object, *condState) {
	o := t.Object(unsafe.Pointer(c), "sync.Cond", nil)
	if o.State == nil {
		o.State = &condState{}
	}
	return o, o.State.(*condState)
}

// Wait is sync.Cond.Wait.
func (c *Cond) Wait() {
	t := sched.Current()
	if t == nil {
		c.outside().Wait()
		return
	}
	o, st := c.state(t)
	t.Point(sched.Op{Name: "Wait", Obj: o, Write: true})
	w := &condWaiter{}
	st.waiting = append(st.waiting, w)
	c.L.Unlock()
	t.Point(sched.Op{Name: "woken", Obj: o, Ready: func() bool { return w.woken }})
	t.Join(w.stamp)
	c.L.Lock()
}

// Signal is sync.Cond.Signal: it wakes who has waited longest.
func (c *Cond) Signal() { c.wake("Signal", 1) }

// Broadcast is sync.Cond.Broadcast.
func (c *Cond) Broadcast() { c.wake("Broadcast", -1) }

func (c *Cond) wake(name string, n int) {
	t := sched.Current()
	if t == nil {
		if n == 1 {
			c.outside().Signal()
		} else {
			c.outside().Broadcast()
		}
		return
	}
	o, st := c.state(t)
	t.Point(sched.Op{Name: name, Obj: o, Write: true})
	if n < 0 || n > len(st.waiting) {
		n = len(st.waiting)
	}
	for _, w := range st.waiting[:n] {
		w.woken, w.stamp = true, t.Stamp()
	}
	st.waiting = st.waiting[n:]
	if n == 0 {
		t.Value("nothing waits")
	}
}
