package protocol_test

import (
	"errors"
	"iter"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker/protocol"
	"github.com/lockstep-wasm/lockstep/tla/proof"
)

// Each action, invariant and property of steps is compared with the text of the specification, in
// states of behaviours and in states that no behaviour reaches: a condition that is weaker in Go
// than in the text is noticed even where no behaviour depends on it.

var system = sync.OnceValues(func() (*proof.System, error) {
	return proof.Load(os.DirFS("../../tla"))
})

func textOf(t *testing.T) *proof.System {
	t.Helper()
	s, err := system()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func model(g protocol.Group) proof.Model { return proof.Model(g.String()) }

func groups(s protocol.Set, n uint8) proof.Set {
	set := proof.Set{}
	for g := range protocol.Group(n) {
		if s.Has(g) {
			set = append(set, model(g))
		}
	}
	return set
}

func names(list []string) proof.Set {
	set := proof.Set{}
	for _, name := range list {
		set = append(set, name)
	}
	return set
}

func constantsOf(c protocol.Config) proof.State {
	all := protocol.Set(0)
	initial := protocol.Set(0)
	for g := range protocol.Group(c.Groups) {
		all = all.With(g)
		if g < protocol.Group(c.Initial) {
			initial = initial.With(g)
		}
	}
	return proof.State{"Groups": groups(all, c.Groups), "Initial": groups(initial, c.Groups),
		"None": model(protocol.NoGroup), "MaxLog": int(c.MaxLog), "Batch": int(c.Batch),
		"MaxTable": int(c.MaxTable), "Features": names(c.Features.Names()),
		"Off": names(c.Off.Names())}
}

func operation(o protocol.Op) proof.Sequence {
	if o.Kind == protocol.NoOp {
		return proof.Sequence{}
	}
	return proof.Sequence{o.Kind.String(), int(o.Tag)}
}

// operations is a sequence of them: a log, a view, a mailbox.
func operations(q interface {
	Len() int
	At(i int) protocol.Op
}) proof.Sequence {
	s := proof.Sequence{}
	for i := range q.Len() {
		s = append(s, operation(q.At(i)))
	}
	return s
}

func queue(q *protocol.Queue) proof.Sequence {
	s := proof.Sequence{}
	for i := range q.Len() {
		s = append(s, model(q.At(i)))
	}
	return s
}

func stateOf(s *protocol.State) proof.State {
	perGroup := func(value func(g protocol.Group) any) proof.Function {
		f := proof.Function{}
		for g := range protocol.Group(s.Config.Groups) {
			f[model(g)] = value(g)
		}
		return f
	}
	return proof.State{
		"mode":       perGroup(func(g protocol.Group) any { return s.Mode[g].String() }),
		"stage":      perGroup(func(g protocol.Group) any { return s.Stage[g].String() }),
		"leaseQueue": queue(&s.LeaseQueue), "holder": model(s.Holder),
		"stateQueue": queue(&s.StateQueue), "writer": model(s.Writer),
		"readers": groups(s.Readers, s.Config.Groups), "leader": model(s.Leader),
		"op":     operation(s.Op),
		"part":   perGroup(func(g protocol.Group) any { return s.Part[g].String() }),
		"mail":   perGroup(func(g protocol.Group) any { return operations(&s.Mail[g]) }),
		"failed": s.Failed,
		"view":   perGroup(func(g protocol.Group) any { return operations(&s.View[g]) }),
		"log":    operations(&s.Log), "table": int(s.Table), "free": int(s.Free),
		"taken": int(s.Taken), "poisoned": s.Poisoned,
	}
}

// where lists, for each action, some states of behaviours in which it is possible, with the step.
// They are from the first states of the configuration, breadth first; of each action, the same few
// are drawn every time.
func where(c protocol.Config, first, each int) map[protocol.Action][]place {
	steps := slices.Collect(c.Steps(walkOps))
	found := map[protocol.Action][]place{}
	seen := map[protocol.State]bool{}
	for todo := []protocol.State{protocol.NewState(c)}; len(todo) > 0 && len(seen) < first; {
		s := todo[0]
		todo = todo[1:]
		if seen[s] {
			continue
		}
		seen[s] = true
		for _, step := range possible(&s, steps) {
			found[step.Action] = append(found[step.Action], place{s, step})
			next := s
			next.Try(step)
			todo = append(todo, next)
		}
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for action, all := range found {
		rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		found[action] = all[:min(each, len(all))]
	}
	return found
}

// place is a state, and a step that is possible in it.
type place struct {
	state protocol.State
	step  protocol.Step
}

// small are configurations of two and three groups in which all can happen; off is switched off.
func small(off protocol.Guards) []protocol.Config {
	two := protocol.Config{Groups: 2, Initial: 2, MaxLog: 2, Batch: 1, MaxTable: 3,
		Features: protocol.AllFeatures, Off: off}
	three := two
	three.Groups, three.Batch = 3, 2
	return []protocol.Config{two, three}
}

// neighbours are the states that differ from s in one variable of one group, to any of its values.
func neighbours(s protocol.State) iter.Seq[protocol.State] {
	return func(yield func(protocol.State) bool) {
		more := true
		change := func(f func(s *protocol.State)) {
			changed := s
			f(&changed)
			more = more && yield(changed)
		}
		values := func(n int, f func(s *protocol.State, v uint8)) {
			for v := range n {
				change(func(s *protocol.State) { f(s, uint8(v)) })
			}
		}
		names := []protocol.Group{protocol.NoGroup}
		for g := range protocol.Group(s.Config.Groups) {
			names = append(names, g)
			values(int(protocol.Waking)+1,
				func(s *protocol.State, v uint8) { s.Mode[g] = protocol.Mode(v) })
			values(int(protocol.Replaying)+1,
				func(s *protocol.State, v uint8) { s.Stage[g] = protocol.Stage(v) })
			values(int(protocol.Undone)+1,
				func(s *protocol.State, v uint8) { s.Part[g] = protocol.Part(v) })
			change(func(s *protocol.State) { s.LeaseQueue.Append(g) })
			change(func(s *protocol.State) { s.StateQueue.Append(g) })
			change(func(s *protocol.State) { s.Readers ^= 1 << g })
			change(func(s *protocol.State) { s.Mail[g].Append(walkOps[0]) })
			change(func(s *protocol.State) { s.Mail[g].Append(s.Op) })
			change(func(s *protocol.State) { s.Mail[g] = protocol.Mailbox{} })
			change(func(s *protocol.State) { s.View[g].Append(walkOps[0]) })
			change(func(s *protocol.State) { s.View[g].Append(walkOps[1]) })
			change(func(s *protocol.State) { s.View[g].Front() })
		}
		for _, g := range names {
			change(func(s *protocol.State) { s.Holder = g })
			change(func(s *protocol.State) { s.Writer = g })
			change(func(s *protocol.State) { s.Leader = g })
		}
		for _, o := range append(walkOps, protocol.Op{}) {
			change(func(s *protocol.State) { s.Op = o })
			if s.Log.Len() < int(s.Config.MaxLog) {
				change(func(s *protocol.State) { s.Log.Append(o) })
			}
		}
		change(func(s *protocol.State) { s.LeaseQueue = protocol.Queue{} })
		change(func(s *protocol.State) { s.StateQueue = protocol.Queue{} })
		change(func(s *protocol.State) { s.Failed = !s.Failed })
		change(func(s *protocol.State) { s.Poisoned = !s.Poisoned })
		change(func(s *protocol.State) { s.Log.Front() })
		change(func(s *protocol.State) { // another operation in the first place
			old := s.Log
			s.Log = protocol.Log{}
			for i := range old.Len() {
				o := old.At(i)
				if i == 0 {
					o.Tag ^= 3
				}
				s.Log.Append(o)
			}
		})
		change(func(s *protocol.State) { s.Log = protocol.Log{} })
		values(4, func(s *protocol.State, v uint8) { s.Table = uint32(v) })
		values(4, func(s *protocol.State, v uint8) { s.Free = uint32(v) })
		values(4, func(s *protocol.State, v uint8) { s.Taken = uint32(v) })
	}
}

// Every invariant says in Go what it says in the text.
func TestInvariantsSayWhatTheTextSays(t *testing.T) {
	text := textOf(t)
	for _, c := range small(0) {
		in := text.Interpreter(constantsOf(c))
		for _, places := range where(c, 1500, 2) {
			for _, p := range places {
				for s := range neighbours(p.state) {
					compareInvariants(t, in, s)
				}
			}
		}
	}
}

func compareInvariants(t *testing.T, in *proof.Interpreter, s protocol.State) {
	t.Helper()
	state := stateOf(&s)
	for _, inv := range protocol.Invariants() {
		want, err := in.Holds(inv.Name, state, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := inv.Holds(&s); got != want {
			t.Fatalf("%s: %v, the text says %v, in\n%s", inv.Name, got, want, s.TLA())
		}
	}
}

// Every property of steps says in Go what it says in the text, of steps that no action makes, too:
// those that differ from one that an action makes in one variable, before or behind it.
func TestStepPropertiesSayWhatTheTextSays(t *testing.T) {
	text := textOf(t)
	for _, c := range small(0) {
		in := text.Interpreter(constantsOf(c))
		for _, places := range where(c, 8000, 3) {
			for _, p := range places {
				to := p.state
				to.Try(p.step)
				for changed := range neighbours(p.state) {
					compareProperties(t, in, changed, to)
				}
				for changed := range neighbours(to) {
					compareProperties(t, in, p.state, changed)
				}
			}
		}
	}
}

func compareProperties(t *testing.T, in *proof.Interpreter, from, to protocol.State) {
	t.Helper()
	now, next := stateOf(&from), stateOf(&to)
	for _, p := range protocol.StepProperties() {
		want, err := in.Holds(p.Name, now, next)
		if errors.As(err, new(*proof.NoValueError)) {
			continue // the text says nothing of such a step
		}
		if err != nil {
			t.Fatal(err)
		}
		if got := from == to || p.Holds(&from, protocol.Step{}, &to); got != want {
			t.Fatalf("%s: %v, the text says %v, from\n%s\nto\n%s", p.Name, got, want, from.TLA(),
				to.TLA())
		}
	}
}

// Every action is possible in Go when it is possible in the text, in any state, and whichever guard
// is switched off; and where the invariants hold, it does what it does there.
func TestActionsDoWhatTheTextSays(t *testing.T) {
	text := textOf(t)
	for _, off := range append(protocol.AllGuards(), 0) {
		configs, each := small(off)[:1], 1
		if off == 0 {
			configs, each = small(off), 6
		}
		found := 0
		for _, c := range configs {
			in := text.Interpreter(constantsOf(c))
			steps := slices.Collect(c.Steps(walkOps))
			for action, places := range where(c, 1500, each) {
				found++
				for _, p := range places {
					for s := range neighbours(p.state) {
						compareAction(t, text, in, s, action, steps)
					}
				}
			}
		}
		if found < len(configs)*len(protocol.Actions())*3/4 {
			t.Errorf("%q off: only %d actions are possible in the first states", off.Names(), found)
		}
	}
}

// compareAction compares the steps of an action from a state with the text.
func compareAction(t *testing.T, text *proof.System, in *proof.Interpreter, s protocol.State,
	action protocol.Action, steps []protocol.Step) {
	t.Helper()
	state := stateOf(&s)
	for _, step := range steps {
		if step.Action == action && compareStep(t, in, s, state, step) &&
			s.Check() == nil && holdAll(t, text, in, state) {
			compareEffect(t, in, s, state, step)
		}
	}
}

// holdAll tells whether all invariants hold, those of the proof too. Go may rely on them.
func holdAll(t *testing.T, text *proof.System, in *proof.Interpreter, state proof.State) bool {
	t.Helper()
	return !slices.ContainsFunc(text.Invariants(), func(name string) bool {
		holds, err := in.Holds(name, state, nil)
		if err != nil {
			t.Fatal(err)
		}
		return !holds
	})
}

// compareStep compares whether a step is possible with the text, and returns whether it is.
func compareStep(t *testing.T, in *proof.Interpreter, s protocol.State, state proof.State,
	step protocol.Step) bool {
	t.Helper()
	next := s
	possible := next.Try(step) == protocol.Done
	_, enabled, err := in.Perform(step.Action.String(), state, arguments(step)...)
	switch {
	case errors.As(err, new(*proof.NoValueError)):
		return false // the text says nothing of such a state
	case err != nil:
		t.Fatal(err)
	case possible != enabled:
		t.Fatalf("%s: possible: %v, the text says %v, in\n%s", step, possible, enabled, s.TLA())
	case !possible && next != s:
		t.Fatalf("%s changes what it refuses, in\n%s", step, s.TLA())
	}
	return possible
}

// compareEffect compares the state behind a step with the text.
func compareEffect(t *testing.T, in *proof.Interpreter, s protocol.State, state proof.State,
	step protocol.Step) {
	t.Helper()
	next := s
	next.Try(step)
	want, _, err := in.Perform(step.Action.String(), state, arguments(step)...)
	if err != nil {
		t.Fatal(err)
	}
	for name, got := range stateOf(&next) {
		if !proof.Equal(got, want[name]) {
			t.Fatalf("%s: %s = %v, the text says %v, in\n%s", step, name, got, want[name], s.TLA())
		}
	}
}

// arguments are those of the action in the text.
func arguments(t protocol.Step) []any {
	switch t.Action {
	case protocol.ActCheckpoint:
		return nil
	case protocol.ActWork:
		return []any{model(t.Group), operation(t.Op)}
	case protocol.ActSpawn:
		return []any{model(t.Group), model(t.Child)}
	}
	return []any{model(t.Group)}
}
