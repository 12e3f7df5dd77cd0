package linker

import (
	"context"
	"fmt"
	"maps"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/linmem"
	"github.com/lockstep-wasm/lockstep/linker/internal/spans"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

func newAllocator(main *image.Module) allocator {
	i32 := wasm.I32
	find := func(name string, typ wasm.FuncType) *image.Function {
		if x := main.Exports[name]; x != nil && x.Kind == image.KindFunction &&
			x.Fn.Type.Equal(typ) {
			return x.Fn
		}
		return nil
	}
	return allocator{
		aligned: find("aligned_alloc",
			wasm.FuncType{Params: []wasm.ValType{i32, i32}, Results: []wasm.ValType{i32}}),
		plain: find("malloc",
			wasm.FuncType{Params: []wasm.ValType{i32}, Results: []wasm.ValType{i32}}),
		release: find("free", wasm.FuncType{Params: []wasm.ValType{i32}}),
	}
}

// mallocAlign is what every malloc for wasm32 aligns to, in bytes.
const mallocAlign = 8

// take returns the address of size bytes; align is a power of two. No bytes are at address 0. The
// bytes are whatever they are.
func (a *areas) take(ctx context.Context, g *Group, size, align uint32) (uint32, error) {
	return a.takeFor(ctx, g, size, align, spans.Owner{})
}

// takeFor is take for an owner that may have had a region before. Without an allocator of the
// guest's, it is the same one if it is still free.
func (a *areas) takeFor(ctx context.Context, g *Group, size, align uint32, who spans.Owner) (uint32,
	error) {
	if size == 0 {
		return 0, nil
	}
	a.drain(ctx, g)
	got, err := a.fromGuest(ctx, g, size, align)
	if err == nil && got.base == 0 {
		got, err = a.grow(size, align, who)
	}
	if err != nil {
		return 0, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.live[got.base] = got
	return got.base, nil
}

// fromGuest asks the guest's allocator; the zero area means that it has none.
func (a *areas) fromGuest(ctx context.Context, g *Group, size, align uint32) (area, error) {
	alloc := a.l.alloc
	// there is none, or not yet
	if a.l.config.data == OwnPages || alloc.release == nil || !g.space.Has(a.l.shared.Main) {
		return area{}, nil
	}
	if g.allocating {
		return area{}, ErrInAllocator
	}
	g.allocating = true
	defer func() { g.allocating = false }()
	var block uint64
	var err error
	switch total := uint64(size) + uint64(align) - 1; {
	case align > mallocAlign && alloc.aligned != nil:
		block, err = g.space.Call1(ctx, alloc.aligned, uint64(align), spans.AlignUp(uint64(size),
			align))
		align = 1
	case alloc.plain == nil:
		return area{}, nil
	case align <= mallocAlign:
		block, err = g.space.Call1(ctx, alloc.plain, uint64(size))
	case total > 1<<31:
		return area{}, &LimitError{Limit: "data area (bytes)", Value: total, Max: 1 << 31}
	default:
		block, err = g.space.Call1(ctx, alloc.plain, total)
	}
	switch {
	case err != nil:
		return area{}, fmt.Errorf("linker: the guest's allocator failed: %w", err)
	case uint32(block) == 0:
		return area{}, fmt.Errorf("%w: %d bytes, aligned to %d", ErrNoMemory, size, align)
	}
	base := spans.AlignUp(uint64(uint32(block)), align)
	if _, ok := a.l.shared.Mem.At(uint32(base), size); !ok || base > 1<<32-1 {
		return area{}, fmt.Errorf("%w: %#x", ErrBadBlock, uint32(block))
	}
	return area{base: uint32(base), size: size, block: uint32(block)}, nil
}

// grow makes the memory larger, unless enough was given back before.
func (a *areas) grow(size, align uint32, who spans.Owner) (area, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if home, ok := a.homes[who]; ok && home.Size == size && a.free.TakeAt(home) {
		delete(a.homes, who)
		return area{base: home.Base, size: size}, nil
	}
	if base, ok := a.takeFree(size, align); ok {
		return area{base: base, size: size}, nil
	}
	// Pages are aligned to 64 KiB; for more, the space in between is kept for later.
	extra := uint64(max(align, linmem.PageSize) - linmem.PageSize)
	pages := (uint64(size) + extra + linmem.PageSize - 1) / linmem.PageSize
	old, err := a.l.growMemory(pages)
	if err != nil {
		return area{}, err
	}
	a.free.Give(spans.Span{Base: old, Size: uint32(pages * linmem.PageSize)})
	base, ok := a.takeFree(size, align)
	if !ok {
		return area{}, fmt.Errorf("%w: %d bytes, aligned to %d", ErrNoMemory, size, align)
	}
	return area{base: base, size: size}, nil
}

// takeFree takes bytes that were given back, which are no home any more.
func (a *areas) takeFree(size, align uint32) (uint32, bool) {
	base, ok := a.free.Take(size, align)
	if ok {
		maps.DeleteFunc(a.homes, func(_ spans.Owner, h spans.Span) bool {
			return uint64(h.Base) < uint64(base)+uint64(size) && uint64(base) < h.End()
		})
	}
	return base, ok
}

// giveHome is giveLater for an owner that may come back.
func (a *areas) giveHome(base uint32, who spans.Owner) {
	a.mu.Lock()
	defer a.mu.Unlock()
	got := a.live[base]
	a.give(base)
	if got.size == 0 || got.block != 0 {
		return
	}
	if a.homes == nil {
		a.homes = map[spans.Owner]spans.Span{}
	}
	a.homes[who] = spans.Span{Base: got.base, Size: got.size}
}

// giveLater takes an area back. A block of the guest's allocator is freed when a goroutine is
// inside a group.
func (a *areas) giveLater(base uint32) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.give(base)
}

// give is giveLater with the lock.
func (a *areas) give(base uint32) {
	got, ok := a.live[base]
	if !ok {
		return
	}
	delete(a.live, base)
	if got.block == 0 {
		a.free.Give(spans.Span{Base: got.base, Size: got.size})
	} else {
		a.later = append(a.later, got)
	}
}

// own makes an area one that a group has for itself: it is given back when that group is gone, at
// the latest.
func (a *areas) own(g *Group, base uint32) {
	a.mu.Lock()
	got, ok := a.live[base]
	if ok {
		got.owner = g
		a.live[base] = got
	}
	a.mu.Unlock()
	if g.forgotten.Load() { // meanwhile: giveOwned may have come too early for this one
		a.giveOwned(g)
	}
}

// giveOwned gives back what a group has for itself.
func (a *areas) giveOwned(g *Group) {
	a.mu.Lock()
	var bases []uint32
	for base, x := range a.live {
		if x.owner == g {
			bases = append(bases, base)
		}
	}
	a.mu.Unlock()
	for _, base := range bases {
		a.giveLater(base)
	}
}

// drain frees what was given back.
func (a *areas) drain(ctx context.Context, g *Group) {
	for !g.forgotten.Load() && !g.allocating { // else it is drained later
		a.mu.Lock()
		n := len(a.later)
		if n == 0 {
			a.mu.Unlock()
			return
		}
		next := a.later[n-1]
		a.later = a.later[:n-1]
		a.mu.Unlock()
		g.allocating = true
		// A failing free is the guest's own fault, and no caller is left to tell: the block is
		// lost.
		_, _ = g.space.Call(finishing(context.WithoutCancel(ctx)), a.l.alloc.release,
			uint64(next.block))
		g.allocating = false
	}
}
