package spec_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// Every row about the conventions names tests that there are.
func TestConventionsHaveTests(t *testing.T) {
	shown := regexp.MustCompile("\\[`(Test\\w+)`\\]\\(([^)]+)\\)")
	rows := 0
	for line := range strings.Lines(read(t, "dynamic-linking.md")) {
		if strings.HasPrefix(line, "## What C programs expect") {
			break
		}
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| the conventions") ||
			strings.HasPrefix(line, "| ---") {
			continue
		}
		rows++
		tests := shown.FindAllStringSubmatch(line, -1)
		if len(tests) == 0 {
			t.Errorf("no test: %s", line)
		}
		for _, m := range tests {
			source, err := os.ReadFile(m[2])
			if err != nil || !strings.Contains(string(source), "func "+m[1]+"(") {
				t.Errorf("%s is not in %s: %v", m[1], m[2], err)
			}
		}
	}
	if rows < 20 {
		t.Errorf("only %d rows", rows)
	}
}
