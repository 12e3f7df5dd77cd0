package specified

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-wasm/lockstep/lincheck"
	"github.com/lockstep-wasm/lockstep/model"
	"pgregory.net/rapid"
)

// The specification and porcupine with the sequential model have one verdict, on histories of a toy
// linker and on what is made of them.
func TestAgreesWithPorcupine(t *testing.T) {
	ok, violations := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		pick := func(n int) int { return rapid.IntRange(0, n-1).Draw(rt, "pick") }
		clients, unknown := 2+pick(3), pick(3)
		for n := range 6 {
			h := simulate(clients, 14, unknown, pick)
			if n%3 > 0 {
				corrupt(h, pick)
			}
			if h.Validate() != nil {
				continue
			}
			want, got := lincheck.Check(h, lincheck.Limits{Round: 100}),
				Check(h, lincheck.Limits{})
			if want.Verdict != got.Verdict || got.Verdict == lincheck.Undecided {
				rt.Fatalf("porcupine: %v\nthe specification: %v\n%s", want, got, dump(h))
			}
			if n%3 == 0 && got.Verdict != lincheck.OK {
				rt.Fatalf("the toy is not linearizable: %v\n%s", got, dump(h))
			}
			if got.Verdict == lincheck.OK {
				ok++
				continue
			}
			violations++
			explained(rt, h, got)
		}
	})
	t.Logf("%d ok, %d violations", ok, violations)
	leastOK, leastViolations := 100, 30
	if testing.Short() { // rapid draws a fifth then
		leastOK, leastViolations = 10, 1
	}
	if ok < leastOK || violations < leastViolations {
		t.Errorf("%d ok and %d violations are too one-sided", ok, violations)
	}
}

// explained checks that a rejection names what does not fit, and how far it came.
func explained(t interface{ Fatalf(string, ...any) }, h *lincheck.History, r lincheck.Result) {
	if len(r.Operations) == 0 || !strings.Contains(r.Explanation, "operations, where members = ") {
		t.Fatalf("an explanation that explains nothing: %v", r)
	}
	for _, i := range r.Operations {
		if !strings.Contains(r.Explanation, h.Operations[i].String()) {
			t.Fatalf("the explanation does not name %v:\n%v", h.Operations[i], r)
		}
	}
}

func dump(h *lincheck.History) (text string) {
	for _, op := range h.Operations {
		text += op.String() + "\n"
	}
	return text
}

func at(client int, call, ret int64, in model.Input, out model.Output) lincheck.Operation {
	return lincheck.Operation{Client: client, Call: call, Return: ret, Input: in, Output: out}
}

func open(lib string) model.Input        { return model.Input{Op: model.OpOpen, Library: lib} }
func closing(h model.Handle) model.Input { return model.Input{Op: model.OpClose, Handle: h} }

func symbol(h model.Handle, name string) model.Input {
	return model.Input{Op: model.OpSymbol, Handle: h, Name: name}
}

func pointer(p uint32) model.Output {
	return model.Output{Kind: model.KindFunction, Pointer: p}
}

func fails(class model.ErrorClass) model.Output { return model.Output{Err: class} }

// Each history is a violation, the explanation names the operation that does not fit, and the
// condition of the text that says so. Real time decides in the last ones: without it they are
// linearizable.
func TestViolations(t *testing.T) {
	begin := []lincheck.Operation{at(0, 1, 2, open("a"), model.Output{Handle: 1}),
		at(0, 3, 4, symbol(1, "fa"), pointer(5))}
	for _, c := range []struct {
		name  string
		more  []lincheck.Operation
		wrong int // the position in more
		says  string
	}{
		{"another pointer", []lincheck.Operation{at(1, 5, 6, symbol(1, "fa"), pointer(6))}, 0,
			"after 2 of 3 operations"},
		{"two symbols, one pointer", []lincheck.Operation{
			at(1, 5, 6, open("b"), model.Output{Handle: 2}),
			at(1, 7, 8, symbol(2, "fb"), pointer(5))}, 1, "LooksUp, Found, and LinkerResults.tla:"},
		{"closed twice", []lincheck.Operation{at(0, 5, 6, closing(1), model.Output{}),
			at(0, 7, 8, closing(1), model.Output{})}, 1, "Closes, Closed, and LinkerResults.tla:"},
		{"a handle twice", []lincheck.Operation{at(0, 5, 6, open("a"), model.Output{Handle: 1})}, 0,
			"Opens, Opened, and LinkerResults.tla:"},
		{"open and not found", []lincheck.Operation{at(0, 5, 6, symbol(1, "fa"),
			fails(model.ClassMissingSymbol))}, 0, "LooksUp, Missing, and LinkerResults.tla:"},
		{"loaded and not there", []lincheck.Operation{at(0, 5, 6,
			model.Input{Op: model.OpOpen, Library: "a", NoLoad: true},
			fails(model.ClassNotLoaded))}, 0, "Opens, NotLoaded, and LinkerResults.tla:"},
		{"not loaded and there", []lincheck.Operation{at(0, 5, 6,
			model.Input{Op: model.OpOpen, Library: "b", NoLoad: true},
			model.Output{Handle: 2})}, 0, "Opens, Reopened, and LinkerResults.tla:"},
		{"a failure out of nothing", []lincheck.Operation{at(0, 5, 6, open("a"),
			fails(model.ClassNoSpace))}, 0, "no call has this result in any state"},
		{"no such group", []lincheck.Operation{
			at(0, 5, 6, open("a"), fails(model.ClassGroupClosed))}, 0,
			"NoGroup, and LinkerResults.tla:"},
		{"found after it was closed", []lincheck.Operation{at(0, 5, 6, closing(1), model.Output{}),
			at(1, 7, 8, symbol(1, "fa"), pointer(5))}, 1, "LooksUp, Found, and LinkerResults.tla:"},
		{"closed before it was", []lincheck.Operation{
			at(1, 5, 6, symbol(1, "fa"), fails(model.ClassBadHandle)),
			at(0, 7, 8, closing(1), model.Output{})}, 0,
			"LooksUp, BadHandle, and LinkerResults.tla:"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := &lincheck.History{Universe: universe(), Operations: slices.Concat(begin, c.more)}
			if r := lincheck.Check(h, lincheck.Limits{}); r.Verdict != lincheck.Violation {
				t.Fatalf("porcupine: %v", r)
			}
			r := Check(h, lincheck.Limits{})
			if r.Verdict != lincheck.Violation || !strings.Contains(r.Explanation, c.says) ||
				!slices.Contains(r.Operations, len(begin)+c.wrong) {
				t.Errorf("%v\nwant operation %d and %q", r, len(begin)+c.wrong, c.says)
			}
			explained(t, h, r)
		})
	}
}

// What overlaps can be in any order, and an order may need that another operation takes effect
// before it returns.
func TestOverlapping(t *testing.T) {
	h := &lincheck.History{Universe: universe(), Operations: []lincheck.Operation{
		at(0, 1, 2, open("a"), model.Output{Handle: 1}),
		at(1, 3, 10, closing(1), model.Output{}),
		at(2, 4, 9, symbol(1, "fa"), fails(model.ClassBadHandle)),
		at(3, 5, 8, symbol(1, "fa"), pointer(7)),
	}}
	if r := Check(h, lincheck.Limits{}); r.Verdict != lincheck.OK || r.Steps == 0 {
		t.Errorf("%v after %d steps", r, r.Steps)
	}
}

// A long history is judged in the memory of a short one.
func TestLong(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	h := simulate(3, 3000, 0, rng.IntN)
	r := Check(h, lincheck.Limits{Memory: 4 << 20})
	if r.Verdict != lincheck.OK || r.Rounds < 10 {
		t.Errorf("%v after %d rounds", r, r.Rounds)
	}
}

// A limit that is reached is said, and a history of other things is not judged.
func TestUndecided(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	h := simulate(3, 50, 0, rng.IntN)
	for name, limits := range map[string]lincheck.Limits{"Steps": {Steps: 10},
		"Memory": {Memory: 1000}, "Timeout": {Timeout: 1}} {
		r := Check(h, limits)
		var limit *lincheck.LimitError
		if r.Verdict != lincheck.Undecided || !errors.As(r.Err, &limit) || limit.Limit != name {
			t.Errorf("%s: %v", name, r)
		}
	}
	for _, in := range []model.Input{{Op: model.OpAllocateClosure, Count: 1},
		{Op: model.OpSymbol, Name: "fa"}, {Op: model.OpOpen, Library: "none"}} {
		var word *VocabularyError
		h := &lincheck.History{Universe: universe(), Operations: []lincheck.Operation{
			at(0, 1, 2, in, model.Output{Pointer: 1, Kind: model.KindFunction})}}
		if r := Check(h, lincheck.Limits{}); !errors.As(r.Err, &word) || word.Operation != 0 {
			t.Errorf("%v: %v", in, r)
		}
	}
}

// The comparison with porcupine notices a judge that is broken: one that accepts everything, and
// one that does not look at real time.
func TestBrokenJudges(t *testing.T) {
	judges := map[string]func(*lincheck.History) lincheck.Verdict{
		"whole": func(h *lincheck.History) lincheck.Verdict {
			return Check(h, lincheck.Limits{}).Verdict
		},
		"accepts everything": func(*lincheck.History) lincheck.Verdict { return lincheck.OK },
		"ignores real time": func(h *lincheck.History) lincheck.Verdict {
			loose := *h
			loose.Operations = slices.Clone(h.Operations)
			for i := range loose.Operations {
				loose.Operations[i].Client, loose.Operations[i].Call = i, 1
				loose.Operations[i].Return = 100
			}
			return Check(&loose, lincheck.Limits{}).Verdict
		},
	}
	differs := map[string]int{}
	rng := rand.New(rand.NewPCG(3, 4))
	for range 150 {
		h := simulate(2, 6, 0, rng.IntN)
		corrupt(h, rng.IntN)
		if h.Validate() != nil {
			continue
		}
		want := lincheck.Check(h, lincheck.Limits{}).Verdict
		for name, judge := range judges {
			if judge(h) != want {
				differs[name]++
			}
		}
	}
	if differs["whole"] > 0 || differs["accepts everything"] < 10 ||
		differs["ignores real time"] < 2 {
		t.Errorf("other verdicts than porcupine: %v", differs)
	}
}
