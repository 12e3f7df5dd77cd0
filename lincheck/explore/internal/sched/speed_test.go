package sched_test

import (
	"testing"

	"github.com/lockstep-wasm/lockstep/lincheck/explore/internal/sched"
	"github.com/lockstep-wasm/lockstep/lincheck/explore/shim/atomic"
	"github.com/lockstep-wasm/lockstep/lincheck/explore/strategy"
)

// BenchmarkRun is three tasks of five steps each.
func BenchmarkRun(b *testing.B) {
	main := func(t *sched.Task) {
		var word atomic.Int64
		for range 3 {
			t.Go("", func() {
				for range 5 {
					word.Add(1)
				}
			})
		}
	}
	steps, left := 0, b.N
	sched.Exclusive(func() {
		search := sched.Strategies(strategy.DepthFirst(strategy.Unbounded, 0))
		sched.Explore(main, search, sched.Options{}, func(r *sched.Result) bool {
			steps += r.Steps
			left--
			return left > 0
		})
	})
	b.ReportMetric(float64(steps)/b.Elapsed().Seconds(), "steps/s")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "schedules/s")
}
