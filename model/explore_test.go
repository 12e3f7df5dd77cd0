package model

import (
	"context"
	"errors"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// smallExplorer is the explorer of the model tla/MCsmall.cfg.
func smallExplorer(off protocol.Guards) Explorer {
	return Explorer{
		Config: protocol.Config{Groups: 2, Initial: 2, MaxLog: 2, Batch: 1,
			Features: protocol.AllFeatures, Off: off},
		Ops: []protocol.Op{{Kind: protocol.LoadModules, Tag: 1},
			{Kind: protocol.ResolveFunction, Tag: 1}},
		Invariants: protocol.Invariants(),
		Deadlock:   true,
	}
}

// A naive blocking lock is the deadlock that the reference warns of: its
// holder waits at the first epoch for a group that waits for the lock.
func TestExploreFindsNaiveLockDeadlock(t *testing.T) {
	x := smallExplorer(protocol.OffCooperate)
	x.Config.Features = 0
	_, err := x.Run(t.Context())
	var violation *ViolationError
	if !errors.As(err, &violation) || violation.Name != Deadlock {
		t.Fatalf("%v, want a deadlock", err)
	}
	s := violation.State
	if s.Stage[s.Leader] != protocol.Published || s.StateQueue.Len() == 0 {
		t.Errorf("another deadlock than the expected:\n%s", s)
	}
}

func TestExploreGivesUpAtItsLimit(t *testing.T) {
	x := smallExplorer(0)
	x.MaxStates = 100
	_, err := x.Run(t.Context())
	var limit *LimitError
	if !errors.As(err, &limit) || limit.MaxStates != 100 {
		t.Errorf("%v, want a LimitError of 100 states", err)
	}
}

// An exploration ends with its context, after the state that it was at.
func TestExploreEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	x := smallExplorer(0)
	visited, after := 0, 0
	x.Visit = func(*protocol.State) {
		if visited++; visited == 100 {
			cancel()
		}
		if ctx.Err() != nil {
			after++
		}
	}
	got, err := x.Run(ctx)
	if !errors.Is(err, context.Canceled) || got.Distinct != visited {
		t.Errorf("%v with %d states of %d visited, want context.Canceled", err, got.Distinct,
			visited)
	}
	if after > 100 {
		t.Errorf("%d states visited after the end of the context", after)
	}
}
