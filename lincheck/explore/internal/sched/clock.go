package sched

// clock is a vector clock: for each task, how much of it is known. Clocks are never changed once
// they are shared; a missing entry is 0.
type clock []int32

func (c clock) of(task int) int32 {
	if task < len(c) {
		return c[task]
	}
	return 0
}

// join is the least clock that knows what both know. It may return one of its arguments.
func (c clock) join(d clock) clock {
	if d.within(c) {
		return c
	}
	if c.within(d) {
		return d
	}
	out := make(clock, max(len(c), len(d)))
	copy(out, c)
	for i, v := range d {
		out[i] = max(out[i], v)
	}
	return out
}

// within says whether d knows everything that c knows.
func (c clock) within(d clock) bool {
	for i, v := range c {
		if v > d.of(i) {
			return false
		}
	}
	return true
}

// with is the clock with one entry changed.
func (c clock) with(task int, value int32) clock {
	out := make(clock, max(len(c), task+1))
	copy(out, c)
	out[task] = value
	return out
}
