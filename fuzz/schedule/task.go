package schedule

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"
)

// task is a coroutine.
type task struct {
	s    *Scheduler
	id   int
	name string
	next func() (struct{}, bool) // runs it up to its next scheduling point
	stop func()                  // unwinds it

	yield    func(struct{}) bool
	at       wait    // where it stands
	finished bool    // its function has returned
	waiter   *waiter // the one it made last
}

// wait is where a task stands, and what lets it go on.
type wait struct {
	kind   waitKind
	label  string
	mutex  *mutex
	waiter *waiter
	ctx    context.Context
	until  time.Duration
	cond   func() bool
}

type waitKind uint8

const (
	atPoint  waitKind = iota // it can go on, and would
	gaveWay                  // it can go on, and wants the others to
	atMutex                  // it wants the mutex
	atWaiter                 // it waits until it is woken or its context ends
	asleep                   // it waits until a time, or until its context ends
	atCond                   // it waits until a condition holds
)

// ready tells whether the task can go on.
func (t *task) ready() bool {
	if t.finished {
		return false
	}
	w := &t.at
	switch w.kind {
	case atMutex:
		return w.mutex.holder == nil
	case atWaiter:
		return w.waiter.woken || w.ctx.Err() != nil
	case asleep:
		return t.s.now >= w.until || w.ctx != nil && w.ctx.Err() != nil
	case atCond:
		return w.cond()
	}
	return true
}

// unwinding is what ends the tasks of a run that is over.
type unwinding struct{}

// pause is a scheduling point: the others may run, and this task goes on when
// it is chosen and what it waits for is there.
func (t *task) pause(w wait) {
	if t.s.over {
		panic(unwinding{})
	}
	t.at = w
	if !t.yield(struct{}{}) {
		panic(unwinding{})
	}
	t.at = wait{}
}

// body is a task's function as a sequence, which iter.Pull makes a coroutine.
func (t *task) body(f func()) func(yield func(struct{}) bool) {
	return func(yield func(struct{}) bool) {
		t.yield = yield
		defer func() {
			t.finished = true
			if v := recover(); v != nil && !t.s.over {
				t.s.fail(&Failure{Kind: Panic,
					Message: fmt.Sprintf("%s panicked: %v\n%s", t.name, v, debug.Stack())})
			}
		}()
		f()
	}
}

// mutex is the mutex of a coordinator.
type mutex struct {
	s      *Scheduler
	holder *task
	setup  bool // held before the tasks run, or after
}

// Lock is a scheduling point.
func (m *mutex) Lock() {
	t := m.s.current
	if t == nil {
		if m.setup || m.holder != nil {
			panic("schedule: the mutex is held, and there is nobody to wait for outside of the " +
				"tasks")
		}
		m.setup = true
		return
	}
	t.pause(wait{kind: atMutex, mutex: m, label: "lock"})
	m.holder = t
}

// Unlock is a scheduling point, unless Options.Coarse is set.
func (m *mutex) Unlock() {
	t := m.s.current
	if t == nil || m.s.over {
		m.setup, m.holder = false, nil
		return
	}
	if m.holder != t {
		m.s.Failf("%s unlocks the mutex without holding it", t.name)
	}
	m.holder = nil
	if !m.s.options.Coarse {
		t.pause(wait{kind: atPoint, label: "unlock"})
	}
}
