package lincheck

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/lockstep-wasm/lockstep/model"
)

// budget counts what a search uses up. A search that runs into it is undecided. It may still be
// used by a search that porcupine has given up on after its time, so it is only touched atomically.
type budget struct {
	deadline time.Time // zero for none
	steps    int64     // allowed
	memory   int64     // allowed, bytes
	used     atomic.Int64
	kept     atomic.Int64
	hit      atomic.Pointer[string] // the first limit that was reached
}

func newBudget(lim Limits, deadline time.Time) *budget {
	return &budget{deadline: deadline, steps: lim.Steps, memory: lim.Memory}
}

func (b *budget) exhaust(limit string) { b.hit.CompareAndSwap(nil, &limit) }

// exhausted names the limit that was reached, or is empty.
func (b *budget) exhausted() string {
	if p := b.hit.Load(); p != nil {
		return *p
	}
	return ""
}

// step takes one step out of the budget and says whether it was there.
func (b *budget) step() bool {
	if b.used.Add(1) > b.steps {
		b.exhaust("Steps")
	}
	return b.hit.Load() == nil
}

// keep takes the memory of one successful step out of the budget.
func (b *budget) keep(bytes int64) {
	if b.kept.Add(bytes) > b.memory {
		b.exhaust("Memory")
	}
}

// search looks for one order of some operations that the model allows, with porcupine.
type search struct {
	m       *model.Sequential
	history *History
	ops     []int        // positions in history
	returns []int64      // their returns, which for unknown outcomes depend on the round
	from    *model.State // the state before
	commits []uint64     // the commit numbers among ops, ascending
}

func newSearch(m *model.Sequential, h *History, from *model.State, ops []int,
	returns []int64) *search {
	s := &search{m: m, history: h, ops: ops, returns: returns, from: from}
	for _, i := range ops {
		if h.Operations[i].number() != 0 && h.Operations[i].Output.Commit != 0 {
			s.commits = append(s.commits, h.Operations[i].Output.Commit)
		}
	}
	slices.Sort(s.commits)
	return s
}

// skips returns the commit that has to come before an operation with this number in state st, or 0.
// The model allows gaps in the commit order, but where the commit is known to the history,
// everything behind it can be refused early; that is what keeps a numbered search from guessing.
func (s *search) skips(st *model.State, op *Operation) uint64 {
	number := op.number()
	if number == 0 {
		return 0
	}
	i, found := slices.BinarySearch(s.commits, st.Commit())
	if found {
		i++
	}
	if i == len(s.commits) || s.commits[i] > number ||
		(s.commits[i] == number && op.Output.Commit == number) {
		return 0
	}
	return s.commits[i]
}

// final stands for the end of a round: an operation after all others that notes the state.
type final struct{}

// operations turns the search into porcupine's form: the input is the operation itself.
func (s *search) operations() []porcupine.Operation {
	ops := make([]porcupine.Operation, len(s.ops), len(s.ops)+1)
	for k, i := range s.ops {
		op := &s.history.Operations[i]
		ops[k] = porcupine.Operation{ClientId: op.Client, Input: op, Output: op.Output,
			Call: op.Call, Return: s.returns[k]}
	}
	return ops
}

// model is the sequential model in porcupine's form. Steps beyond the budget are refused, so a
// negative verdict counts only while the budget lasts.
func (s *search) model(b *budget) porcupine.Model {
	// A step that is kept costs its state and its line in porcupine's tables, which has one bit for
	// each operation.
	perStep := int64(len(s.ops)/8 + 256)
	return porcupine.Model{
		Init: func() any { return s.from },
		Step: func(state, input, _ any) (bool, any) {
			st, op := state.(*model.State), input.(*Operation)
			if b != nil && !b.step() || s.skips(st, op) != 0 {
				return false, nil
			}
			next, err := s.m.Step(st, op.Input, op.Output)
			if err != nil {
				return false, nil
			}
			if b != nil {
				b.keep(perStep)
			}
			return true, next
		},
		Equal: func(a, b any) bool { return a.(*model.State).Equal(b.(*model.State)) },
		Hash:  func(a any) uint64 { return a.(*model.State).Hash() },
		DescribeOperation: func(input, _ any) string {
			op := input.(*Operation)
			return model.Describe(op.Input, op.Output)
		},
		DescribeState: func(state any) string { return s.m.Describe(state.(*model.State)) },
	}
}

// run looks for an order whose last state is none of those excluded, and returns that state; nil
// means there is none. ok is false if the budget ended first. Every operation must return before
// Never.
func (s *search) run(b *budget, excluded []*model.State) (last *model.State, ok bool) {
	if len(s.ops) == 0 {
		if slices.ContainsFunc(excluded, s.from.Equal) {
			return nil, true
		}
		return s.from, true
	}
	m := s.model(b)
	step := m.Step
	var found *model.State
	m.Step = func(state, input, output any) (bool, any) {
		if _, end := input.(final); !end {
			return step(state, input, output)
		}
		st := state.(*model.State)
		if slices.ContainsFunc(excluded, st.Equal) {
			return false, nil
		}
		found = st // read below only after porcupine has said Ok, which it does after this
		return true, st
	}
	end := slices.Max(s.returns)
	ops := append(s.operations(),
		porcupine.Operation{Input: final{}, Call: end + 1, Return: end + 1})
	switch s.check(b, m, ops) {
	case porcupine.Ok:
		return found, true
	case porcupine.Illegal:
		return nil, b.exhausted() == ""
	}
	return nil, false
}

// possible says whether there is any order. Operations may go on for ever.
func (s *search) possible(b *budget) (possible, ok bool) {
	switch s.check(b, s.model(b), s.operations()) {
	case porcupine.Ok:
		return true, true
	case porcupine.Illegal:
		return false, b.exhausted() == ""
	}
	return false, false
}

// check runs porcupine for as long as the budget allows.
func (s *search) check(b *budget, m porcupine.Model,
	ops []porcupine.Operation) porcupine.CheckResult {
	timeout, inTime := b.timeLeft()
	if !inTime {
		return porcupine.Unknown
	}
	step := m.Step
	m.StepContext = func(_ context.Context, state, input, output any) (bool, any) {
		return step(state, input, output)
	}
	result := porcupine.CheckOperationsTimeout(m, ops, timeout)
	if result == porcupine.Unknown {
		b.exhaust("Timeout")
	}
	return result
}

// timeLeft is what porcupine takes for a timeout: 0 is none.
func (b *budget) timeLeft() (left time.Duration, inTime bool) {
	if b.deadline.IsZero() {
		return 0, true
	}
	left = time.Until(b.deadline)
	if left <= 0 {
		b.exhaust("Timeout")
		return 0, false
	}
	return left, true
}
