package schedule

import (
	"fmt"
	"strings"
)

// Kind is what went wrong in a run.
type Kind string

// The kinds of failures.
const (
	Broken   Kind = "broken"   // Failf was called
	Panic    Kind = "panic"    // a task panicked
	Deadlock Kind = "deadlock" // no task can go on, and not all have ended
	Livelock Kind = "livelock" // the run does not end
	Diverged Kind = "diverged" // the program did not do what it did before under the same schedule
)

// Failure is a run that went wrong. It is an error.
type Failure struct {
	Kind     Kind
	Message  string
	Schedule Schedule // what leads there
	Blocked  []string // what each task stood at that had not ended
	WaitsFor []Edge   // who waited for whom
	State    string   // the state of the program, if it can describe it
	Trace    []string // what happened, if it was noted
}

// Edge is part of a picture of who waits for whom.
type Edge struct {
	From, To string
	Why      string // what is waited for
}

func (f *Failure) Error() string {
	return fmt.Sprintf("schedule: %s: %s (schedule %s)", f.Kind, f.Message, f.Schedule)
}

// complete adds what is known when the run has ended.
func (f *Failure) complete(s *Scheduler) {
	f.Schedule = s.choices.Trim()
	f.Trace = s.trace
	for _, t := range s.tasks {
		if !t.finished {
			f.Blocked = append(f.Blocked, t.where())
			if t.at.kind == atMutex && t.at.mutex.holder != nil {
				f.WaitsFor = append(f.WaitsFor, Edge{t.name, t.at.mutex.holder.name, "mutex"})
			}
		}
	}
	if s.waitsFor != nil {
		f.WaitsFor = append(f.WaitsFor, s.waitsFor()...)
	}
	if s.describe != nil {
		f.State = s.describe()
	}
}

// where says where a task stands.
func (t *task) where() string {
	switch w := &t.at; w.kind {
	case atMutex:
		if w.mutex.holder != nil {
			return fmt.Sprintf("%s waits for the mutex, which %s holds", t.name,
				w.mutex.holder.name)
		}
	case atWaiter:
		return t.name + " waits to be woken"
	case asleep:
		return fmt.Sprintf("%s sleeps until %v", t.name, w.until)
	case atCond:
		return fmt.Sprintf("%s waits for: %s", t.name, w.label)
	}
	return fmt.Sprintf("%s can go on, after %s", t.name, t.at.label)
}

// reportLines is how much of a trace a report shows.
const reportLines = 150

// Report is the failure for people, several lines. rerun is the command that
// runs it again; it may be empty.
func (f *Failure) Report(rerun string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\nschedule: %s\n", f.Kind, f.Message, f.Schedule)
	if rerun != "" {
		fmt.Fprintf(&b, "to run it again: %s\n", rerun)
	}
	section := func(title string, lines []string) {
		if len(lines) > 0 {
			fmt.Fprintf(&b, "%s:\n  %s\n", title, strings.Join(lines, "\n  "))
		}
	}
	section("tasks", f.Blocked)
	var edges []string
	for _, e := range f.WaitsFor {
		edges = append(edges, fmt.Sprintf("%s waits for %s: %s", e.From, e.To, e.Why))
	}
	section("who waits for whom", edges)
	if len(f.WaitsFor) > 0 {
		section("the same as a picture (Mermaid)", strings.Split(Mermaid(f.WaitsFor), "\n"))
	}
	if f.State != "" {
		section("state", strings.Split(f.State, "\n"))
	}
	if cut := len(f.Trace) - reportLines; cut > 0 {
		fmt.Fprintf(&b, "trace, without its first %d lines:\n  %s\n", cut,
			strings.Join(f.Trace[cut:], "\n  "))
	} else {
		section("trace", f.Trace)
	}
	return b.String()
}

// Mermaid draws who waits for whom as a Mermaid flow chart.
func Mermaid(edges []Edge) string {
	var b strings.Builder
	b.WriteString("flowchart LR")
	ids := map[string]string{}
	node := func(name string) string {
		id, ok := ids[name]
		if !ok {
			id = fmt.Sprintf("n%d", len(ids))
			ids[name] = id
			fmt.Fprintf(&b, "\n  %s[%q]", id, name)
		}
		return id
	}
	for _, e := range edges {
		from, to := node(e.From), node(e.To)
		fmt.Fprintf(&b, "\n  %s -- %q --> %s", from, e.Why, to)
	}
	return b.String()
}
