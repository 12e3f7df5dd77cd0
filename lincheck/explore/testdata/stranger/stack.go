package stranger

import "sync/atomic"

// Stack is a stack without locks (Treiber 1986), with a mistake.
type Stack struct{ top atomic.Pointer[node] }

type node struct {
	value int
	next  *node
}

// Push puts a value on top.
func (s *Stack) Push(v int) {
	n := &node{value: v}
	for {
		n.next = s.top.Load()
		if s.top.CompareAndSwap(n.next, n) {
			return
		}
	}
}

// Pop takes the value on top; false: there is none.
func (s *Stack) Pop() (v int, ok bool) {
	n := s.top.Load()
	if n == nil {
		return 0, false
	}
	s.top.Store(n.next) // the mistake: another may have changed the top
	return n.value, true
}
