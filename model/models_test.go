package model

import (
	"errors"
	"os"
	"slices"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker/protocol"
	"github.com/lockstep-wasm/lockstep/tla"
)

// specifications is the folder with the TLA+ text and its models.
func specifications(t *testing.T) *tla.Suite {
	t.Helper()
	suite, err := tla.LoadSuite(os.DirFS("../tla"))
	if err != nil {
		t.Fatal(err)
	}
	return suite
}

// explorerOf is the explorer that does what TLC does with a model of the specification.
func explorerOf(t *testing.T, m tla.Model) *Explorer {
	t.Helper()
	x, err := NewExplorer(os.DirFS("../tla"), m)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// The explorer finds what TLC finds: as many states at the same depth, or the same mistake.
func TestExplorerAgreesWithTLC(t *testing.T) {
	suite := specifications(t)
	explored := 0
	for _, m := range suite.Models {
		if !m.Explorer {
			continue
		}
		explored++
		t.Run(m.Name, func(t *testing.T) {
			if testing.Short() && m.Distinct > 20_000 {
				t.Skip("a large model")
			}
			x := explorerOf(t, m)
			got, err := x.Run(t.Context())
			if m.Exit == 0 {
				if err != nil {
					t.Fatal(err)
				}
				if got.Distinct != m.Distinct || got.Depth != m.Depth {
					t.Errorf("%d distinct states, depth %d; TLC finds %d and %d", got.Distinct,
						got.Depth, m.Distinct, m.Depth)
				}
				return
			}
			want := m.Property
			if want == tla.PropertyDeadlock {
				want = Deadlock
			}
			var violation *ViolationError
			if !errors.As(err, &violation) || violation.Name != want {
				t.Fatalf("%v, want a violation of %s", err, want)
			}
			state := protocol.NewState(x.Config)
			for _, step := range violation.Trace {
				if err := state.Perform(step); err != nil {
					t.Fatalf("the trace does not run: %v", err)
				}
			}
			if state != violation.State {
				t.Errorf("the trace leads to another state")
			}
			checkLoop(t, x, violation)
		})
	}
	if explored < 31 {
		t.Errorf("only %d models are marked for the explorer", explored)
	}
}

// checkLoop performs what repeats for ever in a violation of a property in time: it leads back to
// where it began, its condition holds all along, and no fair step that is always possible is left
// out.
func checkLoop(t *testing.T, x *Explorer, v *ViolationError) {
	t.Helper()
	i := slices.IndexFunc(x.InTime, func(p LeadsTo) bool { return p.Name == v.Name })
	if v.Endless != (i >= 0) || !v.Endless && v.Loop != nil {
		t.Fatalf("%s: endless: %t, a circle of %d steps", v.Name, v.Endless, len(v.Loop))
	}
	if i < 0 {
		return
	}
	states := []protocol.State{v.State}
	for _, step := range v.Loop {
		next := states[len(states)-1]
		if err := next.Perform(step); err != nil {
			t.Fatalf("the circle does not run: %v", err)
		}
		states = append(states, next)
	}
	if states[len(states)-1] != v.State {
		t.Error("the circle is none")
	}
	waits := func(g protocol.Group) bool {
		return !slices.ContainsFunc(states,
			func(s protocol.State) bool { return s.Poisoned || !x.InTime[i].Waits(&s, g) })
	}
	if !slices.ContainsFunc([]protocol.Group{0, 1, 2}, waits) {
		t.Error("nobody waits all along")
	}
	for _, set := range fairness(x.InTime[i].Eager) {
		for g := range protocol.Group(x.Config.Groups) {
			isFair := func(from *protocol.State, step protocol.Step) bool {
				return step.Group == g && slices.Contains(set, step.Action) &&
					(step.Action != protocol.ActRequestState || from.Stage[g] != protocol.Idle)
			}
			always, taken := true, false
			for k := range states {
				possible := false
				for step := range x.Config.Steps(x.Ops) {
					next := states[k]
					possible = possible || isFair(&states[k], step) &&
						next.Try(step) == protocol.Done
				}
				always = always && possible
				taken = taken || k < len(v.Loop) && isFair(&states[k], v.Loop[k])
			}
			if always && !taken {
				t.Errorf("%v of %s is possible all the time and never happens", set, g)
			}
		}
	}
}

// Every action is possible in some model of the protocol: otherwise a guard could be too strong.
func TestEveryActionHappens(t *testing.T) {
	suite := specifications(t)
	happened := map[protocol.Action]bool{}
	for _, m := range suite.Models {
		if !m.Explorer || m.Exit != 0 || m.Distinct > 20_000 {
			continue
		}
		x := explorerOf(t, m)
		got, err := x.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for action, n := range got.Steps {
			happened[action] = happened[action] || n > 0
		}
	}
	for _, action := range protocol.Actions() {
		if !happened[action] {
			t.Errorf("%s never happens", action)
		}
	}
}

// The complete graphs are equal: every state and every labelled step that TLC dumped, and no other.
func TestGraphsAreTLCs(t *testing.T) {
	suite := specifications(t)
	graphs, err := tla.LoadGraphs(suite.FS)
	if err != nil {
		t.Fatal(err)
	}
	if len(graphs) < 2 {
		t.Fatalf("%d graphs on record, want two at least", len(graphs))
	}
	for _, recorded := range graphs {
		m, err := suite.Model(recorded.Model)
		if err != nil {
			t.Fatal(err)
		}
		if !m.Explorer {
			continue // a room's own test compares it
		}
		t.Run(recorded.Model, func(t *testing.T) {
			if inputs, err := suite.InputsHash(m); err != nil || inputs != recorded.Inputs {
				t.Fatalf("the specification changed since the graph was recorded (%v): run go "+
					"run ./tla/cmd/tlc graphs --record", err)
			}
			var b tla.GraphBuilder
			x := explorerOf(t, m)
			x.Visit = func(s *protocol.State) {
				key := b.State(s.TLA())
				if s.Terminated() {
					b.Edge(key, "Terminated", key)
				}
			}
			x.Edge = func(from *protocol.State, step protocol.Step, to *protocol.State) {
				b.Edge(b.State(from.TLA()), step.String(), b.State(to.TLA()))
			}
			if _, err := x.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := b.Graph(); got != recorded.Graph {
				t.Errorf("got %+v, TLC's graph is %+v", got, recorded.Graph)
			}
		})
	}
}
