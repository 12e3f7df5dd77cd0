package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// A long program is recorded and judged; its history is one that can be judged again.
func TestRecord(t *testing.T) {
	file := filepath.Join(t.TempDir(), "history.jsonl")
	status, stdout, stderr := command(t, "record", "--operations", "2000", "--seed", "7", "--output", file)
	if status != 0 || !strings.Contains(stdout, " operations of 8 goroutines in 4 groups: ok\n") || !strings.Contains(stdout, "judged in ") {
		t.Fatalf("status %d, %q, %q", status, stdout, stderr)
	}
	count, _, _ := strings.Cut(stdout, " ")
	status, stdout, stderr = command(t, "judge", file)
	if status != 0 || !strings.Contains(stdout, count+" operations: ok") {
		t.Errorf("judge: status %d, %q, %q", status, stdout, stderr)
	}
}

// What every user of a command tries first.
func TestHelp(t *testing.T) {
	for _, c := range []struct {
		args []string
		want []string
	}{
		{nil, []string{"Available Commands:", "verify", "record", "judge", "inspect", "trace", "soak", "completion"}},
		{[]string{"help"}, []string{"Available Commands:", "Exit status"}},
		{[]string{"--version"}, []string{"lockstep version "}},
		{[]string{"help", "record"}, []string{"--operations 1000000", "real linker"}},
		{[]string{"judge", "--help"}, []string{"Examples:", "lockstep judge", "--picture"}},
		{[]string{"inspect", "--help"}, []string{"Examples:", "lockstep inspect"}},
		{[]string{"verify", "--help"}, []string{"Examples:", "--groups"}},
		{[]string{"soak", "--help"}, []string{"Examples:", "--shifts"}},
		{[]string{"trace", "check", "--help"}, []string{"Examples:", "--tlc"}},
		{[]string{"trace", "record", "--help"}, []string{"Examples:", "--output"}},
		{[]string{"completion", "bash"}, []string{"__start_lockstep"}},
		{[]string{"completion", "zsh"}, []string{"#compdef lockstep"}},
	} {
		status, stdout, stderr := command(t, c.args...)
		if status != 0 || stderr != "" {
			t.Errorf("%q: status %d, %q", c.args, status, stderr)
		}
		for _, want := range c.want {
			if !strings.Contains(stdout, want) {
				t.Errorf("%q: no %q in\n%s", c.args, want, stdout)
			}
		}
	}
}
