package heap

import (
	"context"
	"errors"
	"fmt"

	"github.com/lockstep-wasm/lockstep/linker/internal/spans"
)

// Function is one of the guest's allocation functions.
type Function byte

// The allocation functions, by their names in C.
const (
	Malloc Function = iota
	AlignedAlloc
	Free
)

// Guest is the group that a caller of the heap is inside. Groups are equal if they are one group.
type Guest interface {
	comparable
	// Has reports whether the main module has a function, and is there in this group by now.
	Has(f Function) bool
	// Call calls a function that the group has. Whatever becomes of ctx, Free runs to its end.
	Call(ctx context.Context, f Function, args ...uint64) (uint64, error)
	// Begin begins calls of the allocator; false if some are under way. End is the reverse.
	Begin() bool
	End()
	// Gone reports whether what the group owned was given back.
	Gone() bool
}

// The errors of an allocator that misbehaves. They are the linker's to users.
var (
	ErrNoMemory    = errors.New("linker: the guest's allocator returned no memory")
	ErrInAllocator = errors.New(
		"linker: the guest's allocator called the linker, which needs memory for that")
	ErrBadBlock = errors.New("linker: the guest's allocator returned a block outside of the memory")
)

func noMemory(size, align uint32) error {
	return fmt.Errorf("%w: %d bytes, aligned to %d", ErrNoMemory, size, align)
}

// mallocAlign is what every malloc for wasm32 aligns to, in bytes.
const mallocAlign = 8

// fromGuest asks the guest's allocator; the zero region means that it has none.
func (h *Heap[G]) fromGuest(ctx context.Context, g G, size, align uint32) (region[G], error) {
	if h.ownPages || !g.Has(Free) {
		return region[G]{}, nil
	}
	if !g.Begin() {
		return region[G]{}, ErrInAllocator
	}
	defer g.End()
	var block uint64
	var err error
	switch total := uint64(size) + uint64(align) - 1; {
	case align > mallocAlign && g.Has(AlignedAlloc):
		block, err = g.Call(ctx, AlignedAlloc, uint64(align), spans.AlignUp(uint64(size), align))
		align = 1
	case !g.Has(Malloc):
		return region[G]{}, nil
	case align <= mallocAlign:
		block, err = g.Call(ctx, Malloc, uint64(size))
	case total > 1<<31:
		return region[G]{}, h.memory.TooLarge(total, 1<<31)
	default:
		block, err = g.Call(ctx, Malloc, total)
	}
	switch {
	case err != nil:
		return region[G]{}, fmt.Errorf("linker: the guest's allocator failed: %w", err)
	case uint32(block) == 0:
		return region[G]{}, noMemory(size, align)
	}
	base := spans.AlignUp(uint64(uint32(block)), align)
	if _, ok := h.memory.At(uint32(base), size); !ok || base > 1<<32-1 {
		return region[G]{}, fmt.Errorf("%w: %#x", ErrBadBlock, uint32(block))
	}
	return region[G]{base: uint32(base), size: size, block: uint32(block)}, nil
}

// Drain frees what was given back.
func (h *Heap[G]) Drain(ctx context.Context, g G) {
	for !g.Gone() { // else it is drained later
		h.mu.Lock()
		n := len(h.later)
		if n == 0 || !g.Begin() {
			h.mu.Unlock()
			return
		}
		next := h.later[n-1]
		h.later = h.later[:n-1]
		h.mu.Unlock()
		// A failing free is the guest's own fault, and no caller is left to tell: the block is
		// lost.
		_, _ = g.Call(ctx, Free, uint64(next.block))
		g.End()
	}
}
