package protocol_test

import (
	"testing"

	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// What is left after whole stories: no group holds or waits for anything, and all agree.
func TestStories(t *testing.T) {
	load := protocol.Op{Kind: protocol.LoadModules, Tag: 1}
	for _, c := range []struct {
		name   string
		config protocol.Config
		steps  []string
		live   int
		log    []protocol.Op
	}{
		{"an operation of two", everything(2, 2), committed, 2, []protocol.Op{load}},
		{"a sleeper is claimed", everything(2, 2),
			join([]string{"Park(g2)"}, published,
				[]string{"Claim(g2)", "Broadcast(g1)", "Apply(g2)", "Commit(g1)"}), 2,
			[]protocol.Op{load}},
		{"the end of an operation lets in", everything(2, 2),
			join([]string{"Park(g2)"}, published,
				[]string{"Wake(g2)", "Claim(g2)", "Broadcast(g1)", "Apply(g2)", "Commit(g1)",
					"RequestState(g2)", "Cancel(g2)"}), 2, []protocol.Op{load}},
		{"so does its cancellation", everything(2, 2),
			join([]string{"Park(g2)"}, published,
				[]string{"Wake(g2)", "Cancel(g1)", "RequestState(g2)", "Cancel(g2)"}), 2, nil},
		{"and the death of its leader", everything(2, 2),
			join([]string{"Park(g2)"}, published,
				[]string{"Wake(g2)", "Crash(g1)", "RequestState(g2)", "Cancel(g2)"}), 1, nil},
		{"who no longer waits to get in sleeps on", everything(2, 2),
			join([]string{"Park(g2)"}, published,
				[]string{"Wake(g2)", "CancelWake(g2)", "Claim(g2)", "Broadcast(g1)", "Apply(g2)",
					"Commit(g1)", "Unpark(g2)"}), 2, []protocol.Op{load}},
		{"a failed replay", everything(2, 2), join(failed, []string{"Rollback(g1)"}), 2, nil},
		{"an undo", everything(3, 3), join(mixed, []string{"Undo(g2)", "Rollback(g1)"}), 3, nil},
		{"a cancelled operation", everything(2, 2),
			join(published, []string{"Arrive(g2)", "Cancel(g1)"}), 2, nil},
		{"a child", everything(2, 1), attached, 2, nil},
		{"a child after an operation", everything(3, 2),
			join(committed, leased,
				[]string{"Spawn(g1, g3)", "Build(g3)", "RequestState(g3)", "LockState(g3)",
					"Attach(g3)"}), 3, []protocol.Op{load}},
		{"a child that cannot be built", everything(2, 1), join(built, []string{"Cancel(g2)"}), 1,
			nil},
		{"a participant dies between the epochs", everything(3, 3),
			join(broadcast3, []string{"Apply(g2)", "Crash(g3)", "Commit(g1)"}), 2,
			[]protocol.Op{load}},
		{"the failed one dies", everything(3, 3),
			join(mixed, []string{"Crash(g3)", "Undo(g2)", "Rollback(g1)"}), 2, nil},
		{"the leader dies before the broadcast", everything(2, 2),
			join(published, []string{"Arrive(g2)", "Crash(g1)"}), 1, nil},
		{"the leader dies after the broadcast", everything(2, 2),
			join(applied, []string{"Crash(g1)", "Commit(g1)"}), 1, []protocol.Op{load}},
		{"a group leaves", everything(2, 2),
			[]string{"RequestState(g2)", "LockState(g2)", "Detach(g2)"}, 1, nil},
	} {
		s := after(t, c.config, c.steps...)
		if err := s.Check(); err != nil {
			t.Errorf("%s: %v\n%s", c.name, err, s)
		}
		if s.Holder != protocol.NoGroup || s.Writer != protocol.NoGroup || s.Readers != 0 ||
			s.Leader != protocol.NoGroup || s.LeaseQueue.Len() != 0 || s.StateQueue.Len() != 0 ||
			s.Participants() != 0 {
			t.Errorf("%s: something is left:\n%s", c.name, s)
		}
		if s.Live().Len() != c.live {
			t.Errorf("%s: %d groups are live, want %d", c.name, s.Live().Len(), c.live)
		}
		logged := s.Log.Len() == len(c.log)
		for i, op := range c.log {
			logged = logged && s.Log.At(i) == op
		}
		if !logged {
			t.Errorf("%s: the log is %s, want %v", c.name, s.Log, c.log)
		}
		for g := range protocol.Group(c.config.Groups) {
			if s.Live().Has(g) && s.View[g] != s.Log {
				t.Errorf("%s: %s has seen %s, the log is %s", c.name, g, s.View[g], s.Log)
			}
		}
	}
}

// One allocation adds a batch of closure slots, and no other is made while one of them is free.
func TestClosures(t *testing.T) {
	allocate := join(locked,
		[]string{`Work(g1, <<"AllocateFunctionTable", 1>>)`, "Publish(g1)", "Broadcast(g1)",
			"Commit(g1)"})
	s := after(t, everything(1, 1), join(allocate, locked, []string{"AllocateClosure(g1)"})...)
	if s.Table != 2 || s.Free != 1 || s.Taken != 1 {
		t.Errorf("%d slots, %d free, %d taken, want 2, 1, 1", s.Table, s.Free, s.Taken)
	}
	again := protocol.Op{Kind: protocol.AllocateFunctionTable, Tag: 1}
	if r := s.Work(0, again); r != `Fresh(o) \/ "SecondLookup" \in Off` {
		t.Errorf("another allocation with a free slot: refused by %q, want Fresh(o)", r)
	}
	if r := s.AllocateClosure(0); r != protocol.Done {
		t.Fatal(r)
	}
	if r := s.Work(0, again); r != protocol.Done {
		t.Errorf("another allocation without a free slot: refused by %q", r)
	}
	if err := s.Check(); err != nil {
		t.Error(err)
	}
}
