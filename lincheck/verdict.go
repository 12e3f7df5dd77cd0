package lincheck

import (
	"fmt"
	"strings"
	"time"
)

// Verdict is what a check found.
type Verdict uint8

const (
	// Undecided means that nothing was found out, because of a limit or because the history cannot
	// be judged; Result.Err says why. It is the zero value, so that no verdict is never taken for a
	// good one.
	Undecided Verdict = iota
	// OK means that the history is linearizable.
	OK
	// Violation means that it is not.
	Violation
)

// String returns the verdict in a word.
func (v Verdict) String() string {
	switch v {
	case OK:
		return "ok"
	case Violation:
		return "violation"
	}
	return "undecided"
}

// Limits bound a check. A zero field stands for its default.
type Limits struct {
	// Timeout bounds the time of the whole check; the default is no bound.
	Timeout time.Duration
	// Steps bounds the steps of the model in one round; the default is a million.
	Steps int64
	// Memory bounds the bytes, roughly counted, that the search in one round may keep; the default
	// is 256 MiB.
	Memory int64
	// Round is the number of operations after which the next quiescent moment ends a round; the
	// default is 64.
	Round int
	// Branches bounds the number of states that the history may be in at the end of a round; the
	// default is 64. There are several only if outcomes are unknown or loads carry no commit
	// numbers.
	Branches int
}

func (l Limits) withDefaults() Limits {
	if l.Steps <= 0 {
		l.Steps = 1_000_000
	}
	if l.Memory <= 0 {
		l.Memory = 256 << 20
	}
	if l.Round <= 0 {
		l.Round = 64
	}
	if l.Branches <= 0 {
		l.Branches = 64
	}
	return l
}

// LimitError is the reason for an Undecided: a limit was reached.
type LimitError struct {
	// Limit is the name of the field of Limits.
	Limit string
	// From and To are the positions of the first operation of the round and of the one after its
	// last, in the order in which they are checked: that of their calls, and for CheckOrder that of
	// their numbers.
	From, To int
}

// Error names the limit and the round.
func (e *LimitError) Error() string {
	return fmt.Sprintf("lincheck: limit %s reached in operations %d to %d", e.Limit, e.From, e.To-1)
}

// UnorderedError is the reason for an Undecided of CheckOrder: the history cannot be judged by its
// commit numbers alone.
type UnorderedError struct {
	// Operation is the position in History.Operations, or -1 if it is the universe's rules.
	Operation int
	// Problem says why.
	Problem string
}

// Error names the operation.
func (e *UnorderedError) Error() string {
	if e.Operation < 0 {
		return "lincheck: not ordered: " + e.Problem
	}
	return fmt.Sprintf("lincheck: not ordered: operation %d: %s", e.Operation, e.Problem)
}

// Result is a verdict with its reason.
type Result struct {
	Verdict Verdict
	// Err is set if and only if the verdict is Undecided: a *LimitError, *UnorderedError,
	// *MalformedError or *model.UniverseError.
	Err error
	// Explanation says what is wrong, for people, naming the operations. It may have several lines.
	// It is set if and only if the verdict is Violation.
	Explanation string
	// Operations are the positions in History.Operations of those that the Explanation names.
	Operations []int
	// Rounds is the number of rounds that were looked at, Steps the number of steps of the model.
	Rounds int
	Steps  int64

	scene scene
}

// String is the verdict with its reason.
func (r Result) String() string {
	switch {
	case r.Err != nil:
		return fmt.Sprintf("%s: %v", r.Verdict, r.Err)
	case r.Explanation != "":
		return fmt.Sprintf("%s: %s", r.Verdict, r.Explanation)
	}
	return r.Verdict.String()
}

// finding is a violation: what is wrong, which operations show it and, if there is more to say, why
// each.
type finding struct {
	text string
	ops  []int
	why  []string // nil, or one for each of ops
}

func (f *finding) result(h *History, scene scene) Result {
	var b strings.Builder
	b.WriteString(f.text)
	for k, i := range f.ops {
		fmt.Fprintf(&b, "\n  %s", h.Operations[i])
		if f.why != nil {
			fmt.Fprintf(&b, ": %s", f.why[k])
		}
	}
	scene.note, scene.noted = b.String(), f.ops
	return Result{Verdict: Violation, Explanation: b.String(), Operations: f.ops, scene: scene}
}
