package schedule

import "github.com/lockstep-wasm/lockstep/lincheck/explore/strategy"

// Shrink looks for a simpler schedule that fails in the same way, in at most
// runs runs: with fewer switches between tasks, and those earlier. It returns
// the failure itself when there is none. The trace of the result is complete.
func Shrink(p Program, f *Failure, o Options, runs int) *Failure {
	best := f
	strategy.Shrink(f.Schedule, runs, func(candidate Schedule) (Schedule, bool) {
		r := Run(p, Replay(candidate), o)
		if r.Failure == nil || r.Failure.Kind != f.Kind {
			return nil, false
		}
		if strategy.Simpler(r.Failure.Schedule, best.Schedule) {
			best = r.Failure
		}
		return r.Failure.Schedule, true
	})
	o.Trace = true
	if traced := Run(p, Replay(best.Schedule), o); traced.Failure != nil &&
		traced.Failure.Kind == f.Kind {
		return traced.Failure
	}
	return best
}
