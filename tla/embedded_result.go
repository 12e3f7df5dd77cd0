package tla

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

// EmbeddedResult is what the embedded checker found.
type EmbeddedResult struct {
	// Verdict is VerdictOK, VerdictSafety, VerdictDeadlock, VerdictAssumption or VerdictError. It
	// is about invariants and deadlocks only, and it counts only where Distinct is what TLC found.
	Verdict Verdict
	// Distinct is the number of distinct states explored.
	Distinct int
	// Property is the violated invariant, [PropertyDeadlock] or [PropertyAssumption].
	Property string
	// Trace leads to the violation. It has no actions: the checker does not name them.
	Trace *Trace
	// Detail is the checker's own message where the verdict is not VerdictOK.
	Detail string
}

// embeddedAnswer is the JSON text that the checker returns.
type embeddedAnswer struct {
	Success        bool     `json:"success"`
	ErrorType      string   `json:"error_type"`
	ErrorMessage   string   `json:"error_message"`
	StatesExplored int      `json:"states_explored"`
	Trace          []string `json:"trace"`
}

func parseEmbedded(text string, invariants []string) (*EmbeddedResult, error) {
	var answer embeddedAnswer
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		return nil, fmt.Errorf("%w: its answer is not JSON: %w", ErrChecker, err)
	}
	r := &EmbeddedResult{Distinct: answer.StatesExplored, Detail: answer.ErrorMessage}
	if answer.Success {
		r.Verdict = VerdictOK
		return r, nil
	}
	switch answer.ErrorType {
	case "InvariantViolation":
		index, ok := violatedIndex(answer.ErrorMessage)
		if !ok || index >= len(invariants) {
			return nil, fmt.Errorf("%w: it reports %q, of %d invariants", ErrChecker,
				answer.ErrorMessage, len(invariants))
		}
		r.Verdict = VerdictSafety
		r.Property = invariants[index]
	case "Deadlock":
		r.Verdict = VerdictDeadlock
		r.Property = PropertyDeadlock
	case "AssumeViolation":
		r.Verdict = VerdictAssumption
		r.Property = PropertyAssumption
	default:
		r.Verdict = VerdictError
		r.Detail = answer.ErrorType + ": " + answer.ErrorMessage
		return r, nil
	}
	if len(answer.Trace) > 0 {
		r.Trace = embeddedTrace(strings.Join(answer.Trace, "\n"))
		r.Trace.Property = r.Property
	}
	return r, nil
}

// violatedIndex reads the number in "Invariant 3 violated".
func violatedIndex(message string) (int, bool) {
	fields := strings.Fields(message)
	if len(fields) < 2 {
		return 0, false
	}
	index, err := strconv.Atoi(fields[1])
	return index, err == nil && index >= 0
}

// embeddedTrace reads lines "State 3", each followed by indented lines "name = value".
func embeddedTrace(text string) *Trace {
	trace := &Trace{}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if strings.HasPrefix(line, "State ") {
			trace.Steps = append(trace.Steps, Step{Number: len(trace.Steps) + 1})
			continue
		}
		if len(trace.Steps) == 0 {
			continue
		}
		step := &trace.Steps[len(trace.Steps)-1]
		if name, value, ok := strings.Cut(strings.TrimSpace(line), " = "); ok {
			step.State = append(step.State, Variable{Name: name, Value: value})
		}
	}
	if len(trace.Steps) > 0 {
		trace.Steps[0].Action = initialAction
	}
	return trace
}

// Prepare makes a job for the embedded checker of the module and the configuration file cfg in
// fsys: the modules joined, the comments and the temporal properties left out. It refuses what the
// checker lacks or is known to misread with a [*SpecError] that wraps [ErrUnsupported] and, for
// constructs in the text, names the first of [Lint]'s findings.
func Prepare(fsys fs.FS, module, cfg string) (EmbeddedJob, error) {
	spec, err := LoadSpecification(fsys, module)
	if err != nil {
		return EmbeddedJob{}, err
	}
	if findings := Lint(spec); len(findings) > 0 {
		f := findings[0]
		return EmbeddedJob{},
			&SpecError{File: f.Module + ".tla", Line: f.Line, Err: ErrUnsupported, What: f.What}
	}
	config, err := readConfig(fsys, cfg)
	if err != nil {
		return EmbeddedJob{}, err
	}
	if what := config.unsupported(); what != "" {
		return EmbeddedJob{}, &SpecError{File: cfg, Err: ErrUnsupported, What: what}
	}
	text, err := spec.Join()
	if err != nil {
		return EmbeddedJob{}, err
	}
	return EmbeddedJob{Specification: text, Config: config.safetyText(),
		Invariants: config.Invariants}, nil
}

func readConfig(fsys fs.FS, cfg string) (*Config, error) {
	source, err := fs.ReadFile(fsys, cfg)
	if err != nil {
		return nil, &SpecError{File: cfg, Err: err}
	}
	return ParseConfig(cfg, string(source))
}

// ErrEmbedded means that the embedded checker did not find what TLC is expected to find, so that
// its verdict does not count.
var ErrEmbedded = errors.New("tla: the embedded checker and the manifest disagree")

// CheckModel checks one model of the suite. The error wraps [ErrEmbedded] where the verdict or the
// violated property is not the manifest's, or, of a complete search, the number of states; the
// result is there all the same. Other errors are those of [Prepare] and [Checker.Check].
func (c *Checker) CheckModel(ctx context.Context, suite *Suite, m Model) (*EmbeddedResult, error) {
	job, err := Prepare(suite.FS, m.Module, m.Config)
	if err != nil {
		return nil, err
	}
	r, err := c.Check(ctx, job)
	if err != nil {
		return nil, fmt.Errorf("model %s: %w", m.Name, err)
	}
	if r.Trace != nil {
		r.Trace.Model = m.Name
	}
	switch {
	case r.Verdict != VerdictOf(m.Exit):
		return r, fmt.Errorf("%w: model %s: %v (%s), expected %v", ErrEmbedded, m.Name, r.Verdict,
			r.Detail, VerdictOf(m.Exit))
	case r.Property != m.Property:
		return r, fmt.Errorf("%w: model %s: violates %q, expected %q", ErrEmbedded, m.Name,
			r.Property, m.Property)
	case m.Complete() && r.Distinct != m.Distinct:
		return r, fmt.Errorf("%w: model %s: %d distinct states, expected %d", ErrEmbedded, m.Name,
			r.Distinct, m.Distinct)
	}
	return r, nil
}
