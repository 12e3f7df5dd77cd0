package lincheck

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-wasm/lockstep/model"
)

// at makes an operation of a history by hand; out is what came of it.
func at(client int, call, ret int64, in model.Input, out model.Output) Operation {
	return Operation{Client: client, Call: call, Return: ret, Input: in, Output: out}
}

func openOf(lib string) model.Input { return model.Input{Op: model.OpOpen, Library: lib} }
func closeOf(h int) model.Input {
	return model.Input{Op: model.OpClose, Handle: model.Handle(h)}
}
func freeOf(slot uint32) model.Input { return model.Input{Op: model.OpFreeClosure, Pointer: slot} }
func allocateOf(n int) model.Input   { return model.Input{Op: model.OpAllocateClosure, Count: n} }

func symbolOf(h int, name string) model.Input {
	return model.Input{Op: model.OpSymbol, Handle: model.Handle(h), Name: name}
}

func callOf(h int, name string, arg int32) model.Input {
	return model.Input{Op: model.OpCall, Handle: model.Handle(h), Name: name, Args: []int32{arg}}
}

func pointerCall(group int, pointer uint32, arg int32) model.Input {
	return model.Input{Op: model.OpCallPointer, Group: group, Pointer: pointer, Args: []int32{arg}}
}

func functionAt(pointer uint32, commit, read uint64) model.Output {
	return model.Output{Kind: model.KindFunction, Pointer: pointer, Commit: commit, Read: read}
}

// Positions in goodHistory that the corruptions speak of.
const (
	firstOpen = iota
	secondOpen
	firstSymbol
	secondSymbol
	firstCall
	firstSpawn
	callInGroup
	firstAllocate
	secondAllocate
	firstFree
	thirdAllocate
	callNeeded
	dataSymbol
	failedOpen
	firstClose
	lastClose
	callUnloaded
	symbolUnloaded
	openAgain
	leaveGroup
	secondSpawn
)

// goodHistory is linearizable, and has a bit of everything.
func goodHistory() *History {
	return &History{Universe: toyUniverse(), Stamps: Ordered, Operations: []Operation{
		firstOpen:    at(0, 1, 4, openOf("a"), model.Output{Handle: 1, Commit: 2}),
		secondOpen:   at(1, 2, 6, openOf("a"), model.Output{Handle: 1, Read: 2}),
		firstSymbol:  at(0, 7, 9, symbolOf(1, "add"), functionAt(5, 3, 0)),
		secondSymbol: at(1, 8, 12, symbolOf(0, "add"), functionAt(5, 0, 3)),
		firstCall:    at(1, 13, 15, pointerCall(0, 5, 41), model.Output{Result: 42, Read: 3}),
		firstSpawn: at(0, 14, 17, model.Input{Op: model.OpSpawn},
			model.Output{Group: 1, Commit: 4}),
		callInGroup: at(2, 18, 20, pointerCall(1, 5, 9), model.Output{Result: 10, Read: 4}),
		firstAllocate: at(2, 21, 24, allocateOf(2),
			model.Output{Slots: []uint32{6, 7}, Commit: 5}),
		secondAllocate: at(1, 22, 25, allocateOf(1), model.Output{Slots: []uint32{8}, Commit: 6}),
		firstFree:      at(2, 26, 28, freeOf(6), model.Output{Commit: 7}),
		thirdAllocate:  at(1, 29, 31, allocateOf(1), model.Output{Slots: []uint32{6}, Commit: 8}),
		callNeeded:     at(0, 32, 34, callOf(1, "thrice", 5), model.Output{Result: 15, Read: 8}),
		dataSymbol: at(0, 35, 37, symbolOf(1, "table"),
			model.Output{Kind: model.KindData, Pointer: 1024, Read: 8}),
		failedOpen: at(1, 36, 38, openOf("c"),
			model.Output{Err: model.ClassCancelled, Read: 8}),
		firstClose: at(0, 39, 41, closeOf(1), model.Output{Read: 8}),
		lastClose:  at(1, 42, 45, closeOf(1), model.Output{Commit: 9}),
		callUnloaded: at(0, 46, 48, pointerCall(0, 5, 1),
			model.Output{Trap: model.TrapBadPointer, Read: 9}),
		symbolUnloaded: at(1, 47, 49, symbolOf(0, "add"),
			model.Output{Err: model.ClassMissingSymbol, Read: 9}),
		openAgain: at(0, 50, 52, openOf("a"), model.Output{Handle: 2, Commit: 10}),
		leaveGroup: at(2, 53, 55, model.Input{Op: model.OpLeave, Group: 1},
			model.Output{Commit: 11}),
		secondSpawn: at(0, 56, 58, model.Input{Op: model.OpSpawn},
			model.Output{Group: 2, Commit: 12}),
	}}
}

// corruption is one way in which a linker can be wrong.
type corruption struct {
	name    string
	corrupt func(h *History)
	// message is part of the explanation, blamed an operation that it names.
	message string
	blamed  int
	// anyway is set if the violation shows without commit numbers too, and message then is part of
	// the explanation as well.
	anyway bool
}

// out replaces the outcome of an operation.
func out(i int, o model.Output) func(*History) {
	return func(h *History) { h.Operations[i].Output = o }
}

// more adds an operation of another client.
func more(o Operation) func(*History) {
	return func(h *History) { h.Operations = append(h.Operations, o) }
}

const added = secondSpawn + 1

var corruptions = []corruption{
	{"two pointers for one symbol", out(secondSymbol, functionAt(9, 0, 3)),
		"already has another pointer: want 5, got 9", secondSymbol, true},
	{"stale read after a commit", out(callNeeded, model.Output{Result: 15, Read: 3}),
		"a stale read: it began after number 8 had been returned, and read at 3", callNeeded,
		false},
	{"stale outcome after a commit",
		out(callNeeded, model.Output{Err: model.ClassMissingSymbol, Read: 8}),
		"want result 15, got error missing-symbol", callNeeded, true},
	{"same slot handed out twice", out(secondAllocate, model.Output{Slots: []uint32{7}, Commit: 6}),
		"slot 7 of a closure", secondAllocate, true},
	{"slot of a live function handed out",
		out(secondAllocate, model.Output{Slots: []uint32{5}, Commit: 6}), "slot 5 of a function",
		secondAllocate, true},
	{"two symbols in one slot", more(at(7, 11, 12, symbolOf(0, "twice"), functionAt(5, 0, 3))),
		"slot 5 of a function", added, true},
	{"call through a pointer gives another function's result",
		out(firstCall, model.Output{Result: 82, Read: 3}), "another result: want 42, got 82",
		firstCall, true},
	{"another group has another function in the slot",
		out(callInGroup, model.Output{Result: 27, Read: 4}), "another result: want 10, got 27",
		callInGroup, true},
	{"another group has nothing in the slot",
		out(callInGroup, model.Output{Trap: model.TrapBadPointer, Read: 4}),
		"want result 10, got trap bad-pointer", callInGroup, true},
	{"a lost open", func(h *History) {
		out(firstClose, model.Output{Commit: 9})(h)
		out(lastClose, model.Output{Err: model.ClassBadHandle, Read: 9})(h)
	}, "there was nothing to commit: got commit 9", firstClose, false},
	{"a lost open that nobody numbered",
		out(lastClose, model.Output{Err: model.ClassBadHandle, Read: 8}),
		"want success, got error bad-handle", lastClose, true},
	{"two handles for one library", out(secondOpen, model.Output{Handle: 3, Read: 2}),
		"already has another handle: want #1, got #3", secondOpen, false},
	{"loaded twice", out(secondOpen, model.Output{Handle: 1, Commit: 3}),
		"commit number 3 was given out twice", firstSymbol, false},
	{"commit order contradicts real time", func(h *History) {
		h.Operations[firstAllocate].Output.Commit = 8
		h.Operations[thirdAllocate].Output.Commit = 5
	}, "the commit order contradicts real time: commit 7 began after number 8 had been returned",
		firstFree, false},
	{"commit number given out twice",
		out(secondAllocate, model.Output{Slots: []uint32{8}, Commit: 5}),
		"commit number 5 was given out twice", secondAllocate, false},
	{"no commit number", out(secondSpawn, model.Output{Group: 2, Read: 11}),
		"a commit number is missing", secondSpawn, false},
	{"visible before its commit", more(at(7, 2, 3, symbolOf(0, "add"), functionAt(5, 0, 1))),
		"want error missing-symbol, got success", added, false},
	{"half-loaded library visible",
		more(at(7, 5, 6, callOf(0, "thrice", 5),
			model.Output{Err: model.ClassMissingSymbol, Read: 2})),
		"want result 15, got error missing-symbol", added, true},
	{"cancelled and yet there", more(at(7, 39, 40, symbolOf(0, "which"), functionAt(30, 0, 8))),
		"want error missing-symbol, got success", added, true},
	{"unloaded and yet there", out(callUnloaded, model.Output{Result: 2, Read: 9}),
		"belongs to no loaded function", callUnloaded, true},
	{"closing one too many unloads",
		out(firstClose, model.Output{Err: model.ClassBadHandle, Read: 8}),
		"want success, got error bad-handle", firstClose, true},
	{"data has moved",
		more(at(7, 39, 40, symbolOf(0, "table"),
			model.Output{Kind: model.KindData, Pointer: 2048, Read: 8})),
		"already has another pointer: want 1024, got 2048", added, true},
	{"a function is data",
		out(secondSymbol, model.Output{Kind: model.KindData, Pointer: 5, Read: 3}),
		"of another kind: want function, got data", secondSymbol, true},
	{"group id given out twice", out(secondSpawn, model.Output{Group: 0, Commit: 12}),
		"the group id belongs to a live group: got g0", secondSpawn, true},
	{"a group that left goes on",
		more(at(7, 56, 57, pointerCall(1, 0, 9),
			model.Output{Trap: model.TrapBadPointer, Read: 11})),
		"want error group-closed, got trap bad-pointer", added, true},
	{"a failure out of nothing", out(secondOpen, model.Output{Err: model.ClassNoSpace, Read: 2}),
		"want success, got error no-space", secondOpen, true},
	{"the null pointer is a function",
		more(at(7, 13, 14, pointerCall(0, 0, 1), model.Output{Result: 2, Read: 3})),
		"want trap bad-pointer, got success", added, true},
	{"freed slot is free for all",
		more(at(7, 29, 31, allocateOf(1), model.Output{Slots: []uint32{6}, Read: 8})),
		"slot 6 of a closure", added, false},
}

// Every corruption is a violation to every check that applies, and the explanation says what is
// wrong and with which operation. Uncorrupted, the history is accepted.
func TestCorruptedHistories(t *testing.T) {
	good := corruption{name: "uncorrupted", corrupt: func(*History) {}}
	for _, c := range append([]corruption{good}, corruptions...) {
		t.Run(c.name, func(t *testing.T) {
			h := goodHistory()
			c.corrupt(h)
			if err := h.Validate(); err != nil {
				t.Fatal(err)
			}
			checks := []struct {
				name string
				r    Result
			}{
				{"Check", Check(h, Limits{})},
				{"Check in short rounds", Check(h, Limits{Round: 1})},
				{"CheckOrder", CheckOrder(h, Limits{})},
				{"Judge", Judge(h, Limits{})},
			}
			for _, check := range checks {
				c.judge(t, check.name, h, check.r)
			}
			if !c.anyway && c.message != "" {
				return
			}
			unnumbered := withoutNumbers(h)
			c.judge(t, "Check without numbers", unnumbered, Check(unnumbered, Limits{Round: 1}))
			if r := CheckOrder(unnumbered, Limits{}); r.Verdict != Undecided {
				t.Errorf("CheckOrder without numbers: %v", r)
			}
		})
	}
}

// judge compares a result with what is expected of the corruption.
func (c *corruption) judge(t *testing.T, check string, h *History, r Result) {
	t.Helper()
	if c.message == "" {
		if r.Verdict != OK || r.Err != nil || r.Explanation != "" {
			t.Errorf("%s: %v, want ok", check, r)
		}
		return
	}
	if r.Verdict != Violation || r.Err != nil {
		t.Errorf("%s: %v, want a violation", check, r)
		return
	}
	if !strings.Contains(r.Explanation, c.message) || !slices.Contains(r.Operations, c.blamed) {
		t.Errorf("%s: operations %v: %s\nwant operation %d and %q", check, r.Operations,
			r.Explanation, c.blamed, c.message)
	}
	for _, i := range r.Operations {
		if !strings.Contains(r.Explanation, h.Operations[i].String()) {
			t.Errorf("%s: the explanation does not name %s", check, h.Operations[i])
		}
	}
	var page bytes.Buffer
	if err := r.WritePicture(&page); err != nil || !strings.Contains(page.String(), "violation") {
		t.Errorf("%s: picture of %d bytes, error %v", check, page.Len(), err)
	}
}

// withoutNumbers is the history as a linker would give it that has no commit numbers.
func withoutNumbers(h *History) *History {
	u := *h
	u.Universe.Rules.Unnumbered = true
	u.Operations = slices.Clone(h.Operations)
	for i := range u.Operations {
		u.Operations[i].Output.Commit, u.Operations[i].Output.Read = 0, 0
	}
	return &u
}

// Unknown outcomes excuse what they can explain and nothing else.
func TestUnknownOutcomes(t *testing.T) {
	lost := func(client int, call int64, in model.Input) Operation {
		return at(client, call, Never, in, model.Output{Unknown: true})
	}
	found := at(0, 10, 11, callOf(0, "alone", 1), model.Output{Result: 10})
	missing := at(0, 20, 21, callOf(0, "alone", 1), model.Output{Err: model.ClassMissingSymbol})
	tests := []struct {
		name string
		ops  []Operation
		want Verdict
	}{
		{"it took effect", []Operation{lost(1, 1, openOf("e")), found}, OK},
		{"it took effect late",
			[]Operation{lost(1, 1, openOf("e")), at(0, 5, 6, missing.Input, missing.Output), found},
			OK},
		{"it never took effect", []Operation{lost(1, 1, openOf("e")), missing}, OK},
		{"it took effect and was gone", []Operation{lost(1, 1, openOf("e")), found, missing},
			Violation},
		{"it was not called yet", []Operation{found, lost(1, 12, openOf("e"))}, Violation},
		{"another library", []Operation{lost(1, 1, openOf("c")), found}, Violation},
		{"twice lost, closed once",
			[]Operation{lost(1, 1, openOf("e")), lost(2, 2, openOf("e")),
				at(0, 3, 4, openOf("e"), model.Output{Handle: 1, Commit: 5}),
				at(0, 5, 6, closeOf(1), model.Output{}), found}, OK},
	}
	for _, test := range tests {
		for _, round := range []int{1, 100} {
			h := &History{Universe: toyUniverse(), Operations: test.ops}
			if r := Check(h, Limits{Round: round}); r.Verdict != test.want {
				t.Errorf("%s, rounds of %d: %v, want %v", test.name, round, r, test.want)
			}
		}
	}
}
