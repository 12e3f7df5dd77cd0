package model

import (
	"errors"
	"testing"
)

// testUniverse has a bit of everything: a chain (a needs b), a cycle (x and y), interposition (main
// and b both have "shared"), aliases, weak and missing imports, and every kind of library that
// cannot be opened.
func testUniverse() Universe {
	affine := func(name string, mul, add int32) Function {
		return Function{Name: name, Params: 1, Behaviour: Behaviour{Mul: mul, Add: add}}
	}
	calls := func(name, imp string, add int32) Function {
		return Function{Name: name, Params: 1,
			Behaviour: Behaviour{Kind: BehaviourCallImport, Import: imp, Add: add}}
	}
	fn := func(name string, weak bool) Import {
		return Import{Name: name, Kind: KindFunction, Weak: weak, Params: 1}
	}
	return Universe{
		Main: Library{Name: "main", Functions: []Function{affine("shared", 1, 1000)}},
		Libraries: []Library{
			{Name: "a", Needed: []string{"b"},
				Functions: []Function{affine("fa", 2, 0), {Name: "fa2", AliasOf: "fa"},
					calls("viaShared", "shared", 1), calls("viaB", "fb", 7)},
				Data:    []Data{{Name: "da", Size: 8}, {Name: "da2", AliasOf: "da"}},
				Imports: []Import{fn("shared", false), fn("fb", false)}},
			{Name: "b", Functions: []Function{affine("fb", 3, 0), affine("shared", 1, 2000)},
				Data: []Data{{Name: "db", Size: 4}}},
			{Name: "x", Needed: []string{"y"}, Functions: []Function{calls("fx", "fy", 0)},
				Imports: []Import{fn("fy", false)}},
			{Name: "y", Needed: []string{"x"}, Functions: []Function{calls("fy", "fx", 0)},
				Imports: []Import{fn("fx", false)}},
			{Name: "lazy", Functions: []Function{calls("callNobody", "nobody", 0),
				{Name: "hasWeak", Behaviour: Behaviour{Kind: BehaviourHasImport, Import: "weak"}},
				{Name: "boom", Behaviour: Behaviour{Kind: BehaviourTrap}}},
				Imports: []Import{fn("nobody", false), fn("weak", true)}},
			{Name: "bad", Bad: true},
			{Name: "needsBad", Needed: []string{"bad"}},
			{Name: "needsNothingThere", Needed: []string{"gone"}},
			{Name: "wantsData", Imports: []Import{{Name: "nodata", Kind: KindData}}},
			{Name: "wantsOther", Needed: []string{"b"},
				Imports: []Import{{Name: "fb", Kind: KindFunction, Params: 2}}},
		},
		Rules: Rules{Tolerate: []ErrorClass{ClassCancelled, ClassPoisoned}},
	}
}

// step is one operation of a table test; reason is empty where the model must allow it.
type step struct {
	in     Input
	out    Output
	reason Reason
}

func opening(lib string, h Handle, commit uint64) step {
	return step{in: Input{Op: OpOpen, Library: lib}, out: Output{Handle: h, Commit: commit}}
}

func closing(h Handle, commit uint64) step {
	return step{in: Input{Op: OpClose, Handle: h}, out: Output{Commit: commit}}
}

func functionAt(h Handle, name string, pointer uint32) step {
	return step{in: Input{Op: OpSymbol, Handle: h, Name: name},
		out: Output{Kind: KindFunction, Pointer: pointer}}
}

func dataAt(h Handle, name string, pointer uint32) step {
	return step{in: Input{Op: OpSymbol, Handle: h, Name: name},
		out: Output{Kind: KindData, Pointer: pointer}}
}

func call(h Handle, name string, arg, result int32) step {
	return step{in: Input{Op: OpCall, Handle: h, Name: name, Args: []int32{arg}},
		out: Output{Result: result}}
}

func callPointer(pointer uint32, arg, result int32) step {
	return step{in: Input{Op: OpCallPointer, Pointer: pointer, Args: []int32{arg}},
		out: Output{Result: result}}
}

func allocate(slots ...uint32) step {
	return step{in: Input{Op: OpAllocateClosure, Count: len(slots)}, out: Output{Slots: slots}}
}

func free(slot uint32) step {
	return step{in: Input{Op: OpFreeClosure, Pointer: slot}}
}

func spawn(child int, commit uint64) step {
	return step{in: Input{Op: OpSpawn}, out: Output{Group: child, Commit: commit}}
}

func (s step) fails(class ErrorClass) step { s.out = Output{Err: class}; return s }
func (s step) traps(class TrapClass) step  { s.out = Output{Trap: class}; return s }
func (s step) unknown() step               { s.out = Output{Unknown: true}; return s }
func (s step) reads(at uint64) step        { s.out.Read = at; return s }
func (s step) within(group int) step       { s.in.Group = group; return s }
func (s step) refused(why Reason) step     { s.reason = why; return s }

func TestSequentialStep(t *testing.T) {
	now := opening("lazy", 1, 1)
	now.in.Now = true
	tests := []struct {
		name  string
		rules Rules
		steps []step
	}{
		{"open twice, one handle", Rules{},
			[]step{opening("a", 1, 1), opening("a", 1, 0),
				opening("a", 2, 0).refused(ReasonHandleChanged)}},
		{"two libraries, two handles", Rules{},
			[]step{opening("a", 1, 1), opening("b", 1, 0).refused(ReasonHandleTaken),
				opening("b", 2, 0)}},
		{"no handle is zero", Rules{}, []step{opening("a", 0, 1).refused(ReasonHandleTaken)}},
		{"loading needs a commit", Rules{},
			[]step{opening("a", 1, 0).refused(ReasonMissingCommit)}},
		{"unnumbered does not", Rules{Unnumbered: true}, []step{opening("a", 1, 0)}},
		{"a needed library is open already", Rules{},
			[]step{opening("a", 1, 1), opening("b", 2, 2).refused(ReasonNeedlessCommit),
				opening("b", 2, 0)}},
		{"commits go up", Rules{},
			[]step{opening("b", 1, 5), opening("x", 2, 5).refused(ReasonCommitOrder),
				opening("x", 2, 4).refused(ReasonCommitOrder), opening("x", 2, 9)}},
		{"reads do not go back", Rules{},
			[]step{opening("b", 1, 5), call(0, "fb", 1, 3).reads(4).refused(ReasonStale),
				call(0, "fb", 1, 3).reads(5)}},
		{"a read may know an unreported commit", Rules{},
			[]step{opening("b", 1, 5), call(0, "fb", 1, 3).reads(7),
				opening("x", 2, 7).refused(ReasonCommitOrder), opening("x", 2, 8)}},
		{"a failure commits nothing", Rules{},
			[]step{{in: Input{Op: OpOpen, Library: "zzz"},
				out: Output{Err: ClassMissingFile, Commit: 1}, reason: ReasonNeedlessCommit}}},
		{"missing file", Rules{},
			[]step{opening("zzz", 0, 0).fails(ClassMissingFile),
				opening("zzz", 1, 1).refused(ReasonWrongOutcome)}},
		{"bad module", Rules{},
			[]step{opening("bad", 0, 0).fails(ClassBadModule),
				opening("needsBad", 0, 0).fails(ClassBadModule),
				opening("bad", 1, 1).refused(ReasonWrongOutcome)}},
		{"missing needed", Rules{},
			[]step{opening("needsNothingThere", 0, 0).fails(ClassMissingNeeded),
				opening("needsNothingThere", 0,
					0).fails(ClassMissingFile).refused(ReasonWrongOutcome)}},
		{"missing data", Rules{}, []step{opening("wantsData", 0, 0).fails(ClassMissingSymbol)}},
		{"another signature loads nothing", Rules{},
			[]step{opening("wantsOther", 0, 0).fails(ClassSignature),
				call(0, "fb", 1, 3).refused(ReasonWrongOutcome), opening("b", 1, 1)}},
		{"now asks for everything", Rules{},
			[]step{now.refused(ReasonWrongOutcome), now.fails(ClassMissingSymbol)}},
		{"one symbol, one pointer", Rules{},
			[]step{opening("a", 1, 1), functionAt(1, "fa", 9), functionAt(0, "fa", 9),
				functionAt(1, "fa", 10).refused(ReasonPointerChanged)}},
		{"an alias is the same function", Rules{},
			[]step{opening("a", 1, 1), functionAt(1, "fa", 9),
				functionAt(1, "fa2", 10).refused(ReasonPointerChanged), functionAt(1, "fa2", 9)}},
		{"two symbols, two pointers", Rules{},
			[]step{opening("a", 1, 1), functionAt(1, "fa", 9),
				functionAt(1, "fb", 9).refused(ReasonSlotTaken)}},
		{"no function is the null pointer", Rules{},
			[]step{opening("a", 1, 1), functionAt(1, "fa", 0).refused(ReasonSlotTaken)}},
		{"data has one address", Rules{},
			[]step{opening("a", 1, 1), dataAt(1, "da", 64), dataAt(1, "da2", 64),
				dataAt(0, "da", 72).refused(ReasonPointerChanged)}},
		{"data does not overlap", Rules{},
			[]step{opening("a", 1, 1), dataAt(1, "da", 64),
				dataAt(0, "db", 71).refused(ReasonAddressTaken),
				dataAt(0, "db", 61).refused(ReasonAddressTaken), dataAt(0, "db", 60)}},
		{"data at address zero", Rules{},
			[]step{opening("a", 1, 1), dataAt(1, "da", 0),
				dataAt(1, "da", 8).refused(ReasonPointerChanged)}},
		{"kind", Rules{}, []step{opening("a", 1, 1), dataAt(1, "fa", 64).refused(ReasonWrongKind),
			call(1, "da", 1, 1).fails(ClassNotFunction)}},
		{"not found before it is loaded", Rules{},
			[]step{functionAt(0, "fa", 9).refused(ReasonWrongOutcome),
				functionAt(0, "fa", 9).fails(ClassMissingSymbol)}},
		{"a handle reaches what is needed", Rules{},
			[]step{opening("a", 1, 1), call(1, "fb", 5, 15)}},
		{"unless it does not", Rules{LibraryScope: true},
			[]step{opening("a", 1, 1), call(1, "fb", 5, 15).refused(ReasonWrongOutcome),
				call(1, "fb", 5, 15).fails(ClassMissingSymbol)}},
		{"the earlier definition wins", Rules{},
			[]step{opening("a", 1, 1), call(0, "shared", 1, 1001), call(1, "shared", 1, 2001),
				call(1, "viaShared", 1, 1002),
				call(1, "viaShared", 1, 2002).refused(ReasonWrongResult)}},
		{"an import may be anywhere", Rules{}, []step{opening("a", 1, 1), call(1, "viaB", 2, 13)}},
		{"lazy failure", Rules{},
			[]step{opening("lazy", 1, 1), call(1, "callNobody", 1, 0).traps(TrapMissing),
				{in: Input{Op: OpCall, Name: "hasWeak"}, out: Output{Result: 0}}}},
		{"endless recursion", Rules{},
			[]step{opening("x", 1, 1), call(1, "fx", 1, 0).traps(TrapStack)}},
		{"number of arguments", Rules{},
			[]step{opening("b", 1, 1), functionAt(1, "fb", 4),
				{in: Input{Op: OpCall, Handle: 1, Name: "fb"}, out: Output{Err: ClassSignature}},
				{in: Input{Op: OpCallPointer, Pointer: 4}, out: Output{Trap: TrapSignature}}}},
		{"a trap can end a group", Rules{TrapKillsGroup: true},
			[]step{opening("lazy", 1, 1),
				{in: Input{Op: OpCall, Name: "boom"}, out: Output{Trap: TrapUnreachable}},
				opening("b", 2, 2).refused(ReasonWrongOutcome),
				opening("b", 2, 2).fails(ClassGroupClosed)}},
		{"pointers keep their function", Rules{},
			[]step{opening("b", 1, 1), functionAt(1, "fb", 4), callPointer(4, 5, 15),
				callPointer(4, 5, 10).refused(ReasonWrongResult),
				callPointer(4, 5, 0).traps(TrapBadPointer).refused(ReasonWrongOutcome)}},
		{"null traps", Rules{},
			[]step{callPointer(0, 1, 0).traps(TrapBadPointer),
				callPointer(0, 1, 0).refused(ReasonWrongOutcome)}},
		{"a slot nobody asked for", Rules{},
			[]step{opening("b", 1, 1), callPointer(4, 5, 15),
				callPointer(4, 5, 16).refused(ReasonNothingLoaded),
				callPointer(4, 5, 0).traps(TrapBadPointer)}},
		{"closing unloads", Rules{},
			[]step{opening("a", 1, 1), functionAt(1, "fa", 9),
				closing(1, 0).refused(ReasonMissingCommit), closing(1, 2),
				functionAt(1, "fa", 9).fails(ClassBadHandle),
				callPointer(9, 1, 2).refused(ReasonNothingLoaded),
				callPointer(9, 1, 0).traps(TrapBadPointer), allocate(9)}},
		{"closing counts", Rules{},
			[]step{opening("a", 1, 1), opening("a", 1, 0),
				closing(1, 2).refused(ReasonNeedlessCommit), closing(1, 0), closing(1, 2),
				closing(1, 0).fails(ClassBadHandle)}},
		{"what is needed stays", Rules{},
			[]step{opening("a", 1, 1), opening("b", 2, 0), closing(2, 0), call(1, "fb", 1, 3),
				closing(1, 2), call(0, "fb", 1, 3).fails(ClassMissingSymbol)}},
		{"what is open stays", Rules{},
			[]step{opening("a", 1, 1), opening("b", 2, 0), closing(1, 2), call(2, "fb", 1, 3),
				closing(2, 3)}},
		{"a cycle goes", Rules{},
			[]step{opening("x", 1, 1), closing(1, 2),
				call(0, "fy", 1, 0).fails(ClassMissingSymbol)}},
		{"closures", Rules{},
			[]step{allocate(5, 6), allocate(6).refused(ReasonSlotTaken),
				allocate(7, 7).refused(ReasonSlotTaken), free(6), free(6).fails(ClassBadSlot),
				allocate(6), callPointer(6, 1, 1).refused(ReasonWrongOutcome)}},
		{"closures and functions", Rules{},
			[]step{opening("b", 1, 1), allocate(5), functionAt(1, "fb", 5).refused(ReasonSlotTaken),
				functionAt(1, "fb", 4), allocate(4).refused(ReasonSlotTaken),
				free(4).fails(ClassBadSlot)}},
		{"as many slots as asked for", Rules{},
			[]step{{in: Input{Op: OpAllocateClosure, Count: 2}, out: Output{Slots: []uint32{4}},
				reason: ReasonWrongSlots}, allocate(0).refused(ReasonWrongSlots),
				allocate().fails(ClassBadCount)}},
		{"groups", Rules{},
			[]step{spawn(1, 1), spawn(1, 2).refused(ReasonGroupTaken),
				spawn(0, 2).refused(ReasonGroupTaken), spawn(2, 0).refused(ReasonMissingCommit),
				opening("a", 1, 2).within(1), {in: Input{Op: OpLeave, Group: 1}},
				opening("a", 1, 0).within(1).refused(ReasonWrongOutcome),
				opening("a", 1, 0).within(1).fails(ClassGroupClosed),
				opening("b", 2, 0).within(7).fails(ClassGroupClosed)}},
		{"pointers are the same in every group", Rules{},
			[]step{opening("b", 1, 1), spawn(1, 2), functionAt(0, "fb", 4),
				functionAt(0, "fb", 5).within(1).refused(ReasonPointerChanged),
				callPointer(4, 1, 3).within(1)}},
		{"tolerated failures change nothing", Rules{Tolerate: []ErrorClass{ClassCancelled}},
			[]step{opening("a", 0, 0).fails(ClassCancelled),
				call(0, "fa", 1, 2).fails(ClassMissingSymbol),
				opening("a", 0, 0).fails(ClassNoSpace).refused(ReasonWrongOutcome)}},
		{"poisoned for good", Rules{Tolerate: []ErrorClass{ClassPoisoned}},
			[]step{opening("a", 0, 0).fails(ClassPoisoned),
				opening("b", 1, 1).refused(ReasonPoisoned),
				call(0, "shared", 1, 1).fails(ClassPoisoned)}},
		{"not poisoned without leave", Rules{},
			[]step{opening("a", 0, 0).fails(ClassPoisoned).refused(ReasonWrongOutcome)}},
		{"unknown outcomes take effect", Rules{},
			[]step{opening("a", 0, 0).unknown(), call(0, "fa", 1, 2), opening("a", 3, 0),
				closing(3, 0).unknown(), closing(3, 0).refused(ReasonMissingCommit), closing(3, 2),
				closing(3, 0).fails(ClassBadHandle)}},
		{"unknown frees and leaves", Rules{},
			[]step{allocate(5), free(5).unknown(), allocate(5), spawn(0, 0).unknown(),
				{in: Input{Op: OpLeave}, out: Output{Unknown: true}},
				opening("a", 0, 0).fails(ClassGroupClosed)}},
		{"needed first", Rules{NeededFirst: true},
			[]step{opening("a", 1, 1), call(1, "viaShared", 1, 1002)}},
		{"late binding", Rules{LateBinding: true},
			[]step{opening("lazy", 1, 1), call(1, "callNobody", 1, 0).traps(TrapMissing)}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			u := testUniverse()
			u.Rules = test.rules
			m := newModel(t, u)
			s := m.Init()
			for i, step := range test.steps {
				before := *s
				next, err := m.Step(s, step.in, step.out)
				var refusal *Refusal
				switch {
				case step.reason == "" && err != nil:
					t.Fatalf("step %d: %s: refused: %v", i, Describe(step.in, step.out), err)
				case step.reason != "" && !errors.As(err, &refusal):
					t.Fatalf("step %d: %s: allowed, should be refused: %s", i,
						Describe(step.in, step.out), step.reason)
				case step.reason != "" && refusal.Reason != step.reason:
					t.Fatalf("step %d: %s: refused with %q, want %q", i,
						Describe(step.in, step.out), refusal, step.reason)
				}
				if !s.Equal(&before) || s.hash != before.hash {
					t.Fatalf("step %d: %s: changed the state it was given", i,
						Describe(step.in, step.out))
				}
				if err == nil {
					s = next
				}
			}
		})
	}
}

// Libraries that are not needed but are bound to: an unspecified result without PinProviders, a
// pinned library with it.
func TestSequentialProviders(t *testing.T) {
	u := Universe{
		Main: Library{Name: "main"},
		Libraries: []Library{
			{Name: "p", Functions: []Function{{Name: "f", Behaviour: Behaviour{Add: 4}}}},
			{Name: "q", Functions: []Function{{Name: "g",
				Behaviour: Behaviour{Kind: BehaviourCallImport, Import: "f", Add: 1}}},
				Imports: []Import{{Name: "f", Kind: KindFunction}}},
		},
	}
	g := func(result int32) step {
		return step{in: Input{Op: OpCall, Name: "g"}, out: Output{Result: result}}
	}
	tests := []struct {
		name  string
		rules Rules
		steps []step
	}{
		{"unspecified", Rules{},
			[]step{opening("p", 1, 1), opening("q", 2, 2), g(5), closing(1, 3), g(5), g(77),
				g(0).traps(TrapBadPointer)}},
		{"pinned", Rules{PinProviders: true},
			[]step{opening("p", 1, 1), opening("q", 2, 2), closing(1, 0), g(5),
				g(6).refused(ReasonWrongResult), closing(2, 3), g(5).fails(ClassMissingSymbol)}},
		{"bound late", Rules{LateBinding: true},
			[]step{opening("q", 2, 1), g(0).traps(TrapMissing), opening("p", 1, 2), g(5)}},
		{"never bound again", Rules{},
			[]step{opening("q", 2, 1), opening("p", 1, 2), g(5).refused(ReasonWrongOutcome),
				g(0).traps(TrapMissing)}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			u.Rules = test.rules
			m := newModel(t, u)
			s := m.Init()
			for i, step := range test.steps {
				next, err := m.Step(s, step.in, step.out)
				if (err != nil) != (step.reason != "") {
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

func newModel(t testing.TB, u Universe) *Sequential {
	t.Helper()
	m, err := NewSequential(u)
	if err != nil {
		t.Fatal(err)
	}
	return m
}
