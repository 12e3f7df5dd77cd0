package counterexample_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-wasm/lockstep/counterexample"
	"github.com/lockstep-wasm/lockstep/lincheck/trace"
	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// load is a load by the first of two groups.
func load(t *testing.T) (protocol.Config, []protocol.Step) {
	t.Helper()
	config := protocol.Config{
		Groups: 64, Initial: 2, MaxLog: 4, Batch: 100, MaxTable: 1000,
		Features: protocol.AllFeatures,
	}
	var steps []protocol.Step
	for _, text := range []string{
		"RequestLease(g1)", "GrantLease(g1)", "RequestState(g1)", "LockState(g1)",
		`Work(g1, <<"LoadModules", 9>>)`, "Publish(g1)", "Arrive(g2)", "Broadcast(g1)",
		"Apply(g2)", "Commit(g1)",
	} {
		step, err := protocol.ParseStep(text)
		if err != nil {
			t.Fatal(err)
		}
		steps = append(steps, step)
	}
	return config, steps
}

// rejected replays loads and then a step, and returns why that does not fit.
func rejected(t *testing.T, loads int, last protocol.Step) *trace.RejectedError {
	t.Helper()
	config, steps := load(t)
	state := protocol.NewState(config)
	record := trace.Trace{Config: config}
	add := func(step protocol.Step, commits uint64) {
		record.Events = append(
			record.Events,
			trace.Event{
				Seq:  uint64(len(record.Events) + 1),
				Step: step,
				Seen: trace.See(step, &state, commits),
			},
		)
	}
	for n := range loads {
		for _, step := range steps {
			commits := uint64(n)
			if step.Action == protocol.ActWork {
				step.Op.Tag = uint8(n + 1)
			}
			if step.Action == protocol.ActCommit {
				commits++
			}
			if err := state.Perform(step); err != nil {
				t.Fatal(err)
			}
			add(step, commits)
		}
	}
	add(last, uint64(loads))
	_, err := trace.Validate(&record)
	var e *trace.RejectedError
	if !errors.As(err, &e) || e.Event.Step != last {
		t.Fatalf("%v", err)
	}
	return e
}

// A trace that does not fit is shown by its newest events, with what they change, by the one that
// does not fit, and by what would have been possible.
func TestOfRejected(t *testing.T) {
	for _, loads := range []int{0, 1, 3} {
		e := rejected(t, loads, protocol.Step{Action: protocol.ActCommit, Group: 1})
		c := counterexample.OfRejected(e)
		last := c.Steps[len(c.Steps)-1]
		if last.Number != 10*loads+1 || last.Action != "Commit(g2)" ||
			!strings.Contains(last.Note, `stage[g] = "Replaying" does not hold`) {
			t.Errorf("%d loads: the last step is %+v", loads, last)
		}
		if !slices.Contains(c.Possible, "RequestLease(g2)") {
			t.Errorf("%d loads: possible are %q", loads, c.Possible)
		}
		if want := min(10*loads, 8); len(c.Steps)-1 < want || len(c.Steps) > 17 {
			t.Errorf("%d loads: %d steps", loads, len(c.Steps))
		}
		for i, s := range c.Steps[:len(c.Steps)-1] {
			if s.Number != last.Number-len(c.Steps)+1+i || len(s.Changes) == 0 || s.Note != "" {
				t.Errorf("%d loads: step %+v", loads, s)
			}
		}
		text := c.String()
		for _, want := range []string{
			"Commit(g2), does not fit", "✗ ", "possible would have been: ",
		} {
			if !strings.Contains(text, want) {
				t.Errorf("no %q in\n%s", want, text)
			}
		}
	}
}

// A run is shown by its last actions; one that the protocol does not allow ends it.
func TestOfBehaviour(t *testing.T) {
	config, steps := load(t)
	c := counterexample.OfBehaviour(config, steps, 3)
	if len(c.Steps) != 3 || c.Steps[0].Action != "Broadcast(g1)" || c.Steps[2].Number != 10 ||
		!strings.HasPrefix(
			c.String(),
			"10 actions of the protocol, of which these are the last 3\n",
		) {
		t.Errorf("%s", c)
	}
	c = counterexample.OfBehaviour(config, steps[1:], 100)
	if len(c.Steps) != 1 || c.Steps[0].Note == "" || c.Actions != nil {
		t.Errorf("%s", c)
	}
	c = counterexample.OfBehaviour(config, append(slices.Clone(steps[:4]), steps[9], steps[5]), 1)
	if last := c.Steps[len(c.Steps)-1]; last.Action != "Commit(g1)" || last.Note == "" ||
		last.Number != 5 {
		t.Errorf("%s", c)
	}
}
