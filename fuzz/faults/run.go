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
)

// Outcome is what a detector said about a fault.
type Outcome struct {
	Caught bool
	Tests  []string      // the test functions that failed, or that hung
	Hung   bool          // it was caught because something never ended
	Took   time.Duration // without compiling
	Output string        // of the tests
}

// BuildError is the error of a fault that does not compile: it is no fault.
type BuildError struct {
	Fault, Package string
	Output         string
}

func (e *BuildError) Error() string {
	return fmt.Sprintf("faults: %s: package %s does not compile:\n%s", e.Fault, e.Package, e.Output)
}

// Bench runs detectors on faults. It keeps the test programs of one fault, so
// that each package is compiled once per fault. It is used by one goroutine;
// Close it in the end.
type Bench struct {
	root  string
	dir   string
	fault Fault
	built map[string]string
}

// NewBench makes a bench for a fault; the zero Fault is the sound program. root
// is the repository's folder, an absolute path. The errors are those of Fault.Overlay.
func NewBench(root string, f Fault) (*Bench, error) {
	dir, err := os.MkdirTemp("", "faults-")
	if err != nil {
		return nil, fmt.Errorf("faults: %w", err)
	}
	b := &Bench{root: root, dir: dir, fault: f, built: map[string]string{}}
	if _, err := f.Overlay(root, dir); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

// Close removes what the bench has written.
func (b *Bench) Close() error { return os.RemoveAll(b.dir) }

// build compiles the tests of a package with the fault in it.
func (b *Bench) build(ctx context.Context, pkg string) (string, error) {
	if path, ok := b.built[pkg]; ok {
		return path, nil
	}
	path := filepath.Join(b.dir, strings.ReplaceAll(pkg, "/", "_")+".test")
	cmd := exec.CommandContext(ctx, "go", "test", "-c", "-overlay", filepath.Join(b.dir, "overlay.json"), "-o", path, "./"+pkg)
	cmd.Dir = b.root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", &BuildError{Fault: b.fault.Name, Package: pkg, Output: string(out)}
	}
	b.built[pkg] = path
	return path, nil
}

// Run runs a detector, or some of its tests if only is not empty. The error is a
// *BuildError, or the context's.
func (b *Bench) Run(ctx context.Context, d Detector, only string) (Outcome, error) {
	binary, err := b.build(ctx, d.Package)
	if err != nil {
		return Outcome{}, err
	}
	run := d.Run
	if only != "" {
		run = "^" + regexp.QuoteMeta(only) + "$"
	}
	args := append([]string{"-test.run", run, "-test.failfast", "-test.timeout", d.Limit.String()}, d.Args...)
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Dir = filepath.Join(b.root, d.Package)
	start := time.Now()
	out, err := cmd.CombinedOutput()
	o := Outcome{Took: time.Since(start), Output: string(out)}
	if ctx.Err() != nil {
		return o, ctx.Err()
	}
	if err == nil {
		if strings.Contains(o.Output, "no tests to run") {
			return o, fmt.Errorf("faults: detector %s: package %s has no test %s", d.Name, d.Package, run)
		}
		return o, nil
	}
	o.Caught = true
	o.Tests, o.Hung = failed(o.Output)
	return o, nil
}

var (
	failLine    = regexp.MustCompile(`(?m)^--- FAIL: (\S+)`)
	hungLine    = regexp.MustCompile(`(?m)^panic: test timed out`)
	runningTest = regexp.MustCompile(`(?m)^\s+(Test[^/\s]+)\S* \(`)
	stackTest   = regexp.MustCompile(`(?m)[./](Test\w+)\(`)
)

// failed reads the names of the tests that failed from their output. A test
// that takes the whole program down with it is found in the stack.
func failed(output string) (tests []string, hung bool) {
	hung = hungLine.MatchString(output)
	patterns := []*regexp.Regexp{failLine}
	switch {
	case hung:
		patterns = append(patterns, runningTest)
	case !failLine.MatchString(output):
		patterns = append(patterns, stackTest)
	}
	for _, p := range patterns {
		for _, m := range p.FindAllStringSubmatch(output, -1) {
			if !slices.Contains(tests, m[1]) {
				tests = append(tests, m[1])
			}
		}
	}
	return tests, hung
}
