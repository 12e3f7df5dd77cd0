package tla

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Variables that turn this test's binary into a TLC: it prints a captured output and exits as TLC
// did. So the runner is tested with a real process and without Java.
const (
	// a file; its name without extension is a key of capturedOutputs
	envFakeOutput = "LOCKSTEP_FAKE_TLC_OUTPUT"
	// any value: behave like a version without -dumpTrace
	envFakeOld  = "LOCKSTEP_FAKE_TLC_OLD"
	envFakeArgs = "LOCKSTEP_FAKE_TLC_ARGS" // a file to which the arguments are written
)

func TestMain(m *testing.M) {
	if file := os.Getenv(envFakeOutput); file != "" {
		os.Exit(fakeTLC(file, os.Args[1:]))
	}
	os.Exit(m.Run())
}

func fakeTLC(file string, args []string) int {
	dump := slices.Index(args, "-dumpTrace")
	if dump >= 0 && os.Getenv(envFakeOld) != "" {
		fmt.Println("Error: unrecognized option: -dumpTrace")
		return 1
	}
	output, err := os.ReadFile(file)
	if err != nil {
		fmt.Println(err)
		return 99
	}
	if args := os.Getenv(envFakeArgs); args != "" {
		if err := os.WriteFile(args, []byte(strings.Join(os.Args[1:], "\n")), 0o644); err != nil {
			return 99
		}
	}
	name := strings.TrimSuffix(filepath.Base(file), ".out")
	if trace, err := os.ReadFile(strings.TrimSuffix(file, ".out") + ".json"); err == nil &&
		dump >= 0 {
		if err := os.WriteFile(args[dump+2], trace, 0o644); err != nil {
			return 99
		}
	}
	os.Stdout.Write(output)
	return capturedOutputs[name].exit
}

// fakeTool returns this binary as a TLC that prints one captured output.
func fakeTool(t *testing.T, output string) Tool {
	t.Helper()
	file, err := filepath.Abs(filepath.Join("testdata/output", output+".out"))
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(envFakeOutput, file)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return Tool{Wrapper: self}
}

func TestRun(t *testing.T) {
	for name, want := range capturedOutputs {
		t.Run(name, func(t *testing.T) {
			tool := fakeTool(t, name)
			property := ""
			if len(want.properties) > 0 {
				property = want.properties[len(want.properties)-1]
			}
			model := Model{Name: "m", Module: "M", Config: "M.cfg", Exit: want.exit,
				Property: property}
			reports := 0
			outcome, err := tool.Run(t.Context(),
				Run{Dir: t.TempDir(), Model: model, Progress: func(Progress) { reports++ }})
			if VerdictOf(want.exit) == VerdictError {
				if !errors.Is(err, ErrTLC) || !strings.Contains(err.Error(), want.complaint) {
					t.Errorf("error %v, want %q", err, want.complaint)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if outcome.Exit != want.exit || outcome.Verdict != VerdictOf(want.exit) ||
				(want.stats != Progress{}) != (reports > 0) && want.exit == 0 {
				t.Errorf("exit %d, verdict %v, %d reports", outcome.Exit, outcome.Verdict, reports)
			}
			checkTrace(t, outcome.Trace, want.steps, want.last)
			if want.steps > 0 &&
				(outcome.Trace.Property != property || outcome.Trace.Exit != want.exit ||
					outcome.Trace.Model != "m") {
				t.Errorf("trace of %s, %s, %d", outcome.Trace.Model, outcome.Trace.Property,
					outcome.Trace.Exit)
			}
		})
	}
}

func TestRunDumps(t *testing.T) {
	for _, old := range []bool{false, true} {
		t.Run(map[bool]string{false: "with the dump", true: "an old version"}[old],
			func(t *testing.T) {
				tool := fakeTool(t, "invariant")
				if old {
					t.Setenv(envFakeOld, "1")
				}
				outcome, err := tool.Run(t.Context(),
					Run{Dir: t.TempDir(), Model: Model{Module: "M"}})
				if err != nil {
					t.Fatal(err)
				}
				if hasValues := len(outcome.Trace.Steps[4].Values) > 0; hasValues == old {
					t.Errorf("values in the trace: %t", hasValues)
				}
			})
	}
}

func TestRunArguments(t *testing.T) {
	for _, c := range []struct {
		name      string
		run       Run
		want, not []string // as consecutive arguments
	}{
		{"plain", Run{Model: Model{Deadlock: true}},
			[]string{"-tool", "-workers 1", "-config M.cfg M.tla", "-dumpTrace json"},
			[]string{"-deadlock", "-simulate", "-dump "}},
		{"no deadlocks, workers", Run{Workers: 3}, []string{"-workers 3", "-deadlock"}, nil},
		{"simulation", Run{Model: Model{Simulation: &Simulation{Traces: 7, Length: 8, Seed: 9}}},
			[]string{"-simulate num=7 -depth 8 -seed 9"}, nil},
		{"graph", Run{Graph: "/g.dot"}, []string{"-dump dot,actionlabels /g.dot"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			tool := fakeTool(t, "ok")
			file := filepath.Join(t.TempDir(), "args")
			t.Setenv(envFakeArgs, file)
			c.run.Dir, c.run.Model.Module, c.run.Model.Config = t.TempDir(), "M", "M.cfg"
			if _, err := tool.Run(t.Context(), c.run); err != nil {
				t.Fatal(err)
			}
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			args := strings.ReplaceAll(string(data), "\n", " ") + " "
			for _, want := range c.want {
				if !strings.Contains(args, want+" ") {
					t.Errorf("arguments %s lack %s", args, want)
				}
			}
			for _, not := range c.not {
				if strings.Contains(args, not) {
					t.Errorf("arguments %s have %s", args, not)
				}
			}
			left, err := os.ReadDir(c.run.Dir)
			if err != nil || len(left) > 0 {
				t.Errorf("left in the folder: %v, %v", left, err)
			}
		})
	}
}

func TestRunEnds(t *testing.T) {
	tool := fakeTool(t, "ok")
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("enough")
	cancel(reason)
	if _, err := tool.Run(ctx,
		Run{Dir: t.TempDir(), Model: Model{Name: "m", Module: "M"}}); !errors.Is(err, reason) &&
		!errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, reason)
	}
	tool.Wrapper = filepath.Join(t.TempDir(), "tlc")
	if _, err := tool.Run(t.Context(),
		Run{Dir: t.TempDir(), Model: Model{Name: "m", Module: "M"}}); !errors.Is(err,
		os.ErrNotExist) {
		t.Errorf("no such command: %v, want %v", err, os.ErrNotExist)
	}
}

// TestUnnamedProperty takes the texts in which TLC does not say which property is violated.
func TestUnnamedProperty(t *testing.T) {
	const place = "line 3, col 5 to line 4, col 6 of module M"
	texts := map[string]string{
		"an old version": "@!@!@STARTMSG 2116:1 @!@!@\nTemporal properties were " +
			"violated.\n\n@!@!@ENDMSG 2116 @!@!@\n",
		"a refinement": "@!@!@STARTMSG 2112:1 @!@!@\nAction property " + place +
			" is violated.\n@!@!@ENDMSG 2112 @!@!@\n",
	}
	for _, c := range []struct{ text, config, want string }{
		{"an old version", "PROPERTY P", "P"},
		{"an old version", "PROPERTIES P Q", ""},
		{"a refinement", "PROPERTY P", "P"},
		{"a refinement", "PROPERTIES P Q", place},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "M.cfg"), []byte(c.config), 0o644); err != nil {
			t.Fatal(err)
		}
		out, err := ParseOutput(strings.NewReader(texts[c.text]), nil)
		if err != nil {
			t.Fatal(err)
		}
		model := Model{Config: "M.cfg", Property: "P"}
		outcome := &Outcome{Output: *out, Exit: 13}
		outcome.finish(Run{Dir: dir, Model: model}, "")
		if got := outcome.property(model); got != c.want {
			t.Errorf("%s, %s: violated %q, want %q", c.text, c.config, got, c.want)
		}
	}
}

func TestOutcomeResult(t *testing.T) {
	s, err := loadSuite(t, suiteFiles(), suiteModels())
	if err != nil {
		t.Fatal(err)
	}
	outcome := &Outcome{Exit: 0,
		Output: Output{Version: "TLC", Stats: Progress{Generated: 8, Distinct: 4}, Depth: 2}}
	for workers, depth := range map[int]int{0: 2, 1: 2, 2: 0} {
		r, err := outcome.Result(s, s.Models[0], workers)
		if err != nil {
			t.Fatal(err)
		}
		if r.Distinct != 4 || r.Generated != 8 || r.Depth != depth || r.TLC != "TLC" ||
			r.Inputs == "" {
			t.Errorf("%s workers: %+v", strconv.Itoa(workers), r)
		}
	}
	outcome.Exit, outcome.Properties = 12, []string{"J", "I"}
	r, err := outcome.Result(s, s.Models[1], 1)
	if err != nil || r.Distinct != 0 || r.Generated != 0 || r.Depth != 0 || r.Property != "I" {
		t.Errorf("violated: %+v, %v", r, err)
	}
}
