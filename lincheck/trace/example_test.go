package trace_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/lincheck/trace"
	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// Record what the protocol of a linker does while a library is opened with two groups, and replay
// it.
func Example() {
	ctx := context.Background()
	rt := wazero.NewRuntimeWithConfig(ctx, linker.NewRuntimeConfig())
	defer rt.Close(ctx)
	files := os.DirFS("../../linker/testdata/threads")
	main, err := os.ReadFile("../../linker/testdata/main-pie.wasm")
	if err != nil {
		log.Fatal(err)
	}

	var file bytes.Buffer
	rec := trace.NewRecorder(&file)
	l, err := linker.New(ctx, rt, main, linker.NewConfig().WithFS(files).WithObserver(rec.Observe))
	if err != nil {
		log.Fatal(err)
	}
	if _, err := l.Main().Spawn(ctx); err != nil {
		log.Fatal(err)
	}
	if _, err := l.Main().Open(ctx, "libother.wasm"); err != nil {
		log.Fatal(err)
	}
	if err := l.Close(ctx); err != nil {
		log.Fatal(err)
	}
	if err := rec.Close(); err != nil {
		log.Fatal(err)
	}

	t, err := trace.Read(&file)
	if err != nil {
		log.Fatal(err)
	}
	summary, err := trace.Validate(t)
	fmt.Println(summary.Commits, "commit in", summary.Groups, "groups:", err)

	// A group that could not have been asleep:
	for i, e := range t.Events {
		if e.Step.Action == protocol.ActClaim {
			t.Events[i].Step.Action = protocol.ActArrive
		}
	}
	var rejected *trace.RejectedError
	if _, err := trace.Validate(t); errors.As(err, &rejected) {
		fmt.Println(rejected.Event.Step, "is refused:", rejected.Reason())
		fmt.Println("possible:", rejected.Possible[0])
	}
	// Output:
	// 1 commit in 2 groups: <nil>
	// Arrive(g2) is refused: mode[h] = "Running" does not hold
	// possible: Claim(g2)
}
