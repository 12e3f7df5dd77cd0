package drive_test

import (
	"context"
	"testing"

	"github.com/lockstep-wasm/lockstep/lincheck"
	"github.com/lockstep-wasm/lockstep/lincheck/drive"
	"github.com/lockstep-wasm/lockstep/model"
)

// Clients that share handles and closures, close and free what others use, and end the contexts of
// all operations: what they see is linearizable. With numbers, an operation that has returned
// number n is seen by every later look, and a handle is closed from the number on that its closing
// has.
func TestSharedHandles(t *testing.T) {
	ctx := context.Background()
	subject := newSubject(t, ctx)
	seen := map[model.Op]map[model.ErrorClass]int{}
	traps := 0
	for seed := range uint64(12) {
		h, err := subject.Run(ctx, drive.Program{
			Seed: seed, Groups: 4, Clients: 8, Rounds: 10, Operations: 8,
			Shared: true, Cancels: true, Numbered: seed%2 == 1,
		}, nil)
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
			if o.Output.Trap == model.TrapBadPointer {
				traps++
			}
		}
		if libs := subject.Linker.Libraries(); len(libs) != 0 {
			t.Errorf("seed %d: %v are still loaded", seed, libs)
		}
	}
	for op := model.OpOpen; op.Known(); op++ {
		if seen[op][""] == 0 {
			t.Errorf("no %s succeeded: %v", op, seen[op])
		}
	}
	for _, want := range []struct {
		op    model.Op
		class model.ErrorClass
	}{
		{model.OpClose, model.ClassBadHandle}, {model.OpSymbol, model.ClassBadHandle},
		{model.OpCall, model.ClassBadHandle}, {model.OpFreeClosure, model.ClassBadSlot},
	} {
		if seen[want.op][want.class] == 0 {
			t.Errorf("no %s failed with %s: %v", want.op, want.class, seen[want.op])
		}
	}
	if traps == 0 {
		t.Error("no pointer into a library that is gone was called, and no closure that is null")
	}
	t.Log(seen, traps)
}
