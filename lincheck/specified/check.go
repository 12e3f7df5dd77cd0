package specified

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lockstep-wasm/lockstep/lincheck"
)

// Check decides whether a history is a behaviour of the specification. Commit numbers are not
// looked at. The limits are those of [lincheck.Check], as far as they mean anything here: a step is
// an action that is evaluated, and Round and Branches are not used. A result has no picture.
func Check(h *lincheck.History, lim lincheck.Limits) lincheck.Result {
	if err := h.Validate(); err != nil {
		return lincheck.Result{Err: err}
	}
	c, err := newChecker(h, lim)
	if err != nil {
		return lincheck.Result{Err: err}
	}
	r := c.run()
	r.Rounds, r.Steps = c.rounds, c.m.steps
	return r
}

// What limits are where none is given: those of lincheck.
const (
	defaultSteps  = 1_000_000
	defaultMemory = 256 << 20
)

// maxPending is how many operations can go on at the same time, those of unknown outcome included.
const maxPending = 64

// checker goes through the calls and returns of a history.
type checker struct {
	h        *lincheck.History
	m        *machine
	ways     map[int][]way // of each operation that counts
	lim      lincheck.Limits
	deadline time.Time
	pending  [maxPending]int // the operations that go on, by their slots; free has the others
	free     uint64
	now      map[config]*place // every way that the history may have gone so far
	order    int               // how many operations have returned
	rounds   int
}

// config is a state that is possible, with the pending operations that have taken effect in it.
type config struct {
	state   int
	effects uint64 // a bit for each slot
}

// place is the end of an order of operations.
type place struct {
	before    *place
	operation int
	length    int
}

func newChecker(h *lincheck.History, lim lincheck.Limits) (*checker, error) {
	v, err := newVocabulary(h)
	if err != nil {
		return nil, err
	}
	c := &checker{h: h, ways: map[int][]way{}, lim: lim, free: ^uint64(0)}
	for i := range h.Operations {
		ways, silent, err := v.ways(i)
		switch {
		case err != nil:
			return nil, err
		case !silent:
			c.ways[i] = ways
		}
	}
	m, first, err := newMachine(v.constants())
	if err != nil {
		return nil, err
	}
	c.m, c.now = m, map[config]*place{{state: first}: nil}
	if c.lim.Steps <= 0 {
		c.lim.Steps = defaultSteps
	}
	if c.lim.Memory <= 0 {
		c.lim.Memory = defaultMemory
	}
	if lim.Timeout > 0 {
		c.deadline = time.Now().Add(lim.Timeout)
	}
	return c, nil
}

// event is a call or a return.
type event struct {
	at        int64
	returns   bool
	operation int
}

// events lists the calls and returns in real time. Intervals are closed: what is called at the
// moment of a return overlaps.
func (c *checker) events() []event {
	var all []event
	for i := range c.ways {
		op := &c.h.Operations[i]
		all = append(all, event{op.Call, false, i})
		if op.Return != lincheck.Never {
			all = append(all, event{op.Return, true, i})
		}
	}
	slices.SortFunc(all, func(a, b event) int {
		before := 0
		if a.returns != b.returns {
			before = 1
			if b.returns {
				before = -1
			}
		}
		return cmp.Or(cmp.Compare(a.at, b.at), before, cmp.Compare(a.operation, b.operation))
	})
	return all
}

func (c *checker) run() lincheck.Result {
	for _, e := range c.events() {
		if !e.returns {
			if c.free == 0 {
				return c.limit("Branches")
			}
			slot := c.slotOf(-1)
			c.pending[slot], c.free = e.operation, c.free&^(1<<slot)
			continue
		}
		seen, limit, err := c.settle(e.operation)
		switch {
		case err != nil:
			return lincheck.Result{Err: err}
		case limit != "":
			return c.limit(limit)
		case len(c.now) == 0:
			return c.explain(seen)
		}
		c.order++
		if c.free == ^uint64(0) {
			c.quiet()
		}
	}
	return lincheck.Result{Verdict: lincheck.OK}
}

func (c *checker) limit(name string) lincheck.Result {
	return lincheck.Result{Err: &lincheck.LimitError{Limit: name, From: c.order,
		To: min(c.order+maxPending, len(c.h.Operations))}}
}

// slotOf is the slot of an operation; of -1, a free one.
func (c *checker) slotOf(operation int) int {
	for slot := range maxPending {
		free := c.free>>slot&1 == 1
		if free && operation < 0 || !free && c.pending[slot] == operation {
			return slot
		}
	}
	return -1
}

// quiet is called when no operation goes on: what led to the states does not matter any more.
func (c *checker) quiet() {
	c.rounds++
	kept := map[config]*place{}
	states := c.m.states
	c.m.forget()
	for at, p := range c.now {
		kept[config{state: c.m.add(states[at.state])}] = p
	}
	c.now = kept
}

// settle gives an operation its place, now that it returns: it takes effect after what has, and
// after any pending operations that are needed for that. It returns every way that was looked at.
func (c *checker) settle(operation int) (seen map[config]*place, limit string, err error) {
	own := uint64(1) << c.slotOf(operation)
	seen, after := map[config]*place{}, map[config]*place{}
	var open []config
	see := func(at config, p *place) {
		if at.effects&own != 0 {
			after[config{at.state, at.effects &^ own}] = p
		} else if _, ok := seen[at]; !ok {
			seen[at] = p
			open = append(open, at)
		}
	}
	for at, p := range c.now {
		see(at, p)
	}
	for len(open) > 0 {
		at := open[len(open)-1]
		open = open[:len(open)-1]
		next, err := c.one(at, seen[at], operation)
		if err != nil {
			return nil, "", err
		}
		if p, ok := next[config{at.state, at.effects | own}]; ok {
			// It changes nothing here, so what others do before it they can do after it.
			see(config{at.state, at.effects | own}, p)
			continue
		}
		for to, p := range next {
			see(to, p)
		}
		rest := ^(c.free | at.effects | own)
		for slot := range maxPending {
			if rest>>slot&1 == 0 {
				continue
			}
			next, err := c.one(at, seen[at], c.pending[slot])
			if err != nil {
				return nil, "", err
			}
			for to, p := range next {
				see(to, p)
			}
		}
		switch {
		case c.m.steps > c.lim.Steps:
			return nil, "Steps", nil
		case c.m.memory > c.lim.Memory:
			return nil, "Memory", nil
		case !c.deadline.IsZero() && time.Now().After(c.deadline):
			return nil, "Timeout", nil
		}
	}
	c.now = after
	if len(after) > 0 {
		c.free |= own
	}
	return seen, "", nil
}

// one lets a pending operation take effect.
func (c *checker) one(at config, p *place, operation int) (map[config]*place, error) {
	length := 1
	if p != nil {
		length = p.length + 1
	}
	all := map[config]*place{}
	for _, w := range c.ways[operation] {
		o, err := c.m.try(at.state, w)
		if err != nil {
			return nil, err
		}
		for _, state := range o.next {
			all[config{state, at.effects | 1<<c.slotOf(operation)}] = &place{p, operation, length}
		}
	}
	return all, nil
}

// shown is how many operations of the order an explanation shows.
const shown = 5

// explain says why there is no way on: the longest order that there is, and why none of the
// operations that could come next does.
func (c *checker) explain(seen map[config]*place) lincheck.Result {
	var best config
	var longest []int
	first := true
	for at, p := range seen {
		order := p.all()
		if by := cmp.Or(len(order)-len(longest), slices.Compare(longest, order)); first || by > 0 {
			best, longest, first = at, order, false
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "no order is a behaviour of %s.tla: after %d of %d operations, where %s,\n"+
		"none of these can come next:", specModule, len(longest), len(c.ways),
		c.m.describe(best.state))
	var named []int
	for slot := range maxPending {
		if (c.free|best.effects)>>slot&1 == 1 {
			continue
		}
		i := c.pending[slot]
		named = append(named, i)
		fmt.Fprintf(&b, "\n  %s: %s", c.h.Operations[i], c.refusal(best.state, i))
	}
	if len(longest) > 0 {
		fmt.Fprintf(&b, "\nthe order before ends with:")
		for _, i := range longest[max(0, len(longest)-shown):] {
			fmt.Fprintf(&b, "\n  %s", c.h.Operations[i])
		}
	}
	return lincheck.Result{Verdict: lincheck.Violation, Explanation: b.String(), Operations: named}
}

// refusal says which condition of the specification keeps an operation from taking effect.
func (c *checker) refusal(state, operation int) string {
	for _, w := range c.ways[operation] {
		o, err := c.m.try(state, w)
		if err == nil && len(o.next) == 0 {
			return fmt.Sprintf("%s, and %s:%d does not hold", w.names(), o.refused.File,
				o.refused.Line)
		}
	}
	if len(c.ways[operation]) == 0 {
		return "no call has this result in any state"
	}
	return "it can, but then those that have returned cannot"
}

// names are the actions of a way, as the specification writes them.
func (w way) names() string {
	var all []string
	for _, a := range w {
		all = append(all, a.name)
	}
	return "it needs " + strings.Join(all, ", ")
}

// all lists the operations of an order.
func (p *place) all() (order []int) {
	for ; p != nil; p = p.before {
		order = append(order, p.operation)
	}
	slices.Reverse(order)
	return order
}
