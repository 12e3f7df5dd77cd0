// Package corrupt makes traces wrong, each kind in a way of its own, and says at which event that
// must be noticed. It is the proof that validation can fail: what is made here of the trace of a
// real linker, neither trace.Validate nor TLC may accept.
//
//	for _, kind := range corrupt.Kinds() {
//		if wrong, at, ok := kind.Apply(t); ok {
//			_, err := trace.Validate(wrong) // a *trace.RejectedError for event at+1
//		}
//	}
//
// It is for this project, and promises nothing to other modules.
package corrupt

import (
	"slices"

	"github.com/lockstep-wasm/lockstep/lincheck/trace"
	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// Kind is a way to make a trace wrong.
type Kind struct {
	Name  string
	Shows string // what the linker would have done wrong, in a sentence

	// site tells whether event i, with the state before it, is a place for this.
	site func(w *walk, i int) bool
	// change makes the trace wrong there, and returns the position of the first event that does not
	// fit any more.
	change func(w *walk, t *trace.Trace, i int) int
}

// Apply returns a copy of a trace that is a behaviour of the protocol, made wrong at its last place
// that is suitable, and the position of the first event in it that does not fit. The events are
// numbered anew. ok is false if no place is suitable.
func (k Kind) Apply(t *trace.Trace) (wrong *trace.Trace, at int, ok bool) {
	w := newWalk(t)
	for i := len(t.Events) - 1; i >= 0; i-- {
		if !k.site(w, i) {
			continue
		}
		wrong = &trace.Trace{Config: t.Config, Events: slices.Clone(t.Events)}
		at = k.change(w, wrong, i)
		for j := range wrong.Events {
			wrong.Events[j].Seq = uint64(j + 1)
		}
		return wrong, at, true
	}
	return nil, 0, false
}

// walk is a trace with the states on its way.
type walk struct {
	events []trace.Event
	before []protocol.State // before each event
}

func newWalk(t *trace.Trace) *walk {
	w := &walk{events: t.Events}
	c := t.Config
	s := protocol.NewState(c)
	for _, e := range t.Events {
		w.before = append(w.before, s)
		s.Try(e.Step)
	}
	return w
}

// is tells whether event i exists and is of one of the actions.
func (w *walk) is(i int, actions ...protocol.Action) bool {
	return i >= 0 && i < len(w.events) && slices.Contains(actions, w.events[i].Step.Action)
}

// find returns a slot for which p holds in the state before event i, or NoGroup.
func (w *walk) find(i int, p func(s *protocol.State, g protocol.Group) bool) protocol.Group {
	s := &w.before[i]
	for g := range protocol.Group(s.Config.Groups) {
		if p(s, g) {
			return g
		}
	}
	return protocol.NoGroup
}

// insert puts a step before event i. What was seen after it is what was seen before.
func insert(t *trace.Trace, i int, step protocol.Step) int {
	e := trace.Event{Step: step}
	if i > 0 {
		e.Seen = t.Events[i-1].Seen
	}
	t.Events = slices.Insert(t.Events, i, e)
	return i
}

// drop takes event i away.
func drop(t *trace.Trace, i int) int {
	t.Events = slices.Delete(t.Events, i, i+1)
	return i
}

// swap exchanges event i with the next.
func swap(t *trace.Trace, i int) int {
	t.Events[i], t.Events[i+1] = t.Events[i+1], t.Events[i]
	return i
}

// at is the site of every event of an action.
func at(actions ...protocol.Action) func(*walk, int) bool {
	return func(w *walk, i int) bool { return w.is(i, actions...) }
}

// followed is the site of every event of an action that is not the last event.
func followed(a protocol.Action) func(*walk, int) bool {
	return func(w *walk, i int) bool { return w.is(i, a) && i+1 < len(w.events) }
}

// pair is the site of an event followed by another, of whichever groups.
func pair(first, second []protocol.Action) func(*walk, int) bool {
	return func(w *walk, i int) bool { return w.is(i, first...) && w.is(i+1, second...) }
}

// own is the site of an event followed by another of the same group.
func own(first, second protocol.Action) func(*walk, int) bool {
	return func(w *walk, i int) bool {
		return w.is(i, first) && w.is(i+1, second) &&
			w.events[i].Step.Group == w.events[i+1].Step.Group
	}
}

// some is the site of every event before which p holds for a slot.
func some(p func(s *protocol.State, g protocol.Group) bool) func(*walk, int) bool {
	return func(w *walk, i int) bool { return i > 0 && w.find(i, p) != protocol.NoGroup }
}

// dropping takes an event away; the next one does not fit.
func dropping(_ *walk, t *trace.Trace, i int) int { return drop(t, i) }

// swapping exchanges two events; the one that comes first now does not fit.
func swapping(_ *walk, t *trace.Trace, i int) int { return swap(t, i) }

// repeating does an event twice; the second does not fit.
func repeating(_ *walk, t *trace.Trace, i int) int { return insert(t, i+1, t.Events[i].Step) }

// instead changes an event to another action of the same group.
func instead(a protocol.Action) func(*walk, *trace.Trace, int) int {
	return func(_ *walk, t *trace.Trace, i int) int {
		t.Events[i].Step.Action = a
		return i
	}
}

// inserting puts an action of the slot for which p holds before an event.
func inserting(a protocol.Action,
	p func(s *protocol.State, g protocol.Group) bool) func(*walk, *trace.Trace, int) int {
	return func(w *walk, t *trace.Trace, i int) int {
		return insert(t, i, protocol.Step{Action: a, Group: w.find(i, p)})
	}
}

// seeing changes what was seen after an event.
func seeing(change func(*trace.Seen)) func(*walk, *trace.Trace, int) int {
	return func(_ *walk, t *trace.Trace, i int) int {
		change(&t.Events[i].Seen)
		return i
	}
}
