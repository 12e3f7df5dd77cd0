package rt

import (
	"unsafe"

	"github.com/lockstep-wasm/lockstep/lincheck/explore/internal/sched"
)

// channel is what the scheduler knows of a channel. The values of a buffered channel are in the
// real one. Those of an unbuffered one are handed over from task to task: who comes first waits in
// a queue.
type channel struct {
	obj    *sched.Object
	closed bool
	ours   bool // made by instrumented code: nothing else sends, receives or closes
	recvq  []*waiter
	sendq  []*waiter
	sent   []sched.Stamp // of the values in the buffer
	freed  []sched.Stamp // of receives that have made room
	end    sched.Stamp   // of the close
}

// waiter is a task that waits at an unbuffered channel, or at several of them in a select.
type waiter struct {
	task  *sched.Task
	index int        // the case of the select
	set   *waiterSet // shared by the cases of one select
	value any        // what is sent
	stamp sched.Stamp
}

// waiterSet is the state of one wait.
type waiterSet struct {
	done   bool
	index  int // which case it was
	value  any
	ok     bool
	closed bool        // for a sender: the channel was closed
	stamp  sched.Stamp // of who ended the wait
}

// finish ends a wait at one of its channels, by what task t does.
func (w *waiter) finish(t *sched.Task, value any, ok, closed bool) {
	t.Join(w.stamp)
	*w.set = waiterSet{done: true, index: w.index, value: value, ok: ok, closed: closed,
		stamp: t.Stamp()}
}

// pop takes the first stamp of a queue; there may be fewer than there were values, if they come
// from outside.
func pop(t *sched.Task, q *[]sched.Stamp) {
	if len(*q) > 0 {
		t.Join((*q)[0])
		*q = (*q)[1:]
	}
}

func addr[T any](ch T) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&ch)) }

func lookup(t *sched.Task, p unsafe.Pointer) *channel {
	o := t.Object(p, "chan", nil)
	if o.State == nil {
		o.State = &channel{obj: o}
	}
	return o.State.(*channel)
}

// Make notes that a channel was made by instrumented code.
func Make[C any](ch C) C {
	if t := sched.Current(); t != nil {
		lookup(t, addr(ch)).ours = true
	}
	return ch
}

// isClosed says whether a channel that is empty is closed; a channel that others may close is
// asked.
func isClosed[T any](c *channel, ch <-chan T) bool {
	if !c.closed && !c.ours && len(ch) == 0 {
		select {
		case v, ok := <-ch:
			if ok { // a goroutine outside sends: the value must not be lost
				c.sendq = append(c.sendq, &waiter{set: &waiterSet{}, value: v})
			} else {
				c.closed = true
			}
		default:
		}
	}
	return c.closed
}

// canReceive says whether a receive would not wait.
func canReceive[T any](c *channel, ch <-chan T) bool {
	return len(ch) > 0 || isClosed(c, ch) || firstWaiting(&c.sendq) != nil
}

// firstWaiting is the first of a queue whose wait is not over.
func firstWaiting(q *[]*waiter) *waiter {
	for len(*q) > 0 {
		if w := (*q)[0]; !w.set.done {
			return w
		}
		*q = (*q)[1:]
	}
	return nil
}

// receive performs a receive that does not have to wait.
func receive[T any](t *sched.Task, c *channel, ch <-chan T) (v T, ok bool) {
	if len(ch) > 0 {
		pop(t, &c.sent)
		c.freed = append(c.freed, t.Stamp())
		v = <-ch
		t.Value(v)
		return v, true
	}
	if w := firstWaiting(&c.sendq); w != nil {
		c.sendq = c.sendq[1:]
		w.finish(t, nil, true, false)
		v, _ = w.value.(T)
		t.Value(v)
		return v, true
	}
	t.Join(c.end)
	t.Value(closedNow{})
	return v, false
}

// closedNow is shown as what a receive from a closed channel gets.
type closedNow struct{}

func (closedNow) String() string { return "closed" }

// canSend says whether a send would not wait; to a closed channel it panics.
func canSend[T any](c *channel, ch chan<- T) bool {
	return c.closed || len(ch) < cap(ch) || firstWaiting(&c.recvq) != nil
}

// send performs a send that does not have to wait.
func send[T any](t *sched.Task, c *channel, ch chan<- T, v T) {
	if c.closed {
		panic(errSend)
	}
	t.Value(v)
	deliver(t, c, ch, v)
}

// deliver gives a value to who waits for it, or puts it into the buffer.
func deliver[T any](t *sched.Task, c *channel, ch chan<- T, v T) {
	if w := firstWaiting(&c.recvq); w != nil {
		c.recvq = c.recvq[1:]
		w.finish(t, v, true, false)
		return
	}
	if len(c.freed) > 0 {
		pop(t, &c.freed)
	}
	c.sent = append(c.sent, t.Stamp())
	ch <- v
}

var errSend error = runtimeError("send on closed channel")

// runtimeError is like the runtime's error for misused channels.
type runtimeError string

func (e runtimeError) Error() string { return string(e) }

// RuntimeError makes it a runtime.Error.
func (e runtimeError) RuntimeError() {}

// Recv is <-ch.
func Recv[T any](ch <-chan T) T {
	v, _ := Recv2(ch)
	return v
}

// Recv2 is v, ok := <-ch.
func Recv2[T any](ch <-chan T) (v T, ok bool) {
	t := sched.Current()
	if t == nil {
		v, ok = <-ch
		return v, ok
	}
	if ch == nil {
		forever(t, "receive from nil channel")
	}
	c := lookup(t, addr(ch))
	op := sched.Op{Name: "receive", Obj: c.obj, Write: true}
	if cap(ch) > 0 || !c.ours {
		op.Ready = func() bool { return canReceive(c, ch) }
		t.Point(op)
		return receive(t, c, ch)
	}
	t.Point(op)
	if canReceive(c, ch) {
		return receive(t, c, ch)
	}
	set := &waiterSet{}
	c.recvq = append(c.recvq, &waiter{task: t, set: set, stamp: t.Stamp()})
	t.Point(sched.Op{Name: "received", Obj: c.obj, Ready: func() bool { return set.done }})
	t.Join(set.stamp)
	v, _ = set.value.(T)
	t.Value(v)
	return v, set.ok
}

// Send is ch <- v, written Send(ch)(v).
func Send[T any](ch chan<- T) func(v T) {
	return func(v T) {
		t := sched.Current()
		if t == nil {
			ch <- v
			return
		}
		if ch == nil {
			forever(t, "send to nil channel")
		}
		c := lookup(t, addr(ch))
		op := sched.Op{Name: "send", Obj: c.obj, Write: true}
		if cap(ch) > 0 {
			op.Ready = func() bool { return canSend(c, ch) }
			t.Point(op)
			send(t, c, ch, v)
			return
		}
		t.Point(op)
		if canSend(c, ch) {
			send(t, c, ch, v)
			return
		}
		set := &waiterSet{}
		t.Value(v)
		c.sendq = append(c.sendq, &waiter{task: t, set: set, value: v, stamp: t.Stamp()})
		t.Point(sched.Op{Name: "sent", Obj: c.obj, Ready: func() bool { return set.done }})
		t.Join(set.stamp)
		if set.closed {
			panic(errSend)
		}
	}
}

// Close is close(ch).
func Close[T any](ch chan<- T) {
	t := sched.Current()
	if t == nil || ch == nil {
		close(ch)
		return
	}
	c := lookup(t, addr(ch))
	t.Point(sched.Op{Name: "close", Obj: c.obj, Write: true})
	CloseNow(t, ch)
}

// CloseNow closes a channel without a scheduling point: for those who have made one.
func CloseNow[T any](t *sched.Task, ch chan<- T) {
	c := lookup(t, addr(ch))
	close(ch) // panics if it is closed
	c.closed = true
	c.end = t.Stamp()
	for _, w := range c.recvq {
		if !w.set.done {
			w.finish(t, nil, false, false)
		}
	}
	for _, w := range c.sendq {
		if !w.set.done {
			w.finish(t, nil, false, true)
		}
	}
	c.recvq, c.sendq = nil, nil
}

// TrySendNow sends if there is room, without a scheduling point: for timers.
func TrySendNow[T any](t *sched.Task, ch chan<- T, v T) {
	if c := lookup(t, addr(ch)); canSend(c, ch) && !c.closed {
		deliver(t, c, ch, v)
	}
}

// Len is len(ch).
func Len[T any](ch <-chan T) int {
	if t := sched.Current(); t != nil && ch != nil {
		t.Point(sched.Op{Name: "len", Obj: lookup(t, addr(ch)).obj})
		t.Value(len(ch))
	}
	return len(ch)
}

// Range is what a range over a channel yields.
func Range[T any](ch <-chan T) func(yield func(T) bool) {
	return func(yield func(T) bool) {
		for {
			v, ok := Recv2(ch)
			if !ok || !yield(v) {
				return
			}
		}
	}
}

// forever is a wait that nothing ends.
func forever(t *sched.Task, what string) {
	t.Point(sched.Op{Name: what, Ready: func() bool { return false }})
	panic("explore: a wait for ever has ended")
}

// Share notes that a channel was made by instrumented code, and stands for a part of another
// object.
func Share[T any](t *sched.Task, ch chan T, o *sched.Object) {
	t.Object(addr(ch), "chan", nil).State = &channel{obj: o, ours: true}
}
