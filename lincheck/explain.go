package lincheck

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/anishathalye/porcupine"
	"github.com/lockstep-wasm/lockstep/model"
)

// explain says why a round has no order, starting from the given branch.
func (c *checker) explain(br branch, from, to int) Result {
	var known, pending []int
	pending = append(pending, br.pending...)
	for _, i := range c.order[from:to] {
		if c.h.Operations[i].Output.Unknown {
			pending = append(pending, i)
		} else {
			known = append(known, i)
		}
	}
	b := newBudget(c.lim, c.deadline)
	if len(pending) == 0 && determined(c.m, c.h, br.state, known) {
		// Only the part that has no order is of interest.
		state := br.state
		for _, part := range partition(c.m, c.h, br.state, known) {
			ops, returns := c.withReturns(part, nil, 0)
			s := newSearch(c.m, c.h, state, ops, returns)
			next, ok := s.run(b, nil)
			if next == nil || !ok {
				return s.violation(newBudget(c.lim, c.deadline))
			}
			state = next
		}
	}
	ops, returns := c.withReturns(known, pending, Never)
	return newSearch(c.m, c.h, br.state, ops, returns).violation(b)
}

// sceneBefore and sceneAfter bound how many operations a picture shows before and after the point
// where the history cannot go on.
const (
	sceneBefore = 200
	sceneAfter  = 50
)

// violation explains a search that has found no order: the longest beginning that has one, and why
// none of the operations that could be next can.
func (s *search) violation(b *budget) Result {
	prefix := s.longest(b)
	states := []*model.State{s.from}
	state := s.from
	done := make(map[int]bool, len(prefix))
	for _, k := range prefix {
		op := &s.history.Operations[s.ops[k]]
		next, err := s.m.Step(state, op.Input, op.Output)
		if err != nil {
			break // not reached: porcupine has taken the same steps
		}
		state = next
		states = append(states, state)
		done[k] = true
	}
	f := s.stuck(states, done)
	f.text = fmt.Sprintf("no order explains the outcomes: after %d of %d operations, in state "+
		"%s, none of these can come next:",
		len(prefix), len(s.ops), s.m.Describe(state))
	return f.result(s.history, s.scene(states[max(0, len(states)-1-sceneBefore)], prefix, done))
}

// longest returns the longest beginning of an order that porcupine has found, as positions in
// s.ops. Of several, which porcupine has in no particular order, it is the one that follows the
// order of the calls, so that the same history has the same explanation each time.
func (s *search) longest(b *budget) []int {
	timeout, inTime := b.timeLeft()
	if !inTime {
		return nil
	}
	_, info := porcupine.CheckOperationsVerbose(s.model(b), s.operations(), timeout)
	var longest []int
	for _, partial := range info.PartialLinearizations() {
		for _, order := range partial {
			if n := len(order) - len(longest); n > 0 || n == 0 &&
				slices.Compare(order, longest) < 0 {
				longest = order
			}
		}
	}
	return longest
}

// stuck lists the operations that could be next in real time, with the reasons why they cannot be,
// after a beginning that went through the given states.
func (s *search) stuck(states []*model.State, done map[int]bool) *finding {
	// the first return of those that are left: nothing called later can come before it
	first := int64(Never)
	for k := range s.ops {
		if !done[k] {
			first = min(first, s.returns[k])
		}
	}
	f := &finding{}
	for k, i := range s.ops {
		op := &s.history.Operations[i]
		if done[k] || op.Call > first {
			continue
		}
		if why := s.refusal(states, op); why != "" {
			f.ops = append(f.ops, i)
			f.why = append(f.why, why)
		}
	}
	return f
}

// refusal says why an operation cannot come next; it is empty if it can. An operation that knows
// its place in the commit order is judged there: that it comes too late in the last state says
// nothing about what is wrong with it.
func (s *search) refusal(states []*model.State, op *Operation) string {
	state := states[len(states)-1]
	if number := op.number(); number != 0 {
		for k := len(states) - 1; k > 0 && !inTime(states[k], op); k-- {
			state = states[k-1]
		}
	}
	_, err := s.m.Step(state, op.Input, op.Output)
	if err == nil {
		state = states[len(states)-1]
		_, err = s.m.Step(state, op.Input, op.Output)
	}
	var refusal *model.Refusal
	switch commit := s.skips(state, op); {
	case errors.As(err, &refusal):
		return strings.TrimPrefix(refusal.Error(), "model: ")
	case commit != 0:
		return fmt.Sprintf("commit %d comes first", commit)
	}
	return ""
}

// inTime says whether the number of an operation is not behind that of a state.
func inTime(state *model.State, op *Operation) bool {
	if op.Output.Commit != 0 {
		return state.Commit() < op.Output.Commit
	}
	return state.Commit() <= op.number()
}

// scene is what to draw of a violation: the end of the beginning that has an order, and the
// operations next to come.
func (s *search) scene(start *model.State, prefix []int, done map[int]bool) scene {
	sc := scene{m: s.m, h: s.history, from: start}
	add := func(k int) {
		sc.ops = append(sc.ops, s.ops[k])
		sc.returns = append(sc.returns, s.returns[k])
	}
	for _, k := range prefix[max(0, len(prefix)-sceneBefore):] {
		add(k)
	}
	var rest []int
	for k := range s.ops {
		if !done[k] {
			rest = append(rest, k)
		}
	}
	slices.SortStableFunc(rest, func(a, b int) int {
		return compare(s.history.Operations[s.ops[a]].Call, s.history.Operations[s.ops[b]].Call)
	})
	for _, k := range rest[:min(len(rest), sceneAfter)] {
		add(k)
	}
	return sc
}
