package linker_test

import (
	"context"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// BenchmarkSymbol measures looking a symbol up that has its pointer: no lock, no allocation.
func BenchmarkSymbol(b *testing.B) {
	i := newImage(b, "main-pie", "threads", nil)
	lib := i.open("fnptr")
	for _, c := range []struct {
		name, symbol string
		lib          *linker.Library
	}{
		{"resolved", "fnptr_unreferenced", lib},
		{"resolved-default", "fnptr_unreferenced", linker.Default},
		{"data", "main_value", linker.Default},
	} {
		i.symbol(c.lib, c.symbol)
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := i.g.Symbol(i.ctx, c.lib, c.symbol); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("resolved-parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if _, err := i.g.Symbol(i.ctx, lib, "fnptr_unreferenced"); err != nil {
					b.Error(err)
				}
			}
		})
	})
}

// BenchmarkCall measures calls of a trivial function from Go: by name, through a function pointer,
// from two goroutines in a group each, and, to compare, of the same function in wazero without a
// linker.
func BenchmarkCall(b *testing.B) {
	b.Run("wazero", func(b *testing.B) {
		mod, err := newRuntime(b).Instantiate(b.Context(), built(b, addTwice))
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		add := mod.ExportedFunction("add")
		for b.Loop() {
			if _, err := add.Call(b.Context(), 1, 2); err != nil {
				b.Fatal(err)
			}
		}
	})
	i := newImage(b, "main-pie", "threads", nil)
	lib := i.open("notable")
	b.Run("name", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := i.g.Call(i.ctx, lib, "notable_add", 1, 2); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("func", func(b *testing.B) {
		b.ReportAllocs()
		f := i.function(lib, "notable_add")
		for b.Loop() {
			if _, err := f.Call(i.ctx, 1, 2); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("func-stack", func(b *testing.B) {
		b.ReportAllocs()
		f, stack := i.function(lib, "notable_add"), make([]uint64, 2)
		for b.Loop() {
			if err := f.CallWithStack(i.ctx, stack); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("name-parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			thread := i.spawn()
			for pb.Next() {
				if _, err := thread.g.Call(i.ctx, lib, "notable_add", 1, 2); err != nil {
					b.Error(err)
				}
			}
		})
	})
	twice := i.symbol(linker.Default, "main_twice")
	i32 := []api.ValueType{api.ValueTypeI32}
	b.Run("pointer", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := i.g.CallPointer(i.ctx, twice, i32, i32, 2); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// loopCalls is how often a library calls another one in one run of BenchmarkBridge.
const loopCalls = 1000

// addTwice defines add(a, b), and sum(n): n calls of add.
func addTwice(b *wasm.Builder) {
	add := b.Func(b.Type(append(i32, i32...), i32), nil,
		new(wasm.Code).LocalGet(0).LocalGet(1).I32Add())
	b.ExportFunc("add", add)
	sums(b, add)
}

// sums defines sum(n), which calls add n times.
func sums(b *wasm.Builder, add uint32) {
	b.ExportFunc("sum", b.Func(b.Type(i32, i32), i32, new(wasm.Code).Loop().
		LocalGet(1).LocalGet(0).Call(add).LocalSet(1).
		LocalGet(0).I32Const(1).I32Sub().LocalTee(0).BrIf(0).End().LocalGet(1)))
}

// BenchmarkBridge measures what a call of one library by another costs the guest, 1000 of them at a
// time: bound when the library was loaded, bound at the first call, and, to compare, a call within
// one module.
func BenchmarkBridge(b *testing.B) {
	run := func(name string, sum func() error) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if err := sum(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/loopCalls, "ns/call")
		})
	}
	mod, err := newRuntime(b).Instantiate(b.Context(), built(b, addTwice))
	if err != nil {
		b.Fatal(err)
	}
	sum := mod.ExportedFunction("sum")
	run("wazero", func() error { _, err := sum.Call(b.Context(), loopCalls); return err })
	user := library(b, dylink.Info{}, func(b *wasm.Builder) {
		sums(b, b.ImportFunc("env", "add", b.Type(append(i32, i32...), i32)))
	})
	for _, order := range [][]string{{"adder", "user"}, {"user", "adder"}} {
		i := newImage(b, "main-pie", "threads", nil)
		for _, name := range order {
			bytes := user
			if name == "adder" {
				bytes = library(b, dylink.Info{}, addTwice)
			}
			if _, err := i.g.OpenBytes(i.ctx, name, bytes, linker.Lazy); err != nil {
				b.Fatal(err)
			}
		}
		name := "bound"
		if order[0] == "user" {
			name = "bound-when-called"
		}
		lib, err := i.g.OpenBytes(i.ctx, "user", nil, linker.NoLoad)
		if err != nil {
			b.Fatal(err)
		}
		run(name, func() error { _, err := i.g.Call(i.ctx, lib, "sum", loopCalls); return err })
	}
}

// BenchmarkOpen measures opening a library: one that is there, and one that has to be linked, with
// its code in a compilation cache or compiled anew.
func BenchmarkOpen(b *testing.B) {
	b.Run("again", func(b *testing.B) {
		i := newImage(b, "main-pie", "threads", nil)
		i.open("data")
		for b.Loop() {
			i.open("data")
		}
	})
	for _, lib := range []string{"counter", "data", "manyfn"} {
		b.Run(lib, func(b *testing.B) { benchmarkOpen(b, newRuntime(b), lib) })
		b.Run(lib+"-cached", func(b *testing.B) {
			cache := wazero.NewCompilationCache()
			defer cache.Close(context.Background())
			rt := wazero.NewRuntimeWithConfig(context.Background(),
				linker.NewRuntimeConfig().WithCompilationCache(cache))
			defer rt.Close(context.Background())
			keep := wazero.NewRuntimeWithConfig(context.Background(),
				linker.NewRuntimeConfig().WithCompilationCache(cache))
			defer keep.Close(context.Background())
			newImageIn(b, keep, "main-pie", "threads", nil).open(lib)
			benchmarkOpen(b, rt, lib)
		})
	}
}

func benchmarkOpen(b *testing.B, rt wazero.Runtime, lib string) {
	i := newImageIn(b, rt, "main-pie", "threads", nil)
	for b.Loop() {
		if err := i.g.CloseLibrary(i.ctx, i.open(lib)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLink measures whole link operations with other groups: setting a closure, which does
// next to nothing in each group but has all the steps of the protocol.
func BenchmarkLink(b *testing.B) {
	for _, c := range []struct {
		name   string
		parked int
	}{{"alone", 0}, {"parked-1", 1}, {"parked-8", 8}, {"parked-63", 63}} {
		b.Run(c.name, func(b *testing.B) {
			i := newImage(b, "main-pie", "threads",
				func(c *linker.Config) *linker.Config { return c.WithStackSize(4096) })
			for range c.parked {
				i.spawn()
			}
			slot, err := i.g.AllocateClosure(i.ctx)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := i.g.SetClosure(i.ctx, slot, linker.Default, "main_twice"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkSpawn measures making and closing a group with four libraries.
func BenchmarkSpawn(b *testing.B) {
	i := newImage(b, "main-pie", "threads", nil)
	i.open("data")
	i.open("fnptr")
	i.open("manyfn")
	for b.Loop() {
		if err := i.spawn().g.Close(i.ctx); err != nil {
			b.Fatal(err)
		}
	}
}
