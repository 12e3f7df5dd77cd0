package model

import (
	"errors"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// smallExplorer is the explorer of the model tla/small.cfg.
func smallExplorer(off protocol.Guards) Explorer {
	return Explorer{
		Config:     protocol.Config{Groups: 2, Initial: 2, MaxLog: 2, Batch: 1, Features: protocol.AllFeatures, Off: off},
		Ops:        []protocol.Op{{Kind: protocol.LoadModules, Tag: 1}, {Kind: protocol.ResolveFunction, Tag: 1}},
		Invariants: protocol.Invariants(),
		Deadlock:   true,
	}
}

func TestExploreHoldsEverywhere(t *testing.T) {
	x := smallExplorer(0)
	got, err := x.Run()
	if err != nil {
		t.Fatal(err)
	}
	if got.Distinct != 981 || got.Depth != 26 {
		t.Errorf("%d distinct states, depth %d; TLC finds 981 and 26", got.Distinct, got.Depth)
	}
}

// Each guard that is switched off must be missed by an invariant.
func TestExploreFindsMissingGuards(t *testing.T) {
	for _, c := range []struct {
		off  protocol.Guards
		want string
	}{
		{protocol.OffPublishLease, "LeaseIsHeld"},
		{protocol.OffSecondEpoch, "MailWhileReplaying"},
		{protocol.OffGoOnTogether, "ParticipantsAreLive"},
		{protocol.OffAttachLease, "LeaseIsHeld"},
		{protocol.OffLeaveTakesPart, "ParticipantsAreLive"},
		{protocol.OffLeaseUntilCommit, "LeaseIsHeld"},
		{protocol.OffSecondLookup, "NothingTwice"},
		{protocol.OffLockOrder, "StateIsInUse"},
		{protocol.OffDowngrade, "ReplayIsLocked"},
	} {
		x := smallExplorer(c.off)
		_, err := x.Run()
		var violation *ViolationError
		if !errors.As(err, &violation) || violation.Name != c.want {
			t.Errorf("guard %#x off: %v, want a violation of %s", c.off, err, c.want)
			continue
		}
		state := protocol.NewState(x.Config)
		for _, step := range violation.Trace {
			if err := state.Perform(step); err != nil {
				t.Fatalf("the trace does not run: %v", err)
			}
		}
		if state != violation.State {
			t.Errorf("guard %#x off: the trace leads to another state", c.off)
		}
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
