package verify

import (
	"bytes"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/lockstep-wasm/lockstep/tla"
)

// noTask is progress that is not shown.
type noTask struct{}

func (noTask) Advance(int64) {}
func (noTask) End(bool)      {}

// A model that should hold, and in which a guard is missing, ends the check with the violated
// property and the actions that lead there, in the table and in the report.
func TestBrokenGuardIsShown(t *testing.T) {
	broken := fstest.MapFS{}
	err := fs.WalkDir(tla.Files(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(tla.Files(), name)
		if name == "MCsmall.cfg" {
			text = bytes.Replace(text, []byte("Off = {}"), []byte(`Off = {"SecondEpoch"}`), 1)
		}
		broken[name] = &fstest.MapFile{Data: text}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	o := DefaultOptions(broken, nil)
	o.Exploration = 1053
	r := &Report{Options: o}
	c := check{subject: "the protocol", run: exploreModels}
	r.Findings = append(r.Findings, c.finding(t.Context(), &o, r, noTask{}))
	f := r.Findings[0]
	if f.Verdict != Failed || f.Counterexample == nil ||
		f.Counterexample.Property != "CommitAfterAll" {
		t.Fatalf("%+v", f)
	}
	var table, page bytes.Buffer
	r.WriteTable(&table)
	if err := r.WriteHTML(&page); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{table.String(), page.String()} {
		for _, want := range []string{"CommitAfterAll is violated after 9 steps",
			"RequestLease(g1)", "Commit(g1)",
			"The log grows only after every participant has applied: the"} {
			if !strings.Contains(text, want) {
				t.Errorf("no %q in\n%.3000s", want, text)
			}
		}
	}
	if !strings.Contains(page.String(), "1 of 1 checks failed.") {
		t.Error("the page does not begin with the verdict")
	}
}
