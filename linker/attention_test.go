package linker_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// A guest that does nothing but call a host function takes part in every operation of others, and
// ends when its group does: attention is up whenever there is a reason.
func TestAttention(t *testing.T) {
	rounds := 100
	if testing.Short() {
		rounds = 20
	}
	var stop, calls atomic.Bool
	rt := hostCall(t, func(context.Context, *linker.Group) { calls.Store(true) })
	i := newImageIn(t, rt, "main-pie", "threads", func(c *linker.Config) *linker.Config {
		return c.WithParallelGroups(true)
	})
	other := i.spawn()
	lib, err := i.g.OpenBytes(i.ctx, "calls", callsHost(t, "run"))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		for !stop.Load() {
			if _, err := other.g.Call(other.ctx, lib, "run"); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	for range rounds {
		more := i.open("counter")
		slot := i.closure("")
		i.freeClosure(slot)
		i.closeLibrary(more)
	}
	stop.Store(true)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if !calls.Load() {
		t.Error("the host function was not called")
	}
}

// A guest that calls a host function for ever takes part in an operation of another group without
// leaving the guest, and its call ends when its group is ended from outside.
func TestAttentionWithinACall(t *testing.T) {
	entered := make(chan struct{}, 1)
	rt := hostCall(t, func(context.Context, *linker.Group) {
		select {
		case entered <- struct{}{}:
		default:
		}
	})
	i := newImageIn(t, rt, "main-pie", "threads", func(c *linker.Config) *linker.Config {
		return c.WithParallelGroups(true)
	})
	other := i.spawn()
	lib := i.openBytes("forever", library(t, dylink.Info{}, func(b *wasm.Builder) {
		call := b.ImportFunc("env", "host_call", b.Type(nil, nil))
		b.ExportFunc("forever", b.Func(b.Type(nil, nil), nil,
			new(wasm.Code).Loop().Call(call).Br(0).End()))
	}))
	done := make(chan error, 1)
	go func() {
		_, err := other.g.Call(other.ctx, lib, "forever")
		done <- err
	}()
	<-entered
	for range 5 {
		i.closeLibrary(i.open("counter")) // it waits for the guest
		slot := i.closure("")
		i.freeClosure(slot)
	}
	other.g.End(errors.New("on purpose"))
	if err := <-done; !errors.Is(err, linker.ErrGroupClosed) {
		t.Errorf("error %v, want that the group is closed", err)
	}
}
