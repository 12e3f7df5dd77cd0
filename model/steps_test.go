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
	for _, p := range StepProperties() {
		x := smallExplorer(0)
		x.Config.Groups, x.Config.Initial = 3, 3
		x.Ops, x.Steps, x.Invariants = x.Ops[:1], []StepProperty{p}, nil
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

// The log grows by the leader's operation, at its end, or is forgotten when it is full; nothing
// else may happen to it.
func TestLogGrows(t *testing.T) {
	state := protocol.NewState(
		protocol.Config{Groups: 2, Initial: 2, MaxLog: 2, Batch: 1, Features: protocol.AllFeatures},
	)
	var states []protocol.State
	for _, text := range []string{
		"RequestLease(g1)", "GrantLease(g1)", "RequestState(g1)", "LockState(g1)", `Work(g1, <<"LoadModules", 1>>)`,
		"Publish(g1)", "Arrive(g2)", "Broadcast(g1)", "Apply(g2)", "Commit(g1)",
	} {
		step, err := protocol.ParseStep(text)
		if err != nil {
			t.Fatal(err)
		}
		states = append(states, state)
		if err := state.Perform(step); err != nil {
			t.Fatal(err)
		}
	}
	before, after := states[len(states)-1], state
	if !logGrows(&before, protocol.Step{}, &after) {
		t.Error("a commit is refused")
	}
	for name, change := range map[string]func(from, to *protocol.State){
		"another operation":           func(from, _ *protocol.State) { from.Op.Tag++ },
		"without a leader":            func(from, _ *protocol.State) { from.Leader = protocol.NoGroup },
		"forgotten before it is full": func(from, to *protocol.State) { *from, *to = *to, *from },
	} {
		from, to := before, after
		change(&from, &to)
		if logGrows(&from, protocol.Step{}, &to) {
			t.Errorf("%s: accepted", name)
		}
	}
}
