package lincheck

import (
	"slices"
	"time"

	"github.com/lockstep-wasm/lockstep/model"
)

// CheckOrder decides a history in which every operation knows its place in the commit order, its
// own commit or the one it read at, in O(n log n) steps of the model. The order of the commits is
// then given: what is left to check is that real time does not contradict it, and that the model
// allows the operations in this order. Operations with the same number are taken in the order of
// their calls; if the model refuses one, the operations with this number, which are few, are
// searched with porcupine under the limits. So the verdict is that of Check.
//
// Other histories are Undecided, with an *UnorderedError.
func CheckOrder(h *History, lim Limits) Result {
	if err := h.Validate(); err != nil {
		return Result{Err: err}
	}
	m, err := model.NewSequential(h.Universe)
	if err != nil {
		return Result{Err: err}
	}
	if m.Rules().Unnumbered {
		return Result{Err: &UnorderedError{-1, "commit numbers may be missing by the rules"}}
	}
	for i := range h.Operations {
		if h.Operations[i].number() == 0 {
			return Result{Err: &UnorderedError{i, "it has no commit number"}}
		}
	}
	order := byCall(h.Operations)
	if found := checkNumbers(h, order); found != nil {
		return found.result(h, numbersScene(h, found.ops))
	}
	c := &orderChecker{m: m, h: h, lim: lim.withDefaults()}
	if lim.Timeout > 0 {
		c.deadline = time.Now().Add(lim.Timeout)
	}
	return c.run(order)
}

type orderChecker struct {
	m        *model.Sequential
	h        *History
	lim      Limits
	deadline time.Time
	steps    int64
}

func (c *orderChecker) run(calls []int) Result {
	order := slices.Clone(calls)
	// Stable: what has one number stays in the order of the calls, but for the commit itself, which
	// is first.
	slices.SortStableFunc(order, func(a, b int) int {
		x, y := &c.h.Operations[a], &c.h.Operations[b]
		if x.number() != y.number() {
			return compare(x.number(), y.number())
		}
		return compare(y.Output.Commit, x.Output.Commit)
	})
	state := c.m.Init()
	groups := 0
	for from := 0; from < len(order); {
		to := from + 1
		for to < len(order) &&
			c.h.Operations[order[to]].number() == c.h.Operations[order[from]].number() {
			to++
		}
		groups++
		next := c.inCallOrder(state, order[from:to])
		if next == nil {
			var failure *Result
			if next, failure = c.searched(state, order[from:to], from, to); failure != nil {
				failure.Rounds, failure.Steps = groups, c.steps
				return *failure
			}
		}
		state, from = next, to
	}
	return Result{Verdict: OK, Rounds: groups, Steps: c.steps, scene: openingScene(c.m, c.h, calls)}
}

// inCallOrder takes the operations with one number in the given order, and returns the state after
// them, or nil.
func (c *orderChecker) inCallOrder(state *model.State, ops []int) *model.State {
	for _, i := range ops {
		op := &c.h.Operations[i]
		c.steps++
		next, err := c.m.Step(state, op.Input, op.Output)
		if err != nil {
			return nil
		}
		state = next
	}
	return state
}

// searched looks for another order of the operations with one number. The state after them is the
// same for all orders: loads and unloads are commits, and at most one operation is the commit; the
// rest adds up, or is learned.
func (c *orderChecker) searched(state *model.State, ops []int, from, to int) (*model.State,
	*Result) {
	returns := make([]int64, len(ops))
	for k, i := range ops {
		returns[k] = c.h.Operations[i].Return
	}
	s := newSearch(c.m, c.h, state, ops, returns)
	b := newBudget(c.lim, c.deadline)
	next, ok := s.run(b, nil)
	c.steps += b.used.Load()
	switch {
	case !ok:
		return nil, &Result{Err: &LimitError{b.exhausted(), from, to}}
	case next == nil:
		r := s.violation(newBudget(c.lim, c.deadline))
		return nil, &r
	}
	return next, nil
}
