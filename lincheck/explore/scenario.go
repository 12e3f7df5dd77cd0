package explore

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// step is an operation with its arguments.
type step struct {
	op   *operation
	args []any
}

func (s step) String() string { return Call{s.op.name, s.args}.String() }

// scenario is what the goroutines of a run do: first some operations one after the other, then the
// threads at the same time, then some more one after the other.
type scenario struct {
	before  []step
	threads [][]step
	after   []step
}

// size is how many operations it has.
func (s *scenario) size() (n int) {
	for _, t := range s.threads {
		n += len(t)
	}
	return n + len(s.before) + len(s.after)
}

func joined(steps []step) string {
	parts := make([]string, len(steps))
	for i, s := range steps {
		parts[i] = s.String()
	}
	return strings.Join(parts, ";")
}

// String is the scenario in a line: before/thread|thread/after.
func (s *scenario) String() string {
	threads := make([]string, len(s.threads))
	for i, t := range s.threads {
		threads[i] = joined(t)
	}
	return joined(s.before) + "/" + strings.Join(threads, "|") + "/" + joined(s.after)
}

// SyntaxError is the error of a text that is no scenario of a type.
type SyntaxError struct{ Text, At string }

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("explore: %q is no run of this test: no operation begins %q", e.Text, e.At)
}

// parseScenario is the reverse of String. The error is a *SyntaxError.
func parseScenario(s string, steps []step) (*scenario, error) {
	// Longer texts first: one operation's may begin like another's.
	steps = slices.Clone(steps)
	slices.SortStableFunc(steps, func(a, b step) int { return len(b.String()) - len(a.String()) })
	sc := &scenario{threads: [][]step{nil}}
	part, rest := 0, s
	for rest != "" {
		switch rest[0] {
		case '/':
			part++
			rest = rest[1:]
			continue
		case '|':
			sc.threads = append(sc.threads, nil)
			rest = rest[1:]
			continue
		case ';':
			rest = rest[1:]
			continue
		}
		i := slices.IndexFunc(steps,
			func(st step) bool { return strings.HasPrefix(rest, st.String()) })
		if i < 0 || part > 2 {
			return nil, &SyntaxError{s, rest}
		}
		rest = rest[len(steps[i].String()):]
		switch part {
		case 0:
			sc.before = append(sc.before, steps[i])
		case 1:
			last := len(sc.threads) - 1
			sc.threads[last] = append(sc.threads[last], steps[i])
		case 2:
			sc.after = append(sc.after, steps[i])
		}
	}
	return sc, nil
}

// allSteps are all operations with all combinations of their arguments.
func allSteps(ops []operation) (list []step) {
	for i := range ops {
		combine(ops[i].args, nil, func(args []any) {
			list = append(list, step{&ops[i], slices.Clone(args)})
		})
	}
	return list
}

func combine(choices [][]any, chosen []any, f func([]any)) {
	if len(choices) == 0 {
		f(chosen)
		return
	}
	for _, v := range choices[0] {
		combine(choices[1:], append(chosen, v), f)
	}
}

// generator makes scenarios, small ones first: every pair of operations, then bigger ones at
// random.
type generator struct {
	ops                []operation
	threads, perThread int
	rng                *rand.Rand
	made               int
	seen               map[string]bool
}

// next makes the next scenario; nil: none was found that is new.
func (g *generator) next() *scenario {
	for range 100 {
		sc := g.make()
		g.made++
		if s := sc.String(); !g.seen[s] {
			g.seen[s] = true
			return sc
		}
	}
	return nil
}

func (g *generator) make() *scenario {
	if n := len(g.ops); g.made < n*n {
		// The arguments of the second differ from those of the first where they can.
		a, b := g.fixed(g.made/n, 0), g.fixed(g.made%n, 1)
		return &scenario{threads: [][]step{{a}, {b}}, after: g.steps(1)}
	}
	sc := &scenario{before: g.steps(g.rng.IntN(3)), after: g.steps(g.rng.IntN(3))}
	for range 2 + g.rng.IntN(g.threads-1) {
		sc.threads = append(sc.threads, g.steps(1+g.rng.IntN(g.perThread)))
	}
	return sc
}

// fixed is an operation with its k-th arguments.
func (g *generator) fixed(op, k int) step {
	s := step{op: &g.ops[op]}
	for _, values := range s.op.args {
		s.args = append(s.args, values[k%len(values)])
	}
	return s
}

func (g *generator) steps(n int) (list []step) {
	for range n {
		s := step{op: &g.ops[g.rng.IntN(len(g.ops))]}
		for _, values := range s.op.args {
			s.args = append(s.args, values[g.rng.IntN(len(values))])
		}
		list = append(list, s)
	}
	return list
}

// smaller are the scenarios with one operation less, or without a thread.
func (s *scenario) smaller() (list []*scenario) {
	if len(s.threads) == 2 && len(s.before)+len(s.after) > 0 {
		c := s.clone()
		c.before, c.after = nil, nil
		list = append(list, c)
	}
	for i := range s.threads {
		if len(s.threads) > 2 {
			c := s.clone()
			c.threads = slices.Delete(c.threads, i, i+1)
			list = append(list, c)
		}
		for k := range s.threads[i] {
			if len(s.threads[i]) == 1 && len(s.threads) <= 2 {
				continue
			}
			c := s.clone()
			if c.threads[i] = slices.Delete(c.threads[i], k, k+1); len(c.threads[i]) == 0 {
				c.threads = slices.Delete(c.threads, i, i+1)
			}
			list = append(list, c)
		}
	}
	for k := range s.before {
		c := s.clone()
		c.before = slices.Delete(c.before, k, k+1)
		list = append(list, c)
	}
	for k := range s.after {
		c := s.clone()
		c.after = slices.Delete(c.after, k, k+1)
		list = append(list, c)
	}
	return list
}

func (s *scenario) clone() *scenario {
	c := &scenario{before: slices.Clone(s.before), after: slices.Clone(s.after)}
	for _, t := range s.threads {
		c.threads = append(c.threads, slices.Clone(t))
	}
	return c
}
