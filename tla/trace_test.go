package tla

import (
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"
)

func readDump(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/output/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestReadTraceOfTLC(t *testing.T) {
	trace, err := ReadTrace(readDump(t, "invariant"))
	if err != nil {
		t.Fatal(err)
	}
	checkTrace(t, trace, 5, `Enter("b")`)
	if got := trace.Changed(4); len(got) != 1 || got[0].Name != "pc" {
		t.Errorf("the last step changed %v, want pc", got)
	}
	if step := trace.Steps[4]; step.Module != "Lock" || step.Line == 0 ||
		string(step.Context["p"]) != `"b"` {
		t.Errorf("last step %+v", step)
	}

	trace, err = ReadTrace(readDump(t, "liveness-back"))
	if err != nil {
		t.Fatal(err)
	}
	checkTrace(t, trace, 5, "Reset back to state 1")
}

// TestEnrich joins what TLC printed and what it dumped of the same counterexample.
func TestEnrich(t *testing.T) {
	for name, want := range map[string]struct {
		step, context int
	}{"invariant": {4, 1}, "liveness-back": {3, 2}} {
		t.Run(name, func(t *testing.T) {
			out, err := ParseOutput(strings.NewReader(readOutput(t, name)), nil)
			if err != nil {
				t.Fatal(err)
			}
			title := out.Trace.Steps[want.step].Title()
			if err := out.Trace.enrich(readDump(t, name)); err != nil {
				t.Fatal(err)
			}
			step := out.Trace.Steps[want.step]
			if len(step.Values) != 2 || len(step.Context) != want.context || step.Title() != title {
				t.Errorf("step %+v, want two values, a context of %d, and the title %s", step,
					want.context, title)
			}
		})
	}
	if err := (&Trace{}).enrich([]byte("{}")); !errors.Is(err, ErrTrace) {
		t.Errorf("an empty dump: %v, want %v", err, ErrTrace)
	}
}

func TestTraceJSON(t *testing.T) {
	out, err := ParseOutput(strings.NewReader(readOutput(t, "liveness-back")), nil)
	if err != nil {
		t.Fatal(err)
	}
	trace := out.Trace
	trace.Model, trace.Property, trace.Exit = "counter", "Settles", 13
	data, err := trace.WriteJSON()
	if err != nil {
		t.Fatal(err)
	}
	again, err := ReadTrace(data)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(again, trace) {
		t.Errorf("read back %+v, want %+v", again, trace)
	}
}

func TestReadTraceErrors(t *testing.T) {
	for _, text := range []string{"", "[]", "{}", `{"steps": []}`, `{"steps": 1}`,
		`{"counterexample": {}}`,
		`{"counterexample": {"state": [[1, 2]]}}`,
		`{"counterexample": {"state": [[1, {}]], "action": [[1, 2, 3]]}}`,
		`{"counterexample": {"state": [[1, {}]], "action": [[[1, {}], {}, ["x", {}]]]}}`} {
		if _, err := ReadTrace([]byte(text)); !errors.Is(err, ErrTrace) {
			t.Errorf("ReadTrace(%q): %v, want %v", text, err, ErrTrace)
		}
	}
}

func TestChanged(t *testing.T) {
	trace := &Trace{Steps: []Step{
		{State: []Variable{{"x", "1"}, {"y", "1"}}},
		{State: []Variable{{"x", "1"}, {"y", "2"}}},
		{Action: ActionStuttering},
	}}
	for i, want := range map[int]string{-1: "", 0: "x y", 1: "y", 2: "", 3: ""} {
		var names []string
		for _, v := range trace.Changed(i) {
			names = append(names, v.Name)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("step %d changed %q, want %q", i, got, want)
		}
	}
}
