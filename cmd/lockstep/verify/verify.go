// Package verify is the project's main job: it explores the protocol, checks the specification with
// the embedded checker, runs concurrent programs on the real linker and judges their histories,
// parses with a stock grammar in several groups, and reports what was checked, how much of it, and
// the verdicts.
//
// It is for this project, and promises nothing to other modules.
package verify

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/lockstep-wasm/lockstep/counterexample"
	"github.com/lockstep-wasm/lockstep/timeline"
)

// Options say how much is checked.
type Options struct {
	Specifications fs.FS  // the folder tla
	Fixtures       fs.FS  // the folder linker/testdata
	Seed           uint64 // of the first program; the others have the next ones
	Programs       int    // random programs on the real linker
	Groups         int    // instance groups in each
	Clients        int    // goroutines in each
	Rounds         int    // meetings of the clients in each
	Operations     int    // operations of each client between two meetings
	Exploration    int    // the largest model that the explorer walks, in distinct states
	// the largest model that the embedded checker walks, in distinct states
	Embedded int
	Grammar  string        // the stock grammar, for instance "json"
	Timeout  time.Duration // for judging one history
}

// DefaultOptions is what "make verify" does, on the folders of the source tree.
func DefaultOptions(specifications, fixtures fs.FS) Options {
	return Options{
		Specifications: specifications, Fixtures: fixtures,
		Seed: 1, Programs: 6, Groups: 4, Clients: 8, Rounds: 20, Operations: 8,
		Exploration: 100_000, Embedded: 3_000, Grammar: "json", Timeout: time.Minute,
	}
}

// Validate tells what is wrong with the options, or returns nil.
func (o *Options) Validate() error {
	for _, n := range []struct {
		name  string
		value int
	}{
		{"programs", o.Programs}, {"groups", o.Groups}, {"clients", o.Clients},
		{"rounds", o.Rounds}, {"operations", o.Operations},
	} {
		if n.value < 1 {
			return fmt.Errorf("%w: %s must be at least 1, not %d", ErrOptions, n.name, n.value)
		}
	}
	if most := 32; o.Groups > most {
		return fmt.Errorf(
			"%w: at most %d groups, so that the clients can spawn others, not %d",
			ErrOptions,
			most,
			o.Groups,
		)
	}
	return nil
}

// ErrOptions means that an option has an impossible value.
var ErrOptions = errors.New("verify: invalid option")

// Finding is the result of one check: a row of the table.
type Finding struct {
	Subject string        `json:"subject"`          // what was checked
	Amount  string        `json:"amount"`           // how much of it
	Verdict Verdict       `json:"verdict"`          // what came of it
	Detail  string        `json:"detail,omitempty"` // why it failed, or was not done
	Took    time.Duration `json:"took_ns"`          // how long it took

	// if there is one
	Counterexample *counterexample.Counterexample `json:"counterexample,omitempty"`
}

// Verdict is what a check found.
type Verdict string

// The verdicts. Only OK is good, but a check that was skipped is not held against the others: it
// needs what only the source tree has.
const (
	OK        Verdict = "ok"
	Failed    Verdict = "FAILED"
	Undecided Verdict = "UNDECIDED"
	Skipped   Verdict = "skipped"
	Stopped   Verdict = "STOPPED" // of all checks: a signal came before their end
)

// Report is what a run found.
type Report struct {
	Options  Options
	Findings []Finding
	Started  time.Time
	Took     time.Duration
	Models   []ModelRow // every model that was explored
	Faults   []FaultRow // every mistake that was looked for
	Programs []ProgramRow
	Actions  []ActionRow // what the protocol did during the programs
	Picture  []byte      // an HTML page with a part of the last history
	Drawn    string      // what the picture shows
	Tree     string      // the syntax tree of the stock grammar
	Stopped  bool        // a signal came before the end: the other checks were not done

	// Timelines are what the protocol did, of the programs and where things fail.
	Timelines []*timeline.Timeline

	watcher *watcher // of the programs' linker
}

// OK tells whether all checks passed.
func (r *Report) OK() bool {
	for _, f := range r.Findings {
		if f.Verdict != OK && f.Verdict != Skipped {
			return false
		}
	}
	return len(r.Findings) > 0 && !r.Stopped
}

// Progress is told how far the checks are. Its methods may be called by any goroutine.
type Progress interface {
	// Begin starts a check. total is the number of units it has, or 0 if that is not known.
	Begin(subject string, total int64) Task
}

// Task is a check under way.
type Task interface {
	Advance(done int64)
	End(ok bool)
}

// check is one of the things that Run does. It fills in what the report has of it, and returns how
// much was checked. An error is a failed check, and undecidedError one that came to no verdict.
type check struct {
	subject string
	short   string // while it is under way
	total   func(o *Options) int64
	run     func(ctx context.Context, o *Options, r *Report, task Task) (amount string, err error)
}

// undecidedError is a check that came to no verdict.
type undecidedError struct{ error }

// skippedError is a check that was not done.
type skippedError struct{ error }

func checks() []check {
	none := func(*Options) int64 { return 0 }
	return []check{
		{
			"protocol explored: all invariants in every state",
			"exploring the protocol",
			stateCount,
			exploreModels,
		},
		{
			"protocol with a guard off: the mistake is found",
			"looking for mistakes",
			faultCount,
			exploreFaults,
		},
		{
			"TLA+ text under the embedded checker",
			"checking the TLA+ text",
			embeddedCount,
			checkEmbedded,
		},
		{
			"programs on the real linker: histories linearizable",
			"running programs",
			operationCount,
			runPrograms,
		},
		{
			"traces of these programs: behaviours of the protocol",
			"replaying traces",
			none,
			judgeTrace,
		},
		{
			"programs while files, memory and groups fail",
			"making things fail",
			failureCount,
			runFailures,
		},
		{"web-tree-sitter and a grammar in several groups", "parsing", grammarCount, parseInGroups},
	}
}

// stopTime is how long a check may go on after the end of the context, before Run does not wait for
// it any more.
const stopTime = 300 * time.Millisecond

// Run does all checks, one after the other, whatever comes of them. When ctx ends, the report is of
// those that were done until then. The error is that of impossible options; what the checks found
// is in the report.
func Run(ctx context.Context, o Options, p Progress) (*Report, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	r := &Report{Options: o, Started: time.Now()}
	for _, c := range checks() {
		task := p.Begin(c.short, c.total(&o))
		done := make(chan Finding, 1)
		go func() { done <- c.finding(ctx, &o, r, task) }()
		var f Finding
		select {
		case f = <-done:
		case <-ctx.Done():
			select { // it may still come to its own end
			case f = <-done:
			case <-time.After(stopTime):
			}
		}
		task.End(f.Verdict == OK || f.Verdict == Skipped)
		if ctx.Err() != nil {
			return &Report{
				Options:  o,
				Started:  r.Started,
				Took:     time.Since(r.Started),
				Findings: r.Findings,
				Stopped:  true,
			}, nil
		}
		r.Findings = append(r.Findings, f)
	}
	r.Took = time.Since(r.Started)
	return r, nil
}

// finding does a check.
func (c *check) finding(ctx context.Context, o *Options, r *Report, task Task) Finding {
	start := time.Now()
	amount, err := c.run(ctx, o, r, task)
	f := Finding{Subject: c.subject, Amount: amount, Verdict: OK, Took: time.Since(start)}
	if err == nil {
		return f
	}
	f.Verdict, f.Detail = Failed, err.Error()
	var found *FailedError
	switch {
	case errors.As(err, new(undecidedError)):
		f.Verdict = Undecided
	case errors.As(err, new(skippedError)):
		f.Verdict = Skipped
	case errors.As(err, &found):
		f.Counterexample = found.Counterexample
	}
	return f
}
