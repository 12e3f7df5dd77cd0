package tla

import (
	"cmp"
	"errors"
	"flag"
	"os"
	"slices"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// allEmbedded makes TestEmbedded check every model that is marked for it, however large.
var allEmbedded = flag.Bool("all-embedded", false,
	"check all models marked for the embedded checker, not only those that are quick")

// realSuite is the suite of the protocol itself: this folder.
func realSuite(t *testing.T) *Suite {
	t.Helper()
	s, err := LoadSuite(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestRecordIsFresh fails when a specification, a configuration or a manifest entry changed without
// a new record, when a model has none, and when TLC found something else than the manifest expects.
func TestRecordIsFresh(t *testing.T) {
	suite := realSuite(t)
	record, err := LoadResults(suite.FS)
	if err != nil {
		t.Fatal(err)
	}
	if err := suite.CheckRecord(record); err != nil {
		t.Errorf("%v\nrun: go run ./tla/cmd/tlc run --record", err)
	}
}

// TestExampleRecordIsFresh is the same for the small suite that the other tests use.
func TestExampleRecordIsFresh(t *testing.T) {
	suite := testSuite(t)
	record, err := LoadResults(suite.FS)
	if err != nil {
		t.Fatal(err)
	}
	if err := suite.CheckRecord(record); err != nil {
		t.Errorf("%v\nrun: go run ./tla/cmd/tlc run --record --dir tla/testdata/specs", err)
	}
}

// How many states the embedded checker may explore in TestEmbedded: it manages a few hundred a
// second.
const (
	embeddedBudget   = 4_000 // in all complete models
	embeddedNegative = 1_000 // in each model that must be refuted
)

// TestEmbedded has the embedded checker repeat what TLC found, as far as that is quick: the models
// with the fewest states on record, and all that must be refuted.
func TestEmbedded(t *testing.T) {
	suite := realSuite(t)
	record, err := LoadResults(suite.FS)
	if err != nil {
		t.Fatal(err)
	}
	checker := newTestChecker(t)
	checked := 0
	for _, m := range quickModels(suite, *allEmbedded) {
		checked++
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel()
			recorded, ok := record.Of(m.Name)
			if !ok {
				t.Fatal("TLC's result is not on record, so that this one would not count")
			}
			checkEmbedded(t, checker, suite, m, recorded)
		})
	}
	if checked == 0 {
		t.Error("no model is marked for the embedded checker")
	}
}

func checkEmbedded(t *testing.T, checker *Checker, suite *Suite, m Model, recorded Result) {
	job, err := Prepare(suite.FS, m.Module, m.Config)
	if err != nil {
		t.Fatal(err)
	}
	if !m.Complete() && !*allEmbedded {
		job.MaxStates = embeddedNegative
	}
	r, err := checker.Check(t.Context(), job)
	if err != nil {
		t.Fatal(err)
	}
	if r.Verdict != VerdictOf(recorded.Exit) || r.Property != recorded.Property {
		t.Errorf("%v %s (%s), TLC: %v %s", r.Verdict, r.Property, r.Detail,
			VerdictOf(recorded.Exit), recorded.Property)
	}
	if m.Complete() && r.Distinct != recorded.Distinct {
		t.Errorf("%d distinct states, TLC: %d", r.Distinct, recorded.Distinct)
	}
}

// quickModels returns the models to check: of the complete ones the smallest, as many as the budget
// allows but at least one.
func quickModels(suite *Suite, all bool) []Model {
	var complete, refuted []Model
	for _, m := range suite.Models {
		switch {
		case m.Embedded && m.Complete():
			complete = append(complete, m)
		case m.Embedded:
			refuted = append(refuted, m)
		}
	}
	slices.SortStableFunc(complete,
		func(a, b Model) int { return cmp.Compare(a.Distinct, b.Distinct) })
	states := 0
	for i, m := range complete {
		if states += m.Distinct; states > embeddedBudget && i > 0 && !all {
			complete = complete[:i]
			break
		}
	}
	return append(complete, refuted...)
}

// TestSpecificationIsEmbeddable keeps the base specification free of what the embedded checker
// misreads.
func TestSpecificationIsEmbeddable(t *testing.T) {
	spec, err := LoadSpecification(os.DirFS("."), "LinkerSync")
	if err != nil {
		t.Fatal(err)
	}
	for _, finding := range Lint(spec) {
		t.Error(finding)
	}
}

// TestActionsAreTheProtocols compares the actions of the specification with those of the Go
// protocol, by name.
func TestActionsAreTheProtocols(t *testing.T) {
	spec, err := LoadSpecification(os.DirFS("."), "LinkerSync")
	if err != nil {
		t.Fatal(err)
	}
	lines, err := spec.Actions("Step")
	if err != nil {
		t.Fatal(err)
	}
	var inText, inGo []string
	for _, line := range lines {
		inText = append(inText, line.Name)
	}
	for _, action := range protocol.Actions() {
		inGo = append(inGo, action.String())
	}
	slices.Sort(inText)
	slices.Sort(inGo)
	if !slices.Equal(inText, inGo) {
		t.Errorf("actions of the specification %q\nof the protocol %q", inText, inGo)
	}
}

// TestFiles loads the suite from inside the program.
func TestFiles(t *testing.T) {
	suite, err := LoadSuite(Files())
	if err != nil {
		t.Fatal(err)
	}
	real := realSuite(t)
	if len(suite.Models) != len(real.Models) {
		t.Fatalf("%d models inside the program, %d in the folder", len(suite.Models),
			len(real.Models))
	}
	for _, m := range suite.Models {
		inside, err := suite.InputsHash(m)
		if err != nil {
			t.Error(err)
		}
		if outside, err := real.InputsHash(m); err != nil || inside != outside {
			t.Errorf("model %s: inputs %s inside the program, %s in the folder: %v", m.Name, inside,
				outside, err)
		}
	}
}

// TestManifestIsRead guards against a folder that loads as a suite without models.
func TestManifestIsRead(t *testing.T) {
	suite := realSuite(t)
	kinds := map[Kind]int{}
	for _, m := range suite.Models {
		kinds[m.Kind]++
	}
	if kinds[KindModel] == 0 || kinds[KindNegative] == 0 {
		t.Errorf("models by kind: %v, want some that hold and some that are refuted", kinds)
	}
	if _, err := suite.Model(""); !errors.Is(err, ErrNoModel) {
		t.Errorf("a model without name: %v", err)
	}
}
