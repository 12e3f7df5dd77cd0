package corrupt_test

import (
	"errors"
	"os"
	"testing"

	"github.com/lockstep-wasm/lockstep/lincheck/trace"
	"github.com/lockstep-wasm/lockstep/lincheck/trace/corrupt"
)

// recorded is a trace of the real linker that has a place for every kind of corruption.
func recorded(t *testing.T) *trace.Trace {
	t.Helper()
	file, err := os.Open("testdata/trace.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	tr, err := trace.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// Every kind of corruption is refused at the right event, for a reason that the specification gives
// too: a guard, or a variable that TLC sees.
func TestEveryKindIsRefused(t *testing.T) {
	whole := recorded(t)
	if summary, err := trace.Validate(whole); err != nil || summary.Events < 100 {
		t.Fatalf("the trace itself: %d events, %v", summary.Events, err)
	}
	seen := map[string]bool{}
	for _, kind := range corrupt.Kinds() {
		t.Run(kind.Name, func(t *testing.T) {
			if seen[kind.Name] || kind.Shows == "" {
				t.Errorf("the name is not its own, or it says not what it shows")
			}
			seen[kind.Name] = true
			wrong, at, ok := kind.Apply(whole)
			if !ok {
				t.Fatal("the trace has no place for it")
			}
			var rejected *trace.RejectedError
			if _, err := trace.Validate(wrong); !errors.As(err, &rejected) {
				t.Fatalf("accepted: %v", err)
			}
			if rejected.Event.Seq != uint64(at)+1 {
				t.Errorf("refused at event %d, want %d: %v", rejected.Event.Seq, at+1, rejected)
			}
			if len(rejected.Differences) == 1 && rejected.Differences[0].Name == "digest" {
				t.Errorf("only the digest shows it: %v", rejected)
			}
		})
	}
	if len(seen) < 20 {
		t.Errorf("only %d kinds", len(seen))
	}
	if again := recorded(t); len(again.Events) != len(whole.Events) ||
		again.Events[len(again.Events)-1] != whole.Events[len(whole.Events)-1] {
		t.Error("Apply changed the trace that it was given")
	}
}

// A trace in which nothing happens has a place for few kinds, and the others say so.
func TestNoPlace(t *testing.T) {
	short := recorded(t)
	short.Events = short.Events[:1]
	for _, kind := range corrupt.Kinds() {
		wrong, _, ok := kind.Apply(short)
		if !ok && wrong != nil {
			t.Errorf("%s: a trace although there is no place", kind.Name)
		}
		if _, err := trace.Validate(short); err != nil {
			t.Fatal(err)
		}
		if ok {
			if _, err := trace.Validate(wrong); err == nil {
				t.Errorf("%s is accepted", kind.Name)
			}
		}
	}
}
