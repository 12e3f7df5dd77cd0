package linker_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// slowToCompile is a library that takes the engine a while, another one for each number.
func slowToCompile(t testing.TB, n int) []byte {
	return library(t, dylink.Info{}, func(b *wasm.Builder) {
		for range 20 {
			c := new(wasm.Code).I32Const(int32(n)).Drop()
			for range 400 {
				c.Block().LocalGet(0).BrIf(0).End()
			}
			b.Func(b.Type(i32, nil), nil, c)
		}
	})
}

// operations does what another group does, all of it once, and adds how long each took.
func operations(b *testing.B, g *image, slot uint32, took []time.Duration) []time.Duration {
	for _, f := range []func() error{
		func() error { _, err := g.g.Call(g.ctx, linker.Default, "main_twice", 1); return err },
		func() error { _, err := g.g.Symbol(g.ctx, linker.Default, "main_twice"); return err },
		func() error { return g.g.SetClosure(g.ctx, slot, linker.Default, "main_twice") },
	} {
		begin := time.Now()
		if err := f(); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(begin))
	}
	return took
}

// percentile returns the duration below which so many of a hundred are.
func percentile(took []time.Duration, n int) float64 {
	slices.Sort(took)
	return float64(took[len(took)*n/100].Nanoseconds()) / 1000
}

// BenchmarkOthersWhileCompiling measures calls, look-ups and link operations of a group while
// another one opens libraries that have to be compiled, and while it does not: half of them, and 99
// of a hundred, take less. An iteration is one library.
func BenchmarkOthersWhileCompiling(b *testing.B) {
	for _, workers := range []int{1, 2} {
		b.Run(fmt.Sprint("workers=", workers),
			func(b *testing.B) { othersWhileCompiling(b, workers) })
	}
}

func othersWhileCompiling(b *testing.B, workers int) {
	i := newImage(b, "main-pie", "threads",
		func(c *linker.Config) *linker.Config { return c.WithCompilers(1, workers) })
	other := i.spawn()
	slot, err := i.g.AllocateClosure(i.ctx)
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(i.ctx) // so that it compiles in a goroutine of its own
	defer cancel()
	var quiet, during []time.Duration
	for n := 0; b.Loop(); n++ {
		b.StopTimer()
		file := slowToCompile(b, n)
		for range 200 {
			quiet = operations(b, i, slot, quiet)
		}
		b.StartTimer()
		done := make(chan error, 1)
		go func() {
			lib, err := other.g.OpenBytes(ctx, fmt.Sprint("slow", n), file)
			if err == nil {
				err = other.g.CloseLibrary(ctx, lib)
			}
			done <- err
		}()
		for opened := false; !opened; {
			select {
			case err := <-done:
				if err != nil {
					b.Fatal(err)
				}
				opened = true
			default:
				during = operations(b, i, slot, during)
			}
		}
	}
	b.ReportMetric(percentile(quiet, 50), "quiet-p50-µs")
	b.ReportMetric(percentile(quiet, 99), "quiet-p99-µs")
	b.ReportMetric(percentile(during, 50), "compiling-p50-µs")
	b.ReportMetric(percentile(during, 99), "compiling-p99-µs")
}

// BenchmarkSetClosure measures what a closure costs that is set and freed when there are few
// others, and when there are many: it should be the same.
func BenchmarkSetClosure(b *testing.B) {
	for _, others := range []int{0, 20_000} {
		b.Run(fmt.Sprint(others), func(b *testing.B) {
			i := newImage(b, "main-pie", "threads", nil)
			slot := uint32(0)
			for range others + 1 {
				var err error
				if slot, err = i.g.AllocateClosure(i.ctx); err != nil {
					b.Fatal(err)
				}
				if err := i.g.SetClosure(i.ctx, slot, linker.Default, "main_twice"); err != nil {
					b.Fatal(err)
				}
			}
			for b.Loop() {
				if err := i.g.SetClosure(i.ctx, slot, linker.Default, "main_triple"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
