package linker

import (
	"context"

	"github.com/lockstep-wasm/lockstep/linker/internal/heap"
	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/presence"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

func (l *Linker) newHeap() *heap.Heap[heapGuest] {
	return heap.New[heapGuest](heap.Memory{
		At: l.shared.Mem.At, Grow: l.growMemory,
		TooLarge: func(size, most uint64) error {
			return &LimitError{Limit: "data area (bytes)", Value: size, Max: most}
		},
	}, l.config.data == OwnPages)
}

// allocator has the guest's allocation functions, nil for those that the main module lacks.
type allocator [heap.Free + 1]*image.Function

func newAllocator(main *image.Module) (a allocator) {
	i32 := wasm.I32
	find := func(name string, typ wasm.FuncType) *image.Function {
		x := main.Exports[name]
		if x != nil && x.Kind == image.KindFunction && x.Fn.Type.Equal(typ) {
			return x.Fn
		}
		return nil
	}
	a[heap.AlignedAlloc] = find("aligned_alloc",
		wasm.FuncType{Params: []wasm.ValType{i32, i32}, Results: []wasm.ValType{i32}})
	a[heap.Malloc] = find("malloc",
		wasm.FuncType{Params: []wasm.ValType{i32}, Results: []wasm.ValType{i32}})
	a[heap.Free] = find("free", wasm.FuncType{Params: []wasm.ValType{i32}})
	return a
}

// heapGuest is a group as the heap sees it. It implements heap.Guest.
type heapGuest struct{ g *Group }

// Has implements heap.Guest.
func (x heapGuest) Has(f heap.Function) bool {
	return x.g.l.alloc[f] != nil && x.g.space.Has(x.g.l.shared.Main)
}

// Call implements heap.Guest.
func (x heapGuest) Call(ctx context.Context, f heap.Function, args ...uint64) (uint64, error) {
	if f == heap.Free {
		ctx = presence.Uncancellable(context.WithoutCancel(ctx))
	}
	results, err := x.g.space.Call(ctx, x.g.l.alloc[f], args...)
	if err != nil || len(results) == 0 {
		return 0, err
	}
	return results[0], nil
}

// Begin implements heap.Guest.
func (x heapGuest) Begin() bool {
	if x.g.allocating {
		return false
	}
	x.g.allocating = true
	return true
}

// End implements heap.Guest.
func (x heapGuest) End() { x.g.allocating = false }

// Gone implements heap.Guest.
func (x heapGuest) Gone() bool { return x.g.forgotten.Load() }
