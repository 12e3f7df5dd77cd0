package rt

import "github.com/lockstep-wasm/lockstep/lincheck/explore/internal/sched"

// Case is a case of a select statement.
type Case interface {
	attach(t *sched.Task) *channel // nil: the channel is nil
	ready() bool
	unbuffered() bool
	perform(t *sched.Task)
	enqueue(t *sched.Task, index int, set *waiterSet)
	finish(t *sched.Task, set *waiterSet)
	real() bool // tries it on the real channel, without waiting
}

// RecvCase is a case that receives. Value and OK are what came of it.
type RecvCase[T any] struct {
	ch    <-chan T
	c     *channel
	Value T
	OK    bool
}

// Receiving makes a case of <-ch.
func Receiving[T any](ch <-chan T) *RecvCase[T] { return &RecvCase[T]{ch: ch} }

func (r *RecvCase[T]) attach(t *sched.Task) *channel {
	if r.ch != nil {
		r.c = lookup(t, addr(r.ch))
	}
	return r.c
}

func (r *RecvCase[T]) ready() bool           { return r.c != nil && canReceive(r.c, r.ch) }
func (r *RecvCase[T]) unbuffered() bool      { return r.c != nil && r.c.ours && cap(r.ch) == 0 }
func (r *RecvCase[T]) perform(t *sched.Task) { r.Value, r.OK = receive(t, r.c, r.ch) }

func (r *RecvCase[T]) enqueue(t *sched.Task, index int, set *waiterSet) {
	r.c.recvq = append(r.c.recvq, &waiter{task: t, index: index, set: set, stamp: t.Stamp()})
}

func (r *RecvCase[T]) finish(t *sched.Task, set *waiterSet) {
	r.Value, _ = set.value.(T)
	r.OK = set.ok
	t.Value(r.Value)
}

func (r *RecvCase[T]) real() bool {
	select {
	case r.Value, r.OK = <-r.ch:
		return true
	default:
		return false
	}
}

// SendCase is a case that sends.
type SendCase[T any] struct {
	ch chan<- T
	c  *channel
	v  T
}

// Sending makes a case of ch <- v, written Sending(ch)(v).
func Sending[T any](ch chan<- T) func(v T) *SendCase[T] {
	return func(v T) *SendCase[T] { return &SendCase[T]{ch: ch, v: v} }
}

func (s *SendCase[T]) attach(t *sched.Task) *channel {
	if s.ch != nil {
		s.c = lookup(t, addr(s.ch))
	}
	return s.c
}

func (s *SendCase[T]) ready() bool           { return s.c != nil && canSend(s.c, s.ch) }
func (s *SendCase[T]) unbuffered() bool      { return s.c != nil && cap(s.ch) == 0 }
func (s *SendCase[T]) perform(t *sched.Task) { send(t, s.c, s.ch, s.v) }

func (s *SendCase[T]) enqueue(t *sched.Task, index int, set *waiterSet) {
	s.c.sendq = append(s.c.sendq, &waiter{task: t, index: index, set: set, value: s.v,
		stamp: t.Stamp()})
}

func (s *SendCase[T]) finish(t *sched.Task, set *waiterSet) {
	t.Value(s.v)
	if set.closed {
		panic(errSend)
	}
}

func (s *SendCase[T]) real() bool {
	select {
	case s.ch <- s.v:
		return true
	default:
		return false
	}
}

// Select is a select statement: the number of the case that was performed, -1 for the default.
func Select(hasDefault bool, cases ...Case) int {
	t := sched.Current()
	if t == nil {
		return realSelect(hasDefault, cases)
	}
	op := sched.Op{Name: "select", Write: true}
	wait := false // some case has to be waited for in a queue
	for _, c := range cases {
		ch := c.attach(t)
		switch {
		case ch == nil:
		case op.Obj == nil:
			op.Obj = ch.obj
		case op.Obj != ch.obj:
			op.More = append(op.More, ch.obj)
		}
		wait = wait || c.unbuffered()
	}
	if !hasDefault && !wait {
		op.Ready = func() bool { return anyReady(cases, true) }
	}
	t.Point(op)
	if i := chooseReady(t, cases, true); i >= 0 {
		cases[i].perform(t)
		return i
	}
	if hasDefault {
		return -1
	}
	set := &waiterSet{}
	for i, c := range cases {
		if c.unbuffered() {
			c.enqueue(t, i, set)
		}
	}
	op.Name, op.Ready = "selected", func() bool { return set.done || anyReady(cases, false) }
	t.Point(op)
	if !set.done {
		set.done = true
		i := chooseReady(t, cases, false)
		cases[i].perform(t)
		return i
	}
	t.Join(set.stamp)
	cases[set.index].finish(t, set)
	return set.index
}

// anyReady says whether some case need not wait. Those that wait in queues are left out if queued
// is false.
func anyReady(cases []Case, queued bool) bool {
	for _, c := range cases {
		if (queued || !c.unbuffered()) && c.ready() {
			return true
		}
	}
	return false
}

// chooseReady chooses one of the cases that need not wait; -1: there is none.
func chooseReady(t *sched.Task, cases []Case, queued bool) int {
	var ready []int
	for i, c := range cases {
		if (queued || !c.unbuffered()) && c.ready() {
			ready = append(ready, i)
		}
	}
	if len(ready) == 0 {
		return -1
	}
	return ready[t.Choose(len(ready))]
}
