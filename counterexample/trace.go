package counterexample

import (
	"fmt"

	"github.com/lockstep-wasm/lockstep/lincheck/trace"
	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// OfRejected is the counterexample of a trace that is not a behaviour of the protocol: the events
// before the one that does not fit, with what they change, that one, and the reason. It has no
// Actions.
func OfRejected(e *trace.RejectedError) *Counterexample {
	c := &Counterexample{By: "the replay of a trace", Link: "spec/protocol.md"}
	c.Headline = fmt.Sprintf("event %d of the trace, %s, does not fit", e.Event.Seq, e.Event.Step)
	c.Sentence = "What a running linker does is a behaviour of the protocol."
	first := int(e.Event.Seq) - len(e.Recent)
	from := e.From
	from.Config.Groups = e.Before.Config.Groups // a replay has only those that have occurred
	c.follow(from, first, e.Recent)
	if e.Invariant != "" {
		c.describe(e.Invariant)
		c.follow(e.Before, int(e.Event.Seq), []protocol.Step{e.Event.Step})
		return c
	}
	c.Steps = append(
		c.Steps,
		Step{Number: int(e.Event.Seq), Action: e.Event.Step.String(), Note: e.Reason()},
	)
	for _, p := range e.Possible {
		c.Possible = append(c.Possible, p.String())
	}
	return c
}

// OfBehaviour shows what a running coordinator did from the initial state of a configuration: for a
// failure that is not the violation of a property. Only the last steps are shown, at most last of
// them. A step that is not possible ends it, with the reason.
func OfBehaviour(config protocol.Config, steps []protocol.Step, last int) *Counterexample {
	c := &Counterexample{By: "a run", Config: config, Actions: steps, Off: config.Off.Names()}
	state, first := protocol.NewState(config), max(0, len(steps)-last)
	for i, t := range steps[:first] {
		if refusal := state.Try(t); refusal != protocol.Done {
			steps, first = steps[:i+1], i // it is the last one that is shown
			break
		}
	}
	c.Headline = fmt.Sprintf("%d actions of the protocol", len(steps))
	if first > 0 {
		c.Headline += fmt.Sprintf(", of which these are the last %d", len(steps)-first)
	}
	c.follow(state, first+1, steps[first:])
	return c
}

// follow adds steps that lead on from a state, the first with a number. One that is not possible is
// the last.
func (c *Counterexample) follow(state protocol.State, number int, steps []protocol.Step) {
	before := variables(&state)
	for i, t := range steps {
		s := Step{Number: number + i, Action: t.String()}
		if refusal := state.Try(t); refusal != protocol.Done {
			s.Note = fmt.Sprintf("%s does not hold", refusal)
			c.Steps, c.Actions = append(c.Steps, s), nil
			return
		}
		after := variables(&state)
		s.Changes = changes(before, after)
		c.Steps = append(c.Steps, s)
		before = after
	}
}
