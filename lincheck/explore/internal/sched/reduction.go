package sched

import "math/bits"

// Reduction is a depth-first search of all schedules that leaves out those which differ from others
// only in the order of operations that commute: dynamic partial-order reduction with source sets
// (Abdulla, Aronis, Jonsson, Sagonas: "Source Sets: A Foundation for Optimal Dynamic Partial Order
// Reduction", 2017, source-DPOR) and sleep sets (Godefroid 1996).
//
// Operations here can wait, which those papers' basic algorithms leave out. As Flanagan and
// Godefroid do ("Dynamic Partial-Order Reduction for Model Checking Software", 2005), the
// operations that tasks stand before are compared with what was done, whether they were performed
// or not; and where a task that should have gone first could not have, all tasks that could are
// tried.
//
// It is not optimal: some schedules turn out to be repetitions half-way, and are ended there
// (Pruned).
type Reduction struct {
	path      []node
	at        int // how many nodes of path the present run has passed
	fresh     int // the first node that no earlier run has passed in this way
	sleep     uint64
	started   bool
	exhausted bool
}

// node is a state on the way to the present run's end, and what was chosen in it.
type node struct {
	able    uint64 // the tasks that can go on
	sleep   uint64 // those that need not go on, since what follows was seen elsewhere
	todo    uint64 // those that have to be tried, or were
	done    uint64 // those that were tried before the chosen one
	chosen  int    // a task, or a value
	values  int    // 0: a task is chosen; else how many values there are
	pending []footprint
	waiting uint64 // the tasks that pending is about
}

// NewReduction starts a search.
func NewReduction() *Reduction { return &Reduction{} }

// Next prepares the next run; false: all have been made.
func (r *Reduction) Next() bool {
	if r.exhausted {
		return false
	}
	if r.started && !r.backtrack() {
		r.exhausted = true
		return false
	}
	r.started = true
	r.at, r.sleep = 0, 0
	return true
}

// Exhausted says whether there is no schedule left.
func (r *Reduction) Exhausted() bool { return r.exhausted }

// Task is part of Chooser.
func (r *Reduction) Task(s *Sched, able []*Task, _ bool) int {
	if r.at == len(r.path) {
		n := r.newNode(s, able)
		if n.chosen < 0 {
			return Prune
		}
		r.path = append(r.path, n)
	}
	n := &r.path[r.at]
	r.at++
	if n.values != 0 || n.able != mask(able) {
		return -1
	}
	chosen := s.tasks[n.chosen]
	f := chosen.op.footprint()
	r.sleep = 0
	for left := (n.sleep | n.done) &^ (1 << n.chosen); left != 0; left &= left - 1 {
		q := bits.TrailingZeros64(left)
		if !n.pending[q].dependent(&f) {
			r.sleep |= 1 << q
		}
	}
	for i, t := range able {
		if t == chosen {
			return i
		}
	}
	return -1
}

func mask(able []*Task) (m uint64) {
	for _, t := range able {
		m |= 1 << t.ID
	}
	return m
}

// newNode chooses the first task that does not sleep.
func (r *Reduction) newNode(s *Sched, able []*Task) node {
	n := node{able: mask(able), sleep: r.sleep, chosen: -1}
	n.pending = make([]footprint, len(s.tasks))
	for i, t := range s.tasks {
		if !t.finished {
			n.pending[i] = t.op.footprint()
			n.waiting |= 1 << i
		}
	}
	for _, t := range able {
		if n.sleep>>t.ID&1 == 0 {
			n.chosen = t.ID
			n.todo = 1 << t.ID
			break
		}
	}
	return n
}

// Value is part of Chooser: all values are tried.
func (r *Reduction) Value(_ *Sched, n int) int {
	if r.at == len(r.path) {
		r.path = append(r.path, node{values: n})
	}
	f := &r.path[r.at]
	r.at++
	if f.values != n {
		return -1
	}
	return f.chosen
}

// Learn looks at a run for operations that could have come in another order, and notes where the
// search has to branch for that.
func (r *Reduction) Learn(res *Result) {
	// The first step of the first task was not chosen.
	a := &analysis{r: r, events: res.events, nodes: []int{-1}, fresh: 1}
	for i := range r.path[:r.at] {
		if r.path[i].values == 0 {
			a.nodes = append(a.nodes, i)
			if i < r.fresh {
				a.fresh++
			}
		}
	}
	for j := range a.events {
		if j >= a.fresh {
			e := &a.events[j]
			a.compare(e.task, &e.what, e.since, e.past, j)
		}
	}
	for i := range res.withdrawn {
		w := &res.withdrawn[i]
		a.compare(w.task, &w.what, w.since, w.past, w.end)
	}
	for _, t := range res.Tasks {
		if !t.finished && t.op.Kind != Begin {
			f := t.op.footprint()
			a.compare(t.ID, &f, t.since, t.past, len(a.events))
		}
	}
}

// backtrack goes to the deepest node at which something is left to be tried.
func (r *Reduction) backtrack() bool {
	for len(r.path) > 0 {
		n := &r.path[len(r.path)-1]
		if n.values > 0 {
			if n.chosen++; n.chosen < n.values {
				break
			}
		} else {
			n.done |= 1 << n.chosen
			if left := n.todo &^ n.done &^ n.sleep; left != 0 {
				n.chosen = bits.TrailingZeros64(left)
				break
			}
		}
		r.path = r.path[:len(r.path)-1]
	}
	r.fresh = len(r.path) - 1
	return len(r.path) > 0
}

// analysis is what Learn knows of a run.
type analysis struct {
	r      *Reduction
	events []event
	nodes  []int // the node in which each event was chosen
	fresh  int   // the first event that was not there in earlier runs
}

func (a *analysis) knows(c clock, i int) bool { return c.of(a.events[i].task) > int32(i) }

// compare looks for events before number end that the operation of task p depends on and that do
// not happen before it anyway. p stands before the operation since event number since, and past is
// what it has done.
func (a *analysis) compare(p int, what *footprint, since int, past clock, end int) {
	for i := end - 1; i >= 0; i-- {
		e := &a.events[i]
		if e.task == p || !e.what.dependent(what) || !e.what.together(what) || a.knows(past, i) {
			continue
		}
		a.branch(i, p, what, past, end)
		if i < since {
			return // of what came before the task stopped there, the last one is enough
		}
	}
}

// branch makes the search try, instead of event i, something that lets task p's operation come
// first.
func (a *analysis) branch(i, p int, what *footprint, past clock, end int) {
	if i == 0 {
		return
	}
	n := &a.r.path[a.nodes[i]]
	first := a.initials(i, p, what, past, end)
	if first&(n.todo|n.sleep) != 0 {
		return
	}
	switch able := first & n.able; {
	case able == 0:
		n.todo |= n.able
	case able>>p&1 != 0:
		n.todo |= 1 << p
	default:
		n.todo |= able & -able
	}
}

// initials are the tasks that can go first on the way to p's operation without event i: those whose
// next event, of the events after i that do not depend on i, depends on none of the others.
func (a *analysis) initials(i, p int, what *footprint, past clock, end int) (first uint64) {
	var way []int
	seen := uint64(0)
	task := a.events[i].task
	for k := i + 1; k < end; k++ {
		e := &a.events[k]
		if e.clock.of(task) > int32(i) {
			continue
		}
		if seen>>e.task&1 == 0 && !a.anyOf(way, e.clock) {
			first |= 1 << e.task
		}
		seen |= 1 << e.task
		way = append(way, k)
	}
	if seen>>p&1 != 0 {
		return first
	}
	for _, k := range way {
		if a.knows(past, k) || a.events[k].what.dependent(what) {
			return first
		}
	}
	return first | 1<<p
}

func (a *analysis) anyOf(way []int, c clock) bool {
	for _, k := range way {
		if a.knows(c, k) {
			return true
		}
	}
	return false
}
