package spec_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/lockstep-wasm/lockstep/tla/proof"
)

// The tables in proof.md are the record's.
func TestProofTables(t *testing.T) {
	record, err := proof.LoadRecord(os.DirFS("../tla"))
	if err != nil {
		t.Fatal(err)
	}
	page := read(t, "proof.md")
	want := replaceTable(t, page, "<!-- properties -->\n", proofsTable(record))
	want = replaceTable(t, want, "<!-- mistakes -->\n", mistakesTable(record))
	progress, err := proof.LoadProgressRecord(os.DirFS("../tla"))
	if err != nil {
		t.Fatal(err)
	}
	want = replaceTable(t, want, "<!-- progress -->\n", progressTable(progress))
	switch {
	case want == page:
	case *update:
		write(t, "proof.md", want)
	default:
		t.Error("the tables in proof.md are not the record's: go test ./spec -update")
	}
}

// replaceTable puts a table between a mark and the next end.
func replaceTable(t *testing.T, page, begin, table string) string {
	t.Helper()
	before, rest, ok := strings.Cut(page, begin)
	_, after, ok2 := strings.Cut(rest, modelsEnd)
	if !ok || !ok2 {
		t.Fatalf("proof.md has no place for %s", begin)
	}
	return before + begin + table + modelsEnd + after
}

func proofsTable(record *proof.Record) string {
	var b strings.Builder
	obligations, unproved := 0, 0
	b.WriteString("\n| property | questions | not proved |\n| --- | --- | --- |\n")
	for _, p := range record.Properties {
		obligations += p.Obligations
		unproved += len(p.Unproved)
		fmt.Fprintf(&b, "| `%s` | %d | %s |\n", p.Property, p.Obligations,
			strings.Join(p.Unproved, ", "))
	}
	return fmt.Sprintf("\n%d questions, %d of them not proved (z3 %s):\n%s\n", obligations,
		unproved, record.Z3, b.String())
}

func progressTable(record *proof.ProgressRecord) string {
	var b strings.Builder
	b.WriteString("\n| claim | questions | not proved | mistakes that break it |\n")
	b.WriteString("| --- | --- | --- | --- |\n")
	questions := 0
	for _, c := range record.Claims {
		questions += c.Questions
		var mistakes []string
		for _, m := range record.Mistakes {
			if m.Property == c.Claim {
				name := strings.ReplaceAll(m.Mistake, "|", `\|`)
				mistakes = append(mistakes, "`"+name+"`")
			}
		}
		fmt.Fprintf(&b, "| `%s` | %d | %s | %s |\n", c.Claim, c.Questions,
			strings.Join(c.Unproved, ", "), strings.Join(mistakes, ", "))
	}
	return fmt.Sprintf("\n%d questions (z3 %s):\n%s\n", questions, record.Z3, b.String())
}

func mistakesTable(record *proof.Record) string {
	var b strings.Builder
	broken := 0
	b.WriteString("\n| mistake | breaks | by |\n| --- | --- | --- |\n")
	for _, m := range record.Mistakes {
		name := strings.ReplaceAll(m.Mistake, "|", `\|`)
		if m.Survives() {
			fmt.Fprintf(&b, "| `%s` | nothing | |\n", name)
			continue
		}
		broken++
		fmt.Fprintf(&b, "| `%s` | `%s` | %s |\n", name, m.Property, m.Action)
	}
	return fmt.Sprintf(
		"\n%d mistakes: %d break the proof. The property is one of those that fail.\n%s\n",
		len(record.Mistakes), broken, b.String())
}
