package tla

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Names of the files beside the specifications.
const (
	// ManifestFile lists the models.
	ManifestFile = "models.json"
	// ResultsFile records what TLC found.
	ResultsFile = "results.json"
)

// ErrManifest means that the manifest of models contradicts itself or the folder.
var ErrManifest = errors.New("tla: invalid manifest")

// ManifestError is one thing that is wrong with the manifest; an [ErrManifest] is around all of
// them.
type ManifestError struct {
	Model   string // the model's name; empty if it is about a file
	File    string // the file that no model has; empty if it is about a model
	Problem string
}

// Error names the model or the file.
func (e *ManifestError) Error() string {
	if e.File != "" {
		return e.File + " " + e.Problem
	}
	return fmt.Sprintf("model %q: %s", e.Model, e.Problem)
}

// ErrNoModel means that the manifest has no model of that name.
var ErrNoModel = errors.New("tla: no such model")

// Kind says what a model is for.
type Kind string

// The kinds of models.
const (
	// KindModel explores the protocol; everything holds.
	KindModel Kind = "model"
	// KindNegative has one guard switched off, and must be caught by the named property.
	KindNegative Kind = "negative"
	// KindProbe claims that an interesting state is never reached, and must be refuted.
	KindProbe Kind = "probe"
	// KindLiveness checks temporal properties; everything holds.
	KindLiveness Kind = "liveness"
	// KindSimulation runs random behaviours of a model that is too large to explore.
	KindSimulation Kind = "simulation"
)

// Model is one entry of the manifest: what to check, what must come out, and what that shows.
type Model struct {
	// Name is unique in the manifest.
	Name string `json:"name"`
	// Module is the module TLC is started with, without ".tla".
	Module string `json:"module"`
	// Config is the configuration's file, slash-separated, relative to the folder of the manifest.
	Config string `json:"cfg"`
	Kind   Kind   `json:"kind"`
	// Exit is TLC's exit status: 0, or 10 to 14; see [VerdictOf].
	Exit int `json:"exit"`
	// Property is what must be violated where Exit is not 0; [PropertyDeadlock] for a deadlock,
	// [PropertyAssumption] for a false ASSUME.
	Property string `json:"property,omitempty"`
	// Deadlock tells whether deadlocks are looked for. The configuration says the same.
	Deadlock bool `json:"deadlock"`
	// Distinct and Depth are the number of distinct states and the depth of the complete search.
	// They are given where Exit is 0, except for simulations.
	Distinct int `json:"distinct,omitempty"`
	Depth    int `json:"depth,omitempty"`
	// Symmetry tells whether the configuration reduces by symmetry.
	Symmetry bool `json:"symmetry,omitempty"`
	// Embedded tells whether the embedded checker checks the model too.
	Embedded bool `json:"embedded,omitempty"`
	// Explorer tells whether the explorer of the Go protocol walks the model too.
	Explorer bool `json:"explorer,omitempty"`
	// Workers is how many threads TLC should have, at most; 0 means one.
	Workers int `json:"workers,omitempty"`
	// Simulation is set for KindSimulation.
	Simulation *Simulation `json:"simulation,omitempty"`
	// Shows says in a sentence what the model shows.
	Shows string `json:"shows"`
}

// Simulation says how many random behaviours to run and how long each is at most.
type Simulation struct {
	Traces int   `json:"traces"`
	Length int   `json:"length"`
	Seed   int64 `json:"seed"`
}

// Complete tells whether TLC explores the model to its end, so that the number of states means
// something.
func (m Model) Complete() bool { return m.Exit == 0 && m.Kind != KindSimulation }

// Suite is a folder of specifications with its manifest.
type Suite struct {
	// FS is the folder.
	FS fs.FS
	// Models are the manifest's entries, in its order.
	Models []Model
}

// LoadSuite reads and validates the manifest of the folder: every entry is consistent, its files
// exist, and every configuration in the folder and its sub-folders is listed, except in testdata.
// Errors wrap [ErrManifest].
func LoadSuite(fsys fs.FS) (*Suite, error) {
	data, err := fs.ReadFile(fsys, ManifestFile)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrManifest, err)
	}
	var file struct {
		Models []Model `json:"models"`
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&file); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrManifest, ManifestFile, err)
	}
	s := &Suite{FS: fsys, Models: file.Models}
	if err := s.validate(); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrManifest, ManifestFile, err)
	}
	return s, nil
}

// Model returns the entry of that name; the error wraps [ErrNoModel].
func (s *Suite) Model(name string) (Model, error) {
	for _, m := range s.Models {
		if m.Name == name {
			return m, nil
		}
	}
	return Model{}, fmt.Errorf("%w: %q", ErrNoModel, name)
}

// Select returns the entries of these names, or all without names. The error wraps [ErrNoModel].
func (s *Suite) Select(names ...string) ([]Model, error) {
	if len(names) == 0 {
		return slices.Clone(s.Models), nil
	}
	var models []Model
	for _, name := range names {
		m, err := s.Model(name)
		if err != nil {
			return nil, err
		}
		models = append(models, m)
	}
	return models, nil
}

// validate returns everything that is wrong, joined.
func (s *Suite) validate() error {
	var problems []error
	names, configs := map[string]bool{}, map[string]bool{}
	for _, m := range s.Models {
		if names[m.Name] {
			problems = append(problems,
				&ManifestError{Model: m.Name, Problem: "it is listed twice"})
		}
		names[m.Name], configs[path.Clean(m.Config)] = true, true
		for _, what := range m.problems() {
			problems = append(problems, &ManifestError{Model: m.Name, Problem: what})
		}
		problems = append(problems, s.validateFiles(m)...)
	}
	err := fs.WalkDir(s.FS, ".", func(file string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() &&
			(entry.Name() == "testdata" || strings.HasPrefix(entry.Name(), ".") && file != "."):
			return fs.SkipDir
		case !entry.IsDir() && path.Ext(file) == ".cfg" && !configs[file]:
			problems = append(problems, &ManifestError{File: file, Problem: "is not listed"})
		}
		return nil
	})
	return errors.Join(append(problems, err)...)
}

// problems returns what is wrong with the entry by itself.
func (m Model) problems() []string {
	var p []string
	check := func(ok bool, what string) {
		if !ok {
			p = append(p, what)
		}
	}
	check(m.Name != "", "it has no name")
	check(m.Shows != "", "it does not say what it shows")
	verdict := VerdictOf(m.Exit)
	check(verdict != VerdictError, fmt.Sprintf("exit status %d is not a verdict of TLC", m.Exit))
	check((m.Property != "") == (m.Exit != 0), "a violation and only a violation has a property")
	check((m.Property == PropertyDeadlock) == (verdict == VerdictDeadlock), "the property "+
		PropertyDeadlock+" belongs to exit status 11")
	check(m.Complete() == (m.Distinct > 0 && m.Depth > 0),
		"distinct and depth are for complete searches, and those have both")
	check(!m.Embedded || m.Complete() || verdict == VerdictSafety || verdict == VerdictDeadlock,
		"the embedded checker decides safety only")
	check(!m.Embedded || !m.Symmetry, "the embedded checker counts differently under symmetry")
	check(m.Workers >= 0, "a negative number of workers")
	check((m.Simulation != nil) == (m.Kind == KindSimulation),
		"simulation settings belong to simulations")
	switch m.Kind {
	case KindModel, KindLiveness:
		check(m.Exit == 0, "everything holds in a "+string(m.Kind)+": exit must be 0")
	case KindNegative, KindProbe:
		check(m.Exit != 0, "a "+string(m.Kind)+" must be refuted: exit must not be 0")
	case KindSimulation:
		check(m.Simulation == nil || m.Simulation.Traces > 0 && m.Simulation.Length > 0,
			"a simulation needs traces and length")
	default:
		check(false, fmt.Sprintf("kind %q is unknown", m.Kind))
	}
	return p
}

// validateFiles compares the entry with the files it names.
func (s *Suite) validateFiles(m Model) []error {
	wrap := func(err error) []error { return []error{fmt.Errorf("model %q: %w", m.Name, err)} }
	if _, err := fs.Stat(s.FS, m.Module+".tla"); err != nil {
		return wrap(err)
	}
	config, err := readConfig(s.FS, m.Config)
	if err != nil {
		return wrap(err)
	}
	var p []error
	check := func(ok bool, what string) {
		if !ok {
			p = append(p, &ManifestError{Model: m.Name, Problem: what})
		}
	}
	check(config.CheckDeadlock == m.Deadlock, "deadlock and "+m.Config+
		" disagree on CHECK_DEADLOCK")
	check((len(config.Symmetry) > 0) == m.Symmetry, "symmetry and "+m.Config+
		" disagree on SYMMETRY")
	check(m.Kind != KindLiveness || len(config.Properties) > 0, m.Config+
		" has no PROPERTIES for a liveness model")
	if verdict := VerdictOf(m.Exit); verdict == VerdictSafety || verdict == VerdictLiveness {
		check(config.Checks(m.Property), m.Config+" does not check "+m.Property)
	}
	return p
}
