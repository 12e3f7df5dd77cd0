package schedule

import (
	"fmt"
	"iter"
	"time"
)

// Program sets up what is tested and starts its tasks with [Scheduler.Go]. It is
// called anew for every run, before any task runs, and must do the same every
// time: no map order, no clock, no randomness that the scheduler does not know.
type Program func(s *Scheduler)

// Options are how programs are run. The zero value is usable.
type Options struct {
	// scheduling points of one run, beyond which it counts as a livelock; 0: DefaultMaxSteps
	MaxSteps int
	// unlocking is no scheduling point: fewer schedules, but what a task does between two critical
	// sections is one piece with the first
	Coarse bool
	// that time passes is a choice at every point, not only what happens when no task can run
	EagerTimers bool
	Trace       bool // note every step
}

// DefaultMaxSteps is the step limit of a zero Options.
const DefaultMaxSteps = 20_000

// Scheduler runs the tasks of one run of a program.
type Scheduler struct {
	options  Options
	strategy Strategy
	tasks    []*task
	current  *task // the task that runs; nil outside of the tasks
	now      time.Duration
	timers   []*timer

	finally  []func()
	waitsFor func() []Edge
	describe func() string
	key      func() string

	over     bool // tasks are unwound
	failure  *Failure
	choices  Schedule
	steps    int
	trace    []string
	repeated map[string]int // how often a state was seen in the second half of a long run
	able     []Option       // scratch
}

// Go starts a task. The name is for people.
func (s *Scheduler) Go(name string, f func()) {
	t := &task{s: s, id: len(s.tasks), name: name}
	t.next, t.stop = iter.Pull(iter.Seq[struct{}](t.body(f)))
	t.at = wait{kind: atPoint, label: "start"}
	s.tasks = append(s.tasks, t)
}

// Finally adds a function that is called when all tasks have ended: for what
// must hold in the end.
func (s *Scheduler) Finally(f func()) { s.finally = append(s.finally, f) }

// WaitsFor sets the function that tells, when no task can go on, which task waits for which.
func (s *Scheduler) WaitsFor(f func() []Edge) { s.waitsFor = f }

// Describe sets what prints the state of the program in the report of a failure.
func (s *Scheduler) Describe(f func() string) { s.describe = f }

// StateKey sets what tells states of the program apart, so that the report of a
// livelock can say how many different states it goes through.
func (s *Scheduler) StateKey(f func() string) { s.key = f }

// Failf makes the run a failure. The first one counts. The task that calls it
// goes on to its next scheduling point.
func (s *Scheduler) Failf(format string, args ...any) {
	s.fail(&Failure{Kind: Broken, Message: fmt.Sprintf(format, args...)})
}

func (s *Scheduler) fail(f *Failure) {
	if s.failure == nil && !s.over {
		s.failure = f
	}
}

// Logf adds a line to the trace, if there is one.
func (s *Scheduler) Logf(format string, args ...any) {
	if s.options.Trace && !s.over {
		name := "setup"
		if s.current != nil {
			name = s.current.name
		}
		s.trace = append(s.trace,
			fmt.Sprintf("%4d %-8s %s", s.steps, name, fmt.Sprintf(format, args...)))
	}
}

// Yield is a scheduling point at which the task can go on.
func (s *Scheduler) Yield() {
	s.running("yield").pause(wait{kind: atPoint, label: "yield"})
}

// Pass lets the others run: the task goes on when all who could have run have
// had their turn, unless the strategy wants otherwise.
func (s *Scheduler) Pass() {
	s.running("pass").pause(wait{kind: gaveWay, label: "pass"})
}

// Until waits until a condition holds, which is looked at before every step. It
// must have no side effects. label says what is waited for.
func (s *Scheduler) Until(label string, cond func() bool) {
	s.running("wait for a condition").pause(wait{kind: atCond, cond: cond, label: label})
}

// Running tells whether it is called by a task, and not by the program's setup.
func (s *Scheduler) Running() bool { return s.current != nil }

// running is the task that runs.
func (s *Scheduler) running(what string) *task {
	if s.current == nil {
		panic("schedule: only a task can " + what)
	}
	return s.current
}

// Run runs a program once. The result is never nil.
func Run(p Program, strategy Strategy, o Options) *Result {
	if o.MaxSteps == 0 {
		o.MaxSteps = DefaultMaxSteps
	}
	s := &Scheduler{options: o, strategy: strategy}
	defer s.unwind() // also when the strategy panics, as one that draws from rapid does
	p(s)
	s.loop()
	if s.failure == nil {
		for _, f := range s.finally {
			f()
		}
	}
	if s.failure != nil {
		s.failure.complete(s)
	}
	return &Result{Failure: s.failure, Schedule: s.choices.Trim(), Steps: s.steps,
		Choices: len(s.choices), Trace: s.trace}
}

// Result is how a run went.
type Result struct {
	Failure  *Failure // nil: it went well
	Schedule Schedule // what was decided
	Steps    int      // scheduling points
	Choices  int      // choice points among them
	Trace    []string // with Options.Trace
}

// loop runs the tasks until all have ended or something is wrong.
func (s *Scheduler) loop() {
	last := -1
	kept := false
	for s.failure == nil {
		able := s.enabled(last, &kept)
		if len(able) == 0 {
			if s.unfinished() == 0 {
				return
			}
			if !s.advance() {
				s.fail(&Failure{Kind: Deadlock, Message: "nobody can go on"})
			}
			continue
		}
		if s.tired() {
			return
		}
		choice := 0
		if len(able) > 1 {
			choice = s.strategy.Choose(Point{Position: len(s.choices), Kept: kept, Options: able})
			if choice < 0 || choice >= len(able) {
				s.fail(&Failure{Kind: Diverged,
					Message: fmt.Sprintf("choice %d of %d at position %d: the program does not "+
						"do the same every time", choice, len(able), len(s.choices))})
				return
			}
			s.choices = append(s.choices, choice)
		}
		if able[choice].Time {
			s.advance()
			continue
		}
		last = able[choice].Task
		s.resume(s.tasks[last])
	}
}

// enabled lists what can happen next: first the task that ran last, if it can
// go on and does not give way, then the others in turn.
func (s *Scheduler) enabled(last int, kept *bool) []Option {
	able := s.able[:0]
	n := len(s.tasks)
	*kept = last >= 0 && s.tasks[last].at.kind != gaveWay && s.tasks[last].ready()
	if *kept {
		able = append(able, Option{Task: last})
	}
	for i := range n {
		id := (last + 1 + i) % n
		if t := s.tasks[id]; t.ready() && !(*kept && id == last) {
			able = append(able, Option{Task: id, GaveWay: t.at.kind == gaveWay})
		}
	}
	if s.options.EagerTimers && len(able) > 0 {
		if _, ok := s.nextTime(); ok {
			able = append(able, Option{Task: -1, Time: true})
		}
	}
	s.able = able
	return able
}

func (s *Scheduler) resume(t *task) {
	s.steps++
	if s.options.Trace {
		s.current = t
		s.Logf("· after %s", t.at.label)
	}
	s.current = t
	t.next()
	s.current = nil
}

func (s *Scheduler) unfinished() (n int) {
	for _, t := range s.tasks {
		if !t.finished {
			n++
		}
	}
	return n
}

// tired tells whether the run has gone on for too long. In its second half it
// counts the states that it goes through, for the report.
func (s *Scheduler) tired() bool {
	if s.key != nil && s.steps > s.options.MaxSteps/2 {
		if s.repeated == nil {
			s.repeated = map[string]int{}
		}
		s.repeated[s.key()]++
	}
	if s.steps < s.options.MaxSteps {
		return false
	}
	message := fmt.Sprintf("no end after %d steps", s.steps)
	if s.repeated != nil {
		message += fmt.Sprintf(", the last half of which went through %d states", len(s.repeated))
	}
	s.fail(&Failure{Kind: Livelock, Message: message})
	return true
}

// unwind ends the tasks that are left.
func (s *Scheduler) unwind() {
	s.over = true
	for _, t := range s.tasks {
		if !t.finished {
			s.current = t
			t.stop()
		}
	}
	s.current = nil
}
