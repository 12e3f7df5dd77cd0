// Package docs_test types what the pages of this folder say.
package docs_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var console = regexp.MustCompile("(?s)```console\n(.*?)```")

// The commands of the walk-through print what it says they print.
func TestWalkthrough(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds the command and an example")
	}
	page, err := os.ReadFile("walkthrough.md")
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	if out, err := exec.Command("go", "build", "-o", filepath.Join(bin, "lockstep"),
		"../cmd/lockstep").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	commands := 0
	for _, block := range console.FindAllStringSubmatch(string(page), -1) {
		_, err := exec.LookPath("clang-22")
		if err != nil && strings.Contains(block[1], "lockstep cc") {
			continue // there is no compiler here
		}
		for _, text := range strings.Split("\n"+block[1], "\n$ ")[1:] {
			line, want, _ := strings.Cut(text, "\n")
			commands++
			cmd := exec.Command("sh", "-c", line)
			cmd.Dir = ".."
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Errorf("%s: %v\n%s", line, err, out)
				continue
			}
			if missing := behind(string(out), want); missing != "" {
				t.Errorf("%s: no line %q in\n%s", line, missing, out)
			}
		}
	}
	if commands < 7 {
		t.Errorf("only %d commands", commands)
	}
}

// behind returns the first of the wanted lines that does not follow those before it in the output.
// A line that begins with … is the end of one.
func behind(output, wanted string) string {
	lines := strings.Split(output, "\n")
	for want := range strings.Lines(wanted) {
		want = strings.TrimRight(want, "\n")
		end, partly := strings.CutPrefix(want, "…")
		if want == "" || want == "…" {
			continue
		}
		found := false
		for len(lines) > 0 && !found {
			found = lines[0] == want ||
				partly && strings.HasSuffix(lines[0], strings.TrimPrefix(end, " "))
			lines = lines[1:]
		}
		if !found {
			return want
		}
	}
	return ""
}
