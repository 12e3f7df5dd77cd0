package tla

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// capturedOutputs says what is in the outputs of TLC under testdata/output: its master version,
// started with -tool on the specifications in testdata/specs; paths, times and the machine were
// taken out.
var capturedOutputs = map[string]struct {
	exit       int
	properties []string
	stats      Progress
	depth      int
	steps      int    // of the counterexample
	last       string // the title of its last step
	complaint  string // part of what TLC complains about
}{
	"ok": {exit: 0, stats: Progress{13, 69, 45, 0}, depth: 13},
	"deadlock": {exit: 11, properties: []string{"Deadlock"},
		stats: Progress{13, 69, 45, 0}, depth: 13, steps: 13, last: `Leave("b")`,
		complaint: "Deadlock reached."},
	"invariant": {exit: 12, properties: []string{"MutualExclusion"}, depth: 5, steps: 5,
		last: `Enter("b")`, complaint: "Invariant MutualExclusion is violated."},
	"liveness-stuttering": {exit: 13, properties: []string{"EveryWaiterEnters"},
		stats: Progress{13, 69, 45, 0}, depth: 13, steps: 9, last: "Stuttering",
		complaint: "Temporal property EveryWaiterEnters was violated."},
	"liveness-back": {exit: 13, properties: []string{"Settles", "Arrives"},
		stats: Progress{4, 5, 4, 0}, depth: 4, steps: 5, last: "Reset back to state 1",
		complaint: "Temporal properties"},
	"action-property": {exit: 13, properties: []string{"NeverDown"}, depth: 4, steps: 5,
		last: "Reset", complaint: "Action property"},
	"initial": {exit: 12, properties: []string{"NeverZero"}, steps: 1,
		last: "Initial predicate", complaint: "violated by the initial state"},
	"property-initial": {exit: 13, properties: []string{"StartsHigh"}, steps: 1,
		last: "Initial predicate", complaint: "violated by the initial state"},
	"assumption": {exit: 10, properties: []string{"Assumption"},
		complaint: "Assumption line 5, col 8"},
	"postcondition": {exit: 10, properties: []string{"Checked"}, stats: Progress{4, 5, 4, 0},
		depth: 4, complaint: "Postcondition Checked"},
	"simulation":  {exit: 0, stats: Progress{20, 241, 0, 0}},
	"parse-error": {exit: 150, complaint: "Could not parse module Broken"},
	"config-error": {exit: 151,
		complaint: "The name Nothing specified in the configuration file"},
}

func readOutput(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata/output", name+".out"))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestParseOutput(t *testing.T) {
	for name, want := range capturedOutputs {
		t.Run(name, func(t *testing.T) {
			var reports []Progress
			out, err := ParseOutput(strings.NewReader(readOutput(t, name)),
				func(p Progress) { reports = append(reports, p) })
			if err != nil {
				t.Fatal(err)
			}
			if got := VersionName(out.Version); got != "TLC2 Version (rev: cc6b616)" {
				t.Errorf("version %q", got)
			}
			if !slices.Equal(out.Properties, want.properties) {
				t.Errorf("violated %q, want %q", out.Properties, want.properties)
			}
			if want.stats != (Progress{}) && out.Stats != want.stats {
				t.Errorf("counts %+v, want %+v", out.Stats, want.stats)
			}
			if want.stats != (Progress{}) &&
				(len(reports) == 0 || reports[len(reports)-1] != want.stats) {
				t.Errorf("reports of progress %+v, want the last to be %+v", reports, want.stats)
			}
			if out.Depth != want.depth {
				t.Errorf("depth %d, want %d", out.Depth, want.depth)
			}
			complaints := strings.Join(slices.Concat(out.Errors, out.Loose), "\n")
			if !strings.Contains(complaints, want.complaint) {
				t.Errorf("complaints %q, want %q", complaints, want.complaint)
			}
			checkTrace(t, out.Trace, want.steps, want.last)
		})
	}
}

func checkTrace(t *testing.T, trace *Trace, steps int, last string) {
	t.Helper()
	if steps == 0 {
		if trace != nil {
			t.Errorf("trace %+v, want none", trace)
		}
		return
	}
	if trace == nil || len(trace.Steps) != steps {
		t.Fatalf("trace %+v, want %d steps", trace, steps)
	}
	if got := trace.Steps[steps-1].Title(); got != last {
		t.Errorf("last step %q, want %q", got, last)
	}
	if first := trace.Steps[0]; len(first.State) != 2 || first.Title() != "Initial predicate" ||
		first.Number != 1 {
		t.Errorf("first step %+v", first)
	}
}

func TestCapturedOutputsAreAllTested(t *testing.T) {
	files, err := filepath.Glob("testdata/output/*.out")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if _, ok := capturedOutputs[strings.TrimSuffix(filepath.Base(file), ".out")]; !ok {
			t.Errorf("%s is not tested", file)
		}
	}
}

func TestParseStep(t *testing.T) {
	for _, c := range []struct {
		text string
		want Step
	}{
		{"2: <Work(g1,<<\"a, b\", 1>>) line 3, col 5 to line 6, col 7 of module M>\n/\\ x = " +
			"1\n/\\ y = (a :> 1 @@\n  b :> 2)\n",
			Step{Number: 2, Action: "Work", Arguments: []string{"g1", `<<"a, b", 1>>`}, Module: "M",
				Line: 3, State: []Variable{{"x", "1"}, {"y", "(a :> 1 @@\n  b :> 2)"}}}},
		{"1,234: <Next line 3, col 5 to line 6, col 7 of module M>\nx = 1", // an old version
			Step{Number: 1234, Action: "Next", Module: "M", Line: 3,
				State: []Variable{{"x", "1"}}}},
		{"1: <Initial predicate>\nx =\n  1",
			Step{Number: 1, Action: "Initial predicate", State: []Variable{{"x", "1"}}}},
	} {
		got := parseState(c.text)
		if got.Number != c.want.Number || got.Action != c.want.Action ||
			!slices.Equal(got.Arguments, c.want.Arguments) ||
			got.Module != c.want.Module || got.Line != c.want.Line ||
			!slices.Equal(got.State, c.want.State) {
			t.Errorf("parseState(%q) = %+v, want %+v", c.text, got, c.want)
		}
	}
	if got := parseBack("3: Back to state"); got.Title() != "back to state 3" {
		t.Errorf("back to a state without action: %q", got.Title())
	}
}

func TestParseOutputDamaged(t *testing.T) {
	t.Run("cut off in a message", func(t *testing.T) {
		text := readOutput(t, "invariant")
		cut := strings.Index(text, "is violated.") + len("is violated.")
		out, err := ParseOutput(strings.NewReader(text[:cut]), nil)
		if err != nil || !slices.Equal(out.Properties, []string{"MutualExclusion"}) {
			t.Errorf("properties %v, %v", out.Properties, err)
		}
	})
	t.Run("reader fails", func(t *testing.T) {
		broken := errors.New("broken pipe")
		if _, err := ParseOutput(iotest.ErrReader(broken), nil); !errors.Is(err, broken) {
			t.Errorf("error %v, want %v", err, broken)
		}
	})
	t.Run("much outside of messages", func(t *testing.T) {
		out, err := ParseOutput(strings.NewReader(strings.Repeat("noise\n", 10_000)+"last\n"), nil)
		if err != nil || len(out.Loose) != looseLines || out.Loose[looseLines-1] != "last" {
			t.Errorf("%d lines, %v", len(out.Loose), err)
		}
	})
}

func FuzzParseOutput(f *testing.F) {
	for name := range capturedOutputs {
		f.Add(readOutput(f, name))
	}
	f.Add("@!@!@ENDMSG 1 @!@!@\n@!@!@STARTMSG x\n@!@!@STARTMSG 2217:4 @!@!@\n")
	f.Fuzz(func(t *testing.T, text string) {
		out, err := ParseOutput(strings.NewReader(text), func(Progress) {})
		if err != nil {
			t.Fatal(err)
		}
		if out.Trace != nil {
			for i := range out.Trace.Steps {
				out.Trace.Changed(i)
			}
		}
	})
}

func TestVerdictOf(t *testing.T) {
	for exit, want := range map[int]string{0: "ok", 10: "assumption", 11: "deadlock", 12: "safety",
		13: "liveness", 14: "assert",
		1: "error", 75: "error", 150: "error", 151: "error", 153: "error", 255: "error",
		-1: "error"} {
		if got := VerdictOf(exit).String(); got != want {
			t.Errorf("VerdictOf(%d) = %s, want %s", exit, got, want)
		}
	}
	if got := Verdict(99).String(); got != "Verdict(99)" {
		t.Errorf("an unknown verdict prints as %q", got)
	}
}
