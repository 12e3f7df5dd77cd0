package faults

import (
	"path/filepath"
	"slices"
	"testing"
)

// A survey asks the tests that must catch a fault first, and all tests of the detector only if none
// of those does. What they miss is in the row either way.
func TestSurvey(t *testing.T) {
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	all, err := Load(root)
	if err != nil {
		t.Fatal(err)
	}
	const catches, misses = "TestWaitEndsWithItsGroup", "TestBackoffEndsWithItsContext"
	f, ok := Find(all, "runtime: death does not wake")
	d, known := Detect("synctest")
	if !ok || !known {
		t.Fatal("no such fault, or no such detector")
	}
	missed := Named{d.Name, misses}
	by := func(tests ...string) Fault {
		g := f
		g.By = nil
		for _, test := range tests {
			g.By = append(g.By, Named{d.Name, test})
		}
		return g
	}
	asked := 0
	rows, err := Survey(t.Context(), root, []Fault{by(catches), by(catches, misses), by(misses)},
		[]Detector{d}, 1, func(Said) { asked++ })
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct{ missed []Named }{{nil}, {[]Named{missed}}, {[]Named{missed}}} {
		o := rows[i].Outcomes[d.Name]
		if !rows[i].Caught() || !slices.Contains(o.Tests, catches) {
			t.Errorf("fault %d is caught by %v", i, o.Tests)
		}
		if !slices.Equal(rows[i].Missed, want.missed) {
			t.Errorf("fault %d is missed by %v, want %v", i, rows[i].Missed, want.missed)
		}
	}
	if asked != 4 { // the sound program is the first
		t.Errorf("told %d times", asked)
	}
}
