package guestabi

import (
	"context"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// threadSpawn is thread-spawn of wasi-threads. It returns the thread's number, or an error number
// of WASI below zero: whatever limit is reached, it is EAGAIN.
func (a *ABI) threadSpawn() Function {
	i32 := []wasm.ValType{wasm.I32}
	run := func(ctx context.Context, g *Guest, _ *image.Module, stack []uint64) {
		id, err := g.Spawn(ctx, uint32(stack[0]))
		switch {
		case err == nil:
		case a.Errors.Busy(err):
			id = -errnoBusy
		case a.Errors.NotSupported(err):
			id = -errnoNotSup
		default:
			a.fatal(err)
			id = -errnoAgain
		}
		stack[0] = uint64(uint32(id))
	}
	return Function{Name: "wasi.thread-spawn", Params: i32, Results: i32, Run: run}
}
