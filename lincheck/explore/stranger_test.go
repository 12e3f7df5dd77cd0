package explore_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A module that is not this one, and that imports nothing of this one but the explorer, finds its
// planted mistakes with plain go test, and prints the tables.
func TestStranger(t *testing.T) {
	page := filepath.Join(t.TempDir(), "report.html")
	for _, c := range []struct {
		test string
		fail bool
		want []string
	}{
		{"TestRing", true,
			[]string{"race: ", "ring.go:30", "ring.go:45", "★", "⇄", "Push(2) → true",
				"EXPLORE_REPLAY='/Pop()|Push(2)/@0:1' go test -count=1 -run '^TestRing$' ."}},
		{"TestRingValues", true, []string{"not linearizable", "Push(1) → false", "Push(2) → true"}},
		{"TestStack", true, []string{"not linearizable", "A:      Pop() → 1, true",
			"B:      Push(1) → returns; Pop() → 1, true", "top.Load → &node#1  stack.go:26",
			"read node#1.next → nil  stack.go:30",
			"EXPLORE_REPLAY='/Pop()|Push(1);Pop()/@0:1,6:1'"}},
		{"TestCounter", true, []string{"not linearizable", "Inc() → 1", "n.Load → 0  counter.go:10",
			"n.Store 1  counter.go:11"}},
		{"TestLockOrder", true, []string{"deadlock", "go1 waits for go2: Lock of sync.Mutex",
			"go2 waits for go1: Lock of sync.Mutex", "counter_test.go:30"}},
		{"TestSound", false, []string{"explored 60 scenarios", "; exhausted", "schedules/s"}},
	} {
		cmd := exec.Command("go", "test", "-count=1", "-v", "-run", "^"+c.test+"$", ".")
		cmd.Dir = filepath.Join("testdata", "stranger")
		cmd.Env = append(os.Environ(), "EXPLORE_HTML="+page)
		out, err := cmd.CombinedOutput()
		if (err != nil) != c.fail {
			t.Errorf("%s: %v\n%s", c.test, err, out)
		}
		for _, want := range c.want {
			if !strings.Contains(string(out), want) {
				t.Errorf("%s: %q is missing:\n%s", c.test, want, out)
			}
		}
	}
	html, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"<b>deadlock</b> in TestLockOrder", "b.Lock()", "<th>go1</th>"} {
		if !strings.Contains(string(html), want) {
			t.Errorf("the page lacks %q:\n%s", want, html)
		}
	}
}

// The explorer is for any code: it needs nothing of the linker.
func TestNothingOfTheLinkerIsNeeded(t *testing.T) {
	const module = "github.com/lockstep-wasm/lockstep/"
	out, err := exec.Command("go", "list", "-deps", "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	packages := strings.Fields(string(out))
	if !slices.Contains(packages, module+"lincheck/explore") {
		t.Fatalf("the list lacks the package itself: %s", out)
	}
	for _, p := range packages {
		if strings.HasPrefix(p, module) && !strings.HasPrefix(p, module+"lincheck/explore") ||
			strings.Contains(p, "wazero") {
			t.Errorf("the explorer needs %s", p)
		}
	}
}
