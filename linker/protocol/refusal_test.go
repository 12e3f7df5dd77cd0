package protocol_test

import (
	"errors"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// Guards that have alternatives.
const (
	idleToRequest protocol.Refusal = `stage[g] = "Idle" ` +
		`\/ ("LockOrder" \in Off /\ stage[g] = "Locked" /\ holder # g)`
	mayRequestState protocol.Refusal = `stage[g] = "Idle" /\ mode[g] = "Running" /\ ~AtRendezvous(g) ` +
		`\/ stage[g] = "Leased" /\ mode[g] = "Running" \/ stage[g] = "Built"`
	mayDetach protocol.Refusal = `stage[g] = "Locked" /\ holder # g ` +
		`\/ stage[g] = "Idle" /\ ~AtRendezvous(g) /\ "LeaveTakesPart" \in Off`
)

// Each guard refuses, and says which of its conjuncts did not hold; the state is then as it was.
func TestRefusals(t *testing.T) {
	pair, trio, one := everything(2, 2), everything(3, 3), everything(2, 1)
	without := func(f protocol.Features) protocol.Config {
		c := trio
		c.Features &^= f
		return c
	}
	for _, c := range []struct {
		config protocol.Config
		before []string
		step   string
		want   protocol.Refusal
	}{
		{trio, poisoned, "RequestLease(g1)", "Usable"},
		{pair, []string{"Park(g1)"}, "RequestLease(g1)", `mode[g] = "Running"`},
		{pair, leased, "RequestLease(g1)", idleToRequest},
		{pair, broadcast, "RequestLease(g2)", "~AtRendezvous(g)"},
		{pair, nil, "GrantLease(g1)", `stage[g] = "WaitLease"`},
		{pair, join(leased, []string{"RequestLease(g2)"}), "GrantLease(g2)", "holder = None"},
		{pair, []string{"RequestLease(g1)", "RequestLease(g2)"}, "GrantLease(g2)",
			`Head(leaseQueue) = g \/ "FirstCome" \in Off`},
		{pair, locked, "RequestState(g1)", mayRequestState},
		{pair, broadcast, "RequestState(g2)", mayRequestState},
		{one, building, "RequestState(g2)", mayRequestState},
		{pair, nil, "LockState(g1)", `stage[g] = "WaitState"`},
		{pair, join(locked, []string{"RequestState(g2)"}), "LockState(g2)", "writer = None"},
		{pair, join(published, []string{"RequestState(g2)", "Arrive(g2)", "Broadcast(g1)"}),
			"LockState(g2)", "readers = {}"},
		{pair, []string{"RequestState(g1)", "RequestState(g2)"}, "LockState(g2)",
			`Head(stateQueue) = g \/ "FirstCome" \in Off`},
		{pair, leased, "UnlockState(g1)", `stage[g] = "Locked"`},
		{one, join(built, []string{"RequestState(g2)", "LockState(g2)"}), "UnlockState(g2)",
			`mode[g] = "Running"`},
		{pair, leased, "AllocateClosure(g1)", `stage[g] = "Locked"`},
		{one, join(built, []string{"RequestState(g2)", "LockState(g2)"}), "AllocateClosure(g2)",
			`mode[g] = "Running"`},
		{pair, locked, "AllocateClosure(g1)", "free > 0"},
		{pair, leased, "FreeClosure(g1)", `stage[g] = "Locked"`},
		{pair, locked, "FreeClosure(g1)", "taken > 0"},
		{pair, leased, `Work(g1, <<"LoadModules", 1>>)`, `stage[g] = "Locked"`},
		{pair, []string{"RequestState(g1)", "LockState(g1)"}, `Work(g1, <<"LoadModules", 1>>)`,
			`holder = g \/ "PublishLease" \in Off`},
		{pair, join(committed, locked), `Work(g1, <<"LoadModules", 1>>)`,
			`Fresh(o) \/ "SecondLookup" \in Off`},
		{everything(1, 1),
			join(worked, []string{"Publish(g1)", "Broadcast(g1)", "Commit(g1)"}, locked,
				[]string{`Work(g1, <<"LoadModules", 2>>)`, "Publish(g1)", "Broadcast(g1)",
					"Commit(g1)"}, locked),
			`Work(g1, <<"LoadModules", 3>>)`, "Len(log) < MaxLog"},
		{pair, locked, "Publish(g1)", `stage[g] = "Worked"`},
		{pair, worked, "Arrive(g2)", "Pending"},
		{pair, published, "Arrive(g1)", `part[h] = "Expected"`},
		{pair, join([]string{"Park(g2)"}, published), "Arrive(g2)", `mode[h] = "Running"`},
		{pair, broadcast, "Claim(g2)", "Pending"},
		{pair, join(published, []string{"Arrive(g2)"}), "Claim(g2)", `part[h] = "Expected"`},
		{pair, published, "Claim(g2)", "Asleep(h)"},
		{pair, worked, "Broadcast(g1)", `stage[g] = "Published"`},
		{pair, published, "Broadcast(g1)", `\A h \in Participants : part[h] = "Arrived"`},
		{pair, applied, "Apply(g2)", "mail[h] # <<>>"},
		{pair, published, "Commit(g1)", `stage[g] = "Replaying"`},
		{pair, failed, "Commit(g1)", "~failed"},
		{pair, broadcast, "Commit(g1)",
			`"SecondEpoch" \in Off \/ \A h \in Participants : part[h] = "Applied"`},
		{without(protocol.FeatureFailApply), broadcast3, "FailApply(g2)",
			`"FailApply" \in Features`},
		{pair, applied, "FailApply(g2)", "mail[h] # <<>>"},
		{pair, applied, "Undo(g2)", "failed"},
		{pair, failed, "Undo(g2)", `part[h] = "Applied"`},
		{everything(4, 4),
			join(published, []string{"Arrive(g2)", "Arrive(g3)", "Arrive(g4)", "Broadcast(g1)",
				"Apply(g2)", "FailApply(g3)"}), "Undo(g2)",
			`\A k \in Participants : part[k] # "Arrived"`},
		{without(protocol.FeatureFailUndo), mixed, "FailUndo(g2)", `"FailUndo" \in Features`},
		{pair, applied, "Rollback(g1)", "failed"},
		{pair, published, "Rollback(g1)", `stage[g] = "Replaying"`},
		{trio, mixed, "Rollback(g1)", `\A h \in Participants : part[h] \in {"Failed", "Undone"}`},
		{without(protocol.FeatureFailUndo), join(mixed, []string{"Undo(g2)"}), "FailRollback(g1)",
			`"FailUndo" \in Features`},
		{pair, join(failed, []string{"Crash(g1)"}), "FailRollback(g1)", `mode[g] = "Running"`},
		{without(protocol.FeatureSpawn), leased, "Spawn(g1, g2)", `"Spawn" \in Features`},
		{one, nil, "Spawn(g1, g2)", `stage[p] = "Leased"`},
		{everything(3, 1), building, "Spawn(g2, g3)", `mode[p] = "Running"`},
		{pair, leased, "Spawn(g1, g2)", `mode[c] = "Gone"`},
		{one, leased, "Build(g2)", `stage[c] = "Leased"`},
		{one, leased, "Build(g1)", `mode[c] = "Building"`},
		{one, built, "Attach(g2)", `stage[c] = "Locked"`},
		{one, locked, "Attach(g1)", `mode[c] = "Building"`},
		{without(protocol.FeatureDetach), locked, "Detach(g1)", `"Detach" \in Features`},
		{one, building, "Detach(g2)", `mode[g] = "Running"`},
		{pair, locked, "Detach(g1)", mayDetach},
		{pair, nil, "Detach(g1)", mayDetach},
		{without(protocol.FeaturePark), nil, "Park(g1)", `"Park" \in Features`},
		{pair, broadcast, "Park(g2)", "RunsGuest(g)"},
		{pair, nil, "Unpark(g1)", `mode[g] = "Parked"`},
		{pair, join([]string{"Park(g2)"}, published), "Unpark(g2)",
			`part[g] = "None" \/ "UnparkGuard" \in Off`},
		{pair, nil, "Wake(g1)", `mode[g] = "Parked"`},
		{pair, []string{"Park(g1)"}, "Wake(g1)", `part[g] # "None"`},
		{without(protocol.FeatureCancel),
			join([]string{"Park(g2)"}, published, []string{"Wake(g2)"}), "CancelWake(g2)",
			`"Cancel" \in Features`},
		{pair, []string{"Park(g1)"}, "CancelWake(g1)", `mode[g] = "Waking"`},
		{without(protocol.FeatureCancel), leased, "Cancel(g1)", `"Cancel" \in Features`},
		{pair, broadcast, "Cancel(g1)",
			`stage[g] \in {"WaitLease", "Leased", "Built", "WaitState", "Locked", "Worked", "Published"}`},
		{pair, join(published, []string{"RequestLease(g2)", "Arrive(g2)"}), "Cancel(g2)",
			"~AtRendezvous(g)"},
		{without(protocol.FeatureCrash), nil, "Crash(g1)", `"Crash" \in Features`},
		{one, nil, "Crash(g2)", `mode[g] # "Gone"`},
		{pair, nil, "Checkpoint", "Len(log) = MaxLog"},
		{everything(1, 1), nil, "RequestLease(g2)", `g \in Groups`},
		{everything(1, 1), leased, "Spawn(g1, g2)", `c \in Groups`},
		{everything(1, 1), locked, `Work(g1, <<>>)`, `o \in Kinds \X Tags`},
	} {
		s := after(t, c.config, c.before...)
		before := s
		step, err := protocol.ParseStep(c.step)
		if err != nil {
			t.Fatal(err)
		}
		var refused *protocol.RefusedError
		if err := s.Perform(step); !errors.As(err, &refused) || refused.Guard != c.want ||
			refused.Step != step {
			t.Errorf("after %v: %s: %v, want a refusal by %s", c.before, c.step, err, c.want)
		}
		if s != before {
			t.Errorf("after %v: %s was refused, but changed the state", c.before, c.step)
		}
	}
}

// Checkpoint waits until no group is ahead of the log.
func TestCheckpointWaits(t *testing.T) {
	c := everything(1, 1)
	c.MaxLog = 1
	s := after(t, c, join(worked, []string{"Publish(g1)", "Broadcast(g1)", "Commit(g1)"})...)
	if s.Log.Len() != 1 {
		t.Fatalf("the log has %d operations, want one", s.Log.Len())
	}
	if r := s.Checkpoint(); r != protocol.Done {
		t.Fatalf("Checkpoint was refused: %s", r)
	}
	if s.Log.Len() != 0 || s.View[0].Len() != 0 {
		t.Errorf("the log and the views must be forgotten:\n%s", s)
	}
}

// Once poisoned, nothing is possible any more, whatever it is.
func TestPoisonedRefusesEverything(t *testing.T) {
	c := everything(3, 3)
	s := after(t, c, poisoned...)
	for step := range c.Steps([]protocol.Op{{Kind: protocol.LoadModules, Tag: 1},
		{Kind: protocol.AllocateFunctionTable, Tag: 1}}) {
		if err := s.Perform(step); err == nil {
			t.Errorf("%s was performed in a poisoned image", step)
		}
	}
	if !s.Terminated() {
		t.Error("a poisoned image is an end, not a deadlock")
	}
}
