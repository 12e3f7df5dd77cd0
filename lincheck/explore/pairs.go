package explore

import (
	"testing"
	"time"

	"github.com/lockstep-wasm/lockstep/lincheck/explore/internal/sched"
)

// Pair is what the exploration of two operations at the same time has found.
type Pair struct {
	First, Second string
	Report        Report
	Found         *Finding // nil: nothing is wrong
}

// Pairs explores, for every two operations of a type, a scenario of two goroutines: one performs
// the first operation with its first arguments, the other the second operation with its second
// ones. Options.Schedules and Options.Duration are limits for each pair. wanted chooses among the
// pairs; nil: all. The test does not fail by what is found, which [Linearizable] describes; see is
// told each pair when it is done.
//
// The code must be instrumented: see [Here].
func Pairs[T any](t testing.TB, c Type[T], wanted func(first, second string) bool, see func(Pair)) {
	t.Helper()
	ops, err := c.operations()
	if err != nil {
		t.Fatal(err)
	}
	o := c.Options.withDefaults()
	te := c.tester(ops)
	g := &generator{ops: ops}
	for i := range ops {
		for k := range ops {
			if wanted != nil && !wanted(ops[i].name, ops[k].name) {
				continue
			}
			te.spec.forget()
			p := Pair{First: ops[i].name, Second: ops[k].name}
			sc := &scenario{threads: [][]step{{g.fixed(i, 0)}, {g.fixed(k, 1)}}}
			e := &explorer{o: o, deadline: time.Now().Add(o.Duration),
				report: &Report{Search: o.Search.String()}}
			sched.Exclusive(func() {
				if r := te.explore(e, sc); r != nil {
					p.Found = te.finding(sc, e.simplest(te.main(sc), r, te.judge))
				}
			})
			e.finish()
			p.Report = *e.report
			see(p)
		}
	}
}

// forget drops what was learned from other scenarios.
func (s *specification) forget() {
	s.memo = map[string]bool{}
	if s.root != nil {
		s.root.after = nil
	}
}
