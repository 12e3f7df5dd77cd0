package schedule

// Unbounded is the preemption bound that bounds nothing.
const Unbounded = -1

// DepthFirst tries every schedule that interrupts running tasks at most bound
// times, or every schedule if that is [Unbounded]: choosing among others when
// the running task waits, ends or gives way costs nothing. When it has tried
// all, [Report.Exhausted] is true. runs limits how many it tries; 0 means no limit.
//
// Programs in which a task can give way for ever have endless schedules: they
// need Options.MaxSteps, and bounds.
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
	kept            bool
}

// preemption tells whether taking the choice interrupts a task.
func (f fork) preemption() bool { return f.kept && f.choice > 0 }

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
		d.path = append(d.path, fork{options: len(p.Options), kept: p.Kept})
		return 0
	}
	f := d.path[d.at-1]
	if f.options != len(p.Options) || f.kept != p.Kept {
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
		f.choice++
		affordable := d.bound < 0 || !f.preemption() || used < d.bound
		if f.choice < f.options && affordable {
			return true
		}
		d.path = d.path[:len(d.path)-1]
	}
	return false
}
