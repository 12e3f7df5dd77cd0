package spec_test

import (
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// incomplete returns the headings of decisions that have no date, or no alternative.
func incomplete(text string) (missing []string, decisions int) {
	dated := regexp.MustCompile(`(?m)^\*Decided on \d{4}-\d\d-\d\d`)
	for _, section := range strings.Split(text, "\n## ")[1:] {
		decisions++
		heading, _, _ := strings.Cut(section, "\n")
		if !dated.MatchString(section) || !strings.Contains(section, "\n\nRejected: ") {
			missing = append(missing, heading)
		}
	}
	return missing, decisions
}

// decisionPages are the pages of decisions, in the order of rationale.md.
func decisionPages() []string {
	return []string{"rationale-protocol.md", "rationale-loading.md", "rationale-libraries.md",
		"rationale-running.md", "rationale-checks.md"}
}

// Every decision says when it was made and what was rejected.
func TestDecisions(t *testing.T) {
	decisions := 0
	for _, page := range decisionPages() {
		missing, n := incomplete(read(t, page))
		for _, heading := range missing {
			t.Errorf("%s: %q has no date or no rejected alternative", page, heading)
		}
		decisions += n
	}
	if decisions < 60 {
		t.Errorf("only %d decisions were found", decisions)
	}
}

// rationale.md lists all decisions, page by page, with their dates.
func TestDecisionsAreListed(t *testing.T) {
	found, err := filepath.Glob("rationale-*.md")
	if err != nil || len(found) != len(decisionPages()) {
		t.Errorf("%v: not the pages %q: %q", err, decisionPages(), found)
	}
	page := read(t, "rationale.md")
	intro, _, _ := strings.Cut(page, "\n## ")
	want := intro
	for _, name := range decisionPages() {
		want += listed(name, read(t, name))
	}
	switch {
	case want == page:
	case *update:
		write(t, "rationale.md", want)
	default:
		t.Error("rationale.md does not list the decisions as they are: go test ./spec -update")
	}
}

// listed returns the section of rationale.md for a page.
func listed(name, text string) string {
	title, rest, _ := strings.Cut(strings.TrimPrefix(text, "# Decisions: "), "\n")
	var b strings.Builder
	fmt.Fprintf(&b, "\n## %s%s\n\n| decision | made on |\n| --- | --- |\n",
		strings.ToUpper(title[:1]), title[1:])
	dated := regexp.MustCompile(`(?m)^\*Decided on (\d{4}-\d\d-\d\d)`)
	for _, section := range strings.Split(rest, "\n## ")[1:] {
		heading, _, _ := strings.Cut(section, "\n")
		date := "never"
		if m := dated.FindStringSubmatch(section); m != nil {
			date = m[1]
		}
		fmt.Fprintf(&b, "| [%s](%s%s) | %s |\n", heading, name, anchor(heading), date)
	}
	return b.String()
}

// A decision without a date, or without an alternative, is found.
func TestIncompleteDecisions(t *testing.T) {
	text := "# Rationale\n\n## A\n\n*Decided on 2026-11-22.*\n\nRejected: b.\n\n" +
		"## C\n\nRejected: d.\n\n## E\n\n*Decided on 2026-11-22.*\n"
	missing, decisions := incomplete(text)
	if decisions != 3 || len(missing) != 2 || missing[0] != "C" || missing[1] != "E" {
		t.Errorf("%d decisions, %q", decisions, missing)
	}
}

// Headings of the decisions that comments and pages name in quotes exist.
func TestQuotedDecisionsExist(t *testing.T) {
	decided := map[string]bool{}
	for _, page := range decisionPages() {
		maps.Copy(decided, headings(read(t, page)))
	}
	question := regexp.MustCompile(`"((?:Why|When|How) [^"]*\?)"(?: in)? spec/rationale\.md|` +
		`spec/rationale\.md, "((?:Why|When|How) [^"]*\?)"`)
	found := 0
	for name, text := range parseTree(t).comments {
		for _, m := range question.FindAllStringSubmatch(text, -1) {
			found++
			if !decided[anchor(m[1]+m[2])] {
				t.Errorf("%s: rationale.md lists no %q", name, m[1]+m[2])
			}
		}
	}
	if found < 15 {
		t.Errorf("only %d references were found", found)
	}
}
