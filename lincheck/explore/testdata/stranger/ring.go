// Package stranger has a small queue without locks, with a mistake.
package stranger

import "sync/atomic"

// Ring is a queue of fixed capacity for any number of producers and consumers.
type Ring struct {
	head, tail atomic.Uint64
	slots      []slot
}

type slot struct {
	full  atomic.Bool
	value int
}

// NewRing makes a queue for n values.
func NewRing(n int) *Ring { return &Ring{slots: make([]slot, n)} }

// Push puts a value at the end; false: the queue is full.
func (r *Ring) Push(v int) bool {
	for {
		tail := r.tail.Load()
		s := &r.slots[tail%uint64(len(r.slots))]
		if s.full.Load() {
			return false
		}
		if r.tail.CompareAndSwap(tail, tail+1) {
			s.full.Store(true) // the mistake: the value is not there yet
			s.value = v
			return true
		}
	}
}

// Pop takes the first value; false: the queue is empty.
func (r *Ring) Pop() (v int, ok bool) {
	for {
		head := r.head.Load()
		s := &r.slots[head%uint64(len(r.slots))]
		if !s.full.Load() {
			return 0, false
		}
		if r.head.CompareAndSwap(head, head+1) {
			v = s.value
			s.full.Store(false)
			return v, true
		}
	}
}
