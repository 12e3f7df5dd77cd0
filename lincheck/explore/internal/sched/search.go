package sched

import "github.com/lockstep-wasm/lockstep/lincheck/explore/strategy"

// Search makes the choosers of many runs.
type Search interface {
	// Next returns the chooser of the next run; nil: there is none.
	Next() Chooser
	// Learn is told what a run did.
	Learn(r *Result)
	// Exhausted says whether every schedule that the search is about was run.
	Exhausted() bool
}

// Strategies searches with the strategies of a source.
func Strategies(source strategy.Source) Search { return &strategies{source} }

type strategies struct{ source strategy.Source }

func (s *strategies) Next() Chooser {
	st := s.source.Next()
	if st == nil {
		return nil
	}
	return Follow(st)
}

func (s *strategies) Learn(*Result) {}

func (s *strategies) Exhausted() bool {
	e, ok := s.source.(interface{ Exhausted() bool })
	return ok && e.Exhausted()
}

// Reduced searches with a Reduction, in at most runs runs; 0: without a limit.
func Reduced(runs int) Search { return &reduced{r: NewReduction(), left: runs, limited: runs > 0} }

type reduced struct {
	r       *Reduction
	left    int
	limited bool
}

func (s *reduced) Next() Chooser {
	if s.limited && s.left == 0 || !s.r.Next() {
		return nil
	}
	s.left--
	return s.r
}

func (s *reduced) Learn(r *Result) { s.r.Learn(r) }

func (s *reduced) Exhausted() bool { return s.r.Exhausted() }

// Explore runs a program in the schedules of a search. see is told each result, and ends the search
// by returning false. It must be called inside of Exclusive.
func Explore(main func(t *Task), search Search, o Options, see func(r *Result) bool) {
	_, o.record = search.(*reduced)
	o.crew = &crew{}
	defer o.crew.dismiss()
	defer watch()()
	for {
		c := search.Next()
		if c == nil {
			return
		}
		r := Run(main, c, o)
		search.Learn(r)
		if !see(r) {
			return
		}
	}
}
