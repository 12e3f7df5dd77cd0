package mutation

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
)

// Result is what became of the mutants of a package.
type Result struct {
	Package    string     `json:"package"`
	Candidates int        `json:"candidates"` // changes, compiling or not
	Sample     int        `json:"sample"`     // those that were drawn, which compile
	Seed       uint64     `json:"seed"`
	Equivalent int        `json:"equivalent"` // of the sample
	Killed     int        `json:"killed"`
	Survivors  []Survivor `json:"survivors,omitempty"`

	verdicts []Verdict
}

// Survivor is a mutant that no test noticed.
type Survivor struct {
	Key  string `json:"key"`
	Line int    `json:"line"`
}

// Score is the share of the judged mutants that were killed, in percent; 100 if there were none.
func (r *Result) Score() float64 {
	judged := r.Killed + len(r.Survivors)
	if judged == 0 {
		return 100
	}
	return 100 * float64(r.Killed) / float64(judged)
}

// Verdicts returns what became of each mutant of a run, in the order of the text.
func (r *Result) Verdicts() []Verdict { return r.verdicts }

// Read reads the results that a file has; none if there is no such file.
func Read(file string) ([]*Result, error) {
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("mutation: %w", err)
	}
	var all []*Result
	if err := json.Unmarshal(b, &all); err != nil {
		return nil, fmt.Errorf("mutation: %s: %w", file, err)
	}
	return all, nil
}

// Write writes results to a file, in the order of their packages, in the place of older ones of the
// same packages.
func Write(file string, results ...*Result) error {
	all, err := Read(file)
	if err != nil {
		return err
	}
	for _, r := range results {
		all = slices.DeleteFunc(all, func(old *Result) bool { return old.Package == r.Package })
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b *Result) int { return strings.Compare(a.Package, b.Package) })
	b, err := json.MarshalIndent(all, "", "\t")
	if err != nil {
		return fmt.Errorf("mutation: %w", err)
	}
	if err := os.WriteFile(file, append(b, '\n'), 0o644); err != nil {
		return fmt.Errorf("mutation: %w", err)
	}
	return nil
}

// Markdown returns the tables of spec/mutation.md.
func Markdown(all []*Result) string {
	var b strings.Builder
	b.WriteString("| package | changes | drawn | equivalent | killed | survived | score |\n" +
		"| --- | --- | --- | --- | --- | --- | --- |\n")
	survivors := false
	for _, r := range all {
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %d | %d | %.1f %% |\n", r.Package, r.Candidates,
			r.Sample, r.Equivalent, r.Killed, len(r.Survivors), r.Score())
		survivors = survivors || len(r.Survivors) > 0
	}
	if !survivors {
		return b.String()
	}
	b.WriteString("\n| survivor |\n| --- |\n")
	for _, r := range all {
		for _, s := range r.Survivors {
			fmt.Fprintf(&b, "| `%s` |\n", strings.ReplaceAll(s.Key, "|", "\\|"))
		}
	}
	return b.String()
}
