package explore

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-wasm/lockstep/lincheck/explore/internal/sched"
	"github.com/lockstep-wasm/lockstep/lincheck/explore/strategy"
)

// NotLinearizable is the kind of a failure in which no order of the operations explains their
// results.
const NotLinearizable sched.FailureKind = "not linearizable"

// Linearizable tests a type: it generates scenarios, small programs of several goroutines that call
// its operations, explores the schedules of each, and judges the results of every run: there must
// be an order of the operations, in which those that were over before others began come first, in
// which the specification gives the same results. Besides, everything that [Check] finds is a
// failure. A failure is made as small as possible, scenario and schedule, and reported with a
// table.
//
//	func TestQueue(t *testing.T) {
//		explore.Linearizable(t, explore.Type[*Queue]{New: NewQueue})
//	}
func Linearizable[T any](t testing.TB, c Type[T]) *Report {
	t.Helper()
	ops, err := c.operations()
	if err != nil {
		t.Fatal(err)
	}
	o := c.Options.withDefaults()
	if !instrumented() {
		return elsewhere(t, o)
	}
	return c.tester(ops).run(t, o)
}

// tester makes what tests the type.
func (c *Type[T]) tester(ops []operation) *tester {
	instance := func() any { return c.New() }
	te := &tester{ops: ops, instance: instance, seed: c.Seed,
		threads: max(c.Threads, 2), perThread: c.PerThread, scenarios: c.Scenarios,
		custom: c.Custom}
	if c.PerThread == 0 {
		te.perThread = 2
	}
	if c.Scenarios == 0 {
		te.scenarios = 60
	}
	sequential := instance
	if c.Sequential != nil {
		sequential = c.Sequential
	}
	te.spec = newSpecification(c.Model, sequential)
	if c.Model != nil {
		te.spec.instance = nil
	}
	if c.Invariant != nil {
		te.invariant = func(x any) error { return c.Invariant(x.(T)) }
	}
	if c.Observe != nil {
		do := func(x any, _ []any) []any { return c.Observe(x.(T)) }
		te.observe = &step{op: &operation{name: "Observe", do: do, sequential: do}}
	}
	if c.Cleanup != nil {
		te.cleanup = func(x any) { c.Cleanup(x.(T)) }
		te.spec.cleanup = te.cleanup
	}
	return te
}

// tester tests a type.
type tester struct {
	ops                           []operation
	instance                      func() any
	spec                          *specification
	invariant                     func(any) error
	observe                       *step
	cleanup                       func(any)
	threads, perThread, scenarios int
	seed                          uint64
	custom                        []string

	history []*done // of the last run
	root    any     // its instance
	clock   int64
}

func (te *tester) run(t testing.TB, o Options) *Report {
	t.Helper()
	e := &explorer{o: o, deadline: time.Now().Add(o.Duration),
		report: &Report{Search: o.Search.String()}}
	var found *Finding
	if env, ok := os.LookupEnv(Replay); ok {
		found = te.replay(t, e, env)
		if found == nil {
			t.Logf("nothing goes wrong in %s", env)
			return e.report
		}
		fail(t, o, found, e.report)
	}
	next, err := te.scenariosToRun()
	if err != nil {
		t.Fatal(err)
	}
	sched.Exclusive(func() {
		for sc := next(); sc != nil && !e.report.Cut; sc = next() {
			if r := te.explore(e, sc); r != nil {
				found = te.smallest(e, sc, r)
				return
			}
		}
	})
	e.finish()
	if found != nil {
		fail(t, o, found, e.report)
	}
	t.Log(e.report)
	return e.report
}

// scenariosToRun returns a function that returns one scenario after the other, and nil after the
// last. The error is a *SyntaxError.
func (te *tester) scenariosToRun() (func() *scenario, error) {
	if len(te.custom) == 0 {
		g := &generator{ops: te.ops, threads: te.threads, perThread: te.perThread,
			rng: rand.New(rand.NewPCG(te.seed, 1)), seen: map[string]bool{}}
		left := te.scenarios
		return func() *scenario {
			if left--; left < 0 {
				return nil
			}
			return g.next()
		}, nil
	}
	var list []*scenario
	for _, text := range te.custom {
		sc, err := parseScenario(text, allSteps(te.ops))
		if err != nil {
			return nil, err
		}
		list = append(list, sc)
	}
	return func() (sc *scenario) {
		if len(list) > 0 {
			sc, list = list[0], list[1:]
		}
		return sc
	}, nil
}

// explore explores a scenario.
func (te *tester) explore(e *explorer, sc *scenario) *sched.Result {
	e.after = te.after
	te.spec.memo = map[string]bool{} // signatures do not name the operations
	return e.explore(te.main(sc), te.judge)
}

// after cleans up after a run.
func (te *tester) after() {
	if te.cleanup != nil && te.root != nil {
		te.cleanup(te.root)
	}
}

// replay runs a scenario in a schedule: "scenario@schedule".
func (te *tester) replay(t testing.TB, e *explorer, env string) (found *Finding) {
	t.Helper()
	i := strings.LastIndex(env, "@")
	if i < 0 {
		t.Fatalf("explore: %s is %q, want scenario@schedule", Replay, env)
	}
	sc, err := parseScenario(env[:i], allSteps(te.ops))
	if err != nil {
		t.Fatal(err)
	}
	s, err := strategy.ParseSchedule(env[i+1:])
	if err != nil {
		t.Fatal(err)
	}
	o := e.o.run()
	o.Trace = true
	sched.Exclusive(func() {
		r := sched.Run(te.main(sc), sched.Follow(strategy.Replay(s)), o)
		if r.Failure == nil {
			r.Failure = te.judge()
		}
		if r.Failure != nil {
			found = te.finding(sc, &Finding{result: r})
		}
	})
	return found
}

// smallest looks for a smaller scenario that fails in the same way, and for a simple schedule of
// it.
func (te *tester) smallest(e *explorer, sc *scenario, r *sched.Result) *Finding {
	kind := r.Failure.Kind
	small := &explorer{o: e.o, report: &Report{}, deadline: time.Now().Add(e.o.Duration)}
	small.o.Schedules = min(small.o.Schedules, 3000)
again:
	for _, c := range sc.smaller() {
		if f := te.explore(small, c); f != nil && f.Failure.Kind == kind {
			sc, r = c, f
			goto again
		}
	}
	return te.finding(sc, e.simplest(te.main(sc), r, te.judge))
}

// finding adds what is known of the scenario.
func (te *tester) finding(sc *scenario, f *Finding) *Finding {
	f.root = te.root
	f.replay = sc.String() + "@" + f.result.Choices.String()
	var b strings.Builder
	line := func(name string, from, to int64, client int) {
		var parts []string
		for _, d := range te.history {
			if d.client == client && d.call >= from && d.call < to {
				out := "…"
				if d.ended {
					if out = d.text; out == "" {
						out = "returns"
					}
				}
				parts = append(parts, fmt.Sprintf("%v → %s", d.step, out))
			}
		}
		if len(parts) > 0 {
			fmt.Fprintf(&b, "  %-7s %s\n", name+":", strings.Join(parts, "; "))
		}
	}
	middle := int64(len(sc.before)) * 2
	line("first", 0, middle, 0)
	for i := range sc.threads {
		line(threadName(i), 0, never, i+1)
	}
	line("then", middle, never, 0)
	f.scenario = strings.TrimRight(b.String(), "\n")
	return f
}

const never = int64(1) << 62

func threadName(i int) string {
	if i < 26 {
		return string(rune('A' + i))
	}
	return fmt.Sprint("T", i)
}

// main is the program of a scenario.
func (te *tester) main(sc *scenario) func(t *sched.Task) {
	return func(t *sched.Task) {
		te.history, te.clock, te.root = te.history[:0:0], 0, nil
		x := te.instance()
		te.root = x
		for _, s := range sc.before {
			te.do(t, x, s, 0)
		}
		tasks := make([]*sched.Task, len(sc.threads))
		for i, steps := range sc.threads {
			tasks[i] = t.Go(threadName(i), func() {
				me := tasks[i]
				kind := sched.Call
				for _, s := range steps {
					me.Point(sched.Op{Kind: kind, Name: "call", Quiet: true})
					te.do(me, x, s, i+1)
					kind = sched.Between
				}
				me.Point(sched.Op{Kind: sched.Return, Name: "return", Quiet: true})
			})
		}
		t.Await("join", tasks...)
		for _, s := range sc.after {
			te.do(t, x, s, 0)
		}
		if te.observe != nil {
			te.do(t, x, *te.observe, 0)
		}
		if te.invariant != nil {
			if err := te.invariant(x); err != nil {
				t.Failf("the invariant does not hold: %v", err)
			}
		}
	}
}

// do performs an operation and notes it.
func (te *tester) do(t *sched.Task, x any, s step, client int) {
	d := &done{step: s, client: client, call: te.clock, result: never}
	te.clock++
	te.history = append(te.history, d)
	if t.Tracing() {
		t.Mark(s.String(), "")
	}
	d.out = perform(s.op.do, x, s.args)
	if t.Over() {
		return
	}
	d.text = describeAll(d.out)
	d.result, d.ended = te.clock, true
	te.clock++
	if t.Tracing() {
		t.Mark(s.op.name+" returns", d.text)
	}
}

// judge finds fault with the history of a run in which nothing else went wrong.
func (te *tester) judge() *sched.Failure {
	if te.spec.right(te.history) {
		return nil
	}
	for _, d := range te.history {
		if len(d.out) == 1 {
			if p, ok := d.out[0].(Panicked); ok {
				return &sched.Failure{Kind: NotLinearizable, Message: fmt.Sprintf(
					"%v panics, which it does in no order of the operations: %s", d.step, p.Value)}
			}
		}
	}
	return &sched.Failure{Kind: NotLinearizable,
		Message: "no order of the operations explains their results"}
}
