package sched

import (
	"fmt"
	"strings"
)

// FailureKind is what went wrong in a run.
type FailureKind string

// The kinds of failures.
const (
	Broken   FailureKind = "broken"   // the program says that something does not hold
	Panic    FailureKind = "panic"    // a goroutine panicked
	Deadlock FailureKind = "deadlock" // nothing can go on, and the program has not ended
	Livelock FailureKind = "livelock" // the run does not end
	Leak     FailureKind = "leak"     // the program has ended, and a goroutine waits for ever
	Race     FailureKind = "race"     // two accesses that nothing orders, one of which writes
	// the program did not do what it did before under the same schedule
	Diverged FailureKind = "diverged"
)

// Failure is what went wrong.
type Failure struct {
	Kind    FailureKind
	Task    *Task // whose doing it is; nil if that is not known
	Message string
	Stack   []byte    // of a panic
	Waiting []Waiting // the tasks that could not go on
}

// Waiting is a task that cannot go on.
type Waiting struct {
	Task *Task
	What string  // what it waits for
	For  []*Task // who would have to do something, if that is known
}

func (f *Failure) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "explore: %s: %s", f.Kind, f.Message)
	for _, w := range f.Waiting {
		fmt.Fprintf(&b, "; %s", w)
	}
	return b.String()
}

// String says it in one line.
func (w Waiting) String() string {
	if len(w.For) == 0 {
		return w.Task.Name + " waits: " + w.What
	}
	names := make([]string, len(w.For))
	for i, t := range w.For {
		names[i] = t.Name
	}
	return fmt.Sprintf("%s waits for %s: %s", w.Task.Name, strings.Join(names, ", "), w.What)
}

// Fail makes the run a failure, which ends at the next operation. The first failure counts.
func (s *Sched) Fail(f *Failure) {
	if s.failure == nil && !s.over {
		s.failure = f
	}
}

// Failf is Fail for what the program itself finds wrong.
func (t *Task) Failf(format string, args ...any) {
	t.s.Fail(&Failure{Kind: Broken, Task: t, Message: fmt.Sprintf(format, args...)})
}

// settled says whether everything that has to end has ended: the first task.
func (s *Sched) settled() bool { return s.tasks[0].finished }

// stuck judges a run in which nothing can go on.
func (s *Sched) stuck() {
	if s.pruned || s.aborted != nil {
		return
	}
	var waiting []Waiting
	for _, t := range s.tasks {
		if t.finished || t.system != nil || t.daemon && s.settled() {
			continue
		}
		w := Waiting{Task: t, What: t.op.Name}
		if t.op.Obj != nil {
			w.What = fmt.Sprintf("%s of %s", t.op.Name, t.op.Obj)
		}
		switch {
		case t.op.Waits != nil:
			w.For = t.op.Waits()
		case t.op.Obj != nil:
			w.For = append(w.For, t.op.Obj.Holders...)
		}
		waiting = append(waiting, w)
	}
	if len(waiting) == 0 || s.settled() && s.options.Leaks {
		return
	}
	f := &Failure{Kind: Deadlock, Message: "nothing can go on", Waiting: waiting}
	if s.settled() {
		f.Kind, f.Message = Leak, "the program has ended, and goroutines wait for ever"
	}
	if s.options.Trace {
		for _, w := range waiting {
			s.addRow(w.Task, Row{What: w.Task.op.Name, Object: w.Task.op.Obj, Waits: true,
				For: w.For})
		}
	}
	s.Fail(f)
}
