package heap

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/lockstep-wasm/lockstep/linker/internal/spans"
)

// pageSize is how many bytes a page of WebAssembly has.
const pageSize = 1 << 16

// Memory is what a heap needs of the linear memory, and of those who read its errors.
type Memory struct {
	// At returns bytes of the memory, and false if they are not all inside it.
	At func(base, size uint32) ([]byte, bool)
	// Grow adds pages to the memory and returns the address of the first.
	Grow func(pages uint64) (uint32, error)
	// TooLarge makes the error of a region that no allocator could give.
	TooLarge func(size, most uint64) error
}

// region is a range of memory that is taken.
type region[G Guest] struct {
	base, size uint32
	block      uint32 // what the guest's allocator returned; 0 when the memory was grown for it
	owner      G      // the group that it lives as long as, at most; zero for one of all groups
}

// Heap hands out ranges of linear memory. All methods are safe for concurrent use, but they may
// call the guest, in a group that the caller is inside.
//
// Life cycle: a region is live from Take on. When it is given back, a block of the guest's
// allocator goes to later, until a goroutine inside a group frees it (Drain); memory that was grown
// goes to free at once, and a library's is remembered as its home. The same library gets its home
// back if it is still free.
//
// Invariants:
//
//   - live, free and the blocks in later are disjoint.
//   - Each home lies in free, and homes do not overlap.
//   - mu is not held while the guest is called, so the guest's allocator may call the linker.
//   - A region that a group owns is given back when that group is gone, at the latest.
//
// Rejected: to free a block at once, in the group that leaves. It would free the stack that the
// group stands on.
type Heap[G Guest] struct {
	memory   Memory
	ownPages bool // no allocator of the guest is used

	mu   sync.Mutex // guards what follows; not held while the guest is called
	live map[uint32]region[G]
	free spans.Set // grown once and given back
	// of these, where the data of libraries was that are not loaded; they do not overlap
	homes map[spans.Owner]spans.Span
	later []region[G] // to be freed by the next goroutine inside a group
}

// New returns the heap of a memory. With ownPages the memory always grows, whatever allocator the
// guest has.
func New[G Guest](memory Memory, ownPages bool) *Heap[G] {
	return &Heap[G]{memory: memory, ownPages: ownPages, live: map[uint32]region[G]{},
		homes: map[spans.Owner]spans.Span{}}
}

// Take returns the address of size bytes; align is a power of two. No bytes are at address 0. The
// bytes are whatever they are.
func (h *Heap[G]) Take(ctx context.Context, g G, size, align uint32) (uint32, error) {
	return h.TakeFor(ctx, g, size, align, spans.Owner{})
}

// TakeFor is Take for an owner that may have had a region before. Without an allocator of the
// guest's, it is the same one if it is still free. An owner always asks for the same alignment.
func (h *Heap[G]) TakeFor(ctx context.Context, g G, size, align uint32, who spans.Owner) (uint32,
	error) {
	if size == 0 {
		return 0, nil
	}
	h.Drain(ctx, g)
	got, err := h.fromGuest(ctx, g, size, align)
	if err == nil && got.base == 0 {
		got, err = h.grow(size, align, who)
	}
	if err != nil {
		return 0, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.live[got.base] = got
	return got.base, nil
}

// grow makes the memory larger, unless enough was given back before.
func (h *Heap[G]) grow(size, align uint32, who spans.Owner) (region[G], error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if home, ok := h.homes[who]; ok && home.Size == size && h.free.TakeAt(home) {
		delete(h.homes, who)
		return region[G]{base: home.Base, size: size}, nil
	}
	if base, ok := h.takeFree(size, align); ok {
		return region[G]{base: base, size: size}, nil
	}
	// Pages are aligned to 64 KiB; for more, the space in between is kept for later.
	extra := uint64(max(align, pageSize) - pageSize)
	pages := (uint64(size) + extra + pageSize - 1) / pageSize
	old, err := h.memory.Grow(pages)
	if err != nil {
		return region[G]{}, err
	}
	h.free.Give(spans.Span{Base: old, Size: uint32(pages * pageSize)})
	base, ok := h.takeFree(size, align)
	if !ok {
		return region[G]{}, noMemory(size, align)
	}
	return region[G]{base: base, size: size}, nil
}

// takeFree takes bytes that were given back, which are no home any more.
func (h *Heap[G]) takeFree(size, align uint32) (uint32, bool) {
	base, ok := h.free.Take(size, align)
	if ok {
		maps.DeleteFunc(h.homes, func(_ spans.Owner, home spans.Span) bool {
			return uint64(home.Base) < uint64(base)+uint64(size) && uint64(base) < home.End()
		})
	}
	return base, ok
}

// GiveHome is Give for an owner that may come back.
func (h *Heap[G]) GiveHome(base uint32, who spans.Owner) {
	h.mu.Lock()
	defer h.mu.Unlock()
	got := h.live[base]
	h.give(base)
	if got.size == 0 || got.block != 0 {
		return
	}
	h.homes[who] = spans.Span{Base: got.base, Size: got.size}
}

// Give takes a region back. A block of the guest's allocator is freed when a goroutine is inside a
// group. An address that is no region's is ignored.
func (h *Heap[G]) Give(base uint32) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.give(base)
}

// give is Give for a caller that holds mu.
func (h *Heap[G]) give(base uint32) {
	got, ok := h.live[base]
	if !ok {
		return
	}
	delete(h.live, base)
	if got.block == 0 {
		h.free.Give(spans.Span{Base: got.base, Size: got.size})
	} else {
		h.later = append(h.later, got)
	}
}

// Own makes a region one that a group has for itself: it is given back when that group is gone, at
// the latest.
func (h *Heap[G]) Own(g G, base uint32) {
	h.mu.Lock()
	got, ok := h.live[base]
	if ok {
		got.owner = g
		h.live[base] = got
	}
	h.mu.Unlock()
	if g.Gone() { // meanwhile: GiveOwned may have come too early for this one
		h.GiveOwned(g)
	}
}

// GiveOwned gives back what a group has for itself.
func (h *Heap[G]) GiveOwned(g G) {
	h.mu.Lock()
	var bases []uint32
	for base, x := range h.live {
		if x.owner == g {
			bases = append(bases, base)
		}
	}
	h.mu.Unlock()
	for _, base := range bases {
		h.Give(base)
	}
}

// Added returns from where to where the memory was made larger for regions; 0 when there are none.
func (h *Heap[G]) Added() (first, end uint32) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for base, x := range h.live {
		if x.block != 0 {
			continue
		}
		if first == 0 || base < first {
			first = base &^ (pageSize - 1)
		}
		end = max(end, uint32(min(spans.AlignUp(uint64(base)+uint64(x.size), pageSize),
			1<<32-pageSize)))
	}
	return first, end
}

// Donate makes an unused range one that regions come from.
func (h *Heap[G]) Donate(r spans.Span) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.free.Give(r)
}

// Live returns the regions that are taken, by address, and which of them groups own.
func (h *Heap[G]) Live() (regions []spans.Span, owned []bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var none G
	for _, base := range slices.Sorted(maps.Keys(h.live)) {
		regions = append(regions, spans.Span{Base: base, Size: h.live[base].size})
		owned = append(owned, h.live[base].owner != none)
	}
	return regions, owned
}
