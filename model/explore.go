package model

import (
	"context"
	"fmt"

	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// Exploration is the result of walking every state that can be reached. The
// numbers are counted as TLC counts them.
type Exploration struct {
	Distinct int // distinct states
	// states generated, the initial one and stuttering steps at an end included
	Generated int
	Depth     int                     // states on the longest of all shortest paths
	Steps     map[protocol.Action]int // how often each action was possible
}

// ViolationError is a behaviour that should not be possible: the shortest way to a state that
// breaks an invariant, to a step that breaks a property of steps, or to where something that should
// end goes on for ever.
type ViolationError struct {
	Name  string          // the property that is broken, or Deadlock
	Trace []protocol.Step // the steps from the initial state
	State protocol.State  // the state that they lead to
	// Endless says that a property in time is broken: after Trace, the steps of Loop repeat for
	// ever; without any, nothing happens any more that has to.
	Endless bool
	Loop    []protocol.Step
}

// Deadlock is the name of the violation in a state without a successor that is not an end.
const Deadlock = "deadlock"

func (e *ViolationError) Error() string {
	return fmt.Sprintf("model: %s is violated after %d steps", e.Name, len(e.Trace))
}

// LimitError tells that an exploration was given up: not all states were seen.
type LimitError struct{ MaxStates int }

func (e *LimitError) Error() string {
	return fmt.Sprintf("model: more than %d states: not all were explored", e.MaxStates)
}

// Explorer walks linker/protocol exhaustively, breadth first: the Go twin of
// TLC. Its functions are called by the goroutine that calls Run.
type Explorer struct {
	Config     protocol.Config
	Ops        []protocol.Op           // Kinds \X Tags of the specification
	Invariants []protocol.Invariant    // what must hold in every state
	Steps      []protocol.StepProperty // what must hold of every step
	InTime     []LeadsTo               // what must happen, under the fairness of the specification
	Deadlock   bool                    // report states without a successor
	MaxStates  int                     // give up beyond this number; 0: no limit

	// Visit is called for each distinct state, breadth first, and Edge for every transition; either
	// may be nil. The states are theirs until they return.
	Visit func(s *protocol.State)
	Edge  func(from *protocol.State, t protocol.Step, to *protocol.State)
	// Progress is called now and then; it may be nil.
	Progress func(distinct, queued int)
}

// origin tells how a state was reached first.
type origin struct {
	parent int32
	step   protocol.Step
}

// node is a state whose successors have not been looked at.
type node struct {
	state protocol.State
	id    int32
}

// progressEvery is how many new states lie between two calls of Progress.
const progressEvery = 4096

// walk is a running exploration.
type walk struct {
	*Explorer
	result  Exploration
	seen    map[string]struct{}
	origins []origin // of every distinct state, in the order in which they were found
	key     []byte
	next    []node
	scratch protocol.State // the successor that is being looked at
}

// Run explores. It returns a *ViolationError for the first state that breaks an invariant or has no
// successor, for the first step that breaks a property, or, when all states were seen, for a
// behaviour that breaks a property in time; and a *LimitError beyond MaxStates. When ctx ends, so
// does the exploration: the error wraps that of ctx. What was counted until then is returned beside
// every one of these errors.
func (x *Explorer) Run(ctx context.Context) (Exploration, error) {
	if err := x.Config.Validate(); err != nil {
		return Exploration{}, fmt.Errorf("model: %w", err)
	}
	var steps []protocol.Step
	for t := range x.Config.Steps(x.Ops) {
		steps = append(steps, t)
	}
	w := walk{Explorer: x, seen: map[string]struct{}{},
		result: Exploration{Generated: 1, Steps: map[protocol.Action]int{}}}
	start := protocol.NewState(x.Config)
	if err := w.reach(&start, origin{parent: -1}); err != nil {
		return w.result, err
	}
	for len(w.next) > 0 {
		frontier := w.next
		w.next = nil
		w.result.Depth++
		for i := range frontier {
			if err := w.expand(&frontier[i], steps); err != nil {
				return w.result, err
			}
			if err := ctx.Err(); err != nil {
				return w.result, fmt.Errorf("model: %w", err)
			}
			if x.Progress != nil && w.result.Distinct%progressEvery == 0 {
				x.Progress(w.result.Distinct, len(frontier)-i+len(w.next))
			}
		}
	}
	return w.result, x.checkLeadsTo(ctx, x.InTime)
}

// expand looks at the successors of a state.
func (w *walk) expand(from *node, steps []protocol.Step) error {
	dead := true
	if from.state.Terminated() {
		w.result.Generated++
		dead = false
	}
	// Most steps are refused, and a refused step changes nothing: the copy is made again only after
	// a step that was taken.
	to := &w.scratch
	*to = from.state
	for _, t := range steps {
		if to.Try(t) != protocol.Done {
			continue
		}
		dead = false
		w.result.Generated++
		w.result.Steps[t.Action]++
		if w.Edge != nil {
			w.Edge(&from.state, t, to)
		}
		for i := range w.Steps {
			if !w.Steps[i].Holds(&from.state, t, to) {
				return &ViolationError{Name: w.Steps[i].Name, Trace: append(w.trace(from.id), t),
					State: *to}
			}
		}
		if err := w.reach(to, origin{from.id, t}); err != nil {
			return err
		}
		*to = from.state
	}
	if dead && w.Deadlock {
		return &ViolationError{Name: Deadlock, Trace: w.trace(from.id), State: from.state}
	}
	return nil
}

// reach notes a state that was reached, if it is new.
func (w *walk) reach(s *protocol.State, o origin) error {
	w.key = s.AppendKey(w.key[:0])
	if _, ok := w.seen[string(w.key)]; ok {
		return nil
	}
	w.seen[string(w.key)] = struct{}{}
	id := int32(len(w.origins))
	w.origins = append(w.origins, o)
	w.result.Distinct++
	if w.Visit != nil {
		w.Visit(s)
	}
	for i := range w.Invariants {
		if !w.Invariants[i].Holds(s) {
			return &ViolationError{Name: w.Invariants[i].Name, Trace: w.trace(id), State: *s}
		}
	}
	if w.MaxStates > 0 && w.result.Distinct > w.MaxStates {
		return &LimitError{w.MaxStates}
	}
	w.next = append(w.next, node{*s, id})
	return nil
}

// trace is the way to a state.
func (w *walk) trace(id int32) []protocol.Step {
	var back []protocol.Step
	for w.origins[id].parent >= 0 {
		back = append(back, w.origins[id].step)
		id = w.origins[id].parent
	}
	for i, j := 0, len(back)-1; i < j; i, j = i+1, j-1 {
		back[i], back[j] = back[j], back[i]
	}
	return back
}
