package schedule_test

import (
	"flag"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lockstep-wasm/lockstep/fuzz/schedule"
)

// interleaved has tasks of so many pieces each.
func interleaved(pieces ...int) schedule.Program {
	return func(s *schedule.Scheduler) {
		for i, n := range pieces {
			s.Go(fmt.Sprint(i), func() {
				for range n - 1 {
					s.Yield()
				}
			})
		}
	}
}

// The number of interleavings is known.
func TestDepthFirstIsExhaustive(t *testing.T) {
	for _, c := range []struct {
		pieces []int
		bound  int
		want   int
	}{
		{[]int{1, 1}, schedule.Unbounded, 2},
		{[]int{2, 2}, schedule.Unbounded, 6},     // 4 over 2
		{[]int{3, 3}, schedule.Unbounded, 20},    // 6 over 3
		{[]int{2, 2, 2}, schedule.Unbounded, 90}, // 6! / 2!2!2!
		{[]int{5, 5}, schedule.Unbounded, 252},
		{[]int{5, 5}, 0, 2},     // one after the other
		{[]int{5, 5}, 1, 2 + 8}, // one interruption: at each of four points, by either
		{[]int{5, 5}, 99, 252},  // a bound that bounds nothing
		{[]int{1, 1, 1}, 0, 6},  // orders
		{[]int{}, 0, 1},         // nothing to run is one way to run it
		{[]int{7}, schedule.Unbounded, 1},
	} {
		r := schedule.Explore(interleaved(c.pieces...), schedule.DepthFirst(c.bound, 0),
			schedule.Options{})
		if r.Schedules != c.want || !r.Exhausted || r.Failure != nil {
			t.Errorf("%v, bound %d: %d schedules, exhausted %v, failure %v; want %d", c.pieces,
				c.bound, r.Schedules, r.Exhausted, r.Failure, c.want)
		}
	}
	r := schedule.Explore(interleaved(5, 5), schedule.DepthFirst(schedule.Unbounded, 100),
		schedule.Options{})
	if r.Schedules != 100 || r.Exhausted {
		t.Errorf("%d schedules, exhausted %v; want 100 and more to come", r.Schedules, r.Exhausted)
	}
}

// A task that polls for another has finitely many schedules within a bound.
func TestPollingIsFiniteWithinABound(t *testing.T) {
	program := func(s *schedule.Scheduler) {
		done := false
		s.Go("worker", func() {
			s.Yield()
			done = true
		})
		s.Go("poller", func() {
			for !done {
				s.Pass()
			}
		})
	}
	for bound, want := range map[int]int{0: 2, 1: 5, 2: 9} {
		r := schedule.Explore(program, schedule.DepthFirst(bound, 1000), schedule.Options{})
		if r.Failure != nil || !r.Exhausted || r.Schedules != want {
			t.Errorf("bound %d: %d schedules, all of them %v, %v; want %d", bound, r.Schedules,
				r.Exhausted, r.Failure, want)
		}
	}
}

// A bound of n interruptions is exact: what needs n+1 is not found with n.
func TestPreemptionBoundIsExact(t *testing.T) {
	// Fails exactly when a is interrupted after each of its first two pieces.
	program := func(s *schedule.Scheduler) {
		turn, hits := 0, 0
		s.Go("a", func() {
			for range 2 {
				before := turn
				s.Yield()
				if turn > before {
					hits++
				}
			}
			if hits == 2 {
				s.Failf("twice")
			}
		})
		s.Go("b", func() {
			turn++
			s.Yield()
			turn++
		})
	}
	for bound, want := range map[int]bool{0: false, 1: false, 2: false, 3: true} {
		r := schedule.Explore(program, schedule.DepthFirst(bound, 0), schedule.Options{})
		if found := r.Failure != nil; found != want {
			t.Errorf("bound %d: found %v, want %v (%v)", bound, found, want, r.Failure)
		}
	}
}

// lossy adds to a counter in two steps, so that additions can be lost.
func lossy(tasks int) schedule.Program {
	return func(s *schedule.Scheduler) {
		counter := 0
		for i := range tasks {
			s.Go(fmt.Sprint("t", i), func() {
				for range 3 {
					s.Yield()
				}
				seen := counter
				s.Yield()
				counter = seen + 1
			})
		}
		s.Finally(func() {
			if counter != tasks {
				s.Failf("the counter is %d, want %d", counter, tasks)
			}
		})
	}
}

func TestEveryStrategyFindsALostUpdate(t *testing.T) {
	for name, source := range map[string]schedule.Source{
		"random":      schedule.Random(1, 1000),
		"pct":         schedule.PCT(1, 1000, 2),
		"depth first": schedule.DepthFirst(1, 0),
	} {
		t.Run(name, func(t *testing.T) {
			r := schedule.Explore(lossy(3), source, schedule.Options{})
			if r.Failure == nil {
				t.Fatalf("not found in %d schedules", r.Schedules)
			}
			again := schedule.Run(lossy(3), schedule.Replay(r.Failure.Schedule), schedule.Options{})
			if again.Failure == nil || again.Failure.Message != r.Failure.Message ||
				again.Schedule.String() != r.Failure.Schedule.String() {
				t.Errorf("replayed: %v, want %v", again.Failure, r.Failure)
			}
			small := schedule.Shrink(lossy(3), r.Failure, schedule.Options{}, 1000)
			// One interruption is enough; and it is needed.
			if n := strings.Count(small.Schedule.String(), ":"); n != 1 || len(small.Trace) == 0 {
				t.Errorf("shrunk to %s with a trace of %d lines, want one switch", small.Schedule,
					len(small.Trace))
			}
		})
	}
}

func TestSeedsRepeat(t *testing.T) {
	for name, source := range map[string]func(seed uint64) schedule.Source{
		"random": func(seed uint64) schedule.Source { return schedule.Random(seed, 20) },
		"pct":    func(seed uint64) schedule.Source { return schedule.PCT(seed, 20, 3) },
	} {
		schedules := func(seed uint64) (all []string) {
			src := source(seed)
			for st := src.Next(); st != nil; st = src.Next() {
				all = append(all, schedule.Run(interleaved(4, 4, 4), st,
					schedule.Options{}).Schedule.String())
			}
			return all
		}
		a, b, other := fmt.Sprint(schedules(7)), fmt.Sprint(schedules(7)), fmt.Sprint(schedules(8))
		if a != b || a == other {
			t.Errorf("%s: seed 7 gave\n%s\nthen\n%s\nand seed 8\n%s", name, a, b, other)
		}
	}
}

// Choices that rapid draws shrink with the program. rapid prefers few draws to few
// switches, and stops shrinking after a while.
func TestDrawnChoicesShrinkWithTheProgram(t *testing.T) {
	t.Chdir(t.TempDir()) // rapid keeps what fails in a file
	seed := flag.Lookup("rapid.seed")
	old := seed.Value.String()
	t.Cleanup(func() { _ = seed.Value.Set(old) })
	best, fewest := 4, 1000
	for n := range 6 { // a single search may stop at three tasks
		if err := seed.Value.Set(strconv.Itoa(n + 1)); err != nil {
			t.Fatal(err)
		}
		tasks, switches := shrunk(t)
		if tasks < best || tasks == best && switches < fewest {
			best, fewest = tasks, switches
		}
	}
	if best != 2 || fewest > 4 {
		t.Errorf("shrunk to %d tasks, %d switches", best, fewest)
	}
}

// shrunk lets rapid find a program that loses something, and tells how small it made it.
func shrunk(t *testing.T) (tasks, switches int) {
	found := func(t *rapid.T) bool {
		tasks = rapid.IntRange(1, 4).Draw(t, "tasks")
		r := schedule.Run(lossy(tasks),
			schedule.Drawn(func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "next") }),
			schedule.Options{})
		if r.Failure != nil {
			switches = strings.Count(r.Schedule.String(), ":")
		}
		return r.Failure != nil
	}
	failing := &recordingTB{TB: t}
	func() {
		defer func() { _ = recover() }()
		rapid.Check(failing, func(t *rapid.T) {
			if found(t) {
				t.Fatal("lost")
			}
		})
	}()
	if !failing.failed {
		t.Error("rapid found nothing")
	}
	return tasks, switches
}

// recordingTB notes a failure instead of failing.
type recordingTB struct {
	testing.TB
	failed bool
	text   strings.Builder
}

type stopped struct{}

func (r *recordingTB) Helper()      {}
func (r *recordingTB) Name() string { return "TestRecorded" }
func (r *recordingTB) Logf(format string, args ...any) {
	fmt.Fprintf(&r.text, format+"\n", args...)
}
func (r *recordingTB) Log(args ...any)   { fmt.Fprintln(&r.text, args...) }
func (r *recordingTB) Error(args ...any) { r.Log(args...); r.failed = true }
func (r *recordingTB) Errorf(format string, args ...any) {
	r.Logf(format, args...)
	r.failed = true
}
func (r *recordingTB) Fatal(args ...any) { r.Error(args...); panic(stopped{}) }
func (r *recordingTB) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	panic(stopped{})
}
func (r *recordingTB) FailNow()     { r.failed = true; panic(stopped{}) }
func (r *recordingTB) Fail()        { r.failed = true }
func (r *recordingTB) Failed() bool { return r.failed }
