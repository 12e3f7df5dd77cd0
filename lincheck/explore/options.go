package explore

import (
	"fmt"
	"time"

	"github.com/lockstep-wasm/lockstep/lincheck/explore/internal/sched"
	"github.com/lockstep-wasm/lockstep/lincheck/explore/strategy"
)

// Options say how programs are explored. The zero value is usable.
type Options struct {
	// Search makes the schedules; nil: Systematic.
	Search Search
	// Schedules limits how many are run, of each scenario; 0: 10,000. A search that ends by itself
	// before is reported as exhausted.
	Schedules int
	// Duration limits how long the exploration takes, roughly; 0: 20 seconds.
	Duration time.Duration
	// Steps is how many operations a run may have; one with more is a livelock; 0: 10,000.
	Steps int
	// EagerTimers lets timers fire at any moment. Otherwise time passes when nothing else can
	// happen.
	EagerTimers bool
	// Leaks allows goroutines that wait for ever when the program has ended.
	Leaks bool
	// NoRaces leaves plain reads and writes alone: data races are not found, and runs are faster.
	NoRaces bool
	// Report is the path of a file to which a failure is written as HTML; empty: none, unless the
	// environment variable EXPLORE_HTML names one.
	Report string
	// Include are the import paths of packages to be instrumented, /... standing for all below;
	// none: those of the main module. Exclude is taken from it.
	Include, Exclude []string
}

func (o Options) withDefaults() Options {
	if o.Search == nil {
		o.Search = Systematic()
	}
	if o.Schedules == 0 {
		o.Schedules = 10_000
	}
	if o.Duration == 0 {
		o.Duration = 20 * time.Second
	}
	return o
}

func (o *Options) run() sched.Options {
	return sched.Options{Steps: o.Steps, Races: !o.NoRaces, EagerTimers: o.EagerTimers,
		Leaks: o.Leaks}
}

// Search is a way to go through the schedules of a program.
type Search interface {
	fmt.Stringer
	search(runs int) sched.Search
}

type search struct {
	name string
	make func(runs int) sched.Search
}

func (s *search) String() string               { return s.name }
func (s *search) search(runs int) sched.Search { return s.make(runs) }

// Systematic goes through all schedules that differ in more than the order of operations that
// commute: depth first, with dynamic partial-order reduction. It is the default.
func Systematic() Search {
	return &search{"systematic, with partial-order reduction", sched.Reduced}
}

// Bounded goes through all schedules that interrupt a running goroutine at most preemptions times;
// there is no reduction, which would not be sound with a bound. Most faults need two at most.
func Bounded(preemptions int) Search {
	return &search{fmt.Sprintf("depth first, at most %d preemptions", preemptions),
		func(n int) sched.Search {
			return sched.Strategies(strategy.DepthFirst(preemptions, n))
		}}
}

// All goes through all schedules, without reduction.
func All() Search {
	return &search{"depth first, without reduction", func(n int) sched.Search {
		return sched.Strategies(strategy.DepthFirst(strategy.Unbounded, n))
	}}
}

// Random chooses at random. The same seed gives the same schedules.
func Random(seed uint64) Search {
	return &search{fmt.Sprintf("random, seed %d", seed), func(n int) sched.Search {
		return sched.Strategies(strategy.Random(seed, n))
	}}
}

// PCT is probabilistic concurrency testing (Burckhardt et al. 2010): random priorities that change
// at depth-1 moments. A fault that needs depth events in one order is found with a known
// probability.
func PCT(seed uint64, depth int) Search {
	return &search{fmt.Sprintf("PCT, seed %d, depth %d", seed, depth), func(n int) sched.Search {
		return sched.Strategies(strategy.PCT(seed, n, depth))
	}}
}
