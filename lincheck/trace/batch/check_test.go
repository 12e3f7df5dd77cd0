package batch_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/lockstep-wasm/lockstep/lincheck/trace/batch"
	"github.com/lockstep-wasm/lockstep/lincheck/trace/corrupt"
	"github.com/lockstep-wasm/lockstep/tla"
)

// Variables that turn this test's binary into a TLC that prints a captured output.
const (
	envFakeOutput = "LOCKSTEP_FAKE_TLC_OUTPUT" // a file
	envFakeExit   = "LOCKSTEP_FAKE_TLC_EXIT"   // the exit status
)

func TestMain(m *testing.M) {
	if file := os.Getenv(envFakeOutput); file != "" {
		os.Exit(fakeTLC(file))
	}
	os.Exit(m.Run())
}

// fakeTLC checks that it runs where the modules are.
func fakeTLC(file string) int {
	for _, name := range []string{"LinkerVars.tla", "LinkerSync.tla", "TraceLinkerSync.tla",
		"TraceData.tla", "TraceData.cfg"} {
		if _, err := os.Stat(name); err != nil {
			return 99
		}
	}
	output, err := os.ReadFile(file)
	if err != nil {
		return 99
	}
	os.Stdout.Write(output)
	exit, err := strconv.Atoi(os.Getenv(envFakeExit))
	if err != nil {
		return 99
	}
	return exit
}

// fake is a TLC that says what the real one said once about the traces below.
func fake(t *testing.T, output string, exit int) tla.Tool {
	t.Helper()
	file, err := filepath.Abs(filepath.Join("testdata", output))
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(envFakeOutput, file)
	t.Setenv(envFakeExit, strconv.Itoa(exit))
	return tla.Tool{Wrapper: self}
}

func kindOf(t *testing.T, name string) corrupt.Kind {
	t.Helper()
	i := slices.IndexFunc(corrupt.Kinds(), func(k corrupt.Kind) bool { return k.Name == name })
	if i < 0 {
		t.Fatalf("no kind %s", name)
	}
	return corrupt.Kinds()[i]
}

// TLC's verdict that all is well.
func TestAccepted(t *testing.T) {
	inputs := []batch.Input{prefix(recorded(t), 10), prefix(recorded(t), 5)}
	outcome, err := batch.Check(t.Context(), fake(t, "accepted.out", 0), inputs)
	if err != nil {
		t.Fatal(err)
	}
	if outcome.Rejected != nil || outcome.Traces != 2 || outcome.Events != 15 ||
		!strings.HasPrefix(outcome.TLC, "TLC2 ") {
		t.Errorf("%+v", outcome)
	}
	// The same words about another batch are not believed: there must be a state for each event.
	if _, err := batch.Check(t.Context(), fake(t, "accepted.out", 0), inputs[:1]); !errors.Is(err,
		batch.ErrUnclear) {
		t.Errorf("a state too many: %v", err)
	}
}

// TLC's verdict that a trace cannot go on is led back to the event.
func TestRejected(t *testing.T) {
	wrong, at, ok := kindOf(t, "early-checkpoint").Apply(prefix(recorded(t), 10).Trace)
	if !ok {
		t.Fatal("the trace has no place for it")
	}
	inputs := []batch.Input{prefix(recorded(t), 5), {Name: "wrong.jsonl", Trace: wrong}}
	outcome, err := batch.Check(t.Context(), fake(t, "rejected.out", 11), inputs)
	if err != nil {
		t.Fatal(err)
	}
	r := outcome.Rejected
	if r == nil || r.Name != "wrong.jsonl" || r.Trace != 1 || r.Event.Seq != uint64(at)+1 ||
		r.Line != at+2 || r.Property != tla.PropertyDeadlock {
		t.Fatalf("%+v", r)
	}
	for _, want := range []string{
		"wrong.jsonl: line 11: event 10, Checkpoint, is not possible (TLC)\n", "/\\ log = <<>>\n",
		"/\\ leaseQueue = "} {
		if !strings.Contains(r.String(), want) {
			t.Errorf("%q is not in\n%s", want, r)
		}
	}
	if strings.Contains(r.Before, "matched") {
		t.Error("the state is not that of LinkerSync")
	}
	// Of a batch of other traces this cannot be.
	if _, err := batch.Check(t.Context(), fake(t, "rejected.out", 11), inputs[:1]); !errors.Is(err,
		batch.ErrUnclear) {
		t.Errorf("another batch: %v", err)
	}
}

func TestNoVerdict(t *testing.T) {
	inputs := []batch.Input{prefix(recorded(t), 10)}
	if _, err := batch.Check(t.Context(), fake(t, "accepted.out", 150), inputs); !errors.Is(err,
		tla.ErrTLC) {
		t.Errorf("TLC failed: %v", err)
	}
	if _, err := batch.Check(t.Context(), fake(t, "accepted.out", 11), inputs); !errors.Is(err,
		batch.ErrUnclear) {
		t.Errorf("a deadlock without a state: %v", err)
	}
	if _, err := batch.Check(t.Context(), tla.Tool{}, nil); !errors.Is(err, batch.ErrEmpty) {
		t.Errorf("nothing to check: %v", err)
	}
}

// Refute has Go refuse every kind; and TLC must agree.
func TestRefute(t *testing.T) {
	inputs := []batch.Input{prefix(recorded(t), 1), recorded(t)}
	for _, kind := range corrupt.Kinds() {
		r, err := batch.Refute(t.Context(), nil, kind, inputs)
		if err != nil || r.Event == 0 || r.Reason == "" || r.Property != "" {
			t.Errorf("%+v: %v", r, err)
		}
	}
	if _, err := batch.Refute(t.Context(), nil, kindOf(t, "second-commit"),
		inputs[:1]); !errors.Is(err, batch.ErrNoPlace) {
		t.Errorf("without a place: %v", err)
	}
	lax := fake(t, "accepted.out", 0)
	// of which the corrupted trace has as many states as TLC said
	accepted := prefix(recorded(t), 14)
	if _, err := batch.Refute(t.Context(), &lax, kindOf(t, "seen-stage"),
		[]batch.Input{accepted}); err == nil {
		t.Error("TLC accepts a corrupted trace, and that is no error")
	}
	// TLC said the first of two traces is fine; asked about the second alone it points elsewhere.
	strange := fake(t, "rejected.out", 11)
	if _, err := batch.Refute(t.Context(), &strange, kindOf(t, "early-checkpoint"),
		[]batch.Input{prefix(recorded(t), 10)}); !errors.Is(err, batch.ErrUnclear) {
		t.Errorf("TLC refuses another trace: %v", err)
	}
}
