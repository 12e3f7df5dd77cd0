package sched

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/lockstep-wasm/lockstep/lincheck/explore/strategy"
)

// MaxTasks is how many goroutines a run can have, timers included: they are the bits of a word.
const MaxTasks = 64

// DefaultSteps is the step limit of a zero Options.
const DefaultSteps = 10_000

// Options are how a program is run.
type Options struct {
	Steps       int  // operations of a run, beyond which it is a livelock; 0: DefaultSteps
	Races       bool // plain accesses are checked
	Trace       bool // note every operation, with its place
	Leaks       bool // goroutines that wait when the program has ended are no failure
	EagerTimers bool // timers may fire although others can go on
	record      bool // keep the events, for the reduction
	crew        *crew
}

// Sched runs one program once.
type Sched struct {
	options Options
	crew    *crew
	chooser Chooser
	tasks   []*Task
	cur     atomic.Pointer[Task] // who runs; read by goroutines that ask whether they are it
	done    chan struct{}        // the run is over, or a task was unwound

	objects    map[unsafe.Pointer]*Object
	nextObject int
	plain      map[uintptr]*cell
	now        time.Duration

	over      bool
	pruned    bool // the chooser wanted no more
	aborted   any  // what the chooser panicked with
	failure   *Failure
	choices   strategy.Schedule
	steps     int
	version   int // of what is shared: the number of writes
	events    []event
	withdrawn []withdrawn
	rows      []Row
	pointers  []Pointer
	names     map[unsafe.Pointer]string
	last      *Task // who made the last step
	called    clock // dependency clocks of the calls and the returns of a history
	returned  clock
	lastTimer clock   // dependency clock: time passing depends on all, and all on it
	late      int     // timers that fired when the first task had ended
	able      []*Task // scratch
}

// active is the scheduler that runs, if there is one. It is a variable of the package because the
// shims have nothing else to find it by: the code under test does not know that it is under test.
var active atomic.Pointer[Sched]

// Current is the task that calls it; nil if the calling goroutine is no task of a running
// scheduler.
func Current() *Task {
	s := active.Load()
	if s == nil {
		return nil
	}
	if t := s.cur.Load(); t != nil && t.g.Load() == goroutine() {
		return t
	}
	return nil
}

// Result is what a run did.
type Result struct {
	Failure   *Failure // nil if nothing went wrong
	Pruned    bool     // the chooser ended it: it would have been a repetition
	Choices   strategy.Schedule
	Points    int // how many choice points there were
	Steps     int
	Tasks     []*Task
	Rows      []Row // if Options.Trace is set
	Pointers  []Pointer
	events    []event
	withdrawn []withdrawn
}

// turn is held by the exploration whose schedulers run, since there is one active scheduler at
// most.
var turn = make(chan struct{}, 1)

// Exclusive lets one exploration at a time run in the process; others wait.
func Exclusive(f func()) {
	turn <- struct{}{}
	defer func() { <-turn }()
	f()
}

// Run runs a program once: main is its first task. It must be called inside of Exclusive, and not
// by a task. It panics with what the chooser panicked with.
func Run(main func(t *Task), chooser Chooser, o Options) *Result {
	if o.Steps == 0 {
		o.Steps = DefaultSteps
	}
	if o.crew == nil {
		o.crew = &crew{}
		defer o.crew.dismiss()
	}
	s := &Sched{options: o, crew: o.crew, chooser: chooser, done: make(chan struct{}, 1),
		objects: map[unsafe.Pointer]*Object{}}
	first := s.spawn(nil, "main", func() { main(s.tasks[0]) })
	active.Store(s)
	s.cur.Store(first)
	s.last = first
	first.gate <- struct{}{}
	<-s.done
	s.unwind()
	active.Store(nil)
	if s.aborted != nil {
		panic(s.aborted)
	}
	return &Result{Failure: s.failure, Pruned: s.pruned, Choices: s.choices.Trim(),
		Points: len(s.choices), Steps: s.steps, Tasks: s.tasks, Rows: s.rows, Pointers: s.pointers,
		events:    s.events,
		withdrawn: s.withdrawn}
}

// unwind ends the goroutines that are left, one after the other.
func (s *Sched) unwind() {
	s.over = true
	for i := 0; i < len(s.tasks); i++ {
		t := s.tasks[i]
		if t.gone || t.system != nil {
			continue
		}
		s.cur.Store(t)
		t.gate <- struct{}{}
		<-s.done
	}
	s.cur.Store(nil)
}

// handOver chooses who goes on, and returns when that is the task itself; at the end of a task's
// function it returns at once.
func (s *Sched) handOver(from *Task) {
	next := s.next(from)
	if next == from {
		return
	}
	finished := from.finished
	if next == nil {
		s.done <- struct{}{}
	} else {
		s.cur.Store(next)
		next.gate <- struct{}{}
	}
	if finished {
		return
	}
	<-from.gate
	if s.over {
		runtime.Goexit()
	}
}

// next is the task that goes on; nil ends the run.
func (s *Sched) next(from *Task) *Task {
	for s.failure == nil {
		kept := s.enabled()
		if len(s.able) == 0 {
			s.stuck()
			return nil
		}
		if s.steps >= s.options.Steps {
			s.Fail(&Failure{Kind: Livelock,
				Message: fmt.Sprintf("no end after %d operations", s.steps)})
			return nil
		}
		t := s.pick(kept)
		if t == nil {
			return nil
		}
		if t.system == nil {
			return t
		}
		s.fire(t)
	}
	return nil
}

// pick asks the chooser; nil ends the run.
func (s *Sched) pick(kept bool) *Task {
	i := s.ask(func() int { return s.chooser.Task(s, s.able, kept) }, len(s.able))
	if i < 0 {
		return nil
	}
	if len(s.able) > 1 {
		s.choices = append(s.choices, i)
	}
	return s.able[i]
}

// ask calls the chooser and checks its answer; -1 ends the run.
func (s *Sched) ask(choose func() int, n int) (i int) {
	me := s.cur.Swap(nil) // the chooser is not part of the task, though its goroutine runs it
	defer func() {
		s.cur.Store(me)
		if v := recover(); v != nil { // a property-based testing library ends a run so
			s.aborted, i = v, -1
		}
	}()
	switch i = choose(); {
	case i == Prune:
		s.pruned = true
		return -1
	case i < 0 || i >= n:
		s.Fail(&Failure{Kind: Diverged, Message: fmt.Sprintf(
			"choice %d of %d at position %d: the program does not do the same every time",
			i, n, len(s.choices))})
		return -1
	}
	return i
}

// Choose is a choice that the program leaves open, such as which of several cases of a select that
// are ready is taken: a number from 0 to n-1.
func (t *Task) Choose(n int) int {
	s := t.s
	if n < 2 || s.over {
		return 0
	}
	i := s.ask(func() int { return s.chooser.Value(s, n) }, n)
	if i < 0 {
		s.handOver(t) // ends the run: there is a failure, or the chooser wants no more
		return 0
	}
	s.choices = append(s.choices, i)
	return i
}

// enabled lists in s.able the tasks that can go on: first the one that made the last step, if it
// can and does not give way, then the others in turn. Who gives way or spins comes in only if there
// is nothing else, and then time passes.
func (s *Sched) enabled() (kept bool) {
	s.able = s.able[:0]
	if s.pruned || s.aborted != nil {
		return false
	}
	if kept = s.last.system == nil && !s.last.patient() && s.last.ready(); kept {
		s.able = append(s.able, s.last)
	}
	s.others(kept, false)
	if len(s.able) == 0 {
		s.others(false, true)
	}
	if len(s.able) == 0 || s.options.EagerTimers {
		if t := s.earliest(); t != nil && s.timeGoesOn() {
			s.able = append(s.able, t)
		}
	}
	return kept
}

// others adds the tasks that can go on, and are or are not patient, but not the last one if it is
// there.
func (s *Sched) others(kept, patient bool) {
	n := len(s.tasks)
	for i := range n {
		t := s.tasks[(s.last.ID+1+i)%n]
		if t.system == nil && t.patient() == patient && (t != s.last || !kept) && t.ready() {
			s.able = append(s.able, t)
		}
	}
}

// patient says whether the task wants others to go first.
func (t *Task) patient() bool { return t.gaveWay || t.spinning() }

// lateTimers is how many timers may fire when the program has ended, for goroutines that are about
// to end.
const lateTimers = 100

// timeGoesOn says whether timers may still fire: a ticker must not keep a run from ending.
func (s *Sched) timeGoesOn() bool { return !s.settled() || s.late < lateTimers }

// perform notes that a task makes a step: its operation is about to be performed.
func (s *Sched) perform(t *Task) {
	s.steps++
	progress.Add(1)
	if s.last != t {
		for _, other := range s.tasks {
			if other != t {
				other.gaveWay = false
			}
		}
	}
	switch {
	case t.op.Write:
		s.version++
		t.idle = 0
	case t.version != s.version:
		t.idle = 1
	default:
		t.idle++
	}
	t.version = s.version
	t.gaveWay = t.op.Kind == Yield
	if s.options.record {
		s.note(t)
	}
	if s.options.Trace && !t.op.Quiet {
		s.addRow(t, Row{What: t.op.Name, Object: t.op.Obj, Switch: s.last != t})
	}
	s.last = t
}
