package model

import (
	"errors"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// smallExplorer is the explorer of the model tla/MCsmall.cfg.
func smallExplorer(off protocol.Guards) Explorer {
	return Explorer{
		Config:     protocol.Config{Groups: 2, Initial: 2, MaxLog: 2, Batch: 1, Features: protocol.AllFeatures, Off: off},
		Ops:        []protocol.Op{{Kind: protocol.LoadModules, Tag: 1}, {Kind: protocol.ResolveFunction, Tag: 1}},
		Invariants: protocol.Invariants(),
		Deadlock:   true,
	}
}

// A naive blocking lock is the deadlock that the reference warns of: its
// holder waits at the first epoch for a group that waits for the lock.
func TestExploreFindsNaiveLockDeadlock(t *testing.T) {
	x := smallExplorer(protocol.OffCooperate)
	x.Config.Features = 0
	_, err := x.Run()
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
	_, err := x.Run()
	var limit *LimitError
	if !errors.As(err, &limit) || limit.MaxStates != 100 {
		t.Errorf("%v, want a LimitError of 100 states", err)
	}
}
