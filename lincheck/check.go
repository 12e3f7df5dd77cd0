package lincheck

import (
	"math"
	"reflect"
	"slices"
	"time"

	"github.com/lockstep-wasm/lockstep/model"
)

// Judge decides a history the cheapest way: by its commit numbers if every operation has one
// (CheckOrder), else by searching (Check).
func Judge(h *History, lim Limits) Result {
	r := CheckOrder(h, lim)
	if _, unordered := r.Err.(*UnorderedError); unordered {
		return Check(h, lim)
	}
	return r
}

// Check decides whether a history is linearizable, by searching with porcupine. The history is cut
// at quiescent moments, when no operation is going on, into rounds of at least Limits.Round
// operations; the states that a round can end in are carried over to the next, so the memory needed
// is that of one round. Operations of unknown outcome are tried in every round that they may have
// taken effect in, and in none. Within a round, operations that have nothing to do with each other
// are looked at separately.
//
// The cost grows steeply with the number of operations that overlap (more than about ten without
// commit numbers are too many); let the clients meet now and then. Only OK and Violation are
// verdicts on the linker.
func Check(h *History, lim Limits) Result {
	if err := h.Validate(); err != nil {
		return Result{Err: err}
	}
	m, err := model.NewSequential(h.Universe)
	if err != nil {
		return Result{Err: err}
	}
	c := newChecker(m, h, lim)
	if found := checkNumbers(h, c.order); found != nil {
		return found.result(h, numbersScene(h, found.ops))
	}
	return c.run()
}

// checker walks through the rounds of a history.
type checker struct {
	m        *model.Sequential
	h        *History
	lim      Limits
	deadline time.Time
	order    []int // positions of the operations that count, by call
	rounds   int
	steps    int64
}

func newChecker(m *model.Sequential, h *History, lim Limits) *checker {
	c := &checker{m: m, h: h, lim: lim.withDefaults()}
	if lim.Timeout > 0 {
		c.deadline = time.Now().Add(lim.Timeout)
	}
	for _, i := range byCall(h.Operations) {
		if op := &h.Operations[i]; !op.Output.Unknown || hasEffect(&op.Input) {
			c.order = append(c.order, i)
		}
	}
	return c
}

// hasEffect says whether an operation of unknown outcome can change what others see. The slot or
// group that it may have got is unknown.
func hasEffect(in *model.Input) bool {
	return !in.ReadOnly() && in.Op != model.OpAllocateClosure && in.Op != model.OpSpawn
}

// branch is one way that the history may have gone up to a quiescent moment: the state, and the
// operations of unknown outcome that have not taken effect.
type branch struct {
	state   *model.State
	pending []int
}

func (c *checker) run() Result {
	branches := []branch{{state: c.m.Init()}}
	for from := 0; from < len(c.order); {
		to := c.roundEnd(from)
		c.rounds++
		b := newBudget(c.lim, c.deadline)
		next, ok := c.round(b, branches, c.order[from:to], to == len(c.order))
		c.steps += b.used.Load()
		switch {
		case !ok:
			return c.done(Result{Err: &LimitError{b.exhausted(), from, to}})
		case len(next) == 0:
			return c.done(c.explain(branches[0], from, to))
		}
		branches, from = next, to
	}
	return c.done(Result{Verdict: OK, scene: openingScene(c.m, c.h, c.order)})
}

func (c *checker) done(r Result) Result {
	r.Rounds, r.Steps = c.rounds, c.steps
	return r
}

// roundEnd finds the end of the round that begins at from: the first quiescent moment after enough
// operations. Operations that never return do not count; they are pending at every moment.
func (c *checker) roundEnd(from int) int {
	newest := int64(-1)
	for k := from; k < len(c.order); k++ {
		op := &c.h.Operations[c.order[k]]
		if k-from >= c.lim.Round && op.Call > newest {
			return k
		}
		if op.Return != Never {
			newest = max(newest, op.Return)
		}
	}
	return len(c.order)
}

// round returns the branches after a round; none means that there is no way on. After the last
// round a single branch stands for all.
func (c *checker) round(b *budget, branches []branch, ops []int, last bool) (next []branch,
	ok bool) {
	var known, unknown []int
	for _, i := range ops {
		if c.h.Operations[i].Output.Unknown {
			unknown = append(unknown, i)
		} else {
			known = append(known, i)
		}
	}
	for _, br := range branches {
		pending := slices.Concat(br.pending, unknown)
		if last {
			possible, ok := c.lastRound(b, br.state, known, pending)
			if possible || !ok {
				return []branch{br}, ok
			}
			continue
		}
		if len(pending) > maxPending {
			b.exhaust("Branches")
			return nil, false
		}
		for subset := range 1 << len(pending) {
			effective, rest := split(pending, subset)
			if c.redundant(effective, rest) {
				continue
			}
			if !b.step() { // trying has its price, even where there is nothing to step through
				return nil, false
			}
			states, ok := c.finals(b, br.state, known, effective)
			if !ok {
				return nil, false
			}
			for _, st := range states {
				next = addBranch(next, branch{st, rest})
			}
			if len(next) > c.lim.Branches {
				b.exhaust("Branches")
				return nil, false
			}
		}
	}
	return next, true
}

// maxPending bounds the number of operations of unknown outcome that are tried in every
// combination.
const maxPending = 12

// split divides a list by the bits of subset.
func split(list []int, subset int) (in, out []int) {
	for k, i := range list {
		if subset>>k&1 == 1 {
			in = append(in, i)
		} else {
			out = append(out, i)
		}
	}
	return in, out
}

// redundant says whether the same is tried with other operations: of two that ask for the same, the
// one called first can stand in for the other.
func (c *checker) redundant(effective, rest []int) bool {
	for _, i := range effective {
		for _, j := range rest {
			a, b := &c.h.Operations[i], &c.h.Operations[j]
			if b.Call < a.Call && reflect.DeepEqual(a.Input, b.Input) {
				return true
			}
		}
	}
	return false
}

// addBranch adds a branch unless another makes it needless: one with the same state, and at least
// the same operations still to take effect, since none ever has to.
func addBranch(branches []branch, br branch) []branch {
	covers := func(a, b branch) bool {
		return a.state.Equal(b.state) &&
			!slices.ContainsFunc(b.pending,
				func(i int) bool { return !slices.Contains(a.pending, i) })
	}
	for _, other := range branches {
		if covers(other, br) {
			return branches
		}
	}
	branches = slices.DeleteFunc(branches, func(other branch) bool { return covers(br, other) })
	return append(branches, br)
}

// lastRound says whether the last operations have an order; those of unknown outcome may come after
// everything, which is as good as never.
func (c *checker) lastRound(b *budget, from *model.State, known, pending []int) (possible,
	ok bool) {
	if len(pending) == 0 && determined(c.m, c.h, from, known) {
		state, ok := c.inParts(b, from, known)
		return state != nil, ok
	}
	ops, returns := c.withReturns(known, pending, Never)
	return newSearch(c.m, c.h, from, ops, returns).possible(b)
}

// finals finds every state that the operations can end in, those of unknown outcome having taken
// effect.
func (c *checker) finals(b *budget, from *model.State, known,
	effective []int) (states []*model.State, ok bool) {
	if len(effective) == 0 && determined(c.m, c.h, from, known) {
		state, ok := c.inParts(b, from, known)
		if state != nil {
			states = append(states, state)
		}
		return states, ok
	}
	end := c.end(known)
	ops, returns := c.withReturns(known, effective, end)
	s := newSearch(c.m, c.h, from, ops, returns)
	for len(states) <= c.lim.Branches {
		state, ok := s.run(b, states)
		if state == nil || !ok {
			return states, ok
		}
		states = append(states, state)
	}
	return states, true
}

// end is the newest return of some operations.
func (c *checker) end(known []int) int64 {
	end := int64(0)
	for _, i := range known {
		end = max(end, c.h.Operations[i].Return)
	}
	return end
}

// withReturns joins operations of known outcome with others that return at the given moment, or
// when they are called if that is later.
func (c *checker) withReturns(known, others []int, at int64) (ops []int, returns []int64) {
	ops = slices.Concat(others, known)
	for k, i := range ops {
		if k < len(others) {
			returns = append(returns, max(at, c.h.Operations[i].Call))
		} else {
			returns = append(returns, c.h.Operations[i].Return)
		}
	}
	return ops, returns
}

// inParts searches the independent parts of a round one after the other, each from the state after
// the one before. It returns the state after all, or nil if a part has no order.
func (c *checker) inParts(b *budget, from *model.State, known []int) (state *model.State, ok bool) {
	state = from
	for _, part := range partition(c.m, c.h, from, known) {
		ops, returns := c.withReturns(part, nil, math.MaxInt64)
		state, ok = newSearch(c.m, c.h, state, ops, returns).run(b, nil)
		if state == nil || !ok {
			return nil, ok
		}
	}
	return state, true
}

// determined says whether the operations can end in one state only, whatever their order. They do
// if the loads and unloads are ordered by their commit numbers and no library both goes and comes:
// everything else that changes the state adds up (openings, slots, groups) or is learned for good
// (handles, pointers).
func determined(m *model.Sequential, h *History, from *model.State, ops []int) bool {
	loads, unloads := false, false
	for _, i := range ops {
		op := &h.Operations[i]
		switch {
		case op.Output.Unknown:
			return false
		case op.Output.Err == model.ClassPoisoned:
			return false
		case op.Output.Err != "":
		case op.Input.Op == model.OpOpen:
			loads = loads || op.Output.Commit != 0
		case op.Input.Op == model.OpClose:
			unloads = unloads || op.Output.Commit != 0
		}
	}
	return !m.Rules().Unnumbered && !(loads && unloads)
}
