package protocol_test

import (
	"errors"
	"iter"
	"maps"
	"os"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"

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

func drawSmall(t *rapid.T) protocol.Config {
	n := rapid.Uint8Range(2, 3).Draw(t, "groups")
	c := protocol.Config{Groups: n, Initial: rapid.Uint8Range(1, n).Draw(t, "initial"),
		MaxLog:   rapid.Uint8Range(1, 2).Draw(t, "log"),
		Batch:    rapid.Uint32Range(1, 2).Draw(t, "batch"),
		MaxTable: rapid.Uint32Range(0, 4).Draw(t, "table"), Features: protocol.AllFeatures}
	if rapid.Bool().Draw(t, "features") {
		c.Features = protocol.Features(rapid.Uint8Range(0, uint8(protocol.AllFeatures)).Draw(t,
			"which"))
	}
	if rapid.IntRange(0, 2).Draw(t, "off") == 0 {
		c.Off = rapid.SampledFrom(protocol.AllGuards()).Draw(t, "guard")
	}
	return c
}

// draw draws a step that is possible of each action that has one, in the order of the actions.
func draw(t *rapid.T, s *protocol.State, steps []protocol.Step) []protocol.Step {
	byAction := map[protocol.Action][]protocol.Step{}
	for _, step := range possible(s, steps) {
		byAction[step.Action] = append(byAction[step.Action], step)
	}
	var drawn []protocol.Step
	for _, action := range slices.Sorted(maps.Keys(byAction)) {
		drawn = append(drawn, rapid.SampledFrom(byAction[action]).Draw(t, "step"))
	}
	return drawn
}

// reached draws a state of a behaviour.
func reached(t *rapid.T, c protocol.Config) protocol.State {
	steps := slices.Collect(c.Steps(walkOps))
	s := protocol.NewState(c)
	for range rapid.IntRange(0, 25).Draw(t, "length") {
		can := draw(t, &s, steps)
		if len(can) == 0 {
			break
		}
		if err := s.Perform(rapid.SampledFrom(can).Draw(t, "action")); err != nil {
			t.Fatal(err)
		}
	}
	return s
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
		change(func(s *protocol.State) { s.Log = protocol.Log{} })
		values(4, func(s *protocol.State, v uint8) { s.Table = uint32(v) })
		values(4, func(s *protocol.State, v uint8) { s.Free = uint32(v) })
		values(4, func(s *protocol.State, v uint8) { s.Taken = uint32(v) })
	}
}

// Every invariant says in Go what it says in the text.
func TestInvariantsSayWhatTheTextSays(t *testing.T) {
	text := textOf(t)
	rapid.Check(t, func(t *rapid.T) {
		reached := reached(t, drawSmall(t))
		in := text.Interpreter(constantsOf(reached.Config))
		for s := range neighbours(reached) {
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
	})
}

// Every property of steps says in Go what it says in the text, of steps that no action makes, too:
// those that differ from one that an action makes in one variable, before or behind it.
func TestStepPropertiesSayWhatTheTextSays(t *testing.T) {
	text := textOf(t)
	rapid.Check(t, func(t *rapid.T) {
		from := reached(t, drawSmall(t))
		in := text.Interpreter(constantsOf(from.Config))
		compare := func(from, to protocol.State) {
			now, next := stateOf(&from), stateOf(&to)
			for _, p := range protocol.StepProperties() {
				want, err := in.Holds(p.Name, now, next)
				if errors.As(err, new(*proof.NoValueError)) {
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				if got := from == to || p.Holds(&from, protocol.Step{}, &to); got != want {
					t.Fatalf("%s: %v, the text says %v, from\n%s\nto\n%s", p.Name, got, want,
						from.TLA(), to.TLA())
				}
			}
		}
		for _, step := range draw(t, &from, slices.Collect(from.Config.Steps(walkOps))) {
			to := from
			to.Try(step)
			for changed := range neighbours(from) {
				compare(changed, to)
			}
			for changed := range neighbours(to) {
				compare(from, changed)
			}
		}
	})
}

// Every action is possible in Go when it is possible in the text, in any state; and where the
// invariants hold, it does what it does there.
func TestActionsDoWhatTheTextSays(t *testing.T) {
	text := textOf(t)
	rapid.Check(t, func(t *rapid.T) {
		reached := reached(t, drawSmall(t))
		in := text.Interpreter(constantsOf(reached.Config))
		steps := slices.Collect(reached.Config.Steps(walkOps))
		for s := range neighbours(reached) {
			state := stateOf(&s)
			sound := true // Go may rely on the invariants
			for _, name := range text.Invariants() {
				holds, err := in.Holds(name, state, nil)
				if err != nil {
					t.Fatal(err)
				}
				if sound = holds; !sound {
					break
				}
			}
			for _, step := range steps {
				compareStep(t, in, s, state, step, sound)
			}
		}
	})
}

// compareStep compares one step from a state with the text.
func compareStep(t *rapid.T, in *proof.Interpreter, s protocol.State, state proof.State,
	step protocol.Step, sound bool) {
	next := s
	possible := next.Try(step) == protocol.Done
	want, enabled, err := in.Perform(step.Action.String(), state, arguments(step)...)
	switch {
	case errors.As(err, new(*proof.NoValueError)):
		return // the text says nothing of such a state
	case err != nil:
		t.Fatal(err)
	case possible != enabled:
		t.Fatalf("%s: possible: %v, the text says %v, in\n%s", step, possible, enabled, s.TLA())
	case !possible && next != s:
		t.Fatalf("%s changes what it refuses, in\n%s", step, s.TLA())
	case !possible || !sound:
		return
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
