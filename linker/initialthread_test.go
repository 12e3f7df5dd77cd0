package linker_test

import (
	"context"
	"errors"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// A constructor of the initial image that starts a thread and waits for it, without a time-out,
// waits in vain: the thread begins when New has made the image. New says so.
func TestInitialConstructorWaitsForThread(t *testing.T) {
	const word, wait32 = 1024, 1
	main := library(t, dylink.Info{MemorySize: 2048}, func(b *wasm.Builder) {
		spawn := b.ImportFunc("wasi", "thread-spawn", b.Type(i32, i32))
		b.ImportMemory("env", "memory",
			wasm.MemoryType{Limits: wasm.Limits{Max: wasm.MaxPages, HasMax: true}, Shared: true})
		b.ExportFunc("wasi_thread_start", b.Func(b.Type([]wasm.ValType{wasm.I32, wasm.I32}, nil),
			nil, new(wasm.Code)))
		b.ExportFunc(wasm.CallCtors, b.Func(b.Type(nil, nil), nil, new(wasm.Code).
			I32Const(0).Call(spawn).Drop().
			I32Const(word).I32Const(word).I32Load(0).I64Const(-1).Raw(0xfe, wait32, 2, 0).Drop()))
	})
	rt := newRuntime(t)
	watchdog(t, "New", func() {
		l, err := linker.New(context.Background(), rt, main, nil)
		if l != nil || !errors.Is(err, linker.ErrThreadPending) {
			t.Errorf("New: %v, %v", l, err)
		}
	})
}
