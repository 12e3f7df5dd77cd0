package explore

import (
	"testing"

	"github.com/lockstep-wasm/lockstep/lincheck/explore/internal/sched"
	"github.com/lockstep-wasm/lockstep/lincheck/explore/strategy"
)

// Here says whether the code of this process is instrumented. If it is not, the test runs again in
// a process in which it is, with its result, and the caller has to return:
//
//	if !explore.Here(t) {
//		return
//	}
//
// Only [Draw] needs it.
func Here(t testing.TB, options ...Options) bool {
	t.Helper()
	if instrumented() {
		return true
	}
	elsewhere(t, one(options))
	return false
}

// Failure is the error of a run that went wrong.
type Failure struct{ found *Finding }

func (f *Failure) Error() string { return f.found.Text() }

// Draw runs a program once; draw makes the choices: a number from 0 to n-1, where 0 goes on with
// the goroutine that ran last. With a property-based testing library program and schedule shrink
// together:
//
//	rapid.Check(t, func(t *rapid.T) {
//		n := rapid.IntRange(1, 3).Draw(t, "workers")
//		err := explore.Draw(func(r *explore.Run) { pool(r, n) }, func(n int) int {
//			return rapid.IntRange(0, n-1).Draw(t, "next")
//		})
//		if err != nil {
//			t.Fatal(err)
//		}
//	})
//
// The error is a [*Failure]. The code must be instrumented: see [Here].
func Draw(program func(r *Run), draw func(n int) int, options ...Options) error {
	o := one(options)
	ro := o.run()
	main := func(t *sched.Task) { program(&Run{t}) }
	var f *Finding
	sched.Exclusive(func() {
		r := sched.Run(main, sched.Follow(strategy.Drawn(draw)), ro)
		if r.Failure == nil {
			return
		}
		ro.Trace = true
		f = &Finding{result: sched.Run(main, sched.Follow(strategy.Replay(r.Choices)), ro)}
		if f.result.Failure == nil {
			f.result.Failure = r.Failure
		}
	})
	if f == nil {
		return nil
	}
	return &Failure{f}
}
