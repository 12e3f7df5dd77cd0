package explore

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/lockstep-wasm/lockstep/lincheck/explore/internal/sched"
	"github.com/lockstep-wasm/lockstep/lincheck/explore/strategy"
)

// Replay is the environment variable with the run that a test is to repeat instead of exploring.
// Failures print how to use it.
const Replay = "EXPLORE_REPLAY"

// Run is a run of a program, for what the program has to say about itself. A Run belongs to the
// goroutines of the program.
type Run struct{ main *sched.Task }

// task is who calls.
func (r *Run) task() *sched.Task {
	if t := sched.Current(); t != nil {
		return t
	}
	panic("explore: a Run is used outside of its program")
}

// Failf says that something does not hold, which makes the run a failure.
func (r *Run) Failf(format string, args ...any) { r.task().Failf(format, args...) }

// Go starts a goroutine with a name for reports, and returns a function that waits for its end. An
// ordinary go statement does as well.
func (r *Run) Go(name string, f func()) (wait func()) {
	t := r.task().Go(name, f)
	return func() { r.task().Await("wait for "+name, t) }
}

// Mark adds a line to the report: what the goroutine is about to do.
func (r *Run) Mark(format string, args ...any) { r.task().Mark(fmt.Sprintf(format, args...), "") }

// Point is a scheduling point, for code that cannot be instrumented.
func (r *Run) Point(name string) {
	t := r.task()
	t.Point(sched.Op{Name: name, Obj: t.Object(nil, "point", nil), Write: true})
}

// Check explores a concurrent program in a test, and fails the test with a report if a run goes
// wrong: it deadlocks, does not end, leaves goroutines waiting, has a data race, panics, or calls
// [Run.Failf].
//
// The program is run many times and must do the same each time when it is scheduled in the same
// way. Its goroutines are scheduled at each access to shared memory; the code must be instrumented
// for that, and if it is not, Check runs the test again in a process in which it is.
func Check(t testing.TB, program func(r *Run), options ...Options) *Report {
	t.Helper()
	o := one(options)
	if !instrumented() {
		return elsewhere(t, o)
	}
	main := func(task *sched.Task) { program(&Run{task}) }
	if text, ok := os.LookupEnv(Replay); ok {
		s, err := strategy.ParseSchedule(text)
		if err != nil {
			t.Fatal(err)
		}
		ro := o.run()
		ro.Trace = true
		var r *sched.Result
		sched.Exclusive(func() { r = sched.Run(main, sched.Follow(strategy.Replay(s)), ro) })
		if r.Failure == nil {
			t.Logf("nothing goes wrong in schedule %s", text)
			return &Report{Schedules: 1}
		}
		fail(t, o, &Finding{result: r, replay: text}, &Report{Schedules: 1})
	}
	e := &explorer{o: o, deadline: time.Now().Add(o.Duration),
		report: &Report{Search: o.Search.String()}}
	var found *Finding
	sched.Exclusive(func() {
		if r := e.explore(main, nil); r != nil {
			found = e.simplest(main, r, nil)
		}
	})
	e.finish()
	if found != nil {
		found.replay = found.result.Choices.String()
		fail(t, o, found, e.report)
	}
	t.Log(e.report)
	return e.report
}

func one(options []Options) Options {
	if len(options) > 0 {
		return options[0].withDefaults()
	}
	return Options{}.withDefaults()
}

// fail ends the test with a report.
func fail(t testing.TB, o Options, f *Finding, r *Report) {
	t.Helper()
	f.command = rerun(t.Name(), f.replay)
	text := f.Text()
	path := o.Report
	if env, ok := os.LookupEnv("EXPLORE_HTML"); ok && path == "" {
		path = env
	}
	if path != "" {
		if err := writeHTML(path, t.Name(), f); err != nil {
			t.Errorf("explore: the report cannot be written: %v", err)
		} else {
			text += "\nthe same as a page: " + path + "\n"
		}
	}
	t.Fatalf("%s\n%s", r, text)
}
