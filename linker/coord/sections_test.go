package coord_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker/coord"
)

// sections is a mutex that notes which actions were observed while it was held.
type sections struct {
	sync.Mutex
	held    bool
	present []string
	all     []string // of each section that performed something, the actions
}

func (s *sections) Lock() {
	s.Mutex.Lock()
	s.held = true
}

func (s *sections) Unlock() {
	if len(s.present) > 0 {
		s.all = append(s.all, strings.Join(s.present, " "))
	}
	s.held, s.present = false, nil
	s.Mutex.Unlock()
}

// withMutex is a strategy of waiting with a mutex of one's own.
type withMutex struct {
	coord.Waiting
	mu sync.Locker
}

func (w withMutex) Mutex() sync.Locker { return w.mu }

// Every action is performed inside one critical section. A section performs one action or more, and
// each of them is observed: what is one step for all others is not one action.
func TestActionsAreInsideSections(t *testing.T) {
	mu := &sections{}
	_, m, err := coord.New(coord.Config{
		Waiting: withMutex{coord.Notified(), mu},
		Observer: func(e coord.Event) {
			if !mu.held {
				t.Errorf("%v is performed outside of a critical section", e.Step)
			}
			mu.present = append(mu.present, e.Step.Action.String())
		},
	}, nothingToApply{})
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	if err := m.Enter(ctx); err != nil {
		t.Fatal(err)
	}
	child, err := m.Spawn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := child.Attach(ctx, func(context.Context, int) (coord.Participant, error) {
		return nothingToApply{}, nil
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Link(ctx, emptyWork{}); err != nil {
		t.Fatal(err)
	}
	m.Park()
	for _, want := range []string{
		"Park", "Unpark",
		"RequestLease GrantLease Spawn",
		"Build RequestState LockState Attach Park",
		"RequestLease GrantLease RequestState LockState",
		"Work Publish Claim Broadcast",
		"Apply Commit",
	} {
		if !slices.Contains(mu.all, want) {
			t.Errorf("no critical section performs %q; there are %q", want, mu.all)
		}
	}
}
