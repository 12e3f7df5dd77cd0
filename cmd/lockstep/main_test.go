package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-wasm/lockstep/internal/browsertest"
	"github.com/lockstep-wasm/lockstep/lincheck"
	"github.com/lockstep-wasm/lockstep/model"
)

// command runs the command and returns its exit status and what it printed.
func command(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	status = run(t.Context(), args, &out, &errs)
	return status, out.String(), errs.String()
}

func TestWrongArguments(t *testing.T) {
	dir := t.TempDir()
	broken := filepath.Join(dir, "broken.jsonl")
	if err := os.WriteFile(broken, []byte("{\"format\":"), 0o644); err != nil {
		t.Fatal(err)
	}
	truncated := filepath.Join(dir, "truncated.wasm")
	if err := os.WriteFile(truncated, []byte("\x00asm\x01\x00\x00\x00\x00\xff"),
		0o644); err != nil {
		t.Fatal(err)
	}
	unreadable := filepath.Join(dir, "unreadable.jsonl")
	if err := os.WriteFile(unreadable, nil, 0); err != nil {
		t.Fatal(err)
	}
	history, err := os.ReadFile(writeHistory(t, 42))
	if err != nil {
		t.Fatal(err)
	}
	halfHistory := filepath.Join(dir, "half.jsonl")
	if err := os.WriteFile(halfHistory, history[:len(history)-10], 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"nonsense"}, `unknown command "nonsense"`},
		{[]string{"verify", "--nonsense"}, "unknown flag: --nonsense"},
		{[]string{"verify", "argument"}, `unknown command "argument"`},
		{[]string{"verify", "--groups", "0"}, "groups must be at least 1, not 0"},
		{[]string{"verify", "--groups", "33"}, "at most 32 groups"},
		{[]string{"verify", "--programs", "-1"}, "programs must be at least 1"},
		{[]string{"verify", "--rounds", "x"}, `invalid argument "x"`},
		{[]string{"judge"}, "requires at least 1 arg"},
		{[]string{"judge", filepath.Join(dir, "absent")}, "absent"},
		{[]string{"judge", broken}, "broken.jsonl"},
		{[]string{"info"}, "requires at least 1 arg"},
		{[]string{"ldd", filepath.Join(dir, "absent.wasm")}, "absent.wasm: no such file"},
		{[]string{"ldd", truncated}, "truncated.wasm: wasm: "},
		{[]string{"info", filepath.Join(dir, "absent.wasm")}, "absent.wasm"},
		{[]string{"info", truncated}, "truncated.wasm"},
		{[]string{"info", dir}, "is a directory"},
		{[]string{"judge", dir}, "is a directory"},
		{[]string{"judge", unreadable}, "permission denied"},
		{[]string{"judge", halfHistory}, "half.jsonl: lincheck: line 3"},
		{[]string{"judge", "--picture", filepath.Join(dir, "a", "b"), writeHistory(t, 42)},
			"no such file"},
		{[]string{"judge", "--by", "heart", broken}, `not "heart"`},
		{[]string{"judge", "--by", "both", "--picture", "p.html", broken}, "--picture"},
		{[]string{"judge", "--timeout", "soon", broken}, `invalid argument "soon"`},
		{[]string{"record", "--operations", "0"}, "record: operations must be at least 1, not 0"},
		{[]string{"record", "--clients", "0"}, "record: clients must be at least 1, not 0"},
		{[]string{"record", "--groups", "65"}, "at most 64"},
		{[]string{"record", "--operations", "1", "-o", filepath.Join(dir, "a", "b")},
			"no such file"},
		{[]string{"record", "argument"}, `unknown command "argument"`},
		{[]string{"soak", "--duration", "0s"}, "soak: give a duration"},
		{[]string{"soak", "--seed", "-1"}, `invalid argument "-1"`},
	} {
		if c.want == "permission denied" && os.Getuid() == 0 {
			continue // root may read everything
		}
		status, stdout, stderr := command(t, c.args...)
		if status != 2 || !strings.Contains(stderr, c.want) {
			t.Errorf("%q: status %d, stderr %q, want 2 and %q", c.args, status, stderr, c.want)
		}
		if stdout != "" && c.args[0] != "record" && !slices.Contains(c.args, "--picture") {
			t.Errorf("%q printed %q", c.args, stdout)
		}
	}
}

// writeHistory makes a history file in which a function call has the given result; 2·21 is right.
func writeHistory(t *testing.T, result int32) string {
	t.Helper()
	h := &lincheck.History{
		Universe: model.Universe{Main: model.Library{Name: "main",
			Functions: []model.Function{{Name: "twice", Params: 1,
				Behaviour: model.Behaviour{Mul: 2}}}}},
		Operations: []lincheck.Operation{{
			Call: 1, Return: 2,
			Input:  model.Input{Op: model.OpCall, Name: "twice", Args: []int32{21}},
			Output: model.Output{Result: result},
		}},
	}
	name := filepath.Join(t.TempDir(), "history.jsonl")
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := lincheck.WriteHistory(file, h); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestJudge(t *testing.T) {
	good, bad := writeHistory(t, 42), writeHistory(t, 43)
	if status, stdout, stderr := command(t, "judge", good); status != 0 ||
		!strings.Contains(stdout, "1 operations: ok") {
		t.Errorf("good: status %d, %q, %q", status, stdout, stderr)
	}
	picture := filepath.Join(t.TempDir(), "picture.html")
	status, stdout, _ := command(t, "judge", "--picture", picture, bad)
	if status != 1 || !strings.Contains(stdout, "violation") ||
		!strings.Contains(stdout, "twice (21)") {
		t.Errorf("bad: status %d, %q", status, stdout)
	}
	page, err := os.ReadFile(picture)
	if err != nil || !bytes.Contains(page, []byte("<html")) {
		t.Errorf("the picture: %v", err)
	}
	if status, _, _ := command(t, "judge", good, bad); status != 1 {
		t.Errorf("one of two is bad: status %d", status)
	}
	// A file that cannot be read does not keep the others from being judged.
	status, stdout, stderr := command(t, "judge", "absent.jsonl", bad, good, "judge.go")
	if status != 2 || strings.Count(stdout, "operations: ") != 2 ||
		!strings.Contains(stderr, "absent.jsonl") ||
		!strings.Contains(stderr, "judge.go: lincheck: line 1") {
		t.Errorf("two of four are no histories: status %d, %q, %q", status, stdout, stderr)
	}
	status, stdout, _ = command(t, "judge", "--json", bad, good)
	var all judgement
	if err := json.Unmarshal([]byte(stdout), &all); err != nil || status != 1 ||
		len(all.Histories) != 2 ||
		all.Histories[0].Verdict != "violation" || all.Histories[1].Verdict != "ok" ||
		all.Histories[0].Reason == "" {
		t.Errorf("JSON: status %d, %v, %q", status, err, stdout)
	}
}

// A picture that cannot be made leaves the one that was there, and the folder as it was.
func TestJudgeKeepsPictures(t *testing.T) {
	dir := t.TempDir()
	picture := filepath.Join(dir, "picture.html")
	if err := os.WriteFile(picture, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	if status, _, _ := command(t, "judge", "--picture", picture, "absent.jsonl"); status != 2 {
		t.Errorf("status %d", status)
	}
	if text, err := os.ReadFile(picture); err != nil || string(text) != "old" {
		t.Errorf("the picture is %q, %v", text, err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

// The main job, made small: everything holds, the table and the report say so.
func TestVerify(t *testing.T) {
	out := t.TempDir()
	status, stdout, stderr := command(t, "verify", "--out", out, "--programs", "2", "--rounds", "3",
		"--exploration", "5000", "--embedded", "1000")
	if status != 0 {
		t.Fatalf("status %d\n%s\n%s", status, stdout, stderr)
	}
	if !strings.Contains(stdout, "8 goroutines") ||
		!strings.Contains(stderr, "running programs: done") {
		t.Errorf("stdout:\n%s\nstderr:\n%s", stdout, stderr)
	}
	page, err := os.ReadFile(filepath.Join(out, "report.html"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"NoCooperate", "<iframe", "program with seed", "RequestLease",
		"(document", "Everything holds: 7 checks.", `data-timeline="run-0-data"`,
		"a load that fails in group 4 of 4"} {
		if !bytes.Contains(page, []byte(want)) {
			t.Errorf("%q is not in the report", want)
		}
	}
}

// The pages that the command writes fit on a telephone, on a laptop and on a large screen.
func TestPagesFit(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts a browser")
	}
	browsertest.Chromium(t)
	out := t.TempDir()
	demo, broken := filepath.Join(out, "demo.html"), filepath.Join(out, "broken.html")
	for _, args := range [][]string{
		{"verify", "--out", out, "--programs", "2", "--rounds", "3", "--exploration", "5000",
			"--embedded", "1"},
		{"demo", "--output", demo},
		{"demo", "--break", "Wake", "--output", broken},
	} {
		if status, _, stderr := command(t, args...); status != 0 {
			t.Fatalf("%q: status %d, %s", args, status, stderr)
		}
	}
	for _, file := range []string{filepath.Join(out, "report.html"), demo, broken} {
		page, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		browsertest.Fits(t, filepath.Base(file), page, "true")
	}
}

func TestVerifyFailsWithoutWhatItNeeds(t *testing.T) {
	status, stdout, _ := command(t, "verify", "--out", t.TempDir(), "--programs", "1", "--rounds",
		"1", "--exploration", "1000", "--embedded", "1", "--grammar", "klingon")
	if status != 1 || !strings.Contains(stdout, "FAILED") || !strings.Contains(stdout, "klingon") {
		t.Errorf("status %d\n%s", status, stdout)
	}
}

// readTestdata reads a fixture of the linker.
func readTestdata(t testing.TB, name string) []byte {
	t.Helper()
	module, err := os.ReadFile(filepath.Join("..", "..", "linker", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return module
}
