package linker

import (
	"context"
	"encoding/binary"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/spans"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// moveBreak makes the heap of a main module begin behind what was added to the memory for libraries
// before its allocator has run. Emscripten's sbrk takes all memory from __heap_base on for its own,
// whatever its size was when the program was linked; it says where it keeps the end of what is
// taken. What it cannot have any more in front of the libraries is the linker's.
func (op *linkOp) moveBreak(ctx context.Context) error {
	l := op.l
	x := l.shared.Main.Exports["emscripten_get_sbrk_ptr"]
	if x == nil || x.Kind != image.KindFunction ||
		!x.Fn.Type.Equal(wasm.FuncType{Results: []wasm.ValType{wasm.I32}}) {
		return nil
	}
	first, end := l.heap.Added()
	if end == 0 {
		return nil
	}
	at, err := op.g.space.Call1(ctx, x.Fn)
	if err != nil {
		return err
	}
	b, ok := l.shared.Mem.At(uint32(at), 4)
	if !ok {
		return nil
	}
	if brk := binary.LittleEndian.Uint32(b); brk != 0 && brk < end {
		binary.LittleEndian.PutUint32(b, end)
		if start := uint32(spans.AlignUp(uint64(brk), 16)); brk < first && start < first {
			l.heap.Donate(spans.Span{Base: start, Size: first - start})
		}
	}
	return nil
}
