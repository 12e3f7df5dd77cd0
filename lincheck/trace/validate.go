package trace

import (
	"errors"
	"fmt"
	"io"

	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// Summary is what there is in a trace that was accepted.
type Summary struct {
	Events  uint64
	Commits uint64
	Groups  int // slots that occur
	Actions [256]uint64
}

// Validate replays a trace against linker/protocol and checks all invariants after each event. It
// returns nil if the trace is a behaviour of the protocol; ErrEmpty if there is nothing in it; an
// error that is protocol.ErrConfig; or a *RejectedError with the first event that does not fit.
func Validate(t *Trace) (Summary, error) {
	r, err := NewReplayer(t.Config)
	if err != nil {
		return Summary{}, err
	}
	for i := range t.Events {
		if err := r.Replay(&t.Events[i]); err != nil {
			return r.Summary(), err
		}
	}
	return r.Summary(), r.End()
}

// ValidateFile is Read and Validate in one, with as little memory for a long trace as for a short
// one. A *RejectedError then has the line.
func ValidateFile(file io.Reader) (Summary, error) {
	in, err := NewReader(file)
	if err != nil {
		return Summary{}, err
	}
	r, err := NewReplayer(in.Config())
	if err != nil {
		return Summary{}, err
	}
	for {
		e, err := in.Next()
		if errors.Is(err, io.EOF) {
			return r.Summary(), r.End()
		}
		if err != nil {
			return r.Summary(), err
		}
		if err := r.Replay(&e); err != nil {
			var rejected *RejectedError
			if errors.As(err, &rejected) {
				rejected.Line = in.Line()
			}
			return r.Summary(), err
		}
	}
}

// Replayer performs the events of a trace, one by one, on a state of its own. It is not safe for
// concurrent use.
type Replayer struct {
	config  protocol.Config // as it was recorded; the state's has fewer groups
	state   protocol.State
	summary Summary
	tag     uint8 // of the newest operation
	err     error // after a rejection there is no going on

	// The newest events, for a rejection: from a state, by the older to another one, and by the
	// newer to the present one.
	from, middle protocol.State
	older, newer []protocol.Step
}

// recent is how many events there are between two states that are kept.
const recent = 8

// NewReplayer begins with the initial state of a configuration; the error is protocol.ErrConfig.
func NewReplayer(c protocol.Config) (*Replayer, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("trace: %w", err)
	}
	r := &Replayer{config: c}
	// Slots that were never used change nothing, and most traces use few of the many that there
	// are: the state has those that have occurred.
	c.Groups = max(1, c.Initial)
	r.state = protocol.NewState(c)
	r.summary.Groups = int(c.Groups)
	r.from, r.middle = r.state, r.state
	return r, nil
}

// State is the state after the events so far. Of the slots, it has those that have occurred.
func (r *Replayer) State() *protocol.State { return &r.state }

// Summary is what was replayed so far.
func (r *Replayer) Summary() Summary { return r.summary }

// End says whether a trace may end here: not before its first event.
func (r *Replayer) End() error {
	switch {
	case r.err != nil:
		return r.err
	case r.summary.Events == 0:
		return ErrEmpty
	}
	return nil
}

// Replay performs an event. The error is a *RejectedError if it does not fit; the state is then
// that before it.
func (r *Replayer) Replay(e *Event) error {
	if r.err == nil {
		r.err = r.replay(e)
	}
	return r.err
}

func (r *Replayer) replay(e *Event) error {
	if e.Seq != r.summary.Events+1 {
		return r.reject(e, r.state,
			&RejectedError{Guard: protocol.Refusal(fmt.Sprintf("seq = %d", r.summary.Events+1))})
	}
	r.make(e.Step.Group)
	r.make(e.Step.Child)
	before := r.state
	if refusal := r.state.Try(e.Step); refusal != protocol.Done {
		return r.reject(e, before, &RejectedError{Guard: refusal})
	}
	commits := r.summary.Commits
	if e.Step.Action == protocol.ActCommit {
		commits++
	}
	if want := See(e.Step, &r.state, commits); want != e.Seen {
		return r.reject(e, before, &RejectedError{Differences: differences(&want, &e.Seen)})
	}
	if err := r.state.Check(); err != nil {
		var broken *protocol.InvariantError
		errors.As(err, &broken)
		return r.reject(e, before, &RejectedError{Invariant: broken.Name})
	}
	r.summary.Events, r.summary.Commits = e.Seq, commits
	r.summary.Actions[e.Step.Action]++
	if len(r.newer) == recent {
		r.from, r.older, r.newer, r.middle = r.middle, r.newer, r.older[:0], before
	}
	r.newer = append(r.newer, e.Step)
	if e.Step.Action == protocol.ActWork {
		r.tag = e.Step.Op.Tag
	}
	return nil
}

// make sees to it that the state has a slot, if the configuration has.
func (r *Replayer) make(g protocol.Group) {
	if g < protocol.Group(r.config.Groups) && int(g) >= r.summary.Groups {
		r.summary.Groups = int(g) + 1
		r.state.Config.Groups = uint8(g) + 1
	}
}
