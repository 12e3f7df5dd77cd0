package spec_test

import (
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

// Every decision says when it was made and what was rejected.
func TestDecisions(t *testing.T) {
	missing, decisions := incomplete(read(t, "rationale.md"))
	for _, heading := range missing {
		t.Errorf("rationale.md: %q has no date or no rejected alternative", heading)
	}
	if decisions < 60 {
		t.Errorf("only %d decisions were found", decisions)
	}
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
	decided := headings(read(t, "rationale.md"))
	question := regexp.MustCompile(`"((?:Why|When|How) [^"]*\?)"(?: in)? spec/rationale\.md|` +
		`spec/rationale\.md, "((?:Why|When|How) [^"]*\?)"`)
	found := 0
	for name, text := range parseTree(t).comments {
		for _, m := range question.FindAllStringSubmatch(text, -1) {
			found++
			for anchor := range headings("# " + m[1] + m[2]) {
				if !decided[anchor] {
					t.Errorf("%s: rationale.md has no %q", name, m[1]+m[2])
				}
			}
		}
	}
	if found < 15 {
		t.Errorf("only %d references were found", found)
	}
}
