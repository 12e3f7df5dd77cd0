package model

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// drawInput draws any operation on the test universe, with handles, slots and groups that may be
// good or not.
func drawInput(t *rapid.T) Input {
	in := Input{
		Op:    Op(rapid.IntRange(0, int(opCount)-1).Draw(t, "op")),
		Group: rapid.SampledFrom([]int{0, 0, 0, 1, 2}).Draw(t, "group"),
	}
	switch in.Op {
	case OpOpen:
		in.Library = rapid.SampledFrom([]string{"a", "b", "x", "y", "lazy", "bad", "needsBad",
			"needsNothingThere", "wantsData", "wantsOther", "zzz"}).Draw(t, "library")
		in.Now, in.Local, in.NoLoad = rapid.Bool().Draw(t, "now"), rapid.Bool().Draw(t, "local"),
			rapid.IntRange(0, 3).Draw(t, "no load") == 0
	case OpClose:
		in.Handle = Handle(rapid.IntRange(1, 6).Draw(t, "handle"))
	case OpSymbol, OpCall:
		in.Handle, in.Next = Handle(rapid.IntRange(0, 6).Draw(t, "handle")),
			rapid.IntRange(0, 2).Draw(t, "next") == 0
		in.Name = rapid.SampledFrom([]string{"shared", "fa", "fa2", "fb", "viaShared", "viaB", "fx",
			"callNobody", "hasWeak", "boom", "da", "da2", "db", "none"}).Draw(t, "name")
		in.Args = rapid.SliceOfN(rapid.Int32Range(0, 3), 0, 1).Draw(t, "args")
	case OpCallPointer, OpFreeClosure:
		in.Pointer = rapid.Uint32Range(0, 12).Draw(t, "pointer")
		in.Args = rapid.SliceOfN(rapid.Int32Range(0, 3), 0, 1).Draw(t, "args")
	case OpAllocateClosure:
		in.Count = rapid.IntRange(0, 2).Draw(t, "count")
	}
	return in
}

// outcomes lists, for one input, an output of every shape, in every variant that a linker with few
// handles, slots and addresses could come up with.
func outcomes(s *State, in Input) []Output {
	classes := []ErrorClass{ClassMissingFile, ClassNotLoaded, ClassMissingNeeded, ClassBadModule,
		ClassMissingSymbol, ClassSignature, ClassNotFunction, ClassBadHandle, ClassBadSlot,
		ClassBadCount, ClassGroupClosed}
	var all []Output
	for _, class := range classes {
		all = append(all, Output{Err: class})
	}
	if in.Op == OpCall || in.Op == OpCallPointer {
		for _, class := range []TrapClass{TrapBadPointer, TrapSignature, TrapMissing,
			TrapUnreachable, TrapStack} {
			all = append(all, Output{Trap: class})
		}
		// The test universe's functions add 0, 1000 or 2000 to small numbers.
		for result := range int32(25) {
			all = append(all, Output{Result: result}, Output{Result: 1000 + result},
				Output{Result: 2000 + result})
		}
		return all
	}
	for _, commit := range []uint64{0, s.commit + 1} {
		switch in.Op {
		case OpOpen:
			for h := range Handle(12) {
				all = append(all, Output{Handle: h, Commit: commit})
			}
		case OpSymbol:
			for p := range uint32(40) {
				all = append(all, Output{Kind: KindFunction, Pointer: p, Commit: commit},
					Output{Kind: KindData, Pointer: p * 8, Commit: commit})
			}
		case OpAllocateClosure:
			for p := range uint32(40) {
				all = append(all, Output{Slots: []uint32{p + 1}, Commit: commit},
					Output{Slots: []uint32{p + 1, p + 2}, Commit: commit})
			}
		case OpSpawn:
			for g := range 40 {
				all = append(all, Output{Group: g, Commit: commit})
			}
		default:
			all = append(all, Output{Commit: commit})
		}
	}
	return all
}

// allowed lists the outcomes that the model allows, each with the state after it.
func allowed(m *Sequential, s *State, in Input) (outs []Output, next []*State) {
	for _, out := range outcomes(s, in) {
		if t, err := m.Step(s, in, out); err == nil {
			outs = append(outs, out)
			next = append(next, t)
		}
	}
	return outs, next
}

func drawRules(t *rapid.T) Rules {
	return Rules{
		NeededFirst:    rapid.Bool().Draw(t, "needed first"),
		LibraryScope:   rapid.Bool().Draw(t, "library scope"),
		PinProviders:   rapid.Bool().Draw(t, "pin"),
		LateBinding:    rapid.Bool().Draw(t, "late"),
		TrapKillsGroup: rapid.Bool().Draw(t, "trap kills"),
	}
}

// The laws that hold in every state a linker can get to:
//   - every operation has an outcome, and success and failure never both are right (calls through
//     slots of unknown use apart);
//   - the same step gives an equal state with an equal hash, and the hash that was kept is the one
//     computed anew;
//   - no slot, no handle and no address has two owners;
//   - what is global stays so, in its place, until it is unloaded, and with it what it needs.
func TestSequentialLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		u := testUniverse()
		u.Rules = drawRules(t)
		m, err := NewSequential(u)
		if err != nil {
			t.Fatal(err)
		}
		s := m.Init()
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			in := drawInput(t)
			outs, next := allowed(m, s, in)
			if len(outs) == 0 {
				t.Fatalf("%s: nothing is allowed in %s", in, m.Describe(s))
			}
			failures := slices.ContainsFunc(outs, func(o Output) bool { return o.Err != "" })
			successes := slices.ContainsFunc(outs, func(o Output) bool { return o.Err == "" })
			if failures && successes {
				t.Fatalf("%s: may both fail and succeed: %v", in, outs)
			}
			i := rapid.IntRange(0, len(outs)-1).Draw(t, "outcome")
			again, err := m.Step(s, in, outs[i])
			if err != nil || !again.Equal(next[i]) || again.Hash() != next[i].Hash() {
				t.Fatalf("%s: a second time gives something else (%v)", Describe(in, outs[i]), err)
			}
			checkGlobal(t, m, s, next[i])
			s = next[i]
			checkOwners(t, m, s)
			if got, want := s.Hash(), rehash(s); got != want {
				t.Fatalf("%s: hash %x, computed anew %x", Describe(in, outs[i]), got, want)
			}
		}
	})
}

// checkGlobal compares the global scope after a step with that before it.
func checkGlobal(t *rapid.T, m *Sequential, before, after *State) {
	stays := slices.DeleteFunc(slices.Clone(before.global),
		func(lib int) bool { return !after.libs[lib].loaded })
	if len(after.global) < len(stays) || !slices.Equal(after.global[:len(stays)], stays) {
		t.Fatalf("the global scope was %v, and is %v", before.global, after.global)
	}
	for _, lib := range after.global {
		for _, needed := range append(m.libs[lib].needed, lib) {
			if !slices.Contains(after.global, needed) || !after.libs[needed].loaded {
				t.Fatalf("%s, which %s needs, is not global or not loaded: %v", m.libs[needed].Name,
					m.libs[lib].Name, after.global)
			}
		}
	}
}

func checkOwners(t *rapid.T, m *Sequential, s *State) {
	owner := make(map[string]string)
	own := func(what, who string) {
		if other, ok := owner[what]; ok {
			t.Fatalf("%s belongs to %s and to %s", what, other, who)
		}
		owner[what] = who
	}
	for number, slot := range s.funcs {
		if slot == 0 {
			continue
		}
		own(fmt.Sprintf("slot %d", slot), m.funcs[number].Name)
		if !s.libs[m.funcs[number].lib].loaded {
			t.Fatalf("%s has a pointer and is not loaded", m.funcs[number].Name)
		}
	}
	for _, use := range s.slots {
		if use.user == closureUser {
			own(fmt.Sprintf("slot %d", use.slot), "a closure")
		}
	}
	for number, lib := range s.libs {
		if lib.handle != 0 {
			own(fmt.Sprintf("handle %d", lib.handle), m.libs[number].Name)
		}
	}
	for number, start := range s.data {
		for b := range uint64(m.data[number].Size) {
			if start != 0 {
				own(fmt.Sprintf("address %d", start-1+b), m.data[number].Name)
			}
		}
	}
}

// rehash computes the hash of a state from nothing.
func rehash(s *State) uint64 {
	h := mix(tagCommit, s.commit, 0) ^ listHash(tagOrder, s.order) ^ listHash(tagGlobal, s.global)
	for number, lib := range s.libs {
		h ^= lib.hash(number)
	}
	for _, g := range s.groups {
		h ^= mix(tagGroup, uint64(g), 0)
	}
	for _, use := range s.slots {
		h ^= mix(tagSlot, uint64(use.slot), uint64(use.user+1))
	}
	for number, v := range s.data {
		if v != 0 {
			h ^= mix(tagData, uint64(number), v)
		}
	}
	if s.dead {
		h ^= mix(tagDead, 0, 0)
	}
	return h
}

// Closing undoes opening: whatever was open before, opening one more library as a local one and
// closing it again leads to a state that differs only in its commit number.
func TestSequentialCloseUndoesOpen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		u := testUniverse()
		u.Rules = Rules{NeededFirst: rapid.Bool().Draw(t, "needed first")}
		m, err := NewSequential(u)
		if err != nil {
			t.Fatal(err)
		}
		good := rapid.SampledFrom([]string{"a", "b", "x", "y", "lazy"})
		s := m.Init()
		for i := range rapid.IntRange(0, 4).Draw(t, "open before") {
			s = openAny(t, m, s,
				Input{Library: good.Draw(t, "library"), Local: rapid.Bool().Draw(t, "local")},
				Handle(i+1))
		}
		before := s
		lib := good.Draw(t, "library")
		s = openAny(t, m, s, Input{Library: lib, Local: true}, 9)
		number, _ := m.LibraryNumber(lib)
		s = step1(t, m, s, Input{Op: OpClose, Handle: s.libs[number].handle})
		// A library that was loaded for another's sake forgets the handle it had no use for; all
		// else is as it was.
		after := s.clone()
		after.setCommit(before.commit)
		if !after.Equal(before) {
			t.Fatalf("%s, then open and close %s: %s", m.Describe(before), lib, m.Describe(s))
		}
	})
}

// openAny opens a library under its handle, or under h if it has none yet.
func openAny(t *rapid.T, m *Sequential, s *State, in Input, h Handle) *State {
	number, _ := m.LibraryNumber(in.Library)
	if known := s.libs[number].handle; known != 0 {
		h = known
	}
	for _, commit := range []uint64{0, s.commit + 1} {
		if next, err := m.Step(s, in, Output{Handle: h, Commit: commit}); err == nil {
			return next
		}
	}
	t.Fatalf("%s cannot be opened in %s", in.Library, m.Describe(s))
	return nil
}

// step1 takes the only step that is allowed.
func step1(t *rapid.T, m *Sequential, s *State, in Input) *State {
	outs, next := allowed(m, s, in)
	if len(outs) != 1 {
		t.Fatalf("%s in %s: allowed are %v", in, m.Describe(s), outs)
	}
	return next[0]
}

// Pointers that have been learned stay: no operation but those that end their owner's life changes
// them.
func TestSequentialPointersStay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		u := testUniverse()
		m, err := NewSequential(u)
		if err != nil {
			t.Fatal(err)
		}
		s := m.Init()
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			in := drawInput(t)
			outs, next := allowed(m, s, in)
			i := rapid.IntRange(0, len(outs)-1).Draw(t, "outcome")
			for number, slot := range s.funcs {
				lives := next[i].libs[m.funcs[number].lib].loaded
				if now := next[i].funcs[number]; slot != 0 && lives && now != slot {
					t.Fatalf("%s: %s had pointer %d and has %d", Describe(in, outs[i]),
						m.funcs[number].Name, slot, now)
				}
			}
			s = next[i]
		}
	})
}

func BenchmarkStep(b *testing.B) {
	m := newModel(b, testUniverse())
	s := m.Init()
	for _, st := range []step{opening("a", 1, 1), functionAt(1, "fa", 9)} {
		next, err := m.Step(s, st.in, st.out)
		if err != nil {
			b.Fatal(err)
		}
		s = next
	}
	cases := []struct {
		name string
		step step
	}{
		{"open", opening("x", 2, 2)},
		{"symbol", functionAt(1, "fa", 9)},
		{"refused", functionAt(1, "fa", 10)},
		{"call-pointer", callPointer(9, 1, 2)},
		{"close", closing(1, 2)},
	}
	for _, c := range cases {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, err := m.Step(s, c.step.in, c.step.out)
				if (err != nil) != (c.name == "refused") {
					b.Fatal(err)
				}
			}
		})
	}
}
