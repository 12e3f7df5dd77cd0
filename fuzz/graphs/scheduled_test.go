package graphs_test

import (
	"context"
	"errors"
	"flag"
	"strconv"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/lockstep-wasm/lockstep/fuzz/schedule"
)

// Random graphs and programs under random schedules. rapid draws all three, so that what fails
// shrinks to a small graph, a small program and a schedule with few interruptions.
func TestGraphsScheduled(t *testing.T) {
	e := newEngine(t)
	total := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		p := drawTasks(t, 4, 3, 8)
		next := func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "next") }
		var w *world
		defer func() {
			if w != nil { // the tasks of a run that failed have stopped anywhere
				_ = w.rt.Close(e.ctx)
			}
		}()
		r := schedule.Run(e.scheduled(p, &w, total), schedule.Drawn(next),
			schedule.Options{Coarse: true})
		if r.Failure != nil {
			t.Fatalf("%v\n%s", p, r.Failure.Report(""))
		}
	})
	happened(t, total, "open", "close", "unload", "call", "symbol")
}

// scheduled is a program under the scheduler.
func (e *engine) scheduled(p program, made **world, total map[string]int) schedule.Program {
	return func(s *schedule.Scheduler) {
		must := func(err error) {
			if err != nil {
				s.Failf("%v", err)
			}
		}
		w, tasks, err := e.start(p, s.Notified())
		*made = w
		must(err)
		for i, task := range tasks {
			s.Go("g"+string(rune('1'+i)), func() {
				for _, a := range p.tasks[i] {
					s.Logf("%v", a)
					if err := task.do(a); err != nil {
						s.Failf("task %d, %v: %v", i+1, a, err)
					}
				}
			})
		}
		s.Finally(func() {
			must(w.rest(tasks))
			must(w.close())
			add(total, tasks)
		})
	}
}

// Random graphs and programs with real goroutines: run it with -race. Every result is judged while
// it happens, since it does not depend on the others, and the whole image when all have ended.
func TestGraphsConcurrently(t *testing.T) {
	e := newEngine(t)
	total := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		p := drawTasks(t, 6, 6, 10)
		w, tasks, err := e.start(p, nil)
		if err != nil {
			t.Fatalf("%v\n%v", err, p)
		}
		errs := make([]error, len(tasks))
		var wg sync.WaitGroup
		for i, task := range tasks {
			task.cancel = func(c context.CancelFunc) { go c() }
			wg.Go(func() {
				for _, a := range p.tasks[i] {
					if err := task.do(a); err != nil {
						errs[i] = errors.Join(errs[i], err)
					}
				}
			})
		}
		wg.Wait()
		if err := errors.Join(errors.Join(errs...), w.l.Err()); err != nil {
			t.Fatalf("%v\n%v", err, p)
		}
		if err := errors.Join(w.rest(tasks), w.close()); err != nil {
			t.Fatalf("at rest: %v\n%v", err, p)
		}
		add(total, tasks)
	})
	happened(t, total, "open", "close", "unload", "call", "symbol")
}

// add counts what tasks have done.
func add(total map[string]int, tasks []*task) {
	for _, t := range tasks {
		for what, n := range t.w.counts {
			total[what] += n
		}
	}
}

// happened sees to it that a suite has done what it is there for, if it was not told to do less
// than usual.
func happened(t *testing.T, total map[string]int, wanted ...string) {
	t.Helper()
	t.Logf("what happened: %v", total)
	const usual = 100 // of rapid
	checks, err := strconv.Atoi(flag.Lookup("rapid.checks").Value.String())
	if err != nil || checks < usual || t.Failed() {
		return
	}
	for _, what := range wanted {
		if total[what] == 0 {
			t.Errorf("%s has not happened once", what)
		}
	}
}
