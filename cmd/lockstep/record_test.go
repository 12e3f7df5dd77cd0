package main

import (
	"fmt"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
)

// A long program is recorded and judged; its history is one that can be judged again.
func TestRecord(t *testing.T) {
	file := filepath.Join(t.TempDir(), "history.jsonl")
	status, stdout, stderr := command(t, "record", "--operations", "2000", "--seed", "7",
		"--output", file)
	if status != 0 || !strings.Contains(stdout, " operations of 8 goroutines in 4 groups: ok\n") ||
		!strings.Contains(stdout, "judged in ") {
		t.Fatalf("status %d, %q, %q", status, stdout, stderr)
	}
	count, _, _ := strings.Cut(stdout, " ")
	status, stdout, stderr = command(t, "judge", file)
	if status != 0 || !strings.Contains(stdout, count+" operations: ok") {
		t.Errorf("judge: status %d, %q, %q", status, stdout, stderr)
	}
	var peak uint64
	_, summary, _ := strings.Cut(stdout, "; ")
	if _, err := fmt.Sscanf(summary, "peak memory %d MiB\n", &peak); err != nil || peak == 0 {
		t.Errorf("judge: no peak memory: %q", stdout)
	}
	if limit := debug.SetMemoryLimit(-1); limit <= memoryLimit {
		t.Errorf("the limit of the memory is %d afterwards", limit)
	}
}

// A program of names is judged by the text of the specification, too, and both agree. A history
// of other things has no verdict there.
func TestJudgeBy(t *testing.T) {
	dir := t.TempDir()
	names, others := filepath.Join(dir, "names.jsonl"), filepath.Join(dir, "others.jsonl")
	for _, args := range [][]string{{"--names", "--output", names}, {"--output", others}} {
		args = append([]string{"record", "--operations", "60", "--clients", "3"}, args...)
		if status, stdout, stderr := command(t, args...); status != 0 {
			t.Fatalf("status %d, %q, %q", status, stdout, stderr)
		}
	}
	for _, c := range []struct {
		by, file string
		status   int
		want     string
	}{{"specification", names, 0, " operations: ok\n"}, {"both", names, 0, "they agree; time 1 : "},
		{"specification", others, 1, "has no word for"},
		{"both", others, 1, "not both have a verdict"}} {
		status, stdout, stderr := command(t, "judge", "--by", c.by, c.file)
		if status != c.status || !strings.Contains(stdout, c.want) {
			t.Errorf("by %s, %s: status %d, %q, %q", c.by, c.file, status, stdout, stderr)
		}
	}
}

// The peak grows with what is used, and does not fall.
func TestPeakMemory(t *testing.T) {
	before := peakMemory()
	block := make([]byte, before+1<<26)
	for i := 0; i < len(block); i += 4096 {
		block[i] = 1
	}
	held := peakMemory()
	if held < uint64(len(block)) {
		t.Errorf("the peak is %d bytes, and were %d before %d were in use", held, before,
			len(block))
	}
	clear(block[:1])
	if after := peakMemory(); after < held {
		t.Errorf("the peak was %d bytes, and is %d", held, after)
	}
}

// What every user of a command tries first.
func TestHelp(t *testing.T) {
	for _, c := range []struct {
		args []string
		want []string
	}{
		{nil, []string{"Available Commands:", "verify", "record", "judge", "info", "ldd", "trace",
			"soak", "completion"}},
		{[]string{"help"}, []string{"Available Commands:", "Exit status"}},
		{[]string{"--version"}, []string{"lockstep version "}},
		{[]string{"help", "record"}, []string{"--operations 1000000", "real linker"}},
		{[]string{"judge", "--help"}, []string{"Examples:", "lockstep judge", "--picture"}},
		{[]string{"info", "--help"}, []string{"Examples:", "lockstep info"}},
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
