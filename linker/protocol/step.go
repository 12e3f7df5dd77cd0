package protocol

import (
	"fmt"
	"iter"
)

// Action is one of the actions of the protocol: a line of Step in the specification.
type Action uint8

// arity tells what an action is about besides the state.
type arity uint8

const (
	ofNobody  arity = iota // the image as a whole
	ofGroup                // one group
	ofGroupOp              // one group and an operation
	ofPair                 // two groups
)

// action is how a Step is performed. The table of them is in table.go.
type action struct {
	name  string
	arity arity
	do    func(s *State, t Step) Refusal
}

// Actions is the list of all actions, in the order of Step in the specification.
func Actions() []Action {
	all := make([]Action, actionCount)
	for i := range all {
		all[i] = Action(i)
	}
	return all
}

// String is the action's name in the specification, and the name of its method.
func (a Action) String() string {
	if a < actionCount {
		return actions[a].name
	}
	return fmt.Sprintf("invalid(%d)", uint8(a))
}

// ParseAction finds an action by its name.
func ParseAction(name string) (Action, error) {
	for i := range actions {
		if actions[i].name == name {
			return Action(i), nil
		}
	}
	return 0, fmt.Errorf("%w: action %q", ErrUnknownName, name)
}

// Step is an action with its arguments. Arguments that the action does not have are zero.
type Step struct {
	Action Action
	Group  Group // whose step it is
	Child  Group // Spawn: the child
	Op     Op    // Work: the operation
}

// String writes the step as the specification would: Work(g1, <<"LoadModules", 1>>).
func (t Step) String() string {
	if t.Action >= actionCount {
		return t.Action.String()
	}
	switch actions[t.Action].arity {
	case ofGroup:
		return fmt.Sprintf("%s(%s)", t.Action, t.Group)
	case ofGroupOp:
		return fmt.Sprintf("%s(%s, %s)", t.Action, t.Group, t.Op)
	case ofPair:
		return fmt.Sprintf("%s(%s, %s)", t.Action, t.Group, t.Child)
	}
	return t.Action.String()
}

// String writes the operation as a TLA+ value: <<"LoadModules", 1>>, or <<>> for none.
func (o Op) String() string {
	if o.Kind == NoOp {
		return "<<>>"
	}
	return fmt.Sprintf("<<%q, %d>>", o.Kind.String(), o.Tag)
}

// Try performs the step if its guard holds. Arguments outside of the
// configuration are refused, so that a step read from a file can be tried.
func (s *State) Try(t Step) Refusal {
	n := Group(s.Config.Groups)
	switch {
	case t.Action >= actionCount:
		return "the action exists"
	case actions[t.Action].arity != ofNobody && t.Group >= n:
		return `g \in Groups`
	case actions[t.Action].arity == ofPair && t.Child >= n:
		return `c \in Groups`
	case t.Action == ActWork && (t.Op.Kind == NoOp || t.Op.Kind > UnloadModules):
		return `o \in Kinds \X Tags`
	}
	return actions[t.Action].do(s, t)
}

// Perform is Try with an error: nil, or a *RefusedError that names the step
// and the conjunct of the guard that did not hold.
func (s *State) Perform(t Step) error {
	if r := s.Try(t); r != Done {
		return &RefusedError{Step: t, Guard: r}
	}
	return nil
}

// Steps enumerates every step that the configuration allows with the given
// operations, whether possible or not, in the order of the specification.
func (c Config) Steps(ops []Op) iter.Seq[Step] {
	n := Group(c.Groups)
	return func(yield func(Step) bool) {
		for a := range actions {
			act := Action(a)
			if actions[a].arity == ofNobody {
				if !yield(Step{Action: act}) {
					return
				}
				continue
			}
			for g := range n {
				for t := range stepsOf(act, g, n, ops) {
					if !yield(t) {
						return
					}
				}
			}
		}
	}
}

func stepsOf(act Action, g, n Group, ops []Op) iter.Seq[Step] {
	return func(yield func(Step) bool) {
		switch actions[act].arity {
		case ofGroupOp:
			for _, o := range ops {
				if !yield(Step{Action: act, Group: g, Op: o}) {
					return
				}
			}
		case ofPair:
			for c := range n {
				if !yield(Step{Action: act, Group: g, Child: c}) {
					return
				}
			}
		default:
			yield(Step{Action: act, Group: g})
		}
	}
}

// Terminated tells whether the state is an end and not a deadlock: no group is left, or the image
// is poisoned.
func (s *State) Terminated() bool {
	if s.Poisoned {
		return true
	}
	for g := range Group(s.Config.Groups) {
		if s.Mode[g] != Gone || s.Stage[g] != Idle {
			return false
		}
	}
	return true
}
