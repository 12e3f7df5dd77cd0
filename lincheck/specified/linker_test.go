package specified

import (
	"context"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/lincheck"
	"github.com/lockstep-wasm/lockstep/lincheck/drive"
	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/model"
)

// What the real linker did is a behaviour of the specification, without a receipt of any operation.
// What is made of it by corruption has the verdict that porcupine gives it.
func TestHistoriesOfTheLinker(t *testing.T) {
	ctx := context.Background()
	rt := wazero.NewRuntimeWithConfig(ctx, linker.NewRuntimeConfig())
	defer rt.Close(ctx)
	world := drive.Names(os.DirFS("../../linker/testdata"))
	subject, err := drive.New(ctx, rt, world, linker.NewConfig())
	if err != nil {
		t.Fatal(err)
	}
	defer subject.Linker.Close(ctx)
	outcomes, violations := map[model.ErrorClass]int{}, 0
	for seed := range uint64(4) {
		h, err := subject.Run(ctx, drive.Program{Seed: seed, Groups: 3, Clients: 4, Rounds: 12,
			Operations: 4, Shared: true, Names: true, Cancels: seed%2 == 1}, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := range h.Operations {
			out := &h.Operations[i].Output
			out.Commit, out.Read = 0, 0
			outcomes[out.Err]++
		}
		if r := Check(h, lincheck.Limits{}); r.Verdict != lincheck.OK {
			t.Fatalf("seed %d: %v\n%s", seed, r, dump(h))
		}
		rng := rand.New(rand.NewPCG(seed, 1))
		for range 6 {
			wrong := *h
			wrong.Operations = slices.Clone(h.Operations)
			corrupt(&wrong, rng.IntN)
			if wrong.Validate() != nil {
				continue
			}
			want, got := lincheck.Check(&wrong, lincheck.Limits{}), Check(&wrong, lincheck.Limits{})
			if want.Verdict != lincheck.Undecided && want.Verdict != got.Verdict {
				t.Errorf("seed %d: porcupine: %v\nthe specification: %v\n%s", seed, want, got,
					dump(&wrong))
			}
			if got.Verdict == lincheck.Violation {
				explained(t, &wrong, got)
				violations++
			}
		}
	}
	for _, class := range []model.ErrorClass{"", model.ClassBadHandle, model.ClassMissingSymbol,
		model.ClassNotLoaded} {
		if outcomes[class] == 0 {
			t.Errorf("no operation ended with %q: %v", class, outcomes)
		}
	}
	if violations < 4 {
		t.Errorf("only %d violations", violations)
	}
}
