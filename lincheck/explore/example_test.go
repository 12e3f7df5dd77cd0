package explore_test

import (
	"sync/atomic"
	"testing"

	"github.com/lockstep-wasm/lockstep/lincheck/explore"
)

// Stack is a stack without locks (Treiber 1986), with a mistake: Pop does not look whether the top
// has changed meanwhile.
type Stack struct{ top atomic.Pointer[node] }

type node struct {
	value int
	next  *node
}

func (s *Stack) Push(v int) {
	n := &node{value: v}
	for {
		n.next = s.top.Load()
		if s.top.CompareAndSwap(n.next, n) {
			return
		}
	}
}

func (s *Stack) Pop() (v int, ok bool) {
	n := s.top.Load()
	if n == nil {
		return 0, false
	}
	s.top.Store(n.next)
	return n.value, true
}

// The whole test of a type. It fails, and prints that two calls of Pop get the same value, with the
// accesses of both.
func ExampleLinearizable() {
	_ = func(t *testing.T) { // in a test file: func TestStack(t *testing.T) {
		explore.Linearizable(t, explore.Type[*Stack]{New: func() *Stack { return new(Stack) }})
	}
}

// A program of ordinary Go: two goroutines add to a counter.
func ExampleCheck() {
	_ = func(t *testing.T) { // in a test file: func TestCounter(t *testing.T) {
		explore.Check(t, func(r *explore.Run) {
			var n atomic.Int64
			done := make(chan struct{})
			for range 2 {
				go func() {
					n.Store(n.Load() + 1)
					done <- struct{}{}
				}()
			}
			<-done
			<-done
			if n.Load() != 2 {
				r.Failf("the counter is %d", n.Load())
			}
		})
	}
}
