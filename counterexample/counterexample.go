// Package counterexample shows how a property of the protocol is violated, in one way wherever it
// was found: by the explorer of package model, by TLC, by the embedded checker, in a recorded trace
// or under the scheduler. A counterexample is the property with its sentence, and the actions with
// their parameters, each with the variables that it changes and nothing else. It is written as text
// or as a part of an HTML page; package timeline draws its actions.
//
// All functions may be called by any goroutine; values are not safe for concurrent changes.
//
// It is for this project, and promises nothing to other modules.
package counterexample

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-wasm/lockstep/linker/protocol"
	"github.com/lockstep-wasm/lockstep/model"
	"github.com/lockstep-wasm/lockstep/spec"
	"github.com/lockstep-wasm/lockstep/tla"
)

// Change is a variable, or a group's element of one, that an action changes.
type Change struct {
	Variable string `json:"variable"` // stage[g1], leaseQueue
	Before   string `json:"before"`   // empty in the first state
	After    string `json:"after"`
}

// Step is an action with what it changes.
type Step struct {
	Number  int      `json:"number"`
	Action  string   `json:"action"` // with its parameters: Work(g1, <<"LoadModules", 1>>)
	Changes []Change `json:"changes"`
	// Note says why the action cannot be, if it cannot.
	Note string `json:"note,omitempty"`
}

// Counterexample is a behaviour that violates a property.
type Counterexample struct {
	By       string   `json:"found_by"`
	Model    string   `json:"model,omitempty"`
	Off      []string `json:"guards_off,omitempty"`
	Property string   `json:"property"`
	Sentence string   `json:"sentence"` // what should hold
	// where it is explained, from the root of the source tree
	Link  string `json:"link,omitempty"`
	Steps []Step `json:"steps"`
	// Loop says that the steps from this one, by its number, repeat for ever; Stops, that after the
	// last step nothing happens any more that has to. 0 and false for a property of states or
	// steps.
	Loop  int  `json:"loop,omitempty"`
	Stops bool `json:"stops,omitempty"`
	// Headline is the title of what is not the violation of a property: of a trace that is no
	// behaviour of the protocol. Possible is what could have happened instead of its last step.
	Headline string   `json:"headline,omitempty"`
	Possible []string `json:"possible,omitempty"`

	// Config and Actions are the behaviour itself, where it is one of package protocol: for a
	// [timeline.Timeline]. Actions is nil otherwise.
	Config  protocol.Config `json:"-"`
	Actions []protocol.Step `json:"-"`
}

// describe fills in what is known of the property.
func (c *Counterexample) describe(property string) {
	c.Property = property
	switch p, ok := spec.PropertyOf(property); {
	case ok:
		c.Sentence = p.Sentence
		c.Link = "spec/invariants.md (" + p.Number + ")"
	case property == model.Deadlock || property == tla.PropertyDeadlock:
		c.Property = model.Deadlock
		c.Sentence = "In every state that is not an end, something can happen."
		c.Link = "spec/protocol.md"
	}
}

// OfViolation is the counterexample of a violation that the explorer has found.
func OfViolation(config protocol.Config, v *model.ViolationError) (*Counterexample, error) {
	c, err := OfSteps(config, slices.Concat(v.Trace, v.Loop), v.Name)
	if err != nil {
		return nil, err
	}
	c.By = "the explorer of linker/protocol"
	if v.Endless && len(v.Loop) > 0 {
		c.Loop = len(v.Trace) + 1
	}
	c.Stops = v.Endless && len(v.Loop) == 0
	return c, nil
}

// OfSteps is the counterexample that consists of these actions, from the initial state of the
// configuration. The error is a *protocol.RefusedError for an action that is not possible there.
func OfSteps(
	config protocol.Config,
	steps []protocol.Step,
	property string,
) (*Counterexample, error) {
	c := &Counterexample{Config: config, Actions: steps, Off: config.Off.Names()}
	c.describe(property)
	state := protocol.NewState(config)
	before := variables(&state)
	for i, t := range steps {
		if err := state.Perform(t); err != nil {
			return nil, fmt.Errorf("counterexample: step %d: %w", i+1, err)
		}
		after := variables(&state)
		c.Steps = append(
			c.Steps,
			Step{Number: i + 1, Action: t.String(), Changes: changes(before, after)},
		)
		before = after
	}
	return c, nil
}

// OfTrace is the counterexample of a trace of TLC or the embedded checker. Where a checker does not
// name the actions or their parameters, they are found by trying which action of package protocol
// leads from each state to the next one; config and ops are the model's constants, or zero if they
// are not known.
func OfTrace(t *tla.Trace, config protocol.Config, ops []protocol.Op) *Counterexample {
	c := &Counterexample{By: "TLC", Model: t.Model, Off: config.Off.Names(), Config: config}
	if t.Exit == 0 {
		c.By = "the embedded checker"
	}
	c.describe(t.Property)
	finder := newFinder(config, ops)
	var before []variable
	for i, s := range t.Steps {
		if len(s.State) == 0 {
			if s.Action == tla.ActionStuttering {
				c.Stops = true
			}
			if s.Back {
				c.Loop = max(s.Number-1, 1)
			}
			continue
		}
		after := variablesOf(s.State)
		action, step, ok := s.Title(), protocol.Step{}, false
		if i > 0 {
			if step, ok = finder.find(s); ok {
				action = step.String()
				c.Actions = append(c.Actions, step)
			} else {
				c.Actions, finder = nil, nil
			}
		}
		if i > 0 {
			c.Steps = append(
				c.Steps,
				Step{Number: i, Action: action, Changes: changes(before, after)},
			)
		}
		before = after
	}
	if len(c.Actions) != len(c.Steps) {
		c.Actions = nil
	}
	return c
}

// finder finds actions by the states that they lead to. A nil finder finds nothing.
type finder struct {
	state protocol.State
	steps []protocol.Step
}

func newFinder(config protocol.Config, ops []protocol.Op) *finder {
	if config.Validate() != nil {
		return nil
	}
	return &finder{state: protocol.NewState(config), steps: slices.Collect(config.Steps(ops))}
}

// find returns the action that leads to a state from that of the last call.
func (f *finder) find(s tla.Step) (protocol.Step, bool) {
	if f == nil {
		return protocol.Step{}, false
	}
	want := stateText(s.State)
	for _, t := range f.steps {
		if s.Action != "" && t.Action.String() != s.Action {
			continue
		}
		next := f.state
		if next.Try(t) == protocol.Done && stateText(variablesOfText(next.TLA())) == want {
			f.state = next
			return t, true
		}
	}
	return protocol.Step{}, false
}

// Title says in a line what is violated, and where.
func (c *Counterexample) Title() string {
	var b strings.Builder
	if c.Model != "" {
		b.WriteString("model " + c.Model + ": ")
	}
	if len(c.Off) > 0 {
		b.WriteString(strings.Join(c.Off, ", ") + " off: ")
	}
	switch c.Property {
	case "":
		if c.Headline == "" {
			return fmt.Sprintf("%s%d steps", b.String(), len(c.Steps))
		}
		return b.String() + c.Headline
	case model.Deadlock:
		fmt.Fprintf(&b, "deadlock after %d steps", len(c.Steps))
		return b.String()
	}
	fmt.Fprintf(&b, "%s is violated after %d steps", c.Property, len(c.Steps))
	return b.String()
}
