package lincheck

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-wasm/lockstep/model"
)

func TestValidate(t *testing.T) {
	ok := model.Output{Handle: 1, Commit: 2}
	open := at(0, 1, 4, openOf("e"), ok)
	tests := []struct {
		name, problem string
		ops           []Operation
		blamed        []int
	}{
		{"well-formed", "",
			[]Operation{open, at(0, 5, 6, closeOf(1), model.Output{Commit: 3}),
				at(1, 2, Never, openOf("e"), model.Output{Unknown: true})}, nil},
		{"empty", "", nil, nil},
		{"overlap", "client 0", []Operation{open, at(0, 4, 6, openOf("e"), ok)}, []int{0, 1}},
		{"overlap with the unknown", "client 0",
			[]Operation{at(0, 1, Never, openOf("e"), model.Output{Unknown: true}),
				at(0, 4, 6, openOf("e"), ok)}, []int{0, 1}},
		{"returns first", "before it is called", []Operation{at(0, 4, 3, openOf("e"), ok)},
			[]int{0}},
		{"negative stamp", "negative", []Operation{at(0, -1, 3, openOf("e"), ok)}, []int{0}},
		{"negative client", "negative", []Operation{at(-1, 1, 3, openOf("e"), ok)}, []int{0}},
		{"no return, known outcome", "unknown outcome",
			[]Operation{at(0, 1, Never, openOf("e"), ok)}, []int{0}},
		{"return, unknown outcome", "unknown outcome",
			[]Operation{at(0, 1, 2, openOf("e"), model.Output{Unknown: true})}, []int{0}},
		{"error and trap", "two outcomes",
			[]Operation{at(0, 1, 2, callOf(0, "m", 1),
				model.Output{Err: model.ClassMissingSymbol, Trap: model.TrapStack})}, []int{0}},
		{"unknown with number", "two outcomes",
			[]Operation{at(0, 1, Never, openOf("e"), model.Output{Unknown: true, Commit: 4})},
			[]int{0}},
		{"trap of an open", "only calls trap",
			[]Operation{at(0, 1, 2, openOf("e"), model.Output{Trap: model.TrapStack})}, []int{0}},
		{"no such operation", "no such operation",
			[]Operation{at(0, 1, 2, model.Input{Op: 77}, model.Output{})}, []int{0}},
		{"starts in the middle: handle", "handle #3",
			[]Operation{at(0, 1, 2, closeOf(3), model.Output{})}, []int{0}},
		{"handle from the future", "handle #1",
			[]Operation{open, at(1, 2, 3, closeOf(1), model.Output{})}, []int{1}},
		{"starts in the middle: group", "group 4",
			[]Operation{at(0, 1, 2, pointerCall(4, 0, 1), model.Output{})}, []int{0}},
		{"failing uses are fine", "",
			[]Operation{at(0, 1, 2, closeOf(3), model.Output{Err: model.ClassBadHandle}),
				at(0, 3, 4, pointerCall(4, 0, 1), model.Output{Err: model.ClassGroupClosed})}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := &History{Universe: toyUniverse(), Operations: test.ops}
			err := h.Validate()
			if test.problem == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			var malformed *MalformedError
			if !errors.As(err, &malformed) || !strings.Contains(err.Error(), test.problem) ||
				!slices.Equal(malformed.Operations, test.blamed) {
				t.Errorf("got %v, want %q and operations %v", err, test.problem, test.blamed)
			}
			for _, r := range []Result{Check(h, Limits{}), CheckOrder(h, Limits{}),
				Judge(h, Limits{})} {
				if r.Verdict != Undecided || !errors.As(r.Err, &malformed) {
					t.Errorf("judged as %v", r)
				}
			}
		})
	}
	h := &History{Universe: model.Universe{}}
	var wrong *model.UniverseError
	if r := Judge(h, Limits{}); r.Verdict != Undecided || !errors.As(r.Err, &wrong) {
		t.Errorf("a universe without names: %v", r)
	}
}

// CheckOrder decides only what it can, and says why not.
func TestCheckOrderUndecided(t *testing.T) {
	tests := []struct {
		name    string
		corrupt func(h *History)
		blamed  int
	}{
		{"no number", func(h *History) { h.Operations[firstCall].Output.Read = 0 }, firstCall},
		{"unknown outcome", func(h *History) {
			h.Operations[leaveGroup].Output = model.Output{Unknown: true}
			h.Operations[leaveGroup].Return = Never
		}, leaveGroup},
		{"poisoned", func(h *History) {
			h.Operations[secondSpawn].Output = model.Output{Err: model.ClassPoisoned, Read: 11}
		}, secondSpawn},
		{"unnumbered", func(h *History) { h.Universe.Rules.Unnumbered = true }, -1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := goodHistory()
			test.corrupt(h)
			r := CheckOrder(h, Limits{})
			var unordered *UnorderedError
			if r.Verdict != Undecided || !errors.As(r.Err, &unordered) ||
				unordered.Operation != test.blamed {
				t.Errorf("got %v, want undecided for operation %d", r, test.blamed)
			}
			if err := r.WritePicture(nil); !errors.Is(err, ErrNoPicture) {
				t.Errorf("picture: %v", err)
			}
		})
	}
}
