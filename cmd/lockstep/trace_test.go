package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTraceArguments(t *testing.T) {
	dir := t.TempDir()
	broken := filepath.Join(dir, "broken.jsonl")
	if err := os.WriteFile(broken, []byte("{\"format\":"), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TLA2TOOLS_JAR", filepath.Join(dir, "absent.jar"))
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"trace"}, `want "record", "check" or "tlc"`},
		{[]string{"trace", "nonsense"}, `unknown command "nonsense"`},
		{[]string{"trace", "record"}, `required flag(s) "output" not set`},
		{[]string{"trace", "record", "-o", filepath.Join(dir, "a", "b")}, "no such file"},
		{[]string{"trace", "record", "-o", filepath.Join(dir, "a"), "--groups", "0"},
			"groups must be at least 1, not 0"},
		{[]string{"trace", "record", "-o", filepath.Join(dir, "a"), "--clients", "62"},
			"at most 64, not 65"},
		{[]string{"trace", "check"}, "requires at least 1 arg"},
		{[]string{"trace", "check", filepath.Join(dir, "absent")}, "absent"},
		{[]string{"trace", "check", broken}, "broken.jsonl: trace: line 1: not a trace file"},
		{[]string{"trace", "check", "--tlc", broken}, "TLA2TOOLS_JAR"},
		{[]string{"trace", "tlc"}, "TLA2TOOLS_JAR"},
		{[]string{"trace", "tlc", "--count", "0"}, "count and batch must be at least 1"},
		{[]string{"trace", "tlc", "--operations", "0"}, "operations must be at least 1"},
	} {
		status, stdout, stderr := command(t, c.args...)
		if status != 2 || !strings.Contains(stderr, c.want) {
			t.Errorf("%q: status %d, stderr %q, want 2 and %q", c.args, status, stderr, c.want)
		}
		if stdout != "" {
			t.Errorf("%q printed %q", c.args, stdout)
		}
	}
}

// A trace of the real linker is recorded and accepted; with an event changed it is refused, and the
// output says where.
func TestTraceRecordAndCheck(t *testing.T) {
	file := filepath.Join(t.TempDir(), "trace.jsonl")
	status, stdout, stderr := command(t, "trace", "record", "--seed", "5", "--operations", "4",
		"-o", file)
	if status != 0 || !strings.Contains(stdout, "the program with seed 5") {
		t.Fatalf("record: status %d, %q, %q", status, stdout, stderr)
	}
	status, stdout, stderr = command(t, "trace", "check", file)
	if status != 0 || !strings.Contains(stdout, " groups: accepted\n") {
		t.Fatalf("check: status %d, %q, %q", status, stdout, stderr)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), `"action":"Broadcast"`)
	if !ok {
		t.Fatal("nothing was broadcast")
	}
	wrong := filepath.Join(t.TempDir(), "wrong.jsonl")
	if err := os.WriteFile(wrong, []byte(before+`"action":"Commit"`+rest), 0o644); err != nil {
		t.Fatal(err)
	}
	status, stdout, _ = command(t, "trace", "check", file, wrong)
	if status != 1 {
		t.Errorf("status %d", status)
	}
	for _, want := range []string{"accepted\n",
		"does not fit: stage[g] = \"Replaying\" does not hold", "leader: None → g",
		"✗ stage[g] = \"Replaying\" does not hold\n", "possible would have been: ", "Broadcast(g"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("%q is not in\n%s", want, stdout)
		}
	}
}
