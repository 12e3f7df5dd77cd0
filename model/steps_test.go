package model

import (
	"errors"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// Each property of steps that the explorer checks is broken by a guard that is off, and holds
// without.
func TestStepProperties(t *testing.T) {
	offs := map[string]protocol.Guards{
		"PoisonIsForEver": protocol.OffStickyPoison,
		"CommitAfterAll":  protocol.OffSecondEpoch,
		"EpochTwo":        protocol.OffGoOnTogether,
		"TokenMoves":      protocol.OffFirstCome,
		"StateInTurn":     protocol.OffFirstCome,
		"ClaimedSleeps":   protocol.OffUnparkGuard,
	}
	for _, p := range protocol.StepProperties() {
		x := smallExplorer(0)
		x.Config.Groups, x.Config.Initial = 3, 3
		x.Ops, x.Steps, x.Invariants = x.Ops[:1], []protocol.StepProperty{p}, nil
		if got, err := x.Run(t.Context()); err != nil || got.Distinct < 1000 {
			t.Errorf("%s: %v after %d states", p.Name, err, got.Distinct)
		}
		if p.Name == "LogGrows" { // no guard is for it alone
			continue
		}
		x.Config.Off, x.MaxStates = offs[p.Name], 100_000
		_, err := x.Run(t.Context())
		var violation *ViolationError
		if !errors.As(err, &violation) || violation.Name != p.Name {
			t.Errorf("%s, with %v off: %v", p.Name, offs[p.Name], err)
		}
	}
}
