package spec_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-wasm/lockstep/tla"
)

// The report on guards is about the guards that the specification has, in order, and none of them
// is uncaught.
func TestGuardsReport(t *testing.T) {
	spec, err := tla.LoadSpecification(os.DirFS("../tla"), "LinkerSync")
	if err != nil {
		t.Fatal(err)
	}
	actions, err := spec.Actions("Step")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, action := range actions {
		module, err := spec.Definer(action.Name)
		if err != nil {
			t.Fatal(err)
		}
		guards, err := module.Guards(action.Name)
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range guards {
			want = append(want,
				fmt.Sprintf("%s | `%s`", action.Name, strings.ReplaceAll(g.Text, "|", `\|`)))
		}
	}
	report := read(t, "guards.md")
	var got []string
	for _, m := range regexp.MustCompile(
		"(?m)^\\| (\\w+ \\| `.*?`) \\| [^|]*\\|$").FindAllStringSubmatch(report, -1) {
		got = append(got, m[1])
	}
	if !slices.Equal(got, want) {
		t.Errorf("guards.md is about other guards than the specification's: go run ./tla/cmd/tlc "+
			"guards --report spec/guards.md\ngot  %q\nwant %q", got, want)
	}
	if strings.Contains(report, "**") {
		t.Error("guards.md has guards that are neither caught nor explained")
	}
}
