package faults

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/lockstep-wasm/lockstep/lincheck/explore"
)

// Outcome is what a detector said about a fault.
type Outcome struct {
	Caught bool
	// the test functions that failed, or that hung; for TLC, the model and the property
	Tests []string
	Hung  bool // it was caught because something never ended
	// Undecided: the tests had to be stopped, and it is not clear that they would not have ended.
	// That is no catch.
	Undecided bool
	Took      time.Duration // without compiling
	Processor time.Duration // processor time of the tests
	Output    string        // of the tests
}

// BuildError is the error of a fault that does not compile: it is no fault.
type BuildError struct {
	Fault, Package string
	Output         string
}

func (e *BuildError) Error() string {
	return fmt.Sprintf("faults: %s: package %s does not compile:\n%s", e.Fault, e.Package, e.Output)
}

// Bench runs detectors on a fault. It keeps the test programs, so that each package is compiled
// once; what does not depend on the fault comes from the go command's cache. It is used by one
// goroutine; Close it in the end.
type Bench struct {
	// Sound is how much processor time each detector needs on the sound program, by its name. What
	// needs many times that is taken to run for ever. It may be nil.
	Sound map[string]time.Duration

	root  string
	dir   string
	fault Fault
	built map[program]string
}

// program is a test program.
type program struct {
	pkg  string
	race bool
}

// NewBench makes a bench for a fault; the zero Fault is the sound program. root
// is the repository's folder, an absolute path. The errors are those of Fault.Overlay.
func NewBench(root string, f Fault) (*Bench, error) {
	dir, err := os.MkdirTemp("", "faults-")
	if err != nil {
		return nil, fmt.Errorf("faults: %w", err)
	}
	b := &Bench{root: root, dir: dir, fault: f, built: map[program]string{}}
	if _, err := f.Overlay(root, dir); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

// Close removes what the bench has written.
func (b *Bench) Close() error { return os.RemoveAll(b.dir) }

// build compiles the tests of a detector with the fault in it.
func (b *Bench) build(ctx context.Context, d Detector) (string, error) {
	p := program{d.Package, d.Judge == ByRaceDetector}
	if path, ok := b.built[p]; ok {
		return path, nil
	}
	path := filepath.Join(b.dir, fmt.Sprintf("%d.test", len(b.built)))
	// Without debug information linking is faster; stacks do not need it.
	args := []string{"test", "-c", "-ldflags=-w", "-overlay", filepath.Join(b.dir, "overlay.json"),
		"-o", path}
	if p.race {
		args = append(args, "-race")
	}
	cmd := exec.CommandContext(ctx, "go", append(args, "./"+d.Package)...)
	cmd.Dir = b.root
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if err != nil {
		return "", &BuildError{Fault: b.fault.Name, Package: d.Package, Output: string(out)}
	}
	b.built[p] = path
	return path, nil
}

// Run runs a detector, or some of its tests if only is not empty. The error is a
// *BuildError, a *RecordError, one of reading the traces that were written, or the context's.
func (b *Bench) Run(ctx context.Context, d Detector, only string) (Outcome, error) {
	if d.Judge == ByRecord {
		return recorded(b.root, b.fault)
	}
	binary, err := b.build(ctx, d)
	if err != nil {
		return Outcome{}, err
	}
	run := d.tests(b.fault)
	if only != "" {
		run = "^" + regexp.QuoteMeta(only) + "$"
	}
	traces := filepath.Join(b.dir, "traces")
	if err := errors.Join(os.RemoveAll(traces), os.Mkdir(traces, 0o700)); err != nil {
		return Outcome{}, fmt.Errorf("faults: %w", err)
	}
	p := patienceFor(b.Sound[d.Name])
	var e *ended
	for again := true; again; {
		// No time-out of the tests' own, which a loaded machine can exceed.
		args := slices.Concat([]string{"-test.run", run, "-test.failfast", "-test.timeout", "0"},
			d.Args)
		cmd := exec.CommandContext(ctx, binary, args...)
		cmd.Dir = filepath.Join(b.root, d.Package)
		cmd.Env = append(cmd.Environ(), "GOTRACEBACK=all")
		if len(b.fault.Changes) > 0 { // what the explorer compiles has the fault, too
			cmd.Env = append(cmd.Env, explore.Overlay+"="+filepath.Join(b.dir, "overlay.json"))
		}
		if d.Judge == ByTraces {
			cmd.Env = append(cmd.Env, TracesVariable+"="+traces)
		}
		if e, err = watch(ctx, cmd, p); err != nil {
			return Outcome{}, fmt.Errorf("faults: detector %s: %w", d.Name, err)
		}
		// It hardly ran, but something could have run: perhaps others kept it from doing so.
		again = e.stop == stopQuiet && !e.hung() && p.quiet < time.Minute
		p.quiet *= 3
	}
	if e.err == nil && strings.Contains(e.output, "no tests to run") {
		return Outcome{}, fmt.Errorf("faults: detector %s: package %s has no test %s", d.Name,
			d.Package, run)
	}
	return d.judge(e, traces)
}

// byName runs the tests of a detector that must catch the fault, one by one. missed are those that
// did not; the outcome is of those that did. The errors are those of Run.
func (b *Bench) byName(ctx context.Context, d Detector) (all Outcome, missed []Named, err error) {
	if d.Judge == ByRecord {
		return all, nil, nil
	}
	for _, by := range b.fault.By {
		if by.Detector != d.Name {
			continue
		}
		o, err := b.Run(ctx, d, by.Test)
		if err != nil {
			return all, missed, err
		}
		if !o.Caught {
			missed = append(missed, by)
			continue
		}
		all.Caught, all.Hung = true, all.Hung || o.Hung
		all.Tests, all.Output = append(all.Tests, by.Test), all.Output+o.Output
		all.Took, all.Processor = all.Took+o.Took, all.Processor+o.Processor
	}
	return all, missed, nil
}

// judge says what came of the tests.
func (d Detector) judge(e *ended, traces string) (Outcome, error) {
	o := Outcome{Took: e.took, Processor: e.cpu, Output: e.output, Hung: e.hung()}
	o.Undecided = e.stop != stopNot && !o.Hung
	switch {
	case d.Judge == ByTraces:
		rejected, err := judgeTraces(traces)
		if err != nil {
			return o, err
		}
		if rejected != "" {
			return Outcome{Caught: true, Tests: []string{tracing}, Took: e.took, Processor: e.cpu,
				Output: rejected}, nil
		}
	case d.Judge == ByRaceDetector:
		o.Caught = strings.Contains(e.output, "WARNING: DATA RACE")
		if o.Caught {
			o.Hung, o.Undecided = false, false
		}
	default:
		o.Caught = e.err != nil && !o.Undecided
	}
	o.Caught = o.Caught || o.Hung
	if o.Caught {
		o.Tests = failed(e.output)
	}
	return o, nil
}

var (
	failLine  = regexp.MustCompile(`(?m)^--- FAIL: (\S+)`)
	stackTest = regexp.MustCompile(`(?m)[./](Test\w+)\(`)
)

// failed reads the names of the tests that failed from their output. A test that takes the whole
// program down with it, or that was stopped, is found in the stacks.
func failed(output string) (tests []string) {
	pattern := failLine
	if !failLine.MatchString(output) {
		pattern = stackTest
	}
	for _, m := range pattern.FindAllStringSubmatch(output, -1) {
		if !slices.Contains(tests, m[1]) {
			tests = append(tests, m[1])
		}
	}
	return tests
}
