package spec_test

import (
	"testing"

	"github.com/lockstep-wasm/lockstep/fuzz/mutation"
)

// leastScore is the share of the mutants that tests must notice, in percent.
const leastScore = 90

// The table of mutation.md is that of the recorded runs, and in each enough mutants were noticed.
func TestMutationTable(t *testing.T) {
	all, err := mutation.Read("mutation.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		if r.Score() < leastScore {
			t.Errorf("%s: %.1f %% of the mutants were noticed, wanted %d", r.Package, r.Score(),
				leastScore)
		}
	}
	page := read(t, "mutation.md")
	want := replaceTable(t, page, "<!-- mutation -->\n", mutation.Markdown(all))
	switch {
	case want == page:
	case *update:
		write(t, "mutation.md", want)
	default:
		t.Error("the table in mutation.md is not the record's: go test ./spec -update")
	}
}
