package protocol_test

import (
	"testing"

	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// everything is a configuration in which all can happen.
func everything(groups, initial uint8) protocol.Config {
	return protocol.Config{Groups: groups, Initial: initial, MaxLog: 2, Batch: 2, MaxTable: 4,
		Features: protocol.AllFeatures}
}

// after is the state after the steps, each of which must be possible.
func after(t testing.TB, c protocol.Config, steps ...string) protocol.State {
	t.Helper()
	s := protocol.NewState(c)
	for _, text := range steps {
		step, err := protocol.ParseStep(text)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Perform(step); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// join puts lists of steps one after the other.
func join(lists ...[]string) []string {
	var all []string
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

// The way of g1 through a link operation, in steps that follow each other.
var (
	leased    = []string{"RequestLease(g1)", "GrantLease(g1)"}
	locked    = join(leased, []string{"RequestState(g1)", "LockState(g1)"})
	worked    = join(locked, []string{`Work(g1, <<"LoadModules", 1>>)`})
	published = join(worked, []string{"Publish(g1)"})
	// Two groups from here on.
	broadcast = join(published, []string{"Arrive(g2)", "Broadcast(g1)"})
	applied   = join(broadcast, []string{"Apply(g2)"})
	committed = join(applied, []string{"Commit(g1)"})
	failed    = join(broadcast, []string{"FailApply(g2)"})
	// Three groups.
	broadcast3 = join(published, []string{"Arrive(g2)", "Arrive(g3)", "Broadcast(g1)"})
	mixed      = join(broadcast3, []string{"Apply(g2)", "FailApply(g3)"})
	poisoned   = join(mixed, []string{"FailUndo(g2)"})
	// g2 is a child of g1.
	building = join(leased, []string{"Spawn(g1, g2)"})
	built    = join(building, []string{"Build(g2)"})
	attached = join(built, []string{"RequestState(g2)", "LockState(g2)", "Attach(g2)"})
)
