package tla

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// ErrTLC means that TLC came to no verdict: the specification does not parse, or TLC failed.
var ErrTLC = errors.New("tla: TLC came to no verdict")

// Run is one run of TLC.
type Run struct {
	// Dir is the folder of the specifications.
	Dir string
	// Model is what to check.
	Model Model
	// Workers is the number of TLC's threads; 0 means one.
	Workers int
	// Graph, if not empty, is a file to which the complete state graph is written, in the DOT
	// language, with actions as labels.
	Graph string
	// Progress, if not nil, is called on the goroutine of [Tool.Run].
	Progress func(Progress)
}

// Outcome is what came out of a [Run].
type Outcome struct {
	Output
	Exit    int
	Verdict Verdict
}

// Run checks a model and waits for the end. TLC's own files go to a temporary folder. The error
// wraps [ErrTLC] where TLC came to no verdict (the outcome is there all the same, with what TLC
// said), or the context's error.
func (t Tool) Run(ctx context.Context, run Run) (*Outcome, error) {
	temporary, err := os.MkdirTemp("", "lockstep-tlc-")
	if err != nil {
		return nil, fmt.Errorf("tla: model %s: %w", run.Model.Name, err)
	}
	defer os.RemoveAll(temporary)
	dump := filepath.Join(temporary, "trace.json")
	args, err := run.args(filepath.Join(temporary, "states"))
	if err != nil {
		return nil, fmt.Errorf("tla: model %s: %w", run.Model.Name, err)
	}
	outcome, err := t.once(ctx, run, temporary,
		append([]string{"-dumpTrace", "json", dump}, args...))
	if err == nil && outcome.lacksDump() {
		outcome, err = t.once(ctx, run, temporary, args)
	}
	if err != nil {
		return nil, fmt.Errorf("tla: model %s: %w", run.Model.Name, err)
	}
	outcome.finish(run, dump)
	if outcome.Verdict == VerdictError {
		return outcome, fmt.Errorf("%w: model %s: exit status %d: %s", ErrTLC, run.Model.Name,
			outcome.Exit, outcome.complaint())
	}
	return outcome, nil
}

// args returns TLC's arguments, without the dump of traces, which old versions lack.
func (r Run) args(metadir string) ([]string, error) {
	args := []string{"-tool", "-metadir", metadir, "-workers", strconv.Itoa(max(1, r.Workers))}
	if !r.Model.Deadlock {
		args = append(args, "-deadlock") // it switches the search for deadlocks off
	}
	if r.Model.Kind == KindLiveness {
		// once, for it will hold: on the way it would take several times as long
		args = append(args, "-lncheck", "final")
	}
	if s := r.Model.Simulation; s != nil {
		args = append(args, "-simulate", fmt.Sprintf("num=%d", s.Traces),
			"-depth", strconv.Itoa(s.Length), "-seed", strconv.FormatInt(s.Seed, 10))
	}
	if r.Graph != "" {
		graph, err := filepath.Abs(r.Graph)
		if err != nil {
			return nil, err
		}
		args = append(args, "-dump", "dot,actionlabels", graph)
	}
	return append(args, "-config", filepath.FromSlash(r.Model.Config), r.Model.Module+".tla"), nil
}

// once runs TLC and reads what it prints.
func (t Tool) once(ctx context.Context, run Run, temporary string, args []string) (*Outcome,
	error) {
	command := t.Command(ctx, temporary, args...)
	command.Dir = run.Dir
	var stderr bytes.Buffer
	command.Stderr = &stderr
	stdout, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, err
	}
	output, readErr := ParseOutput(stdout, run.Progress)
	err = command.Wait()
	if cause := context.Cause(ctx); cause != nil {
		return nil, cause
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return nil, err
	}
	if readErr != nil {
		return nil, readErr
	}
	if text := strings.TrimSpace(stderr.String()); text != "" {
		output.Loose = append(output.Loose, strings.Split(text, "\n")...)
	}
	return &Outcome{Output: *output, Exit: command.ProcessState.ExitCode()}, nil
}

// lacksDump reports whether TLC refused the option -dumpTrace, as versions before 1.8 do.
func (o *Outcome) lacksDump() bool {
	return o.Exit != 0 &&
		slices.ContainsFunc(slices.Concat(o.Loose, o.Errors), func(line string) bool {
			return strings.Contains(line, "-dumpTrace")
		})
}

// finish completes the outcome of a run that came to its end.
func (o *Outcome) finish(run Run, dump string) {
	o.Verdict = VerdictOf(o.Exit)
	if o.unnamed() {
		config, err := readConfig(os.DirFS(run.Dir), run.Model.Config)
		if err == nil && len(config.Properties) == 1 {
			o.Properties = config.Properties
		}
	}
	if o.Trace == nil {
		return
	}
	o.Trace.Model, o.Trace.Exit = run.Model.Name, o.Exit
	o.Trace.Property = o.property(run.Model)
	if data, err := os.ReadFile(dump); err == nil {
		if err := o.Trace.enrich(data); err != nil {
			o.Loose = append(o.Loose, err.Error())
		}
	}
}

// unnamed reports whether TLC said that a property is violated, but not which: it gives a place
// instead of a name where the property is a definition of another module (in a refinement), and
// versions before 1.8 name no temporal property. Where the configuration has one property, it is
// that one.
func (o *Outcome) unnamed() bool {
	if o.Verdict != VerdictSafety && o.Verdict != VerdictLiveness {
		return false
	}
	return len(o.Properties) == 0 || strings.HasPrefix(o.Properties[0], "line ")
}

// property returns the violated property: the expected one where it is among those that TLC names,
// for TLC names several when they fall together.
func (o *Outcome) property(m Model) string {
	switch {
	case o.Exit == 0:
		return ""
	case slices.Contains(o.Properties, m.Property):
		return m.Property
	case len(o.Properties) > 0:
		return o.Properties[0]
	}
	return ""
}

// complaint returns what TLC said last, for an error.
func (o *Outcome) complaint() string {
	var b strings.Builder
	for _, text := range slices.Concat(o.Loose, o.Errors) {
		b.WriteString("\n")
		b.WriteString(text)
	}
	return b.String()
}

// Result returns what of the outcome is recorded. workers is the number of threads that searched.
func (o *Outcome) Result(suite *Suite, m Model, workers int) (Result, error) {
	inputs, err := suite.InputsHash(m)
	if err != nil {
		return Result{}, err
	}
	r := Result{Model: m.Name, TLC: VersionName(o.Version), Exit: o.Exit, Property: o.property(m),
		Inputs: inputs}
	if o.Exit == 0 && m.Kind != KindSimulation {
		r.Distinct, r.Generated = o.Stats.Distinct, o.Stats.Generated
		if workers <= 1 {
			r.Depth = o.Depth
		}
	}
	return r, nil
}
