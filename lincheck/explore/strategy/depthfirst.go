package strategy

import "slices"

// Unbounded is the preemption bound that bounds nothing.
const Unbounded = -1

// DepthFirst tries every schedule that interrupts running tasks at most bound
// times, or every schedule if that is [Unbounded]: choosing among others when
// the running task waits, ends or gives way costs nothing. To let a task that
// gives way go on before others that can counts as an interruption, too; so a
// bound keeps the number of schedules finite if tasks poll. When it has tried
// all, the source says so: Exhausted. runs limits how many it tries; 0 means no limit.
func DepthFirst(bound, runs int) Source { return &depthFirst{bound: bound, runs: runs} }

type depthFirst struct {
	bound, runs int
	path        []fork
	at          int // how many forks of path the present run has passed
	started     int
	exhausted   bool
}

// fork is a choice point on the way to the present run.
type fork struct {
	choice, options int
	costly          uint64 // which choices count as interruptions; those from 64 on do not
}

// preemption tells whether the choice counts as an interruption.
func (f fork) preemption() bool { return f.costly>>f.choice&1 != 0 }

// forkAt is a choice point at which nothing has been tried.
func forkAt(p Point) fork {
	f := fork{options: len(p.Options)}
	impatient := slices.ContainsFunc(p.Options,
		func(o Option) bool { return !o.GaveWay && !o.Time })
	for i, o := range p.Options {
		if p.Kept && i > 0 || o.GaveWay && impatient {
			f.costly |= 1 << i
		}
	}
	return f
}

func (d *depthFirst) Next() Strategy {
	if d.exhausted || d.runs > 0 && d.started == d.runs {
		return nil
	}
	if d.started > 0 && !d.backtrack() {
		d.exhausted = true
		return nil
	}
	d.started++
	d.at = 0
	return d
}

func (d *depthFirst) Exhausted() bool { return d.exhausted }

func (d *depthFirst) Choose(p Point) int {
	d.at++
	if d.at > len(d.path) {
		d.path = append(d.path, forkAt(p))
		return 0
	}
	f, now := d.path[d.at-1], forkAt(p)
	if f.options != now.options || f.costly != now.costly {
		return -1 // the program is not the same any more
	}
	return f.choice
}

// backtrack moves on to the next path; false means that there is none.
func (d *depthFirst) backtrack() bool {
	used := 0
	for _, f := range d.path {
		if f.preemption() {
			used++
		}
	}
	for len(d.path) > 0 {
		f := &d.path[len(d.path)-1]
		if f.preemption() {
			used--
		}
		for f.choice++; f.choice < f.options; f.choice++ {
			if d.bound < 0 || !f.preemption() || used < d.bound {
				return true
			}
		}
		d.path = d.path[:len(d.path)-1]
	}
	return false
}
