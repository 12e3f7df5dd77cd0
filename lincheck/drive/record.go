package drive

import (
	"context"
	"errors"
	"io"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/lincheck"
	"github.com/lockstep-wasm/lockstep/lincheck/trace"
	"github.com/lockstep-wasm/lockstep/linker"
)

// Record runs a program on a linker of its own, from its beginning to its end, and writes the trace
// of the protocol to w as a file of package trace. The history is what the clients saw of the same
// run. The configuration's observer is replaced.
func Record(ctx context.Context, rt wazero.Runtime, world World, config *linker.Config, p Program,
	w io.Writer) (h *lincheck.History, err error) {
	recorder := trace.NewRecorder(w)
	subject, err := New(ctx, rt, world, config.WithObserver(recorder.Observe))
	if err != nil {
		return nil, err
	}
	h, err = subject.Run(ctx, p, nil)
	// Closing the linker is the last thing that the recorder sees.
	err = errors.Join(err, subject.Linker.Close(context.WithoutCancel(ctx)))
	return h, errors.Join(err, recorder.Close())
}
