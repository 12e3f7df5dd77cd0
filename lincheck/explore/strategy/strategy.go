package strategy

import (
	"math/rand/v2"
)

// Strategy decides who goes on. It is used for one run.
type Strategy interface {
	// Choose returns the index of an option. There are two options at least.
	Choose(p Point) int
}

// Point is a choice point.
type Point struct {
	Position int      // how many choice points came before in this run
	Kept     bool     // option 0 is the task that ran last: any other choice interrupts it
	Options  []Option // valid during the call only
}

// Option is something that can happen next.
type Option struct {
	Task    int  // the number of the task that would go on, in the order of Go; -1: none
	GaveWay bool // the task wants others to run first
	Time    bool // time passes, up to the next timer
}

// Source makes the strategies for many runs.
type Source interface {
	// Next returns the strategy of the next run, or nil when there is none.
	Next() Strategy
}

// Replay repeats a schedule. A choice that is not possible counts as 0, so
// a schedule that was changed a little can be tried.
func Replay(s Schedule) Strategy { return replay(s) }

type replay Schedule

func (r replay) Choose(p Point) int {
	if p.Position < len(r) && r[p.Position] < len(p.Options) {
		return r[p.Position]
	}
	return 0
}

// Drawn lets its caller choose: draw returns a number from 0 to n-1. With a property-based testing
// library, program and schedule shrink together:
//
//	schedule.Drawn(func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "next") })
func Drawn(draw func(n int) int) Strategy { return drawn(draw) }

type drawn func(n int) int

func (d drawn) Choose(p Point) int { return d(len(p.Options)) }

// Random chooses evenly, in runs runs. The same seed gives the same schedules.
func Random(seed uint64, runs int) Source {
	return &randomSource{rng: rand.New(rand.NewPCG(seed, 0)), left: runs}
}

type randomSource struct {
	rng  *rand.Rand
	left int
}

func (r *randomSource) Next() Strategy {
	if r.left == 0 {
		return nil
	}
	r.left--
	rng := rand.New(rand.NewPCG(r.rng.Uint64(), r.rng.Uint64()))
	return Drawn(rng.IntN)
}

// PCT is probabilistic concurrency testing, in runs runs: tasks have random
// priorities, the highest runs, and at depth-1 random points the one that runs
// gets the lowest. A bug that needs depth ordered events is found with a
// known probability. Who gives way becomes the lowest, too.
func PCT(seed uint64, runs, depth int) Source {
	return &pctSource{rng: rand.New(rand.NewPCG(seed, 1)), left: runs, depth: depth}
}

type pctSource struct {
	rng   *rand.Rand
	left  int
	depth int
	last  *pct // the run before: it tells how long runs are
	long  int
}

// pctFirstLength is how many choice points a run is taken to have before one was seen.
const pctFirstLength = 64

func (s *pctSource) Next() Strategy {
	if s.left == 0 {
		return nil
	}
	s.left--
	s.long = max(s.long, pctFirstLength)
	if s.last != nil {
		s.long = max(s.long, s.last.seen)
	}
	p := &pct{rng: rand.New(rand.NewPCG(s.rng.Uint64(), s.rng.Uint64())), change: map[int]bool{},
		priority: map[int]float64{}}
	for range s.depth - 1 {
		p.change[p.rng.IntN(s.long)] = true
	}
	s.last = p
	return p
}

type pct struct {
	rng *rand.Rand
	// from 0 to 1 at first; below 0 for those who were lowered, the last one lowest
	priority map[int]float64
	change   map[int]bool // at which points the one that would run is lowered
	lowered  int
	seen     int
}

func (p *pct) Choose(at Point) int {
	p.seen = at.Position + 1
	for _, o := range at.Options {
		if _, ok := p.priority[o.Task]; !ok {
			p.priority[o.Task] = p.rng.Float64()
		}
		if o.GaveWay {
			p.lower(o.Task)
		}
	}
	best := p.highest(at.Options)
	if p.change[at.Position] {
		p.lower(at.Options[best].Task)
		best = p.highest(at.Options)
	}
	return best
}

func (p *pct) lower(task int) {
	p.lowered++
	p.priority[task] = -float64(p.lowered)
}

func (p *pct) highest(options []Option) int {
	best := 0
	for i, o := range options {
		if p.priority[o.Task] > p.priority[options[best].Task] {
			best = i
		}
	}
	return best
}
