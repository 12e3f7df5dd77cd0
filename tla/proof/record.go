package proof

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/lockstep-wasm/lockstep/tla"
)

// RecordFile is what was proved, beside the specifications.
const RecordFile = "proof.json"

// ErrRecord means that there is no usable record of proofs.
var ErrRecord = errors.New("proof: invalid record")

// Record is what z3 proved. It has no times and nothing about the machine in it, so that recording
// again changes nothing.
type Record struct {
	// Z3 is the version that was used.
	Z3 string `json:"z3"`
	// Properties have an entry for each invariant and property, in the order of the configuration.
	Properties []PropertyRecord `json:"properties"`
	// Mistakes were judged when the specification's tokens had this SHA-256.
	MistakeInputs string          `json:"mistakeInputs"`
	Mistakes      []MistakeResult `json:"mistakes"`
}

// PropertyRecord is the record of one invariant or property of steps.
type PropertyRecord struct {
	Property string `json:"property"`
	// Obligations is how many there are, and Scripts the SHA-256 of their texts for z3.
	Obligations int    `json:"obligations"`
	Scripts     string `json:"scripts"`
	// Unproved are the actions of the obligations that are not proved.
	Unproved []string `json:"unproved,omitempty"`
}

// LoadRecord reads [RecordFile] of the folder. Errors wrap [ErrRecord].
func LoadRecord(fsys fs.FS) (*Record, error) {
	data, err := fs.ReadFile(fsys, RecordFile)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRecord, err)
	}
	r := &Record{}
	if err := json.Unmarshal(data, r); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrRecord, RecordFile, err)
	}
	return r, nil
}

// JSON returns the text of [RecordFile].
func (r *Record) JSON() ([]byte, error) {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRecord, err)
	}
	return append(data, '\n'), nil
}

// WithResults returns the record with what came out of all obligations of the system in place of
// what it had.
func (r *Record) WithResults(s *System, z Solver, results []Result) *Record {
	updated := *r
	updated.Z3, updated.Properties = z.Version, s.expected()
	for i, p := range updated.Properties {
		for _, result := range results {
			if result.Obligation.Property == p.Property && result.Verdict != Proved {
				updated.Properties[i].Unproved = append(updated.Properties[i].Unproved,
					result.Obligation.Action)
			}
		}
	}
	return &updated
}

// WithMistakes returns the record with these judgements in place of those it had.
func (r *Record) WithMistakes(s *System, results []MistakeResult) *Record {
	updated := *r
	updated.MistakeInputs, updated.Mistakes = s.inputs(), results
	return &updated
}

// expected is the record of a system of which everything is proved.
func (s *System) expected() []PropertyRecord {
	var all []PropertyRecord
	obligations := s.Obligations()
	for _, name := range slices.Concat(s.invariants, s.properties) {
		p := PropertyRecord{Property: name}
		hash := sha256.New()
		for _, o := range obligations {
			if o.Property == name {
				p.Obligations++
				script := s.Script(o)
				fmt.Fprintf(hash, "%d\n%s", len(script), script)
			}
		}
		p.Scripts = hex.EncodeToString(hash.Sum(nil))
		all = append(all, p)
	}
	return all
}

// inputs is the SHA-256 of everything that the verdicts on mistakes depend on: the texts of the
// obligations, and the specification without its comments, since switches do not show in the texts.
func (s *System) inputs() string {
	hash := sha256.New()
	for _, p := range s.expected() {
		fmt.Fprintln(hash, p.Property, p.Scripts)
	}
	for _, t := range s.module.tokens {
		fmt.Fprintln(hash, t)
	}
	return hex.EncodeToString(hash.Sum(nil))
}

// RecordError says what is wrong with the record of one property, or with that of mistakes. It
// wraps [tla.ErrNoRecord], [tla.ErrStale], [tla.ErrUnexpected] or [ErrUndecided].
type RecordError struct {
	Property string // empty: the mistakes
	What     string // details; may be empty
	Err      error
}

// Error implements the error interface.
func (e *RecordError) Error() string {
	what := "the mistakes"
	if e.Property != "" {
		what = e.Property
	}
	if e.What != "" {
		return fmt.Sprintf("proof: %s: %v: %s", what, e.Err, e.What)
	}
	return fmt.Sprintf("proof: %s: %v", what, e.Err)
}

// Unwrap returns the reason.
func (e *RecordError) Unwrap() error { return e.Err }

// CheckRecord compares the record with the specification as it is now: every obligation has been
// proved, in exactly its present text, and the mistakes were judged. It returns nil, or
// [*RecordError]s joined.
func (s *System) CheckRecord(r *Record) error {
	var problems []error
	for _, want := range s.expected() {
		i := slices.IndexFunc(r.Properties,
			func(p PropertyRecord) bool { return p.Property == want.Property })
		switch {
		case i < 0:
			problems = append(problems, &RecordError{Property: want.Property, Err: tla.ErrNoRecord})
			continue
		case r.Properties[i].Scripts != want.Scripts ||
			r.Properties[i].Obligations != want.Obligations:
			problems = append(problems, &RecordError{Property: want.Property, Err: tla.ErrStale})
		}
		for _, action := range r.Properties[i].Unproved {
			problems = append(problems,
				&RecordError{Property: want.Property, What: "not proved: " + action,
					Err: ErrUndecided})
		}
	}
	switch {
	case len(r.Mistakes) == 0:
		problems = append(problems, &RecordError{Err: tla.ErrNoRecord})
	case r.MistakeInputs != s.inputs():
		problems = append(problems, &RecordError{Err: tla.ErrStale})
	}
	return errors.Join(problems...)
}

// CheckMistakes compares judgements of mistakes with those on record: the same must break the
// proof, and the same must not. Which obligation is found to fail first may be another. It returns
// nil, or [*RecordError]s joined.
func (s *System) CheckMistakes(r *Record, results []MistakeResult) error {
	var problems []error
	for _, result := range results {
		i := slices.IndexFunc(r.Mistakes,
			func(m MistakeResult) bool { return m.Mistake == result.Mistake })
		switch {
		case i < 0:
			problems = append(problems, &RecordError{What: result.Mistake, Err: tla.ErrNoRecord})
		case r.Mistakes[i].Survives() != result.Survives():
			problems = append(problems,
				&RecordError{What: fmt.Sprintf("%v; recorded %v", result, r.Mistakes[i]),
					Err: tla.ErrUnexpected})
		}
	}
	return errors.Join(problems...)
}
