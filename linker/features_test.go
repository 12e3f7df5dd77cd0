package linker_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var testLink = regexp.MustCompile("\\[`(Test\\w+|Fuzz\\w+)`\\]\\(([^)]+_test\\.go)\\)")

// Every feature that docs/features.md lists has tests, and they exist.
func TestFeatures(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join("..", "docs", "features.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(readme), "\n## Features\n")
	section, _, _ := strings.Cut(rest, "\n## ")
	if !found {
		t.Fatal("docs/features.md has no section Features")
	}
	rows := 0
	for line := range strings.Lines(section) {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| feature") ||
			strings.HasPrefix(line, "| ---") {
			continue
		}
		rows++
		links := testLink.FindAllStringSubmatch(line, -1)
		if len(links) == 0 {
			t.Errorf("no test: %s", line)
		}
		for _, l := range links {
			source, err := os.ReadFile(filepath.Join("..", "docs", filepath.FromSlash(l[2])))
			if err != nil {
				t.Error(err)
			} else if !strings.Contains(string(source), "\nfunc "+l[1]+"(") {
				t.Errorf("%s has no %s", l[2], l[1])
			}
		}
	}
	if rows < 20 {
		t.Errorf("only %d features", rows)
	}
}
