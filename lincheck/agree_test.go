package lincheck

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/anishathalye/porcupine"
	"github.com/lockstep-wasm/lockstep/model"
	"pgregory.net/rapid"
)

// bare judges with porcupine and the sequential model alone: no rounds, no parts, no shortcuts.
func bare(t testing.TB, h *History) Verdict {
	m, err := model.NewSequential(h.Universe)
	if err != nil {
		t.Fatal(err)
	}
	pm := porcupine.Model{
		Init: func() any { return m.Init() },
		Step: func(state, input, output any) (bool, any) {
			next, err := m.Step(state.(*model.State), input.(model.Input), output.(model.Output))
			return err == nil, next
		},
		Equal: func(a, b any) bool { return a.(*model.State).Equal(b.(*model.State)) },
		Hash:  func(a any) uint64 { return a.(*model.State).Hash() },
	}
	var ops []porcupine.Operation
	for _, op := range h.Operations {
		ops = append(ops, porcupine.Operation{ClientId: op.Client, Input: op.Input,
			Output: op.Output, Call: op.Call, Return: op.Return})
	}
	if porcupine.CheckOperations(pm, ops) {
		return OK
	}
	return Violation
}

// agreement counts what the comparisons have seen, so that a test cannot pass by seeing one side
// only.
type agreement struct{ ok, violation, malformed int }

func (a *agreement) count(v Verdict) {
	if v == OK {
		a.ok++
	} else {
		a.violation++
	}
}

func (a *agreement) check(t *testing.T, histories int) {
	t.Logf("%d ok, %d violations, %d malformed", a.ok, a.violation, a.malformed)
	if total := a.ok + a.violation + a.malformed; total < histories || a.ok < total/4 ||
		a.violation < total/20 { // a tenth to a third, as the simulations go
		t.Errorf("%d histories are too few or too one-sided", total)
	}
}

// perDraw is how many histories each of rapid's (by default a hundred) runs looks at.
const perDraw = 30

// compareAll draws histories, corrupts every other one, and hands the well-formed ones to compare
// with porcupine's verdict.
func compareAll(t *testing.T, sim simulation, rules func(*model.Rules),
	compare func(t *rapid.T, h *History, want Verdict)) {
	var seen agreement
	rapid.Check(t, func(rt *rapid.T) {
		pick := func(n int) int { return rapid.IntRange(0, n-1).Draw(rt, "pick") }
		for n := range perDraw {
			u := toyUniverse()
			if rules != nil {
				rules(&u.Rules)
			}
			h := simulate(u, sim, pick)
			if n%2 == 1 {
				corrupt(h, pick)
			}
			if err := h.Validate(); err != nil {
				if n%2 == 0 {
					rt.Fatalf("the simulation made a malformed history: %v", err)
				}
				seen.malformed++
				continue
			}
			want := bare(t, h)
			if n%2 == 0 && want != OK {
				rt.Fatalf("the simulation made a history that is not linearizable:\n%s\n%v",
					dump(h), Check(h, Limits{}))
			}
			seen.count(want)
			compare(rt, h, want)
		}
	})
	seen.check(t, 500)
}

func dump(h *History) string {
	var text string
	for _, i := range byCall(h.Operations) {
		text += h.Operations[i].String() + "\n"
	}
	return text
}

// The order check gives porcupine's verdict on every history that it decides, and decides every
// numbered one.
func TestOrderAgrees(t *testing.T) {
	compareAll(t, simulation{clients: 3, operations: 12, numbered: true}, nil,
		func(t *rapid.T, h *History, want Verdict) {
			got := CheckOrder(h, Limits{})
			if got.Verdict != want {
				t.Fatalf("by order: %v, porcupine: %v\n%s", got, want, dump(h))
			}
		})
}

// Rounds, parts and early refusals do not change the verdict: numbered, unnumbered, with unknown
// outcomes.
func TestCheckAgrees(t *testing.T) {
	unnumbered := func(r *model.Rules) { r.Unnumbered = true }
	own := func(r *model.Rules) { r.HandlePerOpen = true }
	tests := []struct {
		name  string
		sim   simulation
		rules func(*model.Rules)
	}{
		{"numbered", simulation{clients: 3, operations: 14, numbered: true, meet: 4}, nil},
		{"unnumbered", simulation{clients: 3, operations: 14, meet: 4}, unnumbered},
		{"unknown", simulation{clients: 3, operations: 12, numbered: true, unknown: 4, meet: 4},
			nil},
		{"a handle for each opening",
			simulation{clients: 3, operations: 14, numbered: true, meet: 4}, own},
		{"a handle for each opening, unknown",
			simulation{clients: 3, operations: 12, unknown: 4, meet: 4},
			func(r *model.Rules) { own(r); unnumbered(r) }},
		{"unknown and unnumbered", simulation{clients: 2, operations: 12, unknown: 4, meet: 3},
			unnumbered},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			compareAll(t, test.sim, test.rules, func(t *rapid.T, h *History, want Verdict) {
				got := Check(h, Limits{Round: 3, Branches: 1000})
				if got.Verdict != want {
					t.Fatalf("checked: %v, porcupine: %v\n%s", got, want, dump(h))
				}
				if (got.Verdict == Violation) != (got.Explanation != "") {
					t.Fatalf("%v with explanation %q", got.Verdict, got.Explanation)
				}
			})
		})
	}
}

// Parts are independent: with them and without them a round has the same verdict.
func TestPartitionAgrees(t *testing.T) {
	divided := 0
	var seen agreement
	rapid.Check(t, func(rt *rapid.T) {
		pick := func(n int) int { return rapid.IntRange(0, n-1).Draw(rt, "pick") }
		for n := range perDraw {
			// A numbered prefix gives the state; numbers of the rest are dropped where the model
			// does not want them.
			h := simulate(toyUniverse(),
				simulation{clients: 3, operations: 20, numbered: true, meet: 8}, pick)
			for i := range h.Operations {
				op := &h.Operations[i]
				op.Output.Read = 0
				if op.Input.Op != model.OpOpen && op.Input.Op != model.OpClose &&
					op.Input.Op != model.OpSpawn {
					op.Output.Commit = 0
				}
			}
			if n%2 == 1 {
				corrupt(h, pick)
			}
			if h.Validate() != nil {
				seen.malformed++
				continue
			}
			m, err := model.NewSequential(h.Universe)
			if err != nil {
				rt.Fatal(err)
			}
			c := newChecker(m, h, Limits{Round: 8})
			for state, from := m.Init(), 0; from < len(c.order); {
				to := c.roundEnd(from)
				ops := c.order[from:to]
				if !determined(m, h, state, ops) {
					break
				}
				b := newBudget(c.lim, c.deadline)
				all, returns := c.withReturns(ops, nil, 0)
				whole, ok := newSearch(m, h, state, all, returns).run(b, nil)
				parts, partsOK := c.inParts(b, state, ops)
				if !ok || !partsOK {
					rt.Fatalf("undecided: %s", b.exhausted())
				}
				if (whole == nil) != (parts == nil) {
					rt.Fatalf("whole: %v, in parts: %v, from %s\n%s", whole != nil, parts != nil,
						m.Describe(state), dump(h))
				}
				if len(partition(m, h, state, ops)) > 1 {
					divided++
				}
				if whole == nil {
					seen.count(Violation)
					break
				}
				seen.count(OK)
				if m.Describe(whole) != m.Describe(parts) && len(partition(m, h, state, ops)) == 1 {
					rt.Fatalf("whole ends in %s, the only part in %s", m.Describe(whole),
						m.Describe(parts))
				}
				state, from = whole, to
			}
		}
	})
	t.Logf("%d rounds fell into parts", divided)
	if divided < 100 {
		t.Errorf("only %d rounds fell into parts", divided)
	}
	if seen.violation == 0 {
		t.Error("no violation was seen")
	}
}

// A long history that a few clients made is decided whatever the limits of memory, as long as the
// clients meet.
func TestCheckLong(t *testing.T) {
	for _, numbered := range []bool{true, false} {
		u := toyUniverse()
		u.Rules.Unnumbered = !numbered
		rng := rand.New(rand.NewPCG(1, 2))
		h := simulate(u, simulation{clients: 4, operations: 3000, numbered: numbered, meet: 20},
			rng.IntN)
		if r := Judge(h, Limits{Memory: 64 << 20}); r.Verdict != OK {
			t.Errorf("numbered %v: %v", numbered, r)
		}
		if r := Check(h, Limits{Memory: 64 << 20}); r.Verdict != OK || r.Rounds < 10 {
			t.Errorf("numbered %v: %v after %d rounds", numbered, r, r.Rounds)
		}
	}
}

// A check that reaches a limit says so and does not say OK.
func TestCheckLimits(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	u := toyUniverse()
	u.Rules.Unnumbered = true
	h := simulate(u, simulation{clients: 4, operations: 200}, rng.IntN)
	tests := []struct {
		limit  string
		limits Limits
	}{
		{"Steps", Limits{Round: 1000, Steps: 10}},
		{"Memory", Limits{Round: 1000, Memory: 1000}},
		{"Timeout", Limits{Timeout: 1}},
	}
	for _, test := range tests {
		t.Run(test.limit, func(t *testing.T) {
			r := Check(h, test.limits)
			var limit *LimitError
			if r.Verdict != Undecided || !errors.As(r.Err, &limit) || limit.Limit != test.limit {
				t.Errorf("got %v, want undecided for %s", r, test.limit)
			}
		})
	}
}
