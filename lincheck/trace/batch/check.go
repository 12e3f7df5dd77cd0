package batch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/lockstep-wasm/lockstep/lincheck/trace"
	"github.com/lockstep-wasm/lockstep/tla"
)

// Outcome is what TLC said about a batch.
type Outcome struct {
	TLC      string // its version
	Traces   int
	Events   int
	Rejected *Rejection // nil if all traces are behaviours of the specification
}

// Rejection is the event at which TLC could not go on.
type Rejection struct {
	Name     string      // of the trace's file
	Trace    int         // position in the batch
	Line     int         // of the event in the file
	Event    trace.Event // what does not fit
	Property string      // what is violated; tla.PropertyDeadlock where the event is not possible
	Before   string      // the variables of LinkerSync before it, one a line
}

// String says in a few lines what does not fit.
func (r *Rejection) String() string {
	why := "is not possible"
	if r.Property != tla.PropertyDeadlock {
		why = "violates " + r.Property
	}
	return fmt.Sprintf("%s: line %d: event %d, %s, %s (TLC)\nThe state before it:\n%s", r.Name,
		r.Line, r.Event.Seq, r.Event.Step, why, r.Before)
}

// ErrUnclear means that TLC came to a verdict that does not say which event it is about.
var ErrUnclear = errors.New("batch: TLC's verdict cannot be read")

// Check runs TLC once on all traces. It stops at the first event that does not fit. The errors are
// those of Generate, and of tla.Tool.Run where TLC comes to no verdict.
func Check(ctx context.Context, tool tla.Tool, inputs []Input) (*Outcome, error) {
	module, config, err := Generate(inputs)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "lockstep-traces-")
	if err != nil {
		return nil, fmt.Errorf("batch: %w", err)
	}
	defer os.RemoveAll(dir)
	files := map[string][]byte{dataFile: []byte(module), configFile: []byte(config)}
	modules, err := specification(tla.Files())
	if err != nil {
		return nil, fmt.Errorf("batch: %w", err)
	}
	for _, m := range modules {
		files[m.Name+".tla"] = []byte(m.Source)
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			return nil, fmt.Errorf("batch: %w", err)
		}
	}
	outcome := &Outcome{Traces: len(inputs)}
	for _, input := range inputs {
		outcome.Events += len(input.Trace.Events)
	}
	said, err := tool.Run(ctx,
		tla.Run{Dir: dir, Model: tla.Model{Name: "traces", Module: rootModule, Config: configFile,
			Deadlock: true}})
	if err != nil {
		return nil, err
	}
	outcome.TLC = tla.VersionName(said.Version)
	if said.Verdict == tla.VerdictOK {
		// TLC has checked the same as its postcondition; one state more or less would be a trace
		// that was not followed.
		if said.Stats.Distinct != outcome.Events+outcome.Traces {
			return nil, fmt.Errorf("%w: %d states for %d events of %d traces", ErrUnclear,
				said.Stats.Distinct, outcome.Events, outcome.Traces)
		}
		return outcome, nil
	}
	if outcome.Rejected, err = rejection(inputs, said); err != nil {
		return nil, err
	}
	return outcome, nil
}

// specification returns the modules that the generated one needs, from the folder tla.
func specification(fsys fs.FS) ([]*tla.Module, error) {
	spec, err := tla.LoadSpecification(fsys, rootModule)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(spec.Modules,
		func(m *tla.Module) bool { return m.Name == dataModule }), nil
}

// rejection finds the event in the last state of the counterexample.
func rejection(inputs []Input, said *tla.Outcome) (*Rejection, error) {
	unclear := func(what string) error {
		return fmt.Errorf("%w: %v: %s", ErrUnclear, said.Verdict, what)
	}
	if said.Trace == nil || len(said.Trace.Steps) == 0 || len(said.Properties) == 0 {
		return nil, unclear("there is no counterexample")
	}
	steps := said.Trace.Steps
	property := said.Properties[0]
	number := func(s tla.Step, name string) int {
		n, err := strconv.Atoi(s.Value(name))
		if err != nil {
			return -1
		}
		return n
	}
	last := steps[len(steps)-1]
	which, matched := number(last, "trace")-1, number(last, "matched")
	if property != tla.PropertyDeadlock { // the last state is the one after the event
		matched--
		last = steps[max(0, len(steps)-2)]
	}
	if which < 0 || which >= len(inputs) || matched < 0 ||
		matched >= len(inputs[which].Trace.Events) {
		return nil, unclear(fmt.Sprintf("trace %d, event %d", which+1, matched+1))
	}
	r := &Rejection{Name: inputs[which].Name, Trace: which, Line: matched + 2,
		Event: inputs[which].Trace.Events[matched], Property: property}
	for _, v := range last.State {
		if v.Name != "trace" && v.Name != "matched" {
			r.Before += fmt.Sprintf("/\\ %s = %s\n", v.Name, v.Value)
		}
	}
	return r, nil
}
