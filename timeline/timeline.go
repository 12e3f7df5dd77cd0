// Package timeline draws a sequence of actions of the protocol, with a lane for each group: of a
// run, or of a counterexample; in a terminal, or on a page by its script.
//
// All functions may be called by any goroutine.
//
// It is for this project, and promises nothing to other modules.
package timeline

import (
	"fmt"
	"time"

	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// Timeline is a sequence of actions as a picture: a lane for each group, and lanes for the lease,
// the state lock and the link operation. Its unit is the action: what happens between two actions
// is between two numbers.
type Timeline struct {
	Title  string  `json:"title"`
	Note   string  `json:"note,omitempty"`
	Events []Event `json:"events"`
	Lanes  []Lane  `json:"lanes"`
	Waits  []Wait  `json:"waits"`
}

// Event is an action of a timeline. Its number, from 0, is its place.
type Event struct {
	Action string  `json:"a"` // with its parameters
	Lane   int     `json:"l"` // of the group whose action it is; -1 for none
	Time   float64 `json:"t"` // microseconds from the beginning; 0 if times are not known
}

// Lane is a row of a timeline.
type Lane struct {
	Name  string `json:"name"`
	Group int    `json:"group"` // the group's number, from 0; -1 for a lane of something shared
	Spans []Span `json:"spans"`
}

// Span is what a lane shows from one event to another.
type Span struct {
	From  int    `json:"f"` // the event with which it begins
	To    int    `json:"t"` // the event with which it ends, or the number of events
	Class string `json:"c"` // what it is: one of the names of Classes
	Label string `json:"s"` // in words
}

// Wait is who waited for whom: it ends when a group gets what another one had.
type Wait struct {
	At   int    `json:"at"`   // the event with which it ends
	From int    `json:"from"` // lane of who had it
	To   int    `json:"to"`   // lane of who waited
	What string `json:"what"`
}

// Class is a kind of span.
type Class struct {
	Name  string
	Means string
	Rune  rune // in a terminal
}

// Classes lists the kinds of spans, for a legend.
func Classes() []Class {
	return []Class{
		{
			"run",
			"runs",
			'━',
		}, {"park", "sleeps, or is outside", '·'}, {"door", "waits to get in", 'w'},
		{"waitlease", "waits for the lease", 'q'}, {"lease", "has the lease", 'L'},
		{"waitstate", "waits for the state lock", 's'}, {"state", "has the state lock", 'S'},
		{"build", "is built", 'b'}, {"work", "has done its own work", 'W'},
		{
			"epoch1",
			"leads, epoch 1: everybody arrives",
			'1',
		}, {"epoch2", "leads, epoch 2: everybody applies", '2'},
		{"asked", "is waited for", '?'}, {"arrived", "stands at the rendezvous", '|'},
		{"applied", "has applied, and waits", '='}, {"failed", "has failed, or takes back", 'x'},
		{"commit", "commits", 'C'}, {"poison", "the image is poisoned", '!'},
	}
}

// Fixed lanes, before those of the groups.
const (
	laneOperation = iota
	laneLease
	laneState
	firstGroupLane
)

// New draws a behaviour: its actions, from the initial state of the configuration, and when each
// happened, or nil. Groups that never exist have no lane. The error is a *protocol.RefusedError for
// an action that is not possible.
func New(
	title string, config protocol.Config, steps []protocol.Step, times []time.Duration,
) (*Timeline, error) {
	d := newDrawing(title, config, steps)
	state := protocol.NewState(config)
	d.note(0, &state)
	for i, step := range steps {
		before := state
		if err := state.Perform(step); err != nil {
			return nil, fmt.Errorf("timeline: step %d: %w", i+1, err)
		}
		var at time.Duration
		if i < len(times) {
			at = times[i]
		}
		d.step(i, step, at, &before, &state)
	}
	return d.end(), nil
}

// OfStates draws a behaviour of which every state is known, in which guards may have been switched:
// the states, and the steps between them, of which there is one less.
func OfStates(title string, states []protocol.State, steps []protocol.Step) *Timeline {
	d := newDrawing(title, states[0].Config, steps)
	d.note(0, &states[0])
	for i, step := range steps {
		d.step(i, step, 0, &states[i], &states[i+1])
	}
	return d.end()
}

// drawing is a timeline that grows.
type drawing struct {
	*Timeline
	lanes []int // of each group
}

func newDrawing(title string, config protocol.Config, steps []protocol.Step) *drawing {
	// No list is null in JSON.
	d := &drawing{&Timeline{Title: title, Events: []Event{}, Waits: []Wait{}},
		lanesOf(config, steps)}
	for _, name := range []string{"operation", "lease", "state lock"} {
		d.Lanes = append(d.Lanes, Lane{Name: name, Group: -1, Spans: []Span{}})
	}
	for g := range protocol.Group(config.Groups) {
		if d.lanes[g] > 0 {
			d.Lanes = append(d.Lanes, Lane{Name: g.String(), Group: int(g), Spans: []Span{}})
		}
	}
	return d
}

// step draws an action.
func (d *drawing) step(i int, t protocol.Step, at time.Duration, before, after *protocol.State) {
	e := Event{Action: t.String(), Lane: -1, Time: float64(at.Nanoseconds()) / 1e3}
	if t.Action != protocol.ActCheckpoint {
		e.Lane = d.lanes[t.Group]
	}
	d.Events = append(d.Events, e)
	d.waited(i, t, before, d.lanes)
	d.note(i, after)
	if t.Action == protocol.ActCommit {
		lane := &d.Lanes[d.lanes[t.Group]]
		lane.Spans = append(lane.Spans,
			Span{From: i, To: i, Class: "commit", Label: "commits " + operation(before.Op)})
	}
}

// end ends what goes on at the end.
func (d *drawing) end() *Timeline {
	for i := range d.Lanes {
		for k := range d.Lanes[i].Spans {
			if s := &d.Lanes[i].Spans[k]; s.To < 0 {
				s.To = len(d.Events)
			}
		}
	}
	return d.Timeline
}

// lanesOf gives each group that ever exists a lane, in the order of their numbers.
func lanesOf(config protocol.Config, steps []protocol.Step) []int {
	exists := make([]bool, config.Groups)
	for g := range config.Initial {
		exists[g] = true
	}
	for _, t := range steps {
		if t.Action == protocol.ActSpawn && int(t.Child) < len(exists) {
			exists[t.Child] = true
		}
	}
	lanes, next := make([]int, config.Groups), firstGroupLane
	for g := range exists {
		if exists[g] {
			lanes[g] = next
			next++
		}
	}
	return lanes
}

// note begins and ends spans, so that every lane shows a state after an event.
func (d *drawing) note(at int, s *protocol.State) {
	for i := range d.Lanes {
		var class, label string
		switch i {
		case laneOperation:
			class, label = operationSpan(s)
		case laneLease:
			if s.Holder != protocol.NoGroup {
				class, label = "lease", s.Holder.String()+" has the lease"
			}
		case laneState:
			if s.Writer != protocol.NoGroup {
				class, label = "state", s.Writer.String()+" has the state lock"
			} else if s.Readers != 0 {
				class, label = "applied", s.Readers.String()+" hold the state lock for reading"
			}
		default:
			class, label = groupSpan(s, protocol.Group(d.Lanes[i].Group))
		}
		d.lane(i, at, class, label)
	}
}

// lane makes a lane show something from an event on.
func (t *Timeline) lane(i, at int, class, label string) {
	spans := t.Lanes[i].Spans
	for k := len(spans) - 1; k >= 0; k-- {
		if spans[k].Class == "commit" && spans[k].To == spans[k].From {
			continue
		}
		if spans[k].To >= 0 {
			break
		}
		if spans[k].Class == class && spans[k].Label == label {
			return
		}
		spans[k].To = at
		break
	}
	if class != "" {
		t.Lanes[i].Spans = append(
			t.Lanes[i].Spans,
			Span{From: at, To: -1, Class: class, Label: label},
		)
	}
}

func operation(o protocol.Op) string {
	if o.Kind == protocol.NoOp {
		return "an operation"
	}
	return fmt.Sprintf("%s %d", o.Kind, o.Tag)
}

func operationSpan(s *protocol.State) (class, label string) {
	switch {
	case s.Poisoned:
		return "poison", "the image is poisoned"
	case s.Leader == protocol.NoGroup:
		return "", ""
	case s.Failed:
		return "failed", operation(
			s.Op,
		) + " of " + s.Leader.String() + " has failed somewhere: everybody takes it back"
	case s.Pending():
		return "epoch1", operation(
			s.Op,
		) + " of " + s.Leader.String() + ", epoch 1: everybody arrives"
	}
	return "epoch2", operation(s.Op) + " of " + s.Leader.String() + ", epoch 2: everybody applies"
}

// groupSpan is what a group is doing: its part in another group's operation, or else its own
// request, or else whether a goroutine is in it.
func groupSpan(s *protocol.State, g protocol.Group) (class, label string) {
	asleep := ""
	if s.Asleep(g) {
		asleep = " (it sleeps: the leader acts for it)"
	}
	of := operation(s.Op) + " of " + s.Leader.String()
	switch s.Part[g] {
	case protocol.Expected:
		return "asked", of + " waits for " + g.String()
	case protocol.Arrived:
		return "arrived", "stands at the rendezvous for " + of + asleep
	case protocol.Applied:
		return "applied", "has applied " + of + ", and waits for the others" + asleep
	case protocol.Failed:
		return "failed", "could not apply " + of + asleep
	case protocol.Undone:
		return "failed", "has taken back " + of + asleep
	}
	switch s.Stage[g] {
	case protocol.WaitLease:
		return "waitlease", "waits for the lease, which " + s.Holder.String() + " has"
	case protocol.Leased:
		return "lease", "has the lease"
	case protocol.Built:
		return "build", "has made its instances"
	case protocol.WaitState:
		return "waitstate", "waits for the state lock"
	case protocol.Locked:
		return "state", "has the state lock"
	case protocol.Worked:
		return "work", "has done " + operation(s.Op) + " in its own instances"
	case protocol.Published:
		return "epoch1", "leads " + operation(s.Op) + ": everybody has to arrive"
	case protocol.Replaying:
		return "epoch2", "leads " + operation(s.Op) + ": everybody applies it"
	}
	switch s.Mode[g] {
	case protocol.Building:
		return "build", "is being built"
	case protocol.Running:
		return "run", "runs"
	case protocol.Parked:
		return "park", "no call is in it, or it waits outside"
	case protocol.Waking:
		return "door", "a call waits to get in until " + of + " is over"
	}
	return "", ""
}

// waited notes which group had the thing that a group gets by a step: the one that gave it back
// last.
func (t *Timeline) waited(at int, step protocol.Step, before *protocol.State, lanes []int) {
	lane, what := -1, ""
	switch {
	case step.Action == protocol.ActGrantLease && before.Stage[step.Group] == protocol.WaitLease:
		lane, what = laneLease, "the lease"
	case step.Action == protocol.ActLockState && before.Stage[step.Group] == protocol.WaitState:
		lane, what = laneState, "the state lock"
	default:
		return
	}
	mine := t.Lanes[lanes[step.Group]].Spans
	begun := mine[len(mine)-1].From
	for k := len(t.Lanes[lane].Spans) - 1; k >= 0; k-- {
		s := &t.Lanes[lane].Spans[k]
		if s.To < begun && s.To >= 0 {
			break
		}
		var holder protocol.Group
		if n, err := fmt.Sscanf(s.Label, "g%d has", &holder); n != 1 || err != nil {
			continue
		}
		if from := lanes[holder-1]; from != lanes[step.Group] {
			t.Waits = append(t.Waits, Wait{At: at, From: from, To: lanes[step.Group], What: what})
		}
		break
	}
}
