package spec_test

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var scriptShown = regexp.MustCompile("(?s)<!-- script: ([a-z-]+) -->\n```text\n(.*?)```\n")

// The scripts that protocol.md shows are those that coord runs, and it names all of them.
func TestScriptsAreShown(t *testing.T) {
	page := read(t, "protocol.md")
	shown := 0
	updated := scriptShown.ReplaceAllStringFunc(page, func(text string) string {
		shown++
		name := scriptShown.FindStringSubmatch(text)[1]
		script := strings.TrimSpace(read(t, "../linker/coord/testdata/"+name+".txt"))
		return "<!-- script: " + name + " -->\n```text\n" + script + "\n```\n"
	})
	switch {
	case shown < 3:
		t.Errorf("protocol.md shows only %d scripts", shown)
	case updated == page:
	case *update:
		write(t, "protocol.md", updated)
	default:
		t.Error("a script in protocol.md is not what coord runs: go test ./spec -update")
	}
	files, err := filepath.Glob("../linker/coord/testdata/*.txt")
	if err != nil || len(files) < 6 {
		t.Fatalf("%q, %v", files, err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txt")
		if !strings.Contains(page, "<!-- script: "+name+" -->") &&
			!strings.Contains(page, "(../linker/coord/testdata/"+name+".txt)") {
			t.Errorf("protocol.md does not name the script %s", name)
		}
	}
}
