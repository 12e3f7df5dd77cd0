package linker_test

import (
	"context"
	"errors"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// A context is watched from one call to the next that has the same. When it ends in between, the
// next call with it is interrupted, and calls with others are not, in whatever order they come.
func TestContextEndsBetweenCalls(t *testing.T) {
	i, _ := loopImage(t, "main-pie", "threads", nil)
	lib := i.openBytes("rounds", library(t, dylink.Info{}, func(b *wasm.Builder) {
		b.ExportFunc("rounds", b.Func(b.Type(i32, i32), nil, new(wasm.Code).Loop().
			LocalGet(0).I32Const(1).I32Sub().LocalTee(0).BrIf(0).End().LocalGet(0)))
	}))
	const rounds = 1 << 16 // more than a group computes without a safepoint
	ctx, cancel := context.WithCancel(i.ctx)
	call := func(ctx context.Context) error {
		_, err := i.g.Call(ctx, lib, "rounds", rounds)
		return err
	}
	for range 2 {
		if err := call(ctx); err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	for n, c := range []struct {
		ctx       context.Context
		interrupt bool
	}{{ctx, true}, {i.ctx, false}, {ctx, true}, {ctx, true}, {i.ctx, false}, {i.ctx, false}} {
		err := call(c.ctx)
		var interrupted *linker.InterruptedError
		switch {
		case !c.interrupt && err != nil:
			t.Errorf("call %d: %v", n, err)
		case c.interrupt && (!errors.As(err, &interrupted) || !errors.Is(err, context.Canceled)):
			t.Errorf("call %d: %v, want an interruption", n, err)
		}
	}
}
