package drive_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"testing"
	"testing/fstest"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/lincheck"
	"github.com/lockstep-wasm/lockstep/lincheck/drive"
	"github.com/lockstep-wasm/lockstep/lincheck/trace"
	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/model"
)

// Files fail, memory is short and groups die: what happens is still linearizable, a behaviour of
// the protocol, and nothing stays behind.
func TestFaultsOfTheEnvironment(t *testing.T) {
	ctx := context.Background()
	rt := wazero.NewRuntimeWithConfig(ctx, linker.NewRuntimeConfig())
	defer rt.Close(ctx)
	seen := map[model.ErrorClass]int{}
	killed := 0
	// Which of these happen in one run is up to the scheduler, so there are runs until all have.
	all := func() bool {
		return seen[drive.ClassFault] > 0 && seen[model.ClassNoSpace] > 0 && killed > 0
	}
	for seed := uint64(0); seed < 4 || seed < 200 && !all(); seed++ {
		var watch trace.Watcher
		world := drive.Fixtures(os.DirFS("../../linker/testdata")).WithFaults(seed, 10, true)
		config := linker.NewConfig().WithObserver(watch.Observe).WithTrapClosesGroup(
			true).WithStackSize(64<<10).WithMemoryPages(0, 8)
		subject, err := drive.New(ctx, rt, world, config)
		if err != nil {
			t.Fatal(err)
		}
		p := drive.Program{Seed: seed, Groups: 3, Clients: 8, Rounds: 16, Operations: 8,
			Cancels: true}
		h, err := subject.Run(ctx, p, nil)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if r := lincheck.Judge(h, lincheck.Limits{}); r.Verdict != lincheck.OK {
			t.Errorf("seed %d: %s", seed, r)
		}
		if libs := subject.Linker.Libraries(); len(libs) != 0 {
			t.Errorf("seed %d: %v are still loaded", seed, libs)
		}
		if err := subject.Linker.Close(ctx); err != nil {
			t.Error(err)
		}
		if err := watch.Err(); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
		for _, o := range h.Operations {
			seen[o.Output.Err]++
			if o.Output.Trap != "" {
				killed++
			}
		}
	}
	t.Logf("%d groups killed", killed)
	if !all() {
		t.Errorf("%d groups killed, errors: %v", killed, seen)
	}
}

func TestFailingFiles(t *testing.T) {
	files := fstest.MapFS{"a": {Data: []byte("a")}, "main": {Data: []byte("main")}}
	f := &drive.FailingFiles{Files: files, Spared: []string{"main"}, Percent: 20, Seed: 1}
	failed := uint64(0)
	for range 1000 {
		if _, err := fs.ReadFile(f, "main"); err != nil {
			t.Fatal(err)
		}
		if _, err := fs.ReadFile(f, "a"); errors.Is(err, drive.ErrFault) {
			failed++
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if failed != f.Failed() || failed < 100 || failed > 300 {
		t.Errorf("%d of 1000 failed, %d counted", failed, f.Failed())
	}
}
