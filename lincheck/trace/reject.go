package trace

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// RejectedError is the first event of a trace that does not fit. Exactly one of Guard, Differences
// and Invariant is set.
type RejectedError struct {
	Line        int              // in the file; 0 if the trace does not come from one
	Event       Event            // what does not fit
	Before      protocol.State   // the state before it
	Guard       protocol.Refusal // the conjunct of the action's guard that does not hold
	Differences []Difference     // what should have been seen after it, and what was
	Invariant   string           // what would be violated after it
	Possible    []protocol.Step  // what could have been done instead
	From        protocol.State   // a state some events before
	Recent      []protocol.Step  // what leads from there to Before
}

// Difference is a variable whose value after an event is not what was seen.
type Difference struct {
	Name string // the field of Seen
	Want string // what follows from the events so far
	Seen string // what was recorded
}

// Reason says in a line what is wrong with the event.
func (e *RejectedError) Reason() string {
	switch {
	case e.Guard != protocol.Done:
		return fmt.Sprintf("%s does not hold", e.Guard)
	case e.Invariant != "":
		return fmt.Sprintf("invariant %s would be violated", e.Invariant)
	}
	var parts []string
	for _, d := range e.Differences {
		parts = append(parts,
			fmt.Sprintf("%s should be %s and was seen as %s", d.Name, d.Want, d.Seen))
	}
	return strings.Join(parts, "; ")
}

// Error has several lines: the event and what is wrong with it, the state before as the
// specification writes it, and what would have been possible.
func (e *RejectedError) Error() string {
	var b strings.Builder
	b.WriteString("trace: ")
	if e.Line > 0 {
		fmt.Fprintf(&b, "line %d: ", e.Line)
	}
	fmt.Fprintf(&b,
		"event %d, %s, does not fit: %s\nThe state before it:\n%s\nPossible would have been:",
		e.Event.Seq, e.Event.Step, e.Reason(), e.Before.TLA())
	for _, step := range e.Possible {
		b.WriteString("\n  " + step.String())
	}
	if len(e.Possible) == 0 {
		b.WriteString(" nothing.")
	}
	return b.String()
}

// differences lists what differs between what should have been seen and what was.
func differences(want, seen *Seen) []Difference {
	var list []Difference
	add := func(name string, want, seen any) {
		if want != seen {
			list = append(list, Difference{name, fmt.Sprint(want), fmt.Sprint(seen)})
		}
	}
	add("mode", want.Mode, seen.Mode)
	add("stage", want.Stage, seen.Stage)
	add("part", want.Part, seen.Part)
	add("holder", want.Holder, seen.Holder)
	add("writer", want.Writer, seen.Writer)
	add("leader", want.Leader, seen.Leader)
	add("op", want.Op, seen.Op)
	add("leaseQueue", want.LeaseQueue, seen.LeaseQueue)
	add("stateQueue", want.StateQueue, seen.StateQueue)
	add("readers", want.Readers, seen.Readers)
	add("log", want.Log, seen.Log)
	add("free", want.Free, seen.Free)
	add("taken", want.Taken, seen.Taken)
	add("commits", want.Commits, seen.Commits)
	if len(list) == 0 { // otherwise the digest differs because of these
		add("digest", fmt.Sprintf("%016x", want.Digest), fmt.Sprintf("%016x", seen.Digest))
	}
	return list
}

// reject completes a rejection; before is the state before the event.
func (r *Replayer) reject(e *Event, before protocol.State, why *RejectedError) error {
	r.state = before
	why.Event, why.Before = *e, before
	why.From, why.Recent = r.from, slices.Concat(r.older, r.newer)
	why.Possible = possible(&before, r.config.Groups, r.tag+1)
	return why
}

// possible lists what can be done in a state. Operations stand for all of their kind with one tag
// that is not in the log; of the slots that have not occurred, the first stands for all.
func possible(s *protocol.State, groups, tag uint8) []protocol.Step {
	from := *s
	from.Config.Groups = min(from.Config.Groups+1, groups)
	var ops []protocol.Op
	for kind := protocol.LoadModules; kind <= protocol.UnloadModules; kind++ {
		ops = append(ops, protocol.Op{Kind: kind, Tag: tag})
	}
	var steps []protocol.Step
	for step := range from.Config.Steps(ops) {
		if next := from; next.Try(step) == protocol.Done {
			steps = append(steps, step)
		}
	}
	return steps
}
