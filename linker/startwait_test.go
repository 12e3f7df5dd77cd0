package linker_test

import (
	"context"
	"errors"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// A start function that waits in an atomic is ended by the context of its load, as any other code
// of a guest is.
func TestStartWaitEndsWithContext(t *testing.T) {
	i := newImage(t, "main-pie", "threads", nil)
	other := i.spawn()
	waits := library(t, dylink.Info{}, func(b *wasm.Builder) {
		b.ImportMemory("env", "memory",
			wasm.MemoryType{Limits: wasm.Limits{Max: wasm.MaxPages, HasMax: true}, Shared: true})
		const wait32 = 1 // memory.atomic.wait32, with an alignment of 4 bytes and no offset
		b.Start(b.Func(b.Type(nil, nil), nil,
			new(wasm.Code).I32Const(1024).I32Const(0).I64Const(-1).Raw(0xfe, wait32, 2, 0).Drop()))
	})
	before := i.l.Snapshot(i.ctx)
	ctx, cancel := context.WithCancel(i.ctx)
	opened := make(chan error, 1)
	go func() {
		_, err := other.g.OpenBytes(ctx, "waits", waits)
		opened <- err
	}()
	await(func() bool { return i.l.Waiting() == 1 })
	cancel()
	if err := <-opened; !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want the context's error", err)
	}
	if after := i.l.Snapshot(i.ctx); !equalLines(before, after) {
		t.Errorf("before:\n%v\nafter:\n%v", before, after)
	}
}
