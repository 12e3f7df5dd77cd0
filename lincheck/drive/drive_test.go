package drive_test

import (
	"context"
	"errors"
	"os"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/lincheck"
	"github.com/lockstep-wasm/lockstep/lincheck/drive"
	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/model"
)

func newSubject(t testing.TB, ctx context.Context) *drive.Subject {
	t.Helper()
	rt := wazero.NewRuntimeWithConfig(ctx, linker.NewRuntimeConfig())
	t.Cleanup(func() { rt.Close(ctx) })
	subject, err := drive.New(ctx, rt, drive.Fixtures(os.DirFS("../../linker/testdata")),
		linker.NewConfig())
	if err != nil {
		t.Fatal(err)
	}
	return subject
}

// Random programs on the real linker, in four groups with two goroutines each: their histories must
// be linearizable, everything the clients can do must have happened, and at the end nothing may be
// loaded.
func TestHistoriesOfTheLinkerAreLinearizable(t *testing.T) {
	ctx := context.Background()
	subject := newSubject(t, ctx)
	seen := map[model.Op]map[model.ErrorClass]int{}
	for seed := range uint64(4) {
		h, err := subject.Run(ctx,
			drive.Program{Seed: seed, Groups: 4, Clients: 8, Rounds: 10, Operations: 8,
				Cancels: seed%2 == 1}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if r := lincheck.Judge(h, lincheck.Limits{}); r.Verdict != lincheck.OK {
			t.Fatalf("seed %d: %s", seed, r)
		}
		for _, o := range h.Operations {
			if seen[o.Input.Op] == nil {
				seen[o.Input.Op] = map[model.ErrorClass]int{}
			}
			seen[o.Input.Op][o.Output.Err]++
		}
		if libs := subject.Linker.Libraries(); len(libs) != 0 {
			t.Errorf("seed %d: %v are still loaded", seed, libs)
		}
	}
	for op := model.OpOpen; op <= model.OpLeave; op++ {
		if seen[op][""] == 0 {
			t.Errorf("no %s succeeded: %v", op, seen[op])
		}
	}
	for _, class := range []model.ErrorClass{model.ClassMissingFile, model.ClassMissingNeeded,
		model.ClassBadModule, model.ClassMissingSymbol, model.ClassSignature} {
		if seen[model.OpOpen][class] == 0 {
			t.Errorf("no open failed with %s: %v", class, seen[model.OpOpen])
		}
	}
}

// A history with one changed result must not pass: the judge sees the linker, not itself.
func TestCorruptedHistoryIsAViolation(t *testing.T) {
	ctx := context.Background()
	h, err := newSubject(t, ctx).Run(ctx,
		drive.Program{Seed: 7, Groups: 2, Clients: 4, Rounds: 5, Operations: 8}, nil)
	if err != nil {
		t.Fatal(err)
	}
	corrupted := 0
	for i := range h.Operations {
		o := &h.Operations[i]
		if o.Output.Err != "" || o.Output.Trap != "" {
			continue
		}
		saved := o.Output
		switch o.Input.Op {
		case model.OpCall, model.OpCallPointer:
			o.Output.Result++
		case model.OpLeave:
			o.Output.Err = model.ClassBadHandle
		default:
			continue
		}
		corrupted++
		if r := lincheck.Judge(h, lincheck.Limits{}); r.Verdict != lincheck.Violation {
			t.Errorf("%s: %s", o, r)
		}
		o.Output = saved
	}
	if corrupted < 5 {
		t.Errorf("only %d operations to corrupt", corrupted)
	}
}

func TestRunStopsWithItsContext(t *testing.T) {
	ctx := context.Background()
	subject := newSubject(t, ctx)
	stopped, cancel := context.WithCancel(ctx)
	h, err := subject.Run(stopped,
		drive.Program{Groups: 2, Clients: 4, Rounds: 1 << 20, Operations: 8}, func(n int64) {
			if n == 100 {
				cancel()
			}
		})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("%v, want context.Canceled", err)
	}
	if r := lincheck.Judge(h, lincheck.Limits{}); r.Verdict != lincheck.OK {
		t.Errorf("the history of a stopped run: %s", r)
	}
}
