package linker_test

import (
	"context"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/coord"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// A host function whose wait ends with its context, in the middle of an operation, waits for the
// end of that: its guest must not run on before.
func TestCancelInHostCallDuringOperation(t *testing.T) {
	inside, awake := make(chan struct{}), make(chan struct{})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var blocked error
	rt := newRuntime(t)
	hostModule(t, rt, "env",
		map[string]func(context.Context, int32) int32{
			"wait": func(ctx context.Context, x int32) int32 {
				blocked = linker.GroupFromContext(ctx).Block(ctx, func() {
					close(inside)
					<-ctx.Done()
				})
				return x
			}, "replayed": func(ctx context.Context, x int32) int32 {
				if linker.GroupFromContext(
					ctx).ID() == 1 { // in the group that waits, by the leader
					cancel()
					<-awake
				}
				return x
			}})
	i := newImageIn(t, rt, "main-pie", "threads", func(c *linker.Config) *linker.Config {
		return c.WithObserver(func(e coord.Event) {
			if e.Step.Action == protocol.ActWake {
				close(awake)
			}
		})
	})
	other := i.spawn()
	lib, err := i.g.OpenBytes(i.ctx, "waits", callsAll(t, [2]string{"env", "wait"}))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		_, err := other.g.Call(ctx, lib, "call_0", 1)
		done <- err
	}()
	<-inside
	if _, err := i.g.OpenBytes(i.ctx, "starts", library(t, dylink.Info{}, func(b *wasm.Builder) {
		replayed := b.ImportFunc("env", "replayed", b.Type(i32, i32))
		b.Start(b.Func(b.Type(nil, nil), nil, new(wasm.Code).I32Const(1).Call(replayed).Drop()))
	})); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Errorf("call: %v", err)
	}
	if blocked != nil {
		t.Errorf("Block: %v", blocked)
	}
	i.open("counter")
	other.want(101, linker.Default, "counter_next")
}
