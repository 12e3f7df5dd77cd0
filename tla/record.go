package tla

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

// ErrRecord means that there is no usable record of TLC's results.
var ErrRecord = errors.New("tla: invalid record")

// Result is what TLC found for one model. It holds no time and nothing about the machine, so that
// recording again changes nothing.
type Result struct {
	// Model is the name in the manifest.
	Model string `json:"model"`
	// TLC is the version that was used, as it prints it; see [VersionName].
	TLC  string `json:"tlc"`
	Exit int    `json:"exit"`
	// Property is the violated property, empty where Exit is 0.
	Property string `json:"property,omitempty"`
	// Distinct, Generated and Depth describe the search. They are 0 where they depend on chance:
	// where the search was not complete, and Depth where several threads searched.
	Distinct  int `json:"distinct,omitempty"`
	Generated int `json:"generated,omitempty"`
	Depth     int `json:"depth,omitempty"`
	// Inputs is the SHA-256 of what the result depends on; see [Suite.InputsHash].
	Inputs string `json:"inputs"`
}

// Results is the record: one [Result] a model.
type Results struct {
	Results []Result `json:"results"`
}

// LoadResults reads [ResultsFile] of the folder. A folder without has no results. Errors wrap
// [ErrRecord].
func LoadResults(fsys fs.FS) (*Results, error) {
	data, err := fs.ReadFile(fsys, ResultsFile)
	if errors.Is(err, fs.ErrNotExist) {
		return &Results{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRecord, err)
	}
	r := &Results{}
	if err := json.Unmarshal(data, r); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrRecord, ResultsFile, err)
	}
	return r, nil
}

// Of returns the record of a model.
func (r *Results) Of(model string) (Result, bool) {
	for _, result := range r.Results {
		if result.Model == model {
			return result, true
		}
	}
	return Result{}, false
}

// With returns the record with these results in place of older ones of the same models, without
// those of models that are not in the suite any more, in the suite's order.
func (r *Results) With(suite *Suite, results ...Result) *Results {
	all := &Results{Results: slices.Concat(results, r.Results)}
	updated := &Results{Results: []Result{}}
	for _, m := range suite.Models {
		if result, ok := all.Of(m.Name); ok {
			updated.Results = append(updated.Results, result)
		}
	}
	return updated
}

// JSON returns the text of [ResultsFile].
func (r *Results) JSON() ([]byte, error) {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRecord, err)
	}
	return append(data, '\n'), nil
}

// Differences compares a result with the record of the same model and returns what differs, each in
// words. The version of TLC is not compared: another version must find the same. A number that is 0
// on either side was not established and is not compared.
func (r Result) Differences(recorded Result) []string {
	var d []string
	if r.Exit != recorded.Exit {
		d = append(d, fmt.Sprintf("exit status %d (%v), recorded %d (%v)", r.Exit,
			VerdictOf(r.Exit), recorded.Exit, VerdictOf(recorded.Exit)))
	}
	if r.Property != recorded.Property {
		d = append(d, fmt.Sprintf("violated property %q, recorded %q", r.Property,
			recorded.Property))
	}
	number := func(what string, got, want int) {
		if got != 0 && want != 0 && got != want {
			d = append(d, fmt.Sprintf("%s %d, recorded %d", what, got, want))
		}
	}
	number("distinct states", r.Distinct, recorded.Distinct)
	number("generated states", r.Generated, recorded.Generated)
	number("depth", r.Depth, recorded.Depth)
	if r.Inputs != recorded.Inputs {
		d = append(d, "the inputs changed since the record was made")
	}
	return d
}

// Unexpected compares a result with what the manifest expects and returns what differs, each in
// words.
func (m Model) Unexpected(r Result) []string {
	var d []string
	if r.Exit != m.Exit {
		d = append(d, fmt.Sprintf("exit status %d (%v), expected %d (%v)", r.Exit,
			VerdictOf(r.Exit), m.Exit, VerdictOf(m.Exit)))
	}
	if r.Property != m.Property {
		d = append(d, fmt.Sprintf("violated property %q, expected %q", r.Property, m.Property))
	}
	if m.Complete() && r.Distinct != m.Distinct {
		d = append(d, fmt.Sprintf("distinct states %d, expected %d", r.Distinct, m.Distinct))
	}
	if m.Complete() && r.Depth != 0 && r.Depth != m.Depth {
		d = append(d, fmt.Sprintf("depth %d, expected %d", r.Depth, m.Depth))
	}
	return d
}

// InputsHash returns the SHA-256, in hexadecimal, of everything the result of a model depends on:
// every module it uses, its configuration, and those fields of its manifest entry that TLC is run
// with. What only people read, such as comments in modules and the sentence on what a model shows,
// is left out. Errors are [*SpecError]s.
func (s *Suite) InputsHash(m Model) (string, error) {
	spec, err := LoadSpecification(s.FS, m.Module)
	if err != nil {
		return "", err
	}
	entry, err := json.Marshal(struct {
		Module, Config string
		Deadlock       bool
		Simulation     *Simulation
	}{m.Module, m.Config, m.Deadlock, m.Simulation})
	if err != nil {
		return "", &SpecError{File: ManifestFile, Err: err}
	}
	hash := sha256.New()
	part := func(name string, data []byte) {
		// Lengths keep the parts apart.
		fmt.Fprintf(hash, "%s %d\n", name, len(data))
		hash.Write(data)
	}
	part("entry", entry)
	for _, module := range spec.Modules {
		part(module.Name, []byte(module.Text()))
	}
	config, err := fs.ReadFile(s.FS, path.Clean(m.Config))
	if err != nil {
		return "", &SpecError{File: m.Config, Err: err}
	}
	part(path.Clean(m.Config), config)
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// buildMoment is what a TLC that was built without its release script prints in place of a version:
// the moment at which it was started.
var buildMoment = regexp.MustCompile(`\b\d{4}\.\d{2}\.\d{2}\.\d{6} ?`)

// VersionName returns what TLC prints about its version, without a time.
func VersionName(printed string) string {
	return strings.TrimSpace(buildMoment.ReplaceAllString(printed, ""))
}

// Reasons of a [RecordError].
var (
	// ErrNoRecord means that a model has no result on record.
	ErrNoRecord = errors.New("no result on record")
	// ErrStale means that a model's inputs changed since its result was recorded.
	ErrStale = errors.New("the inputs changed since the result was recorded")
	// ErrUnexpected means that the recorded result is not what the manifest expects.
	ErrUnexpected = errors.New("the recorded result is not the expected one")
)

// RecordError says what is wrong with the record of one model. It wraps [ErrNoRecord], [ErrStale],
// [ErrUnexpected] or a [*SpecError].
type RecordError struct {
	Model string
	What  string // details; may be empty
	Err   error
}

// Error implements the error interface.
func (e *RecordError) Error() string {
	if e.What != "" {
		return fmt.Sprintf("tla: model %s: %v: %s", e.Model, e.Err, e.What)
	}
	return fmt.Sprintf("tla: model %s: %v", e.Model, e.Err)
}

// Unwrap returns the reason.
func (e *RecordError) Unwrap() error { return e.Err }

// CheckRecord compares the record with the folder as it is now: every model has a result, of
// exactly its present inputs, and the one that the manifest expects. It returns nil, or
// [*RecordError]s joined.
func (s *Suite) CheckRecord(record *Results) error {
	var problems []error
	for _, m := range s.Models {
		result, ok := record.Of(m.Name)
		if !ok {
			problems = append(problems, &RecordError{Model: m.Name, Err: ErrNoRecord})
			continue
		}
		inputs, err := s.InputsHash(m)
		switch {
		case err != nil:
			problems = append(problems, &RecordError{Model: m.Name, Err: err})
		case inputs != result.Inputs:
			problems = append(problems, &RecordError{Model: m.Name, Err: ErrStale})
		}
		for _, what := range m.Unexpected(result) {
			problems = append(problems, &RecordError{Model: m.Name, What: what, Err: ErrUnexpected})
		}
	}
	for _, result := range record.Results {
		if _, err := s.Model(result.Model); err != nil {
			problems = append(problems, &RecordError{Model: result.Model, Err: err})
		}
	}
	return errors.Join(problems...)
}
