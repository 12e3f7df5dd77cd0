package explore

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-wasm/lockstep/lincheck/explore/internal/sched"
	"github.com/lockstep-wasm/lockstep/lincheck/explore/strategy"
)

// Report is what an exploration has done.
type Report struct {
	Search      string
	Scenarios   int  // programs that were explored: 1, unless scenarios are generated
	Schedules   int  // runs, those that were no repetitions
	Repetitions int  // runs that were ended when they turned out to repeat others
	Steps       int  // of all runs
	Exhausted   int  // scenarios of which every schedule that the search is about was run
	Cut         bool // the time was up
	Failed      bool // a run went wrong, which ended the exploration
	Took        time.Duration
}

// String says it in a line.
func (r *Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "explored ")
	if r.Scenarios != 1 {
		fmt.Fprintf(&b, "%d scenarios, ", r.Scenarios)
	}
	fmt.Fprintf(&b, "%d schedules", r.Schedules)
	if r.Repetitions > 0 {
		fmt.Fprintf(&b, " (and %d repetitions)", r.Repetitions)
	}
	if s := r.Took.Seconds(); s > 0 {
		fmt.Fprintf(&b, ", %d operations, in %v: %.0f schedules/s", r.Steps,
			r.Took.Round(time.Millisecond),
			float64(r.Schedules+r.Repetitions)/s)
	}
	switch {
	case r.Failed:
	case r.Scenarios > 0 && r.Exhausted == r.Scenarios:
		b.WriteString("; exhausted")
	case r.Scenarios > 1:
		fmt.Fprintf(&b, "; %d of %d exhausted", r.Exhausted, r.Scenarios)
	default:
		b.WriteString("; not exhausted")
	}
	if r.Cut {
		b.WriteString("; the time was up")
	}
	if r.Search != "" {
		fmt.Fprintf(&b, " [%s]", r.Search)
	}
	return b.String()
}

// explorer explores the programs of one test.
type explorer struct {
	o        Options
	deadline time.Time
	report   *Report
	started  time.Time
	told     time.Time // when it was last said how far it is
	after    func()    // called after each run; nil: nothing
}

// ran is called after each run, when it was judged.
func (e *explorer) ran() {
	if e.after != nil {
		e.after()
	}
}

func (e *explorer) finish() { e.report.Took = time.Since(e.started) }

// tellEvery is how often a test that is run with -v says how far it is.
const tellEvery = 5 * time.Second

// soFar begins the lines that say how far a test is.
const soFar = "explore: so far "

// tell says now and then how far the exploration is.
func (e *explorer) tell() {
	now := time.Now()
	if e.told.IsZero() {
		e.told = now
	}
	if testing.Verbose() && now.Sub(e.told) >= tellEvery {
		e.told = now
		r := *e.report
		r.Took, r.Failed = now.Sub(e.started), true // whether it is exhausted is not known yet
		fmt.Fprintf(os.Stderr, "%s%v\n", soFar, &r)
	}
}

// explore runs a program in many schedules, and returns the first run that failed. judge may find
// fault with a run in which nothing went wrong; nil: it has nothing to say.
func (e *explorer) explore(main func(t *sched.Task),
	judge func() *sched.Failure) (failed *sched.Result) {
	if e.started.IsZero() {
		e.started = time.Now()
	}
	e.report.Scenarios++
	search := e.o.Search.search(e.o.Schedules)
	sched.Explore(main, search, e.o.run(), func(r *sched.Result) bool {
		defer e.ran()
		e.report.Steps += r.Steps
		if r.Pruned {
			e.report.Repetitions++
		} else {
			e.report.Schedules++
			if r.Failure == nil && judge != nil {
				r.Failure = judge()
			}
			if r.Failure != nil {
				failed = r
				return false
			}
		}
		e.tell()
		if time.Now().After(e.deadline) {
			e.report.Cut = true
			return false
		}
		return true
	})
	e.report.Failed = failed != nil
	if failed == nil && search.Exhausted() {
		e.report.Exhausted++
	}
	return failed
}

// Limits of the search for a simpler failure.
const (
	shrinkRuns  = 4000
	boundedRuns = 3000
)

// simplest looks for a schedule that fails in the same way with as few interruptions as possible,
// and runs it with a trace.
func (e *explorer) simplest(main func(t *sched.Task), r *sched.Result,
	judge func() *sched.Failure) *Finding {
	kind := r.Failure.Kind
	o := e.o.run()
	fails := func(r *sched.Result) bool {
		defer e.ran()
		if r.Failure == nil && judge != nil && !r.Pruned {
			r.Failure = judge()
		}
		return r.Failure != nil && r.Failure.Kind == kind
	}
	best := r.Choices
	for bound := range 4 {
		var found strategy.Schedule
		ok := false
		search := sched.Strategies(strategy.DepthFirst(bound, boundedRuns))
		sched.Explore(main, search, o, func(r *sched.Result) bool {
			if fails(r) {
				found, ok = r.Choices, true
			}
			return !ok
		})
		if ok {
			best = found
			break
		}
	}
	best = strategy.Shrink(best, shrinkRuns, func(s strategy.Schedule) (strategy.Schedule, bool) {
		r := sched.Run(main, sched.Follow(strategy.Replay(s)), o)
		return r.Choices, fails(r)
	})
	o.Trace = true
	traced := sched.Run(main, sched.Follow(strategy.Replay(best)), o)
	if !fails(traced) {
		traced.Failure = &sched.Failure{Kind: sched.Diverged, Message: fmt.Sprintf(
			"the schedule %s fails (%v), but not when it is run again", best, r.Failure)}
	}
	return &Finding{result: traced}
}
