package proof

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker/protocol"
	"github.com/lockstep-wasm/lockstep/model"
	"github.com/lockstep-wasm/lockstep/tla"
)

// transition is a step between two states that the protocol makes, or does not make.
type transition struct {
	from, to protocol.State
	step     protocol.Step
	possible bool
}

// samples is how many transitions of each kind are asked about in each model.
const samples = 40

// TestTranslationIsTheProtocol asks z3 about transitions of complete graphs, with both states
// fixed: the translation of an action allows a step exactly where linker/protocol performs it.
func TestTranslationIsTheProtocol(t *testing.T) {
	z3, system := solver(t), load(t)
	for _, name := range []string{"MCsmall.cfg", "MCsmallclosures.cfg"} {
		t.Run(name, func(t *testing.T) {
			data, err := os.ReadFile("../" + name)
			if err != nil {
				t.Fatal(err)
			}
			config, err := tla.ParseConfig(name, string(data))
			if err != nil {
				t.Fatal(err)
			}
			constants, ops, err := config.Protocol()
			if err != nil {
				t.Fatal(err)
			}
			transitions := sample(t, constants, ops)
			tr := system.translate(writtenWorld(int(constants.Groups), int(constants.MaxLog)+1))
			compareTransitions(t, z3, tr, transitions)
		})
	}
}

// sample walks the graph and picks steps that are possible, steps that are not, and wrong ends of
// possible ones.
func sample(t *testing.T, constants protocol.Config, ops []protocol.Op) []transition {
	t.Helper()
	random := rand.New(rand.NewPCG(3, 7))
	var edges []transition
	var states []protocol.State
	explorer := model.Explorer{Config: constants, Ops: ops,
		Visit: func(s *protocol.State) { states = append(states, *s) },
		Edge: func(from *protocol.State, step protocol.Step, to *protocol.State) {
			edges = append(edges, transition{*from, *to, step, true})
		},
	}
	if _, err := explorer.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	steps := slices.Collect(constants.Steps(ops))
	picked := append(oneOfEach(edges), refusedForEachReason(states, steps)...)
	for range samples {
		edge := edges[random.IntN(len(edges))]
		picked = append(picked, edge)

		wrong := edge
		wrong.to, wrong.possible = states[random.IntN(len(states))], false
		if wrong.to != edge.to {
			picked = append(picked, wrong)
		}
		refused := transition{from: edge.from, step: steps[random.IntN(len(steps))]}
		refused.to = refused.from
		refused.possible = refused.to.Try(refused.step) == protocol.Done
		picked = append(picked, refused)
	}
	return picked
}

// oneOfEach are possible steps of every action that the graph has.
func oneOfEach(edges []transition) []transition {
	seen := map[protocol.Action]int{}
	var picked []transition
	for _, e := range edges {
		if seen[e.step.Action]++; seen[e.step.Action] <= 3 {
			picked = append(picked, e)
		}
	}
	return picked
}

// refusedForEachReason are steps that are not possible: of every action, for every reason that the
// protocol has to refuse it.
func refusedForEachReason(states []protocol.State, steps []protocol.Step) []transition {
	type reason struct {
		action  protocol.Action
		refusal protocol.Refusal
	}
	seen := map[reason]int{}
	var picked []transition
	for i := range states {
		for _, step := range steps {
			to := states[i]
			refusal := to.Try(step)
			if refusal == protocol.Done {
				continue
			}
			r := reason{step.Action, refusal}
			if seen[r]++; seen[r] <= 2 {
				picked = append(picked, transition{from: states[i], to: states[i], step: step})
			}
		}
	}
	return picked
}

// compareTransitions asks about all of them in one script.
func compareTransitions(t *testing.T, z3 Solver, tr *translation, transitions []transition) {
	t.Helper()
	constants := transitions[0].from.Config
	script := tr.text("transitions", [][]string{tr.given, {
		fmt.Sprintf("(assert (and (= MaxLog %d) (= Batch %d) (= MaxTable %d)))", constants.MaxLog,
			constants.Batch, constants.MaxTable),
	}})
	for _, feature := range []string{"Park", "Cancel", "Crash", "Spawn", "Detach", "FailApply",
		"FailUndo"} {
		script += fmt.Sprintf("(assert (Features %s))\n", quoted(feature))
	}
	var b strings.Builder
	b.WriteString(script)
	for _, x := range transitions {
		b.WriteString("(push)\n")
		fix(&b, "", &x.from)
		b.WriteString(strings.Join(tr.steps[x.step.Action.String()], "\n") + "\n")
		for i, a := range argumentsOf(tr.system, x.step) {
			fmt.Fprintf(&b, "(assert (= %s %s))\n", tr.system.argument(x.step.Action.String(), i),
				a)
		}
		if x.from != x.to {
			fix(&b, nextSuffix, &x.to) // otherwise the step is impossible, wherever it leads
		}
		b.WriteString("(check-sat)\n(pop)\n")
	}
	first, rest, err := z3.Ask(t.Context(), b.String())
	if err != nil {
		t.Fatal(err)
	}
	answers := append([]string{string(first)}, strings.Fields(rest)...)
	if len(answers) != len(transitions) {
		t.Fatalf("%d answers to %d questions: %.500q", len(answers), len(transitions), rest)
	}
	possible := 0
	for i, x := range transitions {
		want := Unsat
		if x.possible {
			want = Sat
			possible++
		}
		if Answer(answers[i]) != want {
			t.Errorf("%v: z3 says %s, the protocol %s\nfrom\n%v\nto\n%v", x.step, answers[i], want,
				&x.from, &x.to)
		}
	}
	if possible < samples || len(transitions)-possible < samples {
		t.Errorf("%d possible steps of %d", possible, len(transitions))
	}
}

// argument is the symbol of an action's argument.
func (s *System) argument(action string, i int) string {
	n := slices.IndexFunc(s.calls, func(c call) bool { return c.definition.Name == action })
	return s.calls[n].arguments[i].name
}

// argumentsOf are the terms of a step's arguments.
func argumentsOf(s *System, step protocol.Step) []term {
	n := slices.IndexFunc(s.calls,
		func(c call) bool { return c.definition.Name == step.Action.String() })
	all := []term{groupTerm(step.Group), groupTerm(step.Child)}[:min(len(s.calls[n].arguments), 2)]
	if step.Action == protocol.ActWork {
		all[1] = opTerm(step.Op)
	}
	return all
}

func groupTerm(g protocol.Group) term {
	if g == protocol.NoGroup {
		return none
	}
	return term("|" + g.String() + "|")
}

func opTerm(o protocol.Op) term {
	if o.Kind == protocol.NoOp {
		return noOperation
	}
	return apply("operation", quoted(o.Kind.String()), term(fmt.Sprintf("|%d|", o.Tag)))
}

// fix asserts that the variables have the values of a state.
func fix(b *strings.Builder, suffix string, s *protocol.State) {
	is := func(symbol, t term) { fmt.Fprintf(b, "(assert (= %s %s))\n", symbol, t) }
	fixSequence := func(name string, n int, at func(int) term, arguments ...term) {
		is(apply(name+suffix+".length", arguments...), numeral(n))
		for i := range n {
			is(apply(fmt.Sprintf("%s%s.%d", name, suffix, i+1), arguments...), at(i))
		}
	}
	fixSequence("leaseQueue", s.LeaseQueue.Len(),
		func(i int) term { return groupTerm(s.LeaseQueue.At(i)) })
	fixSequence("stateQueue", s.StateQueue.Len(),
		func(i int) term { return groupTerm(s.StateQueue.At(i)) })
	fixSequence("log", s.Log.Len(), func(i int) term { return opTerm(s.Log.At(i)) })
	is(term("holder"+suffix), groupTerm(s.Holder))
	is(term("writer"+suffix), groupTerm(s.Writer))
	is(term("leader"+suffix), groupTerm(s.Leader))
	is(term("op"+suffix), opTerm(s.Op))
	is(term("failed"+suffix), boolean(s.Failed))
	is(term("poisoned"+suffix), boolean(s.Poisoned))
	is(term("table"+suffix), numeral(int(s.Table)))
	is(term("free"+suffix), numeral(int(s.Free)))
	is(term("taken"+suffix), numeral(int(s.Taken)))
	is(apply("readers"+suffix, none), isFalse)
	for i := range protocol.Group(s.Config.Groups) {
		g := groupTerm(i)
		is(apply("mode"+suffix, g), quoted(s.Mode[i].String()))
		is(apply("stage"+suffix, g), quoted(s.Stage[i].String()))
		is(apply("part"+suffix, g), quoted(s.Part[i].String()))
		is(apply("readers"+suffix, g), boolean(s.Readers.Has(i)))
		fixSequence("mail", s.Mail[i].Len(), func(k int) term { return opTerm(s.Mail[i].At(k)) }, g)
		fixSequence("view", s.View[i].Len(), func(k int) term { return opTerm(s.View[i].At(k)) }, g)
	}
}
