package space

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/lockstep-wasm/lockstep/linker/internal/spans"
)

// StaleSlots are entries of freed closures that a group has to clear before it goes on. It is safe
// for concurrent use.
type StaleSlots struct {
	any   atomic.Bool     // there are some: asked at every safepoint
	mu    sync.Mutex      // guards slots, and any when it is changed
	slots map[uint32]bool // a group that sleeps has each at most once
}

func (s *StaleSlots) Add(slot uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.slots == nil {
		s.slots = map[uint32]bool{}
	}
	s.slots[slot] = true
	s.any.Store(true)
}

func (s *StaleSlots) take() map[uint32]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	slots := s.slots
	s.slots = nil
	s.any.Store(false)
	return slots
}

// Any reports whether there are some.
func (s *StaleSlots) Any() bool { return s.any.Load() }

// ClearStale makes the entries of closures null that were freed in other groups. The caller is
// inside the group, or replays an operation for it.
func (sp *Space) ClearStale(ctx context.Context) error {
	if !sp.Stale.any.Load() {
		return nil
	}
	var errs []error
	for slot := range sp.Stale.take() {
		errs = append(errs, sp.clearSlots(context.WithoutCancel(ctx),
			spans.Span{Base: slot, Size: 1}))
	}
	return errors.Join(errs...)
}
