package tlc

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-wasm/lockstep/tla"
	"github.com/lockstep-wasm/lockstep/tla/proof"
)

// runProve runs "tlc prove" in a folder and returns what it printed.
func runProve(t *testing.T, dir string, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	command := Command()
	command.SetOut(&out)
	command.SetErr(&out)
	command.SetArgs(append([]string{"prove", "--dir", dir}, args...))
	err := command.ExecuteContext(t.Context())
	return out.String(), err
}

// copyOfSpecs is the folder of the specifications, to be changed.
func copyOfSpecs(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "tla")
	if err := os.CopyFS(dir, tla.Files()); err != nil {
		t.Fatal(err)
	}
	return dir
}

func needZ3(t *testing.T) {
	t.Helper()
	if _, err := proof.FindSolver(t.Context(), time.Minute); err != nil {
		t.Skip(err)
	}
}

// Questions can be printed without z3, and are the ones that were chosen.
func TestProvePrints(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	out, err := runProve(t, "..", "--print", "--invariant", "Agreement,LockOrder", "--action",
		"Commit,Init")
	if err != nil {
		t.Fatal(err)
	}
	for _, title := range []string{"; Agreement by Init\n", "; Agreement by Commit\n",
		"; LockOrder by Init\n", "; LockOrder by Commit\n"} {
		if !strings.Contains(out, title) {
			t.Errorf("%q is missing", title)
		}
	}
	if n := strings.Count(out, "(check-sat)"); n != 4 {
		t.Errorf("%d questions, want 4", n)
	}
}

// What cannot be done is refused before anything is asked; without z3, the message says what to
// install.
func TestProveRefuses(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--invariant", "Nonsense"}, "Nonsense"},
		{[]string{"--action", "Fly"}, "action Fly"},
		{[]string{"--record", "--action", "Commit"}, "--record"},
		{nil, "apt-get install z3"},
		{[]string{"--mistakes"}, "apt-get install z3"},
	} {
		if _, err := runProve(t, "..", c.args...); err == nil ||
			!strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.args, err, c.want)
		}
	}
	if _, err := runProve(t, t.TempDir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an empty folder: %v", err)
	}
}

// The table counts what is proved; what is not is shown with a counterexample, and is an error.
func TestProve(t *testing.T) {
	needZ3(t)
	out, err := runProve(t, "..", "--invariant", "LockOrder,StateInTurn", "--action",
		"Init,LockState")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, row := range []string{"LockOrder   │           2 │      2",
		"StateInTurn │           1 │      1"} {
		if !strings.Contains(out, row) {
			t.Errorf("the table has no %q:\n%s", row, out)
		}
	}

	dir := copyOfSpecs(t)
	file := filepath.Join(dir, "StateLock.tla")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const guard = "    /\\ writer = None\n    /\\ readers = {}\n    /\\ Head(stateQueue)"
	changed := strings.Replace(string(text), guard,
		"    /\\ readers = {}\n    /\\ Head(stateQueue)", 1)
	if changed == string(text) {
		t.Fatal("LockState has other guards")
	}
	if err := os.WriteFile(file, []byte(changed), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err = runProve(t, dir, "--invariant", "StateIsHeld", "--action", "LockState")
	if err == nil || !strings.Contains(out, "not inductive: StateIsHeld by LockState, g = g") ||
		!strings.Contains(out, "* writer") {
		t.Errorf("without a guard: %v\n%s", err, out)
	}
}

// The first error ends the asking of questions.
func TestAskAll(t *testing.T) {
	failure := errors.New("failure")
	var done []int
	all, err := askAll(t.Context(), []int{1, 2, 3, 4}, 1,
		func(_ context.Context, n int) (int, error) {
			if n == 3 {
				return 0, failure
			}
			return n * n, nil
		}, func(n int) { done = append(done, n) })
	if !errors.Is(err, failure) || !slices.Equal(done, []int{1, 4}) || len(all) != 4 {
		t.Errorf("%v, %v, %v", all, done, err)
	}
	all, err = askAll(t.Context(), []int{5, 6, 7}, 2,
		func(_ context.Context, n int) (int, error) { return -n, nil }, func(int) {})
	if err != nil || !slices.Equal(all, []int{-5, -6, -7}) {
		t.Errorf("%v, %v", all, err)
	}
}
