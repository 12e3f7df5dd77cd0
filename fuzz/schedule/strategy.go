package schedule

import "github.com/lockstep-wasm/lockstep/lincheck/explore/strategy"

// The strategies are those of package strategy, under the names that programs of this package use.
type (
	Strategy    = strategy.Strategy
	Source      = strategy.Source
	Point       = strategy.Point
	Option      = strategy.Option
	Schedule    = strategy.Schedule
	SyntaxError = strategy.SyntaxError
)

// Unbounded is the preemption bound that bounds nothing.
const Unbounded = strategy.Unbounded

// Replay repeats a schedule: see [strategy.Replay].
func Replay(s Schedule) Strategy { return strategy.Replay(s) }

// Drawn lets its caller choose: see [strategy.Drawn].
func Drawn(draw func(n int) int) Strategy { return strategy.Drawn(draw) }

// Random chooses evenly: see [strategy.Random].
func Random(seed uint64, runs int) Source { return strategy.Random(seed, runs) }

// PCT is probabilistic concurrency testing: see [strategy.PCT].
func PCT(seed uint64, runs, depth int) Source { return strategy.PCT(seed, runs, depth) }

// DepthFirst tries every schedule within a bound: see [strategy.DepthFirst].
func DepthFirst(bound, runs int) Source { return strategy.DepthFirst(bound, runs) }

// ParseSchedule reads what a schedule's String has written: see [strategy.ParseSchedule].
func ParseSchedule(text string) (Schedule, error) { return strategy.ParseSchedule(text) }
