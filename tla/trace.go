package tla

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Names of steps that are no action of the specification, as TLC prints them.
const (
	initialAction = "Initial predicate"
	// ActionStuttering ends a counterexample in which nothing happens any more.
	ActionStuttering = "Stuttering"
)

// ErrTrace means that a file is not a counterexample.
var ErrTrace = errors.New("tla: not a counterexample")

// Trace is a behaviour that violates a property: the states, and the action that led to each.
type Trace struct {
	// Model is the name of the model, where known.
	Model string `json:"model,omitempty"`
	// Property is the violated property, or [PropertyDeadlock].
	Property string `json:"property,omitempty"`
	// Exit is TLC's exit status; 0 in a trace of the embedded checker.
	Exit int `json:"exit,omitempty"`
	// Steps are the states in order.
	Steps []Step `json:"steps"`
}

// Step is one state of a [Trace] and how it was reached.
type Step struct {
	// Number counts from 1. A last step with Back has the number of the state it goes back to.
	Number int `json:"number"`
	// Back means that the behaviour goes round in a circle from here.
	Back bool `json:"back,omitempty"`
	// Action is the name of the action, such as "RequestLease"; empty where the checker does not
	// say.
	Action string `json:"action,omitempty"`
	// Arguments are the action's arguments as TLA+ text. Older versions of TLC do not print them.
	Arguments []string `json:"arguments,omitempty"`
	// Module and Line are where the action is defined.
	Module string `json:"module,omitempty"`
	Line   int    `json:"line,omitempty"`
	// State holds the variables as TLA+ text, in the checker's order; empty in a last step that is
	// no state.
	State []Variable `json:"state,omitempty"`
	// Values holds the variables as JSON, where TLC could dump the trace (-dumpTrace json).
	Values map[string]json.RawMessage `json:"values,omitempty"`
	// Context holds the action's parameters by name as JSON, where TLC could dump the trace.
	Context map[string]json.RawMessage `json:"context,omitempty"`
}

// Variable is one variable's value in a state, as TLA+ text.
type Variable struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Value returns the variable's value in the step, or "".
func (s Step) Value(name string) string {
	for _, v := range s.State {
		if v.Name == name {
			return v.Value
		}
	}
	return ""
}

// Title returns the action as one would write it in TLA+, such as RequestLease(g1).
func (s Step) Title() string {
	title := s.Action
	if len(s.Arguments) > 0 {
		title += "(" + strings.Join(s.Arguments, ", ") + ")"
	}
	if s.Back {
		title = strings.TrimSpace(fmt.Sprintf("%s back to state %d", title, s.Number))
	}
	return title
}

// Changed returns the variables whose value differs from the step before, in the order of the
// state. For the first step it returns all. Steps that are no state changed nothing.
func (t *Trace) Changed(i int) []Variable {
	if i < 0 || i >= len(t.Steps) {
		return nil
	}
	if i == 0 {
		return t.Steps[0].State
	}
	var changed []Variable
	for _, v := range t.Steps[i].State {
		if t.Steps[i-1].Value(v.Name) != v.Value {
			changed = append(changed, v)
		}
	}
	return changed
}

// WriteJSON returns the trace as indented JSON, in the form that [ReadTrace] reads.
func (t *Trace) WriteJSON() ([]byte, error) {
	data, err := json.MarshalIndent(t, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("tla: write a counterexample: %w", err)
	}
	return append(data, '\n'), nil
}

// ReadTrace reads a counterexample: one that this package saved, or a dump of TLC (-dumpTrace
// json). Errors wrap [ErrTrace].
func ReadTrace(data []byte) (*Trace, error) {
	var probe map[string]json.RawMessage
	if err := json.Unmarshal(data, &probe); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTrace, err)
	}
	if _, ok := probe["counterexample"]; ok {
		dump, err := parseDump(data)
		if err != nil {
			return nil, err
		}
		return dump.trace(), nil
	}
	t := &Trace{}
	if err := json.Unmarshal(data, t); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTrace, err)
	}
	if len(t.Steps) == 0 {
		return nil, fmt.Errorf("%w: it has no steps", ErrTrace)
	}
	return t, nil
}

// dump is what TLC writes with -dumpTrace json.
type dump struct {
	states  []dumpState
	actions []dumpAction
	vars    []string
}

type dumpState struct {
	number int
	values map[string]json.RawMessage
}

type dumpAction struct {
	from, to   dumpState
	Name       string                     `json:"name"`
	Parameters []string                   `json:"parameters"`
	Context    map[string]json.RawMessage `json:"context"`
	Location   struct {
		BeginLine int    `json:"beginLine"`
		Module    string `json:"module"`
	} `json:"location"`
}

func parseDump(data []byte) (*dump, error) {
	var file struct {
		Counterexample struct {
			State  [][2]json.RawMessage `json:"state"`
			Action [][3]json.RawMessage `json:"action"`
		} `json:"counterexample"`
		Vars []string `json:"vars"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTrace, err)
	}
	d := &dump{vars: file.Vars}
	for _, pair := range file.Counterexample.State {
		state, err := parseDumpState(pair)
		if err != nil {
			return nil, err
		}
		d.states = append(d.states, state)
	}
	for _, triple := range file.Counterexample.Action {
		var action dumpAction
		var from, to [2]json.RawMessage
		err := errors.Join(json.Unmarshal(triple[0], &from), json.Unmarshal(triple[1], &action),
			json.Unmarshal(triple[2], &to))
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrTrace, err)
		}
		if action.from, err = parseDumpState(from); err != nil {
			return nil, err
		}
		if action.to, err = parseDumpState(to); err != nil {
			return nil, err
		}
		d.actions = append(d.actions, action)
	}
	if len(d.states) == 0 {
		return nil, fmt.Errorf("%w: it has no states", ErrTrace)
	}
	return d, nil
}

func parseDumpState(pair [2]json.RawMessage) (dumpState, error) {
	var s dumpState
	if err := errors.Join(json.Unmarshal(pair[0], &s.number),
		json.Unmarshal(pair[1], &s.values)); err != nil {
		return s, fmt.Errorf("%w: %w", ErrTrace, err)
	}
	return s, nil
}

// arguments returns the action's arguments as JSON text, in the order of its parameters.
func (a dumpAction) arguments() []string {
	var args []string
	for _, p := range a.Parameters {
		args = append(args, string(a.Context[p]))
	}
	return args
}

// trace makes a trace of a dump alone. Values stay JSON text.
func (d *dump) trace() *Trace {
	t := &Trace{}
	names := d.vars
	if len(names) == 0 {
		names = slices.Sorted(maps.Keys(d.states[0].values))
	}
	for i, s := range d.states {
		step := Step{Number: s.number, Values: s.values}
		for _, name := range names {
			step.State = append(step.State, Variable{Name: name, Value: string(s.values[name])})
		}
		if i == 0 {
			step.Action = initialAction
		}
		t.Steps = append(t.Steps, step)
	}
	for _, a := range d.actions {
		if a.to.number <= a.from.number {
			back := Step{Number: a.to.number, Back: true}
			back.describe(a)
			t.Steps = append(t.Steps, back)
			continue
		}
		for i := range t.Steps {
			if t.Steps[i].Number == a.to.number {
				t.Steps[i].describe(a)
			}
		}
	}
	return t
}

// describe takes in what a dump says about the action that led to the step.
func (s *Step) describe(a dumpAction) {
	s.Context = a.Context
	if s.Action == "" {
		s.Action, s.Module, s.Line = a.Name, a.Location.Module, a.Location.BeginLine
	}
	if len(s.Arguments) == 0 {
		s.Arguments = a.arguments()
	}
}

// enrich adds the values and arguments of TLC's dump to a trace that was read from TLC's output.
func (t *Trace) enrich(data []byte) error {
	d, err := parseDump(data)
	if err != nil {
		return err
	}
	for i := range t.Steps {
		step := &t.Steps[i]
		for _, s := range d.states {
			if s.number == step.Number && len(step.State) > 0 {
				step.Values = s.values
			}
		}
		for _, a := range d.actions {
			if a.to.number == step.Number && (a.to.number <= a.from.number) == step.Back {
				step.describe(a)
			}
		}
	}
	return nil
}
