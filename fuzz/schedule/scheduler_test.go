package schedule_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lockstep-wasm/lockstep/fuzz/schedule"
	"github.com/lockstep-wasm/lockstep/linker/coord"
)

// straight interrupts no task.
func straight() schedule.Strategy { return schedule.Replay(nil) }

func TestDeadlockIsReportedWithItsPicture(t *testing.T) {
	unwound := 0
	program := func(s *schedule.Scheduler) {
		for _, name := range []string{"a", "b"} {
			s.Go(name, func() {
				defer func() { unwound++ }()
				s.Until("the other", func() bool { return false })
			})
		}
		s.Go("c", func() {})
		s.WaitsFor(func() []schedule.Edge {
			return []schedule.Edge{{From: "a", To: "b", Why: "x"}, {From: "b", To: "a", Why: "y"}}
		})
		s.Describe(func() string { return "all is lost" })
	}
	f := schedule.Run(program, straight(), schedule.Options{}).Failure
	if f == nil || f.Kind != schedule.Deadlock {
		t.Fatalf("%v, want a deadlock", f)
	}
	text := f.Report("again")
	for _, want := range []string{
		"a waits for: the other", "b waits for: the other", "a waits for b: x", "b waits for a: y",
		"flowchart LR", `n0["a"]`, `n0 -- "x" --> n1`, `n1 -- "y" --> n0`, "all is lost",
		"to run it again: again",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the report lacks %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "c waits") {
		t.Errorf("a task that has ended is in the report:\n%s", text)
	}
	if unwound != 2 {
		t.Errorf("%d tasks were unwound, want 2", unwound)
	}
}

func TestMutexDeadlockIsReported(t *testing.T) {
	f := schedule.Run(func(s *schedule.Scheduler) {
		mu := s.Notified().Mutex()
		s.Go("greedy", func() {
			mu.Lock()
			s.Until("nothing", func() bool { return false })
		})
		s.Go("patient", func() {
			mu.Lock()
			defer mu.Unlock()
			s.Failf("the mutex was held twice")
		})
	}, straight(), schedule.Options{}).Failure
	if f == nil || f.Kind != schedule.Deadlock ||
		!strings.Contains(f.Report(""), "patient waits for greedy: mutex") {
		t.Fatalf("%v, want a deadlock on the mutex", f)
	}
}

func TestLivelockIsReportedWithTheNumberOfStates(t *testing.T) {
	f := schedule.Run(func(s *schedule.Scheduler) {
		state := 0
		s.StateKey(func() string { return fmt.Sprint(state) })
		for i := range 2 {
			s.Go(fmt.Sprint(i), func() {
				for {
					state = (state + 1) % 3
					s.Pass()
				}
			})
		}
	}, straight(), schedule.Options{MaxSteps: 500}).Failure
	if f == nil || f.Kind != schedule.Livelock || !strings.Contains(f.Message, "500 steps") ||
		!strings.Contains(f.Message, "3 states") {
		t.Fatalf("%v, want a livelock of 3 states", f)
	}
}

func TestPanicIsAFailureOfTheRun(t *testing.T) {
	cleaned := false
	f := schedule.Run(func(s *schedule.Scheduler) {
		s.Go("bystander", func() {
			defer func() { cleaned = true }()
			s.Until("nothing", func() bool { return false })
		})
		s.Go("bad", func() { panic("boom") })
	}, straight(), schedule.Options{}).Failure
	if f == nil || f.Kind != schedule.Panic || !strings.Contains(f.Message, "bad panicked: boom") ||
		!strings.Contains(f.Message, "scheduler_test.go") {
		t.Fatalf("%v, want the panic with its stack", f)
	}
	if !cleaned {
		t.Error("the other task was not unwound")
	}
}

// What draws from rapid ends a run by a panic when the data are used up.
func TestStrategyMayPanic(t *testing.T) {
	unwound, drawn := 0, 0
	defer func() {
		if v := recover(); v != "enough" || unwound != 2 {
			t.Errorf("recovered %v, %d tasks unwound", v, unwound)
		}
	}()
	schedule.Run(func(s *schedule.Scheduler) {
		for i := range 2 {
			s.Go(fmt.Sprint(i), func() {
				defer func() { unwound++ }()
				s.Yield()
			})
		}
	}, schedule.Drawn(func(int) int {
		if drawn++; drawn > 2 {
			panic("enough")
		}
		return drawn - 1 // start one, then the other
	}), schedule.Options{})
}

func TestProgramThatChangesIsReported(t *testing.T) {
	runs := 0
	r := schedule.Explore(func(s *schedule.Scheduler) {
		runs++
		for i := range 1 + runs {
			s.Go(fmt.Sprint(i), func() {})
		}
	}, schedule.DepthFirst(schedule.Unbounded, 0), schedule.Options{})
	if r.Failure == nil || r.Failure.Kind != schedule.Diverged {
		t.Errorf("%v, want a program that diverged", r.Failure)
	}
}

// Time passes when no task can run, in order, however long the sleeps are.
func TestTimeIsVirtual(t *testing.T) {
	var order []string
	r := schedule.Run(func(s *schedule.Scheduler) {
		for _, d := range []time.Duration{24 * time.Hour, time.Minute} {
			s.Go(d.String(), func() {
				if err := s.Sleep(context.Background(), d); err != nil {
					s.Failf("%v", err)
				}
				order = append(order, s.Now().String())
			})
		}
	}, straight(), schedule.Options{})
	want := []string{"1m0s", "24h0m0s"}
	if r.Failure != nil || !slices.Equal(order, want) {
		t.Errorf("%v, %v; want %v", order, r.Failure, want)
	}
}

func TestDeadlinesAreVirtual(t *testing.T) {
	r := schedule.Run(func(s *schedule.Scheduler) {
		s.Go("a", func() {
			ctx, cancel := s.WithTimeout(context.Background(), time.Hour)
			defer cancel()
			child, stop := context.WithCancel(ctx)
			defer stop()
			if when, ok := ctx.Deadline(); !ok || when.Sub(time.Time{}) != time.Hour {
				s.Failf("the deadline is %v, %v", when, ok)
			}
			if err := s.Sleep(ctx, 24*time.Hour); !errors.Is(err, context.DeadlineExceeded) ||
				s.Now() != time.Hour {
				s.Failf("%v after %v", err, s.Now())
			}
			if child.Err() == nil || context.Cause(child) != context.DeadlineExceeded {
				s.Failf("the child's error is %v because of %v", child.Err(), context.Cause(child))
			}
			early, cancelEarly := s.WithTimeout(context.Background(), time.Hour)
			cancelEarly()
			if early.Err() != context.Canceled {
				s.Failf("a context that was cancelled in time: %v", early.Err())
			}
			if err := s.Sleep(context.Background(), 10*time.Hour); err != nil ||
				s.Now() != 11*time.Hour || early.Err() != context.Canceled {
				s.Failf("%v, %v, %v", err, s.Now(), early.Err())
			}
		})
	}, straight(), schedule.Options{})
	if r.Failure != nil {
		t.Fatal(r.Failure)
	}
}

// With eager timers, a time-out may come before work that is ready to be done.
func TestEagerTimersAreChoices(t *testing.T) {
	for _, eager := range []bool{false, true} {
		outcomes := map[bool]bool{}
		r := schedule.Explore(func(s *schedule.Scheduler) {
			ctx, cancel := s.WithTimeout(context.Background(), time.Second)
			s.Go("worker", func() {
				defer cancel()
				s.Yield()
				outcomes[ctx.Err() != nil] = true
			})
		}, schedule.DepthFirst(schedule.Unbounded, 0), schedule.Options{EagerTimers: eager})
		if r.Failure != nil || !outcomes[false] || outcomes[true] != eager {
			t.Errorf("eager %v: %v, %v", eager, outcomes, r.Failure)
		}
	}
}

// pair waits with one waiter for another task's wake-up, as the coordinator does.
func pair(waiting coord.Waiting, s *schedule.Scheduler, ctx context.Context, wake bool) {
	mu := waiting.Mutex()
	there := false
	var waiters []coord.Waiter
	s.Go("waiter", func() {
		mu.Lock()
		defer mu.Unlock()
		w := waiting.Waiter()
		waiters = append(waiters, w)
		for !there && ctx.Err() == nil {
			mu.Unlock()
			_ = w.Wait(ctx)
			mu.Lock()
		}
		waiters = nil
	})
	s.Go("waker", func() {
		mu.Lock()
		defer mu.Unlock()
		there = true
		for _, w := range waiters {
			if wake {
				w.Wake()
			}
		}
	})
}

func TestLostWakeUpIsADeadlockForWhoIsNotified(t *testing.T) {
	explore := func(wake bool, strategy func(s *schedule.Scheduler) coord.Waiting) schedule.Report {
		return schedule.Explore(func(s *schedule.Scheduler) {
			pair(strategy(s), s, context.Background(), wake)
		}, schedule.DepthFirst(schedule.Unbounded, 10_000), schedule.Options{})
	}
	notified := (*schedule.Scheduler).Notified
	polling := func(s *schedule.Scheduler) coord.Waiting {
		return s.Polling(coord.Backoff{Spins: 1, Yields: 1, InitialSleep: time.Second,
			MaxSleep: time.Second})
	}
	if r := explore(true, notified); r.Failure != nil || !r.Exhausted {
		t.Errorf("with wake-ups: %v, exhausted %v", r.Failure, r.Exhausted)
	}
	if r := explore(false, notified); r.Failure == nil || r.Failure.Kind != schedule.Deadlock {
		t.Errorf("without wake-ups: %v, want a deadlock", r.Failure)
	}
	if r := explore(false, polling); r.Failure != nil || !r.Exhausted {
		t.Errorf("polling needs no wake-ups: %v, exhausted %v", r.Failure, r.Exhausted)
	}
}

// A cancelled context ends a wait at every point at which it can be cancelled.
func TestCancelEndsAWait(t *testing.T) {
	r := schedule.Explore(func(s *schedule.Scheduler) {
		ctx, cancel := context.WithCancel(context.Background())
		pair(s.Notified(), s, ctx, false)
		s.Go("canceller", cancel)
	}, schedule.DepthFirst(schedule.Unbounded, 0), schedule.Options{})
	if r.Failure != nil || !r.Exhausted {
		t.Errorf("%v, exhausted %v", r.Failure, r.Exhausted)
	}
}

func TestWakingAForgottenWaiterIsAFailure(t *testing.T) {
	r := schedule.Run(func(s *schedule.Scheduler) {
		waiting := s.Notified()
		var w coord.Waiter
		s.Go("waiter", func() { w = waiting.Waiter() })
		s.Go("waker", func() { w.Wake() })
	}, straight(), schedule.Options{})
	if r.Failure == nil || r.Failure.Kind != schedule.Broken ||
		!strings.Contains(r.Failure.Message, "waiter is woken for a wait that is over") {
		t.Errorf("%v", r.Failure)
	}
}

func TestMutexExcludes(t *testing.T) {
	r := schedule.Explore(func(s *schedule.Scheduler) {
		var mu sync.Locker = s.Notified().Mutex()
		inside := 0
		for i := range 2 {
			s.Go(fmt.Sprint(i), func() {
				mu.Lock()
				defer mu.Unlock()
				inside++
				s.Yield()
				if inside != 1 {
					s.Failf("%d inside", inside)
				}
				inside--
			})
		}
	}, schedule.DepthFirst(schedule.Unbounded, 0), schedule.Options{})
	if r.Failure != nil || !r.Exhausted || r.Schedules < 2 {
		t.Errorf("%v, exhausted %v after %d", r.Failure, r.Exhausted, r.Schedules)
	}
}

// A failing check prints the schedule, the trace and the command; the command's variable runs it.
func TestCheckPrintsHowToRunItAgain(t *testing.T) {
	failing := &recordingTB{TB: t}
	check := func() {
		defer func() { _ = recover() }()
		schedule.Check(failing, lossy(2), schedule.Random(3, 1000), schedule.Options{})
	}
	check()
	_, rest, ok := strings.Cut(failing.text.String(), schedule.Variable+"='")
	found, _, _ := strings.Cut(rest, "'")
	want := schedule.Variable + "='" + found +
		"' go test -count=1 -run '^TestRecorded$' github.com/lockstep-wasm/lockstep/fuzz/schedule"
	if !failing.failed || !ok || !strings.Contains(failing.text.String(), want) {
		t.Fatalf("it printed:\n%s\nwant %s", failing.text.String(), want)
	}
	t.Setenv(schedule.Variable, found)
	failing.text.Reset()
	check()
	if !strings.Contains(failing.text.String(), "run 1: broken: the counter is 1") ||
		!strings.Contains(failing.text.String(), "after yield") {
		t.Errorf("run again, it printed:\n%s", failing.text.String())
	}
	t.Setenv(schedule.Variable, "nonsense")
	failing.text.Reset()
	check()
	if !strings.Contains(failing.text.String(), "no schedule") {
		t.Errorf("a bad schedule: %s", failing.text.String())
	}
	if got := schedule.Rerun("TestA/b.c+(d)", "p", nil); got != schedule.Variable+
		`='0' go test -count=1 -run '^TestA$/^b\.c\+\(d\)$' p` {
		t.Errorf("the command is %s", got)
	}
}

func BenchmarkRun(b *testing.B) {
	for _, tasks := range []int{2, 4} {
		b.Run(fmt.Sprint(tasks, " tasks of 8 pieces"), func(b *testing.B) {
			pieces := slices.Repeat([]int{8}, tasks)
			source := schedule.Random(1, b.N)
			steps := 0
			for b.Loop() {
				strategy := source.Next()
				if strategy == nil {
					source = schedule.Random(1, 1<<30)
					strategy = source.Next()
				}
				steps += schedule.Run(interleaved(pieces...), strategy, schedule.Options{}).Steps
			}
			b.ReportMetric(float64(steps)/b.Elapsed().Seconds(), "steps/s")
		})
	}
}
