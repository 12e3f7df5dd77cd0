package linker_test

import (
	"context"
	"errors"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// endlessRow is a library of functions that neither loop nor call each other, and take minutes:
// they fill and copy much memory, or call what is long, many times in a row.
func endlessRow(t testing.TB) []byte {
	const size, times = 16 << 20, 20_000
	return library(t, dylink.Info{MemorySize: size}, func(b *wasm.Builder) {
		one := b.Type(i32, i32)
		started := b.ImportFunc("env", "started", one)
		b.ImportMemory("env", "memory",
			wasm.MemoryType{Limits: wasm.Limits{Max: wasm.MaxPages, HasMax: true}, Shared: true})
		base := b.ImportGlobal("env", "__memory_base", wasm.GlobalType{Type: wasm.I32})
		export := func(name string, each func(c *wasm.Code)) {
			c := new(wasm.Code).LocalGet(0).Call(started).Drop()
			for range times {
				each(c)
			}
			b.ExportFunc(name, b.Func(one, nil, c.LocalGet(0)))
		}
		long := new(wasm.Code).LocalGet(0).Raw(0xad) // as an i64
		for range times {
			long.I64Const(-7).Raw(0x80).I64Const(1<<40 + 1).I64Add() // divided, which takes long
		}
		leaf := b.Func(one, nil, long.Raw(0xa7))
		export("fills", func(c *wasm.Code) {
			c.GlobalGet(base).LocalGet(0).I32Const(size).MemoryFill()
		})
		export("copies", func(c *wasm.Code) {
			c.GlobalGet(base).GlobalGet(base).I32Const(1).I32Add().I32Const(size - 1).MemoryCopy()
		})
		export("calls", func(c *wasm.Code) { c.LocalGet(0).Call(leaf).Drop() })
	})
}

// The end of the context ends a row of instructions that fill and copy, and of calls of long
// functions.
func TestCancelWithoutLoops(t *testing.T) {
	i, started := loopImage(t, "main-pie", "threads", nil)
	lib := i.openBytes("row", endlessRow(t))
	for _, name := range []string{"fills", "copies", "calls"} {
		ctx, cancel := context.WithCancel(i.ctx)
		done := i.goCall(ctx, lib, name, 1)
		<-started
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
	i.want(42, linker.Default, "main_twice", 21)
}
