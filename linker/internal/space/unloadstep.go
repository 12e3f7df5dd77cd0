package space

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/spans"
)

// UnloadStep takes modules out of a group. They cannot be put back, so applying it
// only notes the group: the rest is done for all groups at once, by the leader, when no group can
// refuse any more. See "Why can an unload not be taken back?" in spec/rationale.md.
type UnloadStep struct {
	Modules []*image.Module // what is used comes last
	Slots   []uint32        // entries outside of their own element segments
	// Keep are the entries in these that are the pointers of functions of other modules.
	Keep map[*image.Module][]uint32

	// Groups apply at the same time, so mu guards what follows then. In commit all of them hold
	// still, and it belongs to the leader.
	mu     sync.Mutex
	spaces []*Space     // those that have applied it; Commit takes from the ones still alive
	Closed []api.Module // what was taken out of them, to be closed by the goroutine that commits
	TLS    []uint32     // and their thread-local storage, to be given back
}

// Apply implements Step. It does not fail.
func (s *UnloadStep) Apply(_ context.Context, sp *Space) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.spaces = append(s.spaces, sp)
	return nil
}

// Undo implements Step. It does not fail.
func (s *UnloadStep) Undo(_ context.Context, sp *Space) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.spaces = slices.DeleteFunc(s.spaces, func(x *Space) bool { return x == sp })
	return nil
}

// Commit takes the modules out of every group that has applied the step. These wait at the
// rendezvous, or are asleep.
func (s *UnloadStep) Commit(ctx context.Context, alive map[*Space]bool) error {
	var errs []error
	for _, sp := range s.spaces {
		if alive[sp] { // what a dead group has is closed with it
			errs = append(errs, s.takeOut(ctx, sp))
		}
	}
	return errors.Join(errs...)
}

// takeOut takes the modules out of one group, all of them whatever fails. Their instances are
// closed later.
func (s *UnloadStep) takeOut(ctx context.Context, sp *Space) error {
	var errs []error
	for _, slot := range s.Slots {
		errs = append(errs, sp.clearSlots(ctx, spans.Span{Base: slot, Size: 1}))
	}
	for _, m := range s.Modules {
		if inst := sp.Instances[m]; inst != nil && inst.tls != 0 {
			s.TLS = append(s.TLS, inst.tls)
		}
		instances, err := sp.takeOut(ctx, m, s.Keep[m]...)
		s.Closed = append(s.Closed, instances...)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
