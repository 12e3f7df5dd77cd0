package drive_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/lincheck"
	"github.com/lockstep-wasm/lockstep/lincheck/drive"
	"github.com/lockstep-wasm/lockstep/lincheck/trace"
	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// tracesVariable names a folder in which the traces of a run are kept, for another program to
// judge.
const tracesVariable = "LOCKSTEP_TRACES"

// keep writes a trace where LOCKSTEP_TRACES says, if it says so.
func keep(t *testing.T, seed uint64) io.Writer {
	dir := os.Getenv(tracesVariable)
	if dir == "" {
		return io.Discard
	}
	file, err := os.Create(filepath.Join(dir, fmt.Sprintf("%d.jsonl", seed)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := file.Close(); err != nil {
			t.Error(err)
		}
	})
	return file
}

// What a real linker does is a behaviour of the protocol, and what its clients saw meanwhile is
// linearizable.
func TestTracesOfTheLinkerAreBehaviours(t *testing.T) {
	ctx := context.Background()
	rt := wazero.NewRuntimeWithConfig(ctx, linker.NewRuntimeConfig())
	defer rt.Close(ctx)
	world := drive.Fixtures(os.DirFS("../../linker/testdata"))
	var total [256]uint64
	for seed := range uint64(4) {
		var file bytes.Buffer
		h, err := drive.Record(ctx, rt, world, linker.NewConfig(),
			drive.Program{Seed: seed, Groups: 3, Clients: 6, Rounds: 2, Operations: 6,
				Cancels: true}, io.MultiWriter(&file, keep(t, seed)))
		if err != nil {
			t.Fatal(err)
		}
		if r := lincheck.Judge(h, lincheck.Limits{}); r.Verdict != lincheck.OK {
			t.Errorf("seed %d: %s", seed, r)
		}
		summary, err := trace.ValidateFile(&file)
		if err != nil {
			t.Errorf("seed %d: %v", seed, err)
			continue
		}
		if summary.Events < 100 || summary.Groups < 3 {
			t.Errorf("seed %d: %d events in %d groups", seed, summary.Events, summary.Groups)
		}
		for a, n := range summary.Actions {
			total[a] += n
		}
	}
	for _, a := range []protocol.Action{protocol.ActClaim, protocol.ActCommit, protocol.ActAttach,
		protocol.ActAllocateClosure, protocol.ActCheckpoint, protocol.ActCrash} {
		if total[a] == 0 {
			t.Errorf("no run has performed %s", a)
		}
	}
}

func TestRecordStopsWithItsContext(t *testing.T) {
	ctx := context.Background()
	rt := wazero.NewRuntimeWithConfig(ctx, linker.NewRuntimeConfig())
	defer rt.Close(ctx)
	stopped, cancel := context.WithCancel(ctx)
	config := linker.NewConfig()
	world := drive.Fixtures(os.DirFS("../../linker/testdata"))
	// The first group is there; the next one is not made any more.
	cancel()
	var file bytes.Buffer
	if _, err := drive.Record(stopped, rt, world, config,
		drive.Program{Groups: 2, Clients: 2, Rounds: 1, Operations: 1}, &file); !errors.Is(err,
		context.Canceled) {
		t.Errorf("%v, want context.Canceled", err)
	}
	if file.Len() > 0 {
		if _, err := trace.ValidateFile(&file); err != nil {
			t.Errorf("the trace of a stopped run: %v", err)
		}
	}
}
