package drive_test

import (
	"context"
	"testing"

	"github.com/lockstep-wasm/lockstep/lincheck"
	"github.com/lockstep-wasm/lockstep/lincheck/drive"
	"github.com/lockstep-wasm/lockstep/model"
)

// scopeEvents counts what a history shows of scopes.
func scopeEvents(h *lincheck.History, seen map[string]int) {
	for _, o := range h.Operations {
		in, out := o.Input, o.Output
		ok := out.Err == "" && out.Trap == ""
		count := func(what string, happened bool) {
			if happened {
				seen[what]++
			}
		}
		switch in.Op {
		case model.OpOpen:
			count("opened as local, and loaded", ok && in.Local && out.Commit != 0)
			count("opened as global what was local: nothing loaded, and a commit", ok &&
				in.NoLoad && out.Commit != 0)
			count("found loaded", ok && in.NoLoad && out.Commit == 0)
			count("not loaded", out.Err == model.ClassNotLoaded)
			count("everything bound now", ok && in.Now)
			count("something cannot be bound now", in.Now && out.Err == model.ClassMissingSymbol)
		case model.OpSymbol:
			count("next: found", ok && in.Next)
			count("next: nothing", in.Next && out.Err == model.ClassMissingSymbol)
			count("a datum of several libraries", ok && in.Name == "scope_mark")
		case model.OpCall, model.OpCallPointer:
			if in.Name == "scope_which" && ok {
				where := " globally"
				switch {
				case in.Next:
					where = " next"
				case in.Handle != 0:
					where = " by handle"
				}
				seen[definition(in, out)+where]++
			}
			count("nobody global has it", in.Name == "scope_which" &&
				out.Err == model.ClassMissingSymbol)
			count("needs bound to "+definition(in, out), ok && in.Name == "scope_need")
			count("three bound to "+definition(in, out), ok && in.Name == "scope_three")
			count("user bound to somebody", ok && in.Name == "scope_use")
			count("user bound to nobody", in.Name == "scope_use" && out.Trap == model.TrapMissing)
			count("the main module interposed", ok && in.Name == "main_triple" && in.Handle == 0 &&
				!in.Next)
			count("behind the main module", ok && in.Name == "main_triple" && in.Handle == 0 &&
				in.Next)
		}
	}
}

// definition tells whose scope_which a result is of.
func definition(in model.Input, out model.Output) string {
	if len(in.Args) != 1 {
		return "none"
	}
	return map[int32]string{100000: "one", 200000: "two", 300000: "three"}[out.Result-in.Args[0]]
}

// Random programs show each definition through each scope, promotion, NoLoad, Now and Next, with
// success and without; and their histories are linearizable.
func TestScopesAreVisible(t *testing.T) {
	ctx := context.Background()
	subject := newSubject(t, ctx)
	seen := map[string]int{}
	for seed := range uint64(4) {
		// One client's program has the same outcomes each time: it is there for what is rare. With
		// several most of it is seen, too.
		p := drive.Program{Seed: 100 + seed, Groups: 2, Clients: 1, Rounds: 1, Operations: 4000,
			Numbered: seed%2 == 0}
		if seed < 2 {
			p.Clients, p.Rounds, p.Operations = 4, 40, 8
		}
		h, err := subject.Run(ctx, p, nil)
		if err != nil {
			t.Fatal(err)
		}
		if r := lincheck.Judge(h, lincheck.Limits{}); r.Verdict != lincheck.OK {
			t.Fatalf("seed %d: %s", p.Seed, r)
		}
		scopeEvents(h, seen)
	}
	for _, want := range []string{
		"opened as local, and loaded",
		"opened as global what was local: nothing loaded, and a commit", "found loaded",
		"not loaded",
		"everything bound now", "something cannot be bound now", "next: found", "next: nothing",
		"a datum of several libraries",
		"one globally", "two globally", "three globally", "one by handle", "two by handle",
		"three by handle", "one next", "two next",
		"three next", "nobody global has it", "needs bound to one", "needs bound to two",
		"three bound to one",
		"three bound to two", "three bound to three", "user bound to somebody",
		"user bound to nobody", "the main module interposed",
		"behind the main module",
	} {
		if seen[want] == 0 {
			t.Errorf("never seen: %s", want)
		}
	}
	t.Log(seen)
}
