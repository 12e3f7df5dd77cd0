package strategy

import "slices"

// Shrink looks for a schedule that is simpler than first, in at most runs runs: with fewer switches
// between tasks, and those earlier. fails runs a candidate; if that fails as the first one did, it
// returns the schedule that was really followed, which may be shorter than the candidate.
func Shrink(first Schedule, runs int, fails func(Schedule) (Schedule, bool)) Schedule {
	sh := &shrinker{fails: fails, best: first, left: runs}
	for sh.dropChunks() || sh.lower() {
	}
	return sh.best
}

type shrinker struct {
	fails func(Schedule) (Schedule, bool)
	best  Schedule
	left  int
}

// try runs a candidate, and takes it if it fails alike and is simpler.
func (sh *shrinker) try(candidate Schedule) bool {
	if sh.left <= 0 {
		return false
	}
	sh.left--
	followed, failed := sh.fails(candidate)
	if !failed || !Simpler(followed, sh.best) {
		return false
	}
	sh.best = followed
	return true
}

// Simpler compares the number of switches, then the length, then the choices.
func Simpler(a, b Schedule) bool {
	if x, y := a.Switches(), b.Switches(); x != y {
		return x < y
	}
	if len(a) != len(b) {
		return len(a) < len(b)
	}
	return slices.Compare(a, b) < 0
}

// dropChunks leaves switches out, many at once and then single ones.
func (sh *shrinker) dropChunks() (progress bool) {
	for size := sh.best.Switches(); size > 0; size /= 2 {
		for from := 0; from < sh.best.Switches(); {
			if sh.try(sh.best.without(from, size)) {
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
	for i := 0; i < len(sh.best); i++ {
		c := sh.best[i]
		if c == 0 {
			continue
		}
		for smaller := 1; smaller < c; smaller++ {
			candidate := slices.Clone(sh.best)
			candidate[i] = smaller
			if sh.try(candidate) {
				return true
			}
		}
		for j := range i {
			if sh.best[j] != 0 {
				continue
			}
			candidate := slices.Clone(sh.best)
			candidate[i], candidate[j] = 0, c
			if sh.try(candidate) {
				return true
			}
		}
		// Everything from here on one choice point earlier.
		if i > 0 && sh.best[i-1] == 0 && sh.try(slices.Delete(slices.Clone(sh.best), i-1, i)) {
			return true
		}
	}
	return false
}
