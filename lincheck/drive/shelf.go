package drive

import (
	"slices"
	"sync"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/model"
)

// open is a library that a client has opened. Each opening has a handle of its own in histories,
// too.
type open struct {
	lib    *linker.Library
	name   string
	handle model.Handle
}

// shelf is what clients have to work with: the openings and closures of one of them, or those that
// all share. Then any of them closes and frees what is there, while others use it.
type shelf struct {
	shared bool

	mu       sync.Mutex // guards what follows
	opened   []open
	closures []uint32
}

// most is how many openings there may be.
func (s *shelf) most() int {
	if s.shared {
		return 2 * mostOpen
	}
	return mostOpen
}

// openings is how many there are.
func (s *shelf) openings() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.opened)
}

// closureCount is how many closures there are.
func (s *shelf) closureCount() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.closures)
}

func (s *shelf) put(o open) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opened = append(s.opened, o)
}

// pick returns an opening, which stays where it is.
func (s *shelf) pick(intN func(int) int) (o open, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.opened) == 0 {
		return open{}, false
	}
	return s.opened[intN(len(s.opened))], true
}

// drop forgets an opening that is closed.
func (s *shelf) drop(o open) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opened = slices.DeleteFunc(s.opened, func(x open) bool { return x.lib == o.lib })
}

func (s *shelf) putClosure(slot uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closures = append(s.closures, slot)
}

// pickClosure returns a closure, which stays where it is.
func (s *shelf) pickClosure(intN func(int) int) (slot uint32, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.closures) == 0 {
		return 0, false
	}
	return s.closures[intN(len(s.closures))], true
}

// dropClosure forgets a closure that is free.
func (s *shelf) dropClosure(slot uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closures = slices.DeleteFunc(s.closures, func(x uint32) bool { return x == slot })
}
