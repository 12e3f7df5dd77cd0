package futex

import (
	"slices"
	"sync"
)

// Waiter is one goroutine's wait, of a thread T.
type Waiter[T comparable] struct {
	thread  T
	address uint32
	done    chan struct{} // closed when it is not in a queue any more
	Err     error         // why, unless it was woken; set before done is closed
}

// Done is closed when the waiter is not in a queue any more.
func (x *Waiter[T]) Done() <-chan struct{} { return x.done }

// Queues are the queues of threads that wait for each other by address. The first in a queue is
// woken first.
type Queues[T comparable] struct {
	mu     sync.Mutex // guards queues
	queues map[uint32][]*Waiter[T]
}

// Enqueue adds a waiter if check says so; no waiter is woken between the two. Without one, the
// result is nil, or the error of check.
func (w *Queues[T]) Enqueue(address uint32, thread T, check func() (bool, error)) (*Waiter[T],
	error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if ok, err := check(); !ok || err != nil {
		return nil, err
	}
	if w.queues == nil {
		w.queues = map[uint32][]*Waiter[T]{}
	}
	x := &Waiter[T]{thread: thread, address: address, done: make(chan struct{})}
	w.queues[address] = append(w.queues[address], x)
	return x, nil
}

// Wake wakes up to n waiters at an address, and returns how many there were.
func (w *Queues[T]) Wake(address, n uint32) uint32 {
	w.mu.Lock()
	defer w.mu.Unlock()
	queue := w.queues[address]
	woken := min(n, uint32(len(queue)))
	for _, x := range queue[:woken] {
		close(x.done)
	}
	w.set(address, queue[woken:])
	return woken
}

// Interrupt ends the waits of a thread with an error.
func (w *Queues[T]) Interrupt(thread T, err error) {
	w.interruptIf(err, func(x *Waiter[T]) bool { return x.thread == thread })
}

// InterruptAll ends all waits with an error.
func (w *Queues[T]) InterruptAll(err error) {
	w.interruptIf(err, func(*Waiter[T]) bool { return true })
}

func (w *Queues[T]) interruptIf(err error, which func(*Waiter[T]) bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for address, queue := range w.queues {
		w.set(address, slices.DeleteFunc(slices.Clone(queue), func(x *Waiter[T]) bool {
			if !which(x) {
				return false
			}
			x.Err = err
			close(x.done)
			return true
		}))
	}
}

// Remove takes a waiter out, and reports whether it was still waiting.
func (w *Queues[T]) Remove(x *Waiter[T]) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	queue := w.queues[x.address]
	i := slices.Index(queue, x)
	if i < 0 {
		return false
	}
	w.set(x.address, slices.Delete(slices.Clone(queue), i, i+1))
	return true
}

// Waiting returns how many waiters there are.
func (w *Queues[T]) Waiting() (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, queue := range w.queues {
		n += len(queue)
	}
	return n
}

// set is called with the mutex held.
func (w *Queues[T]) set(address uint32, queue []*Waiter[T]) {
	if len(queue) == 0 {
		delete(w.queues, address)
		return
	}
	w.queues[address] = queue
}
