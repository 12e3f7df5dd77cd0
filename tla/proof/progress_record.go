package proof

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"github.com/lockstep-wasm/lockstep/tla"
)

// ProgressFile is what was proved in time, beside the specifications.
const ProgressFile = "progress.json"

// ProgressRecord is what z3 proved of the claims in time. Recording again changes nothing.
type ProgressRecord struct {
	// Z3 is the version that was used.
	Z3 string `json:"z3"`
	// Claims have an entry each, in the order of the questions.
	Claims []ClaimRecord `json:"claims"`
	// Mistakes were judged when the claims' questions were these.
	Mistakes []MistakeResult `json:"mistakes"`
}

// ClaimRecord is the record of one claim.
type ClaimRecord struct {
	Claim string `json:"claim"`
	// Questions is how many there are, and Scripts the SHA-256 of their texts for z3.
	Questions int    `json:"questions"`
	Scripts   string `json:"scripts"`
	// Unproved are the cases that are not proved.
	Unproved []string `json:"unproved,omitempty"`
}

// LoadProgressRecord reads [ProgressFile] of the folder. Errors wrap [ErrRecord].
func LoadProgressRecord(fsys fs.FS) (*ProgressRecord, error) {
	data, err := fs.ReadFile(fsys, ProgressFile)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRecord, err)
	}
	r := &ProgressRecord{}
	if err := json.Unmarshal(data, r); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrRecord, ProgressFile, err)
	}
	return r, nil
}

// JSON returns the text of [ProgressFile].
func (r *ProgressRecord) JSON() ([]byte, error) {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRecord, err)
	}
	return append(data, '\n'), nil
}

// expected is the record of the claims if all of them are proved, without mistakes.
func (p *Progress) expected() []ClaimRecord {
	var all []ClaimRecord
	hash := sha256.New()
	for _, q := range p.Questions() {
		if n := len(all); n == 0 || all[n-1].Claim != q.Claim {
			hash.Reset()
			all = append(all, ClaimRecord{Claim: q.Claim})
		}
		script := p.Script(q)
		fmt.Fprintf(hash, "%d\n%s", len(script), script)
		last := &all[len(all)-1]
		last.Questions++
		last.Scripts = hex.EncodeToString(hash.Sum(nil))
	}
	return all
}

// Prove asks z3 about a question. What it cannot prove within the solver's limit is [Open]. Errors
// wrap [ErrSolver] or are the context's.
func (p *Progress) Prove(ctx context.Context, z Solver, q Question) (Verdict, error) {
	answer, _, err := z.Ask(ctx, p.Script(q))
	switch {
	case err != nil:
		return Open, fmt.Errorf("%v: %w", q, err)
	case answer == Unsat:
		return Proved, nil
	}
	return Open, nil
}

// Record is what came out: the verdicts on [Progress.Questions], in order, and those on mistakes.
func (p *Progress) Record(z Solver, verdicts []Verdict, mistakes []MistakeResult) *ProgressRecord {
	r := &ProgressRecord{Z3: z.Version, Claims: p.expected(), Mistakes: mistakes}
	claim, left := 0, r.Claims[0].Questions
	for i, q := range p.Questions() {
		if left == 0 {
			claim++
			left = r.Claims[claim].Questions
		}
		left--
		if verdicts[i] != Proved {
			r.Claims[claim].Unproved = append(r.Claims[claim].Unproved, q.String())
		}
	}
	return r
}

// CheckRecord compares a record with the specification as it is now: every question has been
// proved, in exactly its present text, and every mistake breaks its claim. It returns nil, or
// [*RecordError]s joined.
func (p *Progress) CheckRecord(r *ProgressRecord) error {
	var problems []error
	recorded := map[string]ClaimRecord{}
	for _, c := range r.Claims {
		recorded[c.Claim] = c
		for _, q := range c.Unproved {
			problems = append(problems, &RecordError{Property: c.Claim, What: q, Err: ErrUndecided})
		}
	}
	for _, want := range p.expected() {
		switch got, ok := recorded[want.Claim]; {
		case !ok:
			problems = append(problems, &RecordError{Property: want.Claim, Err: tla.ErrNoRecord})
		case got.Scripts != want.Scripts || got.Questions != want.Questions:
			problems = append(problems, &RecordError{Property: want.Claim, Err: tla.ErrStale})
		}
	}
	mistakes, err := p.Mistakes()
	if err != nil {
		return err
	}
	judged := map[string]bool{}
	for _, m := range r.Mistakes {
		judged[m.Mistake+" "+m.Property] = true
		if m.Survives() {
			problems = append(problems, &RecordError{What: m.String(), Err: tla.ErrUnexpected})
		}
	}
	for _, m := range mistakes {
		if !judged[m.Name+" "+m.questions[0].Claim] {
			problems = append(problems, &RecordError{What: m.Name, Err: tla.ErrNoRecord})
		}
	}
	return errors.Join(problems...)
}
