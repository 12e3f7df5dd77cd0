// Package playground is the protocol to play with: a reader performs its actions one by one, sees
// the state, what is possible and which guard forbids the rest, switches guards off and watches a
// property break. A [Session] is a game; playground/wasm gives it to a web page, and
// playground/build makes that page.
//
// It is for this project, and promises nothing to other modules.
package playground

import (
	"errors"
	"fmt"
	"slices"

	"github.com/lockstep-wasm/lockstep/linker/protocol"
	"github.com/lockstep-wasm/lockstep/timeline"
)

// maxSteps is how many steps a session has at most.
const maxSteps = 20_000

// ErrTooLong means that a session has as many steps as it can have.
var ErrTooLong = errors.New("playground: too many steps")

// Session is a behaviour of the protocol that a user makes step by step. Its methods are for one
// goroutine.
type Session struct {
	config protocol.Config
	ops    []protocol.Op
	steps  []protocol.Step
	states []protocol.State // one more than steps
	broken [][]string       // the properties that each state, with the step that led there, breaks
	at     int              // the state that is shown; steps behind it can be gone to again
}

// Settings are what a session begins with.
type Settings struct {
	Groups  int      `json:"groups"`  // slots, 1 to 8
	Initial int      `json:"initial"` // groups that run at the beginning
	MaxLog  int      `json:"maxLog"`  // operations that are remembered, 1 to 4
	Off     []string `json:"off"`     // guards that are switched off
}

// ErrSettings means that settings are impossible. Errors that wrap it say which.
var ErrSettings = errors.New("playground: impossible settings")

// New begins a session. The error wraps ErrSettings or protocol.ErrUnknownName.
func New(s Settings) (*Session, error) {
	if s.Groups < 1 || s.Groups > 8 || s.Initial < 0 || s.Initial > s.Groups || s.MaxLog < 1 ||
		s.MaxLog > protocol.LogCapacity {
		return nil, fmt.Errorf(
			"%w: %d groups of which %d run, a log of %d",
			ErrSettings,
			s.Groups,
			s.Initial,
			s.MaxLog,
		)
	}
	off, err := guards(s.Off)
	if err != nil {
		return nil, err
	}
	return begin(
		protocol.Config{
			Groups:   uint8(s.Groups),
			Initial:  uint8(s.Initial),
			MaxLog:   uint8(s.MaxLog),
			Batch:    2,
			MaxTable: 8,
			Features: protocol.AllFeatures,
			Off:      off,
		},
	), nil
}

func begin(config protocol.Config) *Session {
	first := protocol.NewState(config)
	return &Session{
		config: config,
		ops: []protocol.Op{
			{Kind: protocol.LoadModules, Tag: 1},
			{Kind: protocol.ResolveFunction, Tag: 1},
			{Kind: protocol.AllocateFunctionTable, Tag: 1},
			{Kind: protocol.UnloadModules, Tag: 1},
		},
		states: []protocol.State{first}, broken: [][]string{brokenBy(nil, protocol.Step{}, &first)},
	}
}

func guards(names []string) (all protocol.Guards, err error) {
	for _, n := range names {
		g, err := protocol.ParseGuard(n)
		if err != nil {
			return 0, fmt.Errorf("playground: %w", err)
		}
		all |= g
	}
	return all, nil
}

// Load replaces the session by a recorded behaviour: its constants, and its steps as they print.
// The session is at its beginning then. A step that is not possible there is an error that names
// it, and changes nothing.
func (s *Session) Load(config protocol.Config, steps []string) error {
	if err := config.Validate(); err != nil {
		return fmt.Errorf("playground: %w", err)
	}
	next := begin(config)
	for i, text := range steps {
		t, err := protocol.ParseStep(text)
		if err != nil {
			return fmt.Errorf("playground: step %d: %w", i+1, err)
		}
		if err := next.perform(t); err != nil {
			return fmt.Errorf("playground: step %d: %w", i+1, err)
		}
		if t.Action == protocol.ActWork && !slices.Contains(next.ops, t.Op) && len(next.ops) < 12 {
			next.ops = append(next.ops, t.Op)
		}
	}
	next.at = 0
	*s = *next
	return nil
}

// Perform takes a step, as it prints, from the state that is shown; what was behind that is
// forgotten. The error is a *protocol.RefusedError that names the guard for a step that is not
// possible, and protocol.ErrUnknownName for one that does not exist.
func (s *Session) Perform(text string) error {
	t, err := protocol.ParseStep(text)
	if err != nil {
		return fmt.Errorf("playground: %w", err)
	}
	return s.perform(t)
}

func (s *Session) perform(t protocol.Step) error {
	if s.at >= maxSteps {
		return ErrTooLong
	}
	next := s.states[s.at]
	if err := next.Perform(t); err != nil {
		return err
	}
	s.steps = append(s.steps[:s.at], t)
	s.broken = append(s.broken[:s.at+1], brokenBy(&s.states[s.at], t, &next))
	s.states = append(s.states[:s.at+1], next)
	s.at++
	return nil
}

// SwitchOff switches guards off, and all others on, from the state that is shown on.
func (s *Session) SwitchOff(names []string) error {
	off, err := guards(names)
	if err != nil {
		return err
	}
	s.config.Off = off
	s.steps, s.states, s.broken = s.steps[:s.at], s.states[:s.at+1], s.broken[:s.at+1]
	s.states[s.at].Config.Off = off
	return nil
}

// Go shows the state after n steps; a number that there is not is the nearest one.
func (s *Session) Go(n int) { s.at = min(max(n, 0), len(s.steps)) }

// brokenBy lists the properties that a state breaks, and those that the step to it breaks.
func brokenBy(from *protocol.State, t protocol.Step, to *protocol.State) (names []string) {
	for _, i := range protocol.Invariants() {
		if !i.Holds(to) {
			names = append(names, i.Name)
		}
	}
	if from == nil {
		return names
	}
	for _, p := range protocol.StepProperties() {
		if !p.Holds(from, t, to) {
			names = append(names, p.Name)
		}
	}
	return names
}

// Choice is a step that is possible, or not.
type Choice struct {
	Step  string `json:"step"`
	Group string `json:"group"` // whose step it is; "" for none
	Guard string `json:"guard"` // what forbids it; "" if it is possible
}

// View is what there is to see of a session.
type View struct {
	At      int            `json:"at"`
	Steps   []string       `json:"steps,omitzero"` // nil if they are as they were, after Go
	State   protocol.State `json:"state"`
	Before  protocol.State `json:"before"` // the state before the last step
	Groups  []string       `json:"groups"`
	Choices []Choice       `json:"choices"`
	Broken  []string       `json:"broken"` // in this state, or by the step to it
	// the first step after which something was broken; 0: none
	First int      `json:"firstBroken"`
	Ended bool     `json:"ended"` // nothing is left that could happen
	Stuck bool     `json:"stuck"` // nothing can happen, and it is no end: a deadlock
	Off   []string `json:"off"`

	Timeline *timeline.Timeline `json:"timeline,omitzero"` // nil if it is as it was, after Go
}

// visible is how many groups there are to see: all, or of many, those that exist at any time and
// one more.
func (s *Session) visible() protocol.Group {
	if s.config.Groups <= 8 {
		return protocol.Group(s.config.Groups)
	}
	last := protocol.Group(s.config.Initial)
	for _, t := range s.steps {
		if t.Action == protocol.ActSpawn {
			last = max(last, t.Child+1)
		}
	}
	return min(last+1, protocol.Group(s.config.Groups))
}

// Whole is View with the steps and the timeline, which do not change by going to another state.
func (s *Session) Whole() View {
	v := s.View()
	v.Steps = []string{}
	for _, t := range s.steps {
		v.Steps = append(v.Steps, t.String())
	}
	v.Timeline = timeline.OfStates("", s.states, s.steps)
	return v
}

// View returns what there is to see.
func (s *Session) View() View {
	state := s.states[s.at]
	v := View{
		At: s.at, State: state, Before: s.states[max(s.at-1, 0)], Choices: []Choice{},
		Ended:  state.Terminated(),
		Broken: append([]string{}, s.broken[s.at]...),
		Off:    append([]string{}, s.config.Off.Names()...),
	}
	groups := s.visible()
	for g := range groups {
		v.Groups = append(v.Groups, g.String())
	}
	for i, names := range s.broken {
		if len(names) > 0 {
			v.First = max(i, 1)
			break
		}
	}
	possible := 0
	for t := range s.config.Steps(s.ops) {
		if t.Group >= groups || t.Child >= groups {
			continue
		}
		next := state
		c := Choice{Step: t.String()}
		if refusal := next.Try(t); refusal != protocol.Done {
			c.Guard = string(refusal)
		} else {
			possible++
		}
		if t.Action != protocol.ActCheckpoint {
			c.Group = t.Group.String()
		}
		v.Choices = append(v.Choices, c)
	}
	v.Stuck = possible == 0 && !v.Ended
	return v
}
