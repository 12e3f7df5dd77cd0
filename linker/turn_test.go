package linker_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

func inTurns(c *linker.Config) *linker.Config { return c.WithParallelGroups(false) }

// While a guest of a main module without threads runs, also while it waits in the host, no other
// group of the image can be entered; where it was built for threads, or it was asked for, they can.
func TestGroupsTakeTurns(t *testing.T) {
	for _, c := range []struct {
		main, libs string
		parallel   bool
		want       error
	}{
		{"main-exe", "plain", false, context.Canceled},
		{"main-exe", "plain", true, nil},
		{"main-pie", "threads", false, nil},
		{"main-shared", "threads", false, nil},
	} {
		cancelled, cancel := context.WithCancel(context.Background())
		cancel()
		var i, other *image
		var errs []error
		rt := hostCall(t, func(ctx context.Context, g *linker.Group) {
			// With a context that has ended, a call that has to wait is not let in.
			try := func() {
				done := make(chan error)
				go func() {
					_, err := other.g.Call(cancelled, linker.Default, "main_twice", 21)
					done <- err
				}()
				errs = append(errs, <-done)
			}
			try()
			if err := g.Block(ctx, try); err != nil {
				t.Error(err)
			}
			_, err := other.g.Call(ctx, linker.Default, "main_twice", 21) // in the same turn
			if err != nil {
				t.Error(err)
			}
		})
		i = newImageIn(t, rt, c.main, c.libs, func(x *linker.Config) *linker.Config {
			return x.WithParallelGroups(c.parallel)
		})
		other = i.spawn()
		lib := i.openBytes("calls", callsHost(t, "calls"))
		watchdog(t, "the call", func() { i.call(lib, "calls") })
		if len(errs) != 2 || !errors.Is(errs[0], c.want) || !errors.Is(errs[1], c.want) {
			t.Errorf("%s, parallel %t: %v", c.main, c.parallel, errs)
		}
		if _, err := other.g.Call(cancelled, linker.Default, "main_twice", 21); err != nil {
			t.Errorf("%s, when nobody is inside: %v", c.main, err)
		}
	}
}

// Groups of a main module without threads count together, without a lock of their own, and load and
// close libraries meanwhile: nothing is lost.
func TestTurnsKeepTheHeap(t *testing.T) {
	i := newImage(t, "main-exe", "plain", inTurns)
	counts := library(t, dylink.Info{}, func(b *wasm.Builder) {
		b.ImportMemory("env", "memory",
			wasm.MemoryType{Limits: wasm.Limits{Max: wasm.MaxPages, HasMax: true}})
		b.ExportFunc("count",
			b.Func(b.Type([]wasm.ValType{wasm.I32, wasm.I32}, nil), nil, new(wasm.Code).
				Loop().LocalGet(0).LocalGet(0).I32Load(0).I32Const(1).I32Add().I32Store(0).
				LocalGet(1).I32Const(1).I32Sub().LocalTee(1).BrIf(0).End()))
	})
	lib, groups := i.openBytes("counts", counts), []*image{i, i.spawn(), i.spawn(), i.spawn()}
	at := i.call(linker.Default, "malloc", 4)
	i.call(linker.Default, "poke32", at, 0)
	const rounds, times = 20, 1000
	var wg sync.WaitGroup
	for _, g := range groups {
		wg.Go(func() {
			for range rounds {
				if _, err := g.try(lib, "count", at, times); err != nil {
					t.Error(err)
					return
				}
				other, err := g.g.Open(i.ctx, "libcounter.wasm")
				if err == nil {
					err = g.g.CloseLibrary(i.ctx, other)
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	watchdog(t, "counting", wg.Wait)
	i.want(int32(len(groups)*rounds*times), linker.Default, "peek32", at)
	if got := i.l.Libraries(); !slices.Equal(got, []string{"counts"}) {
		t.Errorf("libraries: %v", got)
	}
	for _, g := range groups[1:] {
		if err := g.g.Close(i.ctx); err != nil {
			t.Error(err)
		}
	}
}
