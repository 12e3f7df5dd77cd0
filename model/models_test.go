package model

import (
	"errors"
	"os"
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
					t.Errorf("%d distinct states, depth %d; TLC finds %d and %d", got.Distinct, got.Depth, m.Distinct, m.Depth)
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
		})
	}
	if explored < 20 {
		t.Errorf("only %d models are marked for the explorer", explored)
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
		t.Run(recorded.Model, func(t *testing.T) {
			m, err := suite.Model(recorded.Model)
			if err != nil {
				t.Fatal(err)
			}
			if inputs, err := suite.InputsHash(m); err != nil || inputs != recorded.Inputs {
				t.Fatalf("the specification changed since the graph was recorded (%v): run go run ./tla/cmd/tlc graphs --record", err)
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
