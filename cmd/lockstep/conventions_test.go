package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/lockstep-wasm/lockstep/internal/process"
	"github.com/lockstep-wasm/lockstep/stock"
	"github.com/lockstep-wasm/lockstep/tla"
)

// convention is a command as the tests of this file use it.
type convention struct {
	args  []string // for a run that ends well, and soon
	needs string   // that without which it does nothing; args is nil then
	long  []string // for a run that would take for ever; nil if it has none
}

// conventions are all commands, by their names.
func conventions(t *testing.T) map[string]convention {
	t.Helper()
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	history, answer := writeHistory(t, 42), "testdata/run/answer.wasm"
	record := in("trace.jsonl")
	if status, _, stderr := command(t, "trace", "record", "-o", record); status != 0 {
		t.Fatal(stderr)
	}
	counterexample := in("caught.trace.json")
	trace := &tla.Trace{Model: "m", Property: "P", Exit: 12, Steps: []tla.Step{
		{Number: 1, State: []tla.Variable{{Name: "x", Value: "1"}}},
		{Number: 2, Action: "Step", State: []tla.Variable{{Name: "x", Value: "2"}}},
	}}
	data, err := trace.WriteJSON()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(counterexample, data, 0o644); err != nil {
		t.Fatal(err)
	}
	verify := []string{"--programs", "1", "--rounds", "1", "--exploration", "2000", "--embedded",
		"1", "--out", dir}
	return map[string]convention{
		"run": {args: []string{"testdata/run/program.wasm", "open", "answer.wasm"}},
		"demo": {args: []string{"--output", in("demo.html")},
			long: []string{"--output", in("demo.html")}},
		"cc":     {needs: "clang"},
		"c++":    {needs: "clang"},
		"verify": {args: verify, long: []string{"--rounds", "1000000", "--out", dir}},
		"record": {args: []string{"--operations", "100"},
			long: []string{"--operations", "1000000000"}},
		"judge":        {args: []string{history}},
		"info":         {args: []string{answer}},
		"ldd":          {args: []string{answer}},
		"trace record": {args: []string{"-o", in("new.jsonl")}},
		"trace check":  {args: []string{record}},
		"trace tlc":    {needs: "TLC"},
		"soak": {args: []string{"--shifts", "1"},
			long: []string{"--duration", "100h"}},
		"tlc":          {needs: "TLC"},
		"tlc run":      {needs: "TLC"},
		"tlc list":     {args: []string{}},
		"tlc trace":    {args: []string{counterexample}},
		"tlc generate": {needs: "a source tree to write to"},
		"tlc graph":    {needs: "TLC"},
		"tlc graphs":   {needs: "TLC"},
		"tlc guards":   {needs: "TLC"},
		"tlc embedded": {args: []string{"NoLockOrder"}},
		"tlc prove": {
			args: []string{"--print", "--invariant", "LockOrder", "--action", "Commit"}},
		"tlc server": {needs: "TLC"},
		"man":        {args: []string{in("man")}},
	}
}

// eachCommand calls f with every command that can be run.
func eachCommand(f func(name string, cmd *cobra.Command)) {
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		for _, c := range cmd.Commands() {
			if c.Name() == "completion" || c.Name() == "help" {
				continue // the library's own
			}
			if c.Runnable() && c.Name() != "trace" || c.CommandPath() == "lockstep tlc trace" {
				f(strings.TrimPrefix(c.CommandPath(), "lockstep "), c)
			}
			walk(c)
		}
	}
	walk(newRoot())
}

// Every command tells what it does and how it ends, with an example that names it, in lines that
// fit.
func TestEveryCommandHasHelp(t *testing.T) {
	known := conventions(t)
	count := 0
	eachCommand(func(name string, cmd *cobra.Command) {
		count++
		if _, ok := known[name]; !ok {
			t.Errorf("%s is not in the table of this test", name)
		}
		if cmd.Short == "" || strings.HasSuffix(cmd.Short, ".") {
			t.Errorf("%s: %q is no line of a list", name, cmd.Short)
		}
		if !strings.Contains(strings.ToLower(cmd.Long), "exit status") {
			t.Errorf("%s does not tell its exit status", name)
		}
		if !strings.Contains(cmd.Example, cmd.CommandPath()) {
			t.Errorf("%s: the example is %q", name, cmd.Example)
		}
		for line := range strings.Lines(cmd.Long + "\n" + cmd.Example) {
			if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > 100 {
				t.Errorf("%s: %d columns: %s", name, n, line)
			}
		}
	})
	if count != len(known) {
		t.Errorf("%d commands, %d in the table", count, len(known))
	}
}

// Every command has a manual page, with its example.
func TestManualPages(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "man1")
	if status, _, stderr := command(t, "man", dir); status != 0 {
		t.Fatalf("status %d, %s", status, stderr)
	}
	eachCommand(func(name string, cmd *cobra.Command) {
		page, err := os.ReadFile(filepath.Join(dir,
			"lockstep-"+strings.ReplaceAll(name, " ", "-")+".1"))
		if err != nil {
			t.Error(err)
			return
		}
		for _, want := range []string{".TH \"LOCKSTEP-", ".SH SYNOPSIS", ".SH EXAMPLE"} {
			if !bytes.Contains(page, []byte(want)) {
				t.Errorf("the page of %s has no %s", name, want)
			}
		}
	})
}

// What a command prints as JSON is one value, and nothing else.
func TestEveryCommandPrintsJSON(t *testing.T) {
	if testing.Short() {
		t.Skip("it runs all commands")
	}
	if _, err := stock.Read(stock.TLAChecker); err != nil {
		t.Fatal(err)
	}
	for name, c := range conventions(t) {
		if c.needs != "" { // tests of their own have JSON of these, with programs that pretend
			continue
		}
		args := append(append(strings.Fields(name), "--json"), c.args...)
		status, stdout, stderr := command(t, args...)
		var value any
		decoder := json.NewDecoder(strings.NewReader(stdout))
		if err := decoder.Decode(&value); err != nil || status != 0 || value == nil {
			t.Errorf("%q: status %d, %v, %s", args, status, err, stderr)
			continue
		}
		if _, err := decoder.Token(); err != io.EOF {
			t.Errorf("%q prints more than one value", args)
		}
	}
}

// A command whose output is lost ends with status 2, and says why.
func TestEveryCommandMindsItsOutput(t *testing.T) {
	if testing.Short() {
		t.Skip("it runs all commands")
	}
	for name, c := range conventions(t) {
		if c.needs != "" || name == "run" { // what a program prints is its own affair
			continue
		}
		var stderr bytes.Buffer
		args := append(strings.Fields(name), c.args...)
		status := run(t.Context(), args, fullDevice{}, &stderr)
		if status != statusUnable || !strings.Contains(stderr.String(), syscall.ENOSPC.Error()) {
			t.Errorf("%q: status %d, %q", args, status, stderr.String())
		}
	}
}

// stopper cancels a context when something is written to it for the first time.
type stopper struct{ stop func() }

func (s stopper) Write(p []byte) (int, error) {
	s.stop()
	return len(p), nil
}

// A command that takes long ends at a signal, with the signal's status.
func TestLongCommandsEndAtSignals(t *testing.T) {
	for name, c := range conventions(t) {
		if c.long == nil {
			continue
		}
		for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
			ctx, cancel := context.WithCancelCause(t.Context())
			stop := stopper{func() { cancel(&process.SignalError{Signal: signal}) }}
			if name == "demo" || name == "record" { // they tell nothing before their end
				stop.stop()
			}
			args := append(strings.Fields(name), c.long...)
			if status := run(ctx, args, stop, stop); status != process.StatusSignal+int(signal) {
				t.Errorf("%q: status %d after %s", args, status, signal)
			}
			cancel(nil)
		}
	}
}
