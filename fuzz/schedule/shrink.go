package schedule

import "slices"

// Shrink looks for a simpler schedule that fails in the same way, in at most
// runs runs: with fewer switches between tasks, and those earlier. It returns
// the failure itself when there is none. The trace of the result is complete.
func Shrink(p Program, f *Failure, o Options, runs int) *Failure {
	sh := &shrinker{program: p, options: o, best: f, left: runs}
	for sh.dropChunks() || sh.lower() {
	}
	o.Trace = true
	if traced := Run(p, Replay(sh.best.Schedule), o); traced.Failure != nil && traced.Failure.Kind == f.Kind {
		return traced.Failure
	}
	return sh.best
}

type shrinker struct {
	program Program
	options Options
	best    *Failure
	left    int
}

// try runs a candidate, and takes it if it fails alike and is simpler.
func (sh *shrinker) try(candidate Schedule) bool {
	if sh.left <= 0 {
		return false
	}
	sh.left--
	r := Run(sh.program, Replay(candidate), sh.options)
	if r.Failure == nil || r.Failure.Kind != sh.best.Kind || !simpler(r.Failure.Schedule, sh.best.Schedule) {
		return false
	}
	sh.best = r.Failure
	return true
}

// simpler compares the number of switches, then the length, then the choices.
func simpler(a, b Schedule) bool {
	if x, y := a.switches(), b.switches(); x != y {
		return x < y
	}
	if len(a) != len(b) {
		return len(a) < len(b)
	}
	return slices.Compare(a, b) < 0
}

// dropChunks leaves switches out, many at once and then single ones.
func (sh *shrinker) dropChunks() (progress bool) {
	for size := sh.best.Schedule.switches(); size > 0; size /= 2 {
		for from := 0; from < sh.best.Schedule.switches(); {
			if sh.try(sh.best.Schedule.without(from, size)) {
				progress = true
			} else {
				from += size
			}
		}
	}
	return progress
}

// without is the schedule without the switches number from to from+n-1.
func (s Schedule) without(from, n int) Schedule {
	out := slices.Clone(s)
	k := 0
	for i, c := range out {
		if c == 0 {
			continue
		}
		if k >= from && k < from+n {
			out[i] = 0
		}
		k++
	}
	return out
}

// lower makes single choices smaller, and moves them to the front.
func (sh *shrinker) lower() bool {
	for i := 0; i < len(sh.best.Schedule); i++ {
		c := sh.best.Schedule[i]
		if c == 0 {
			continue
		}
		for smaller := 1; smaller < c; smaller++ {
			candidate := slices.Clone(sh.best.Schedule)
			candidate[i] = smaller
			if sh.try(candidate) {
				return true
			}
		}
		for j := range i {
			if sh.best.Schedule[j] != 0 {
				continue
			}
			candidate := slices.Clone(sh.best.Schedule)
			candidate[i], candidate[j] = 0, c
			if sh.try(candidate) {
				return true
			}
		}
		// Everything from here on one choice point earlier.
		if i > 0 && sh.best.Schedule[i-1] == 0 && sh.try(slices.Delete(slices.Clone(sh.best.Schedule), i-1, i)) {
			return true
		}
	}
	return false
}
