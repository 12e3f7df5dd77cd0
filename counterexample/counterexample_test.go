package counterexample_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/lockstep-wasm/lockstep/counterexample"
	"github.com/lockstep-wasm/lockstep/linker/protocol"
	"github.com/lockstep-wasm/lockstep/model"
	"github.com/lockstep-wasm/lockstep/tla"
)

// violations calls f with what the explorer finds in every model of a mistake.
func violations(t *testing.T, f func(m tla.Model, x *model.Explorer, v *model.ViolationError)) {
	t.Helper()
	suite, err := tla.LoadSuite(tla.Files())
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, m := range suite.Models {
		if !m.Explorer || m.Exit == 0 {
			continue
		}
		x, err := model.NewExplorer(suite.FS, m)
		if err != nil {
			t.Fatal(err)
		}
		_, err = x.Run(t.Context())
		var v *model.ViolationError
		if !errors.As(err, &v) {
			t.Fatalf("%s: %v", m.Name, err)
		}
		count++
		f(m, x, v)
	}
	if count < 18 {
		t.Errorf("only %d mistakes", count)
	}
}

// Every mistake is shown with the sentence of the property, the guard, every action with its
// parameters, and what each changes, which is something.
func TestOfViolation(t *testing.T) {
	violations(t, func(m tla.Model, x *model.Explorer, v *model.ViolationError) {
		c, err := counterexample.OfViolation(x.Config, v)
		if err != nil {
			t.Fatal(err)
		}
		if c.Sentence == "" || c.Link == "" || len(c.Off) != 1 ||
			len(c.Steps) != len(v.Trace)+len(v.Loop) {
			t.Errorf("%s: %+v", m.Name, c)
		}
		for i, s := range c.Steps {
			if s.Number != i+1 || len(s.Changes) == 0 ||
				!strings.Contains(s.Action, "(") && s.Action != "Checkpoint" {
				t.Errorf("%s: step %+v", m.Name, s)
			}
			for _, x := range s.Changes {
				if x.Before == x.After || x.Before == "" {
					t.Errorf("%s: step %d: change %+v", m.Name, s.Number, x)
				}
			}
		}
		text := c.String()
		for _, want := range []string{c.Off[0] + " off: ", "should hold: ", "spec/",
			c.Steps[0].Action} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %q in\n%s", m.Name, want, text)
			}
		}
		if (c.Loop > 0) != strings.Contains(text, "this repeats for ever") {
			t.Errorf("%s: the circle is not shown:\n%s", m.Name, text)
		}
	})
}

// asTrace is a violation as a checker that names no actions would report it.
func asTrace(config protocol.Config, v *model.ViolationError, named bool) *tla.Trace {
	state := protocol.NewState(config)
	trace := &tla.Trace{Property: v.Name, Steps: []tla.Step{{Number: 1, State: variables(&state)}}}
	for i, t := range v.Trace {
		state.Try(t)
		step := tla.Step{Number: i + 2, State: variables(&state)}
		if named { // TLC names the action, and not its parameters
			step.Action = t.Action.String()
		}
		trace.Steps = append(trace.Steps, step)
	}
	return trace
}

func variables(s *protocol.State) (list []tla.Variable) {
	for line := range strings.Lines(s.TLA()) {
		name, value, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), `/\ `), " = ")
		// Checkers break long values, and have functions in an order of their own.
		list = append(
			[]tla.Variable{{Name: name, Value: strings.ReplaceAll(value, " @@ ", "\n  @@ ")}},
			list...)
	}
	return list
}

// From the states of a trace the actions and their parameters are found again.
func TestOfTrace(t *testing.T) {
	violations(t, func(m tla.Model, x *model.Explorer, v *model.ViolationError) {
		want, err := counterexample.OfSteps(x.Config, v.Trace, v.Name)
		if err != nil {
			t.Fatal(err)
		}
		for _, named := range []bool{false, true} {
			got := counterexample.OfTrace(asTrace(x.Config, v, named), x.Config, x.Ops)
			if len(got.Steps) != len(want.Steps) || got.Property != want.Property {
				t.Fatalf("%s: %s, want %s", m.Name, got, want)
			}
			for i := range got.Steps {
				if len(got.Steps[i].Changes) != len(want.Steps[i].Changes) ||
					!strings.Contains(got.Steps[i].Action, "(") {
					t.Errorf("%s: step %+v, want %+v", m.Name, got.Steps[i], want.Steps[i])
				}
			}
			if _, err := counterexample.OfSteps(x.Config, got.Actions, v.Name); err != nil ||
				len(got.Actions) != len(v.Trace) {
				t.Errorf("%s: the actions found are none: %v", m.Name, err)
			}
		}
	})
}

// What no action of the protocol leads to is shown as the checker names it.
func TestOfTraceUnknown(t *testing.T) {
	trace := &tla.Trace{Model: "x", Property: "Nonsense", Exit: 12, Steps: []tla.Step{
		{
			Number: 1,
			State: []tla.Variable{
				{Name: "a", Value: "1"},
				{Name: "f", Value: `(g1 :> "x" @@ g2 :> "y")`},
			},
		},
		{
			Number: 2,
			Action: "Step",
			State: []tla.Variable{
				{Name: "a", Value: "2"},
				{Name: "f", Value: `(g1 :> "x" @@ g2 :> "z")`},
			},
		},
		{Number: 1, Action: "Step", Back: true},
	}}
	c := counterexample.OfTrace(trace, protocol.Config{}, nil)
	want := []counterexample.Step{{Number: 1, Action: "Step", Changes: []counterexample.Change{
		{Variable: "a", Before: "1", After: "2"}, {Variable: "f[g2]", Before: "y", After: "z"},
	}}}
	if !reflect.DeepEqual(c.Steps, want) || c.By != "TLC" || c.Loop != 1 || c.Actions != nil {
		t.Errorf("%+v", c)
	}
}

// The text of one counterexample, as readers see it.
func TestText(t *testing.T) {
	var text string
	violations(t, func(m tla.Model, x *model.Explorer, v *model.ViolationError) {
		if m.Name != "NoSecondEpoch" {
			return
		}
		c, err := counterexample.OfViolation(x.Config, v)
		if err != nil {
			t.Fatal(err)
		}
		text = c.String()
	})
	const begin = `SecondEpoch off: CommitAfterAll is violated after 9 steps
  should hold: The log grows only after every participant has applied: the
  second epoch.
  see spec/invariants.md (S3)

    1  RequestLease(g1)                stage[g1]: Idle → WaitLease
                                       leaseQueue: <<>> → <<g1>>
`
	if !strings.HasPrefix(text, begin) {
		t.Errorf("got\n%s\nwant\n%s", text, begin)
	}
	for line := range strings.Lines(text) {
		if utf8.RuneCountInString(line) > 81 {
			t.Errorf("%d columns: %s", utf8.RuneCountInString(line), line)
		}
	}
}

func TestOfStepsRefuses(t *testing.T) {
	config := protocol.Config{Groups: 2, Initial: 2, MaxLog: 2, Batch: 1}
	_, err := counterexample.OfSteps(
		config,
		[]protocol.Step{{Action: protocol.ActCommit}},
		"Agreement",
	)
	if !errors.As(err, new(*protocol.RefusedError)) || !strings.Contains(err.Error(), "step 1") {
		t.Errorf("%v", err)
	}
}
