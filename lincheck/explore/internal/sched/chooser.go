package sched

import "github.com/lockstep-wasm/lockstep/lincheck/explore/strategy"

// Prune is the choice to end the run, because everything that can follow has been seen.
const Prune = -2

// Chooser decides what happens. It is called by one goroutine at a time.
type Chooser interface {
	// Task returns the index of the task that goes on, or Prune. kept says that the first one made
	// the last step, so that any other interrupts it.
	Task(s *Sched, able []*Task, kept bool) int
	// Value returns a number from 0 to n-1 for a choice of the program, or Prune.
	Value(s *Sched, n int) int
}

// Follow makes a chooser of a strategy.
func Follow(st strategy.Strategy) Chooser { return &follower{strategy: st} }

type follower struct {
	strategy strategy.Strategy
	options  []strategy.Option
}

func (f *follower) Task(s *Sched, able []*Task, kept bool) int {
	if len(able) == 1 {
		return 0
	}
	f.options = f.options[:0]
	for _, t := range able {
		f.options = append(f.options, strategy.Option{
			Task: t.ID, Time: t.system != nil, GaveWay: t.gaveWay || t.spinning()})
	}
	return f.strategy.Choose(strategy.Point{Position: len(s.choices), Kept: kept,
		Options: f.options})
}

// Value offers the numbers as tasks that do not exist, so that priorities work.
func (f *follower) Value(s *Sched, n int) int {
	f.options = f.options[:0]
	for i := range n {
		f.options = append(f.options, strategy.Option{Task: -2 - i})
	}
	return f.strategy.Choose(strategy.Point{Position: len(s.choices), Options: f.options})
}
