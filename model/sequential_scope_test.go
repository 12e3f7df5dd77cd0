package model

import (
	"errors"
	"strings"
	"testing"
)

// scopeUniverse has several definitions of one function and one datum, each with another result,
// and libraries that are bound to whichever their scope finds:
//
//   - main, one, two and three define other things under names that are the same; three needs one;
//   - user takes "which" from a global library, and asks for it at load with a weak import;
//   - needs needs two, and takes "which" from the global scope or from there;
//   - top needs needs and one.
func scopeUniverse() Universe {
	which := func(add int32) []Function {
		return []Function{{Name: "which", Params: 1, Behaviour: Behaviour{Mul: 1, Add: add}}}
	}
	mark := []Data{{Name: "mark", Size: 4}}
	uses := func(name string) []Function {
		return []Function{{Name: name, Params: 1,
			Behaviour: Behaviour{Kind: BehaviourCallImport, Import: "which"}}}
	}
	imports := []Import{{Name: "which", Kind: KindFunction, Params: 1}}
	f := func(name string, mul int32) Function {
		return Function{Name: name, Params: 1, Behaviour: Behaviour{Mul: mul}}
	}
	return Universe{
		Main: Library{Name: "main", Functions: []Function{f("triple", 3)}},
		Libraries: []Library{
			{Name: "one", Functions: which(100), Data: mark},
			{Name: "two", Functions: append(which(200), f("triple", 300)), Data: mark},
			{Name: "three", Needed: []string{"one"}, Functions: append(which(300), f("only", 1)),
				Data: mark},
			{Name: "user", Functions: append(uses("use"),
				Function{Name: "has",
					Behaviour: Behaviour{Kind: BehaviourHasImport, Import: "mark"}}),
				Imports: append(imports, Import{Name: "mark", Kind: KindData, Weak: true})},
			{Name: "needs", Needed: []string{"two"}, Functions: uses("need"), Imports: imports},
			{Name: "top", Needed: []string{"needs", "one"}},
		},
		Rules: Rules{LateBinding: true, PinProviders: true},
	}
}

func (s step) local() step  { s.in.Local = true; return s }
func (s step) noLoad() step { s.in.NoLoad = true; return s }
func (s step) next() step   { s.in.Next = true; return s }
func (s step) now() step    { s.in.Now = true; return s }

func TestSequentialScopes(t *testing.T) {
	missing := func(s step) step { return s.fails(ClassMissingSymbol) }
	has := func(result int32) step {
		return step{in: Input{Op: OpCall, Handle: 1, Name: "has"}, out: Output{Result: result}}
	}
	tests := []struct {
		name  string
		rules func(*Rules)
		steps []step
	}{
		{"a local library is found by its handle alone", nil,
			[]step{opening("one", 1, 1).local(), missing(call(0, "which", 1, 0)),
				call(0, "which", 1, 101).refused(ReasonWrongOutcome), call(1, "which", 1, 101)}},
		{"what a local one needs is local", nil,
			[]step{opening("three", 1, 1).local(), missing(dataAt(0, "mark", 0)),
				opening("one", 2, 2), call(0, "which", 1, 101), missing(call(0, "only", 1, 0)),
				call(1, "only", 1, 1)}},
		{"what a global one needs is global", nil,
			[]step{opening("three", 1, 1), call(0, "which", 1, 301),
				call(0, "which", 1, 101).next().refused(ReasonWrongResult),
				call(1, "which", 1, 101).next()}},
		{"promotion is a commit", nil,
			[]step{opening("one", 1, 1).local(), opening("one", 1, 0).refused(ReasonMissingCommit),
				opening("one", 1, 2), call(0, "which", 1, 101),
				opening("one", 1, 3).refused(ReasonNeedlessCommit), opening("one", 1, 0)}},
		{"promotion without loading", nil,
			[]step{opening("one", 1, 1).local(), opening("one", 1, 2).noLoad(),
				call(0, "which", 1, 101)}},
		{"opening as local changes nothing", nil,
			[]step{opening("one", 1, 1), opening("one", 1, 2).local().refused(ReasonNeedlessCommit),
				opening("one", 1, 0).local(), call(0, "which", 1, 101)}},
		{"promotion of what is needed", nil,
			[]step{opening("top", 1, 1).local(), opening("needs", 2, 2), call(0, "which", 1, 201),
				opening("top", 1, 3), call(0, "which", 1, 201), call(2, "which", 1, 201).next()}},
		{"an unknown promotion may have happened", nil,
			[]step{opening("one", 1, 1).local(), opening("one", 0, 0).unknown(),
				call(0, "which", 1, 101)}},
		{"the order is that of becoming global", nil,
			[]step{opening("one", 1, 1).local(), opening("two", 2, 2), opening("one", 1, 3),
				call(0, "which", 1, 201), call(0, "which", 1, 101).refused(ReasonWrongResult),
				call(2, "which", 1, 101).next(), missing(call(1, "which", 1, 0).next())}},
		{"closing makes room for the next one", nil,
			[]step{opening("one", 1, 1), opening("two", 2, 2), call(0, "which", 1, 101),
				closing(1, 3), call(0, "which", 1, 201), opening("one", 1, 4),
				call(0, "which", 1, 201)}},
		{"global until it is unloaded", nil,
			[]step{opening("three", 1, 1).local(), opening("one", 2, 2), closing(2, 0),
				call(0, "which", 1, 101), closing(1, 3), opening("three", 1, 4).local(),
				missing(call(0, "which", 1, 0))}},
		{"no load", nil, []step{opening("one", 0, 0).noLoad().fails(ClassNotLoaded),
			opening("one", 1, 1).noLoad().refused(ReasonWrongOutcome),
			opening("nobody", 0, 0).noLoad().fails(ClassNotLoaded),
			opening("one", 0, 0).noLoad().unknown(), missing(call(0, "which", 1, 0)),
			opening("one", 1, 1), opening("one", 1, 0).noLoad(), closing(1, 0),
			call(1, "which", 1, 101),
			opening("one", 1, 0).noLoad().fails(ClassNotLoaded).refused(ReasonWrongOutcome)}},
		{"no load of what is needed", nil,
			[]step{opening("three", 1, 1).local(), opening("one", 2, 0).noLoad().local(),
				closing(1, 2), call(2, "which", 1, 101), missing(call(0, "which", 1, 0))}},
		{"a handle looks in its library first", nil,
			[]step{opening("two", 1, 1), opening("three", 2, 2), call(2, "which", 1, 301),
				call(2, "which", 1, 201).refused(ReasonWrongResult), call(1, "triple", 1, 300),
				call(0, "triple", 1, 3), call(0, "triple", 1, 300).next()}},
		{"next to a handle that is none", nil,
			[]step{call(7, "which", 1, 0).next().fails(ClassBadHandle)}},
		{"next to a local library is what it needs", nil,
			[]step{opening("two", 1, 1), opening("three", 2, 2).local(),
				call(2, "which", 1, 101).next(), missing(call(2, "only", 1, 0).next()),
				missing(call(2, "triple", 1, 0).next())}},
		{"data of the same name", nil,
			[]step{opening("one", 1, 1), opening("two", 2, 2).local(), dataAt(1, "mark", 64),
				dataAt(2, "mark", 64).refused(ReasonAddressTaken), dataAt(2, "mark", 72),
				dataAt(0, "mark", 72).refused(ReasonPointerChanged), dataAt(0, "mark", 64)}},
		{"an import is bound in the global scope first", nil,
			[]step{opening("one", 1, 1), opening("needs", 2, 2).local(), call(2, "need", 1, 101),
				closing(1, 0), call(2, "need", 1, 101)}},
		{"and then to what its library needs", nil,
			[]step{opening("one", 1, 1).local(), opening("needs", 2, 2).local(),
				call(2, "need", 1, 201), opening("one", 1, 3), call(2, "need", 1, 201)}},
		{"what becomes global with it counts", nil,
			[]step{opening("one", 1, 1).local(), opening("top", 2, 2), call(0, "which", 1, 101),
				call(2, "need", 1, 101)}},
		{"late binding looks in the global scope", nil,
			[]step{opening("user", 1, 1), opening("one", 2, 2).local(),
				call(1, "use", 1, 0).traps(TrapMissing),
				call(1, "use", 1, 101).refused(ReasonWrongOutcome), opening("one", 2, 3),
				call(1, "use", 1, 101)}},
		{"and asks nobody again", func(r *Rules) { r.LateBinding = false },
			[]step{opening("user", 1, 1), opening("one", 2, 2),
				call(1, "use", 1, 0).traps(TrapMissing)}},
		{"a weak import that was null stays null", nil,
			[]step{opening("one", 2, 1).local(), opening("user", 1, 2), opening("one", 2, 3),
				has(0), closing(1, 4), opening("user", 1, 5), has(1)}},
		{"now, of what is loaded", nil,
			[]step{opening("user", 1, 1), opening("user", 0, 0).now().fails(ClassMissingSymbol),
				opening("user", 1, 0).now().refused(ReasonWrongOutcome),
				opening("one", 2, 2).local(), opening("user", 0, 0).now().fails(ClassMissingSymbol),
				opening("one", 2, 3), opening("user", 1, 0).now()}},
		{"now, and nothing changes", nil,
			[]step{opening("user", 1, 1).local(),
				opening("user", 0, 0).now().fails(ClassMissingSymbol),
				missing(call(0, "use", 1, 0))}},
		{"needed first", func(r *Rules) { r.NeededFirst = true },
			[]step{opening("three", 1, 1).local(), opening("three", 1, 2), call(0, "which", 1, 101),
				call(1, "which", 1, 301)}},
		{"one library alone", func(r *Rules) { r.LibraryScope = true },
			[]step{opening("three", 1, 1).local(), missing(call(1, "which", 1, 0).next())}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			u := scopeUniverse()
			if test.rules != nil {
				test.rules(&u.Rules)
			}
			m := newModel(t, u)
			s := m.Init()
			for i, step := range test.steps {
				next, err := m.Step(s, step.in, step.out)
				var refusal *Refusal
				switch {
				case step.reason == "" && err != nil:
					t.Fatalf("step %d: %s: refused: %v", i, Describe(step.in, step.out), err)
				case step.reason != "" &&
					(!errors.As(err, &refusal) || refusal.Reason != step.reason):
					t.Fatalf("step %d: %s: %v, want %q", i, Describe(step.in, step.out), err,
						step.reason)
				}
				if err == nil {
					s = next
				}
			}
		})
	}
}

// Who reads a history sees how a library was opened, where a name was looked for, and what is
// local.
func TestScopesAreDescribed(t *testing.T) {
	for want, s := range map[string]step{
		"g0 open(one, now, local, no-load) = #1": opening("one", 1, 0).now().local().noLoad(),
		"g0 call(next to #2, which (1)) = 3":     call(2, "which", 1, 3).next(),
		"g0 call(next to main, which (1)) = 3":   call(0, "which", 1, 3).next(),
		"g0 symbol(#2, which) = function 9":      functionAt(2, "which", 9),
		"g0 open(one, no-load) = error not-loaded": opening("one", 0,
			0).noLoad().fails(ClassNotLoaded),
	} {
		if got := Describe(s.in, s.out); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	m := newModel(t, scopeUniverse())
	state := m.Init()
	for _, s := range []step{opening("one", 1, 1).local(), opening("two", 2, 2)} {
		var err error
		if state, err = m.Step(state, s.in, s.out); err != nil {
			t.Fatal(err)
		}
	}
	if got := m.Describe(state); !strings.HasPrefix(got, "@2 one×1(local) two×1 |") {
		t.Error(got)
	}
}
