package heap

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker/internal/spans"
)

// The memory grows by the pages that are needed, and only when what was given back or donated does
// not do; it is known from where to where that was for regions that are taken.
func TestGrowsAsNeeded(t *testing.T) {
	p, h := newProcess(t, true)
	g := &group{process: p}
	take := func(size, align uint32) uint32 {
		base, err := h.Take(t.Context(), g, size, align)
		if err != nil {
			t.Fatal(err)
		}
		return base
	}
	added := func(first, end uint32) {
		t.Helper()
		if f, e := h.Added(); f != first || e != end {
			t.Errorf("added are %#x to %#x, want %#x to %#x", f, e, first, end)
		}
	}
	grown := func(pages uint64) {
		t.Helper()
		if p.size != half+pages*pageSize {
			t.Errorf("the memory has %#x bytes, want %d pages more than at first", p.size, pages)
		}
	}
	added(0, 0)
	first := take(pageSize-8, 8)
	grown(1)
	if first != half {
		t.Errorf("the first region is at %#x", first)
	}
	added(half, half+pageSize)
	if second := take(8, 8); second != half+pageSize-8 {
		t.Errorf("the end of a page is not used, but %#x", second)
	}
	grown(1)
	added(half, half+pageSize)
	third := take(pageSize+1, 8)
	grown(3)
	added(half, half+3*pageSize)
	h.Give(third)
	added(half, half+pageSize)
	if again := take(2*pageSize, 8); again != third {
		t.Errorf("what was given back is not used, but %#x", again)
	}
	grown(3)
	h.Give(first)
	added(half, half+3*pageSize) // the second one is in the first page
	if take(100, 2*pageSize)%(2*pageSize) != 0 {
		t.Error("a large alignment is not kept")
	}
	h.Donate(spans.Span{Base: 4096, Size: 3 * pageSize})
	before := p.size
	if base := take(2*pageSize, 8); base != 4096 || p.size != before {
		t.Errorf("what was donated is not used, but %#x; %#x bytes, were %#x", base, p.size, before)
	}
	regions, owned := h.Live()
	h.Own(g, 4096)
	h.Own(g, 1) // which is no region
	_, mine := h.Live()
	if len(regions) != 4 || regions[0] != (spans.Span{Base: 4096, Size: 2 * pageSize}) ||
		slices.Contains(owned, true) || !slices.Equal(mine, []bool{true, false, false, false}) {
		t.Errorf("regions %v, owned %v, then %v", regions, owned, mine)
	}
}

// A space that is wide enough for an alignment takes no more pages than that needs.
func TestGrowsForAlignment(t *testing.T) {
	for _, c := range []struct {
		size, align uint32
		pages       uint64
	}{{1, 1, 1}, {pageSize, 1, 1}, {pageSize + 1, 1, 2}, {pageSize, pageSize, 1},
		{pageSize, 2 * pageSize, 2}, {1, 4 * pageSize, 4}} {
		p, h := newProcess(t, true)
		if _, err := h.Take(t.Context(), &group{process: p}, c.size, c.align); err != nil ||
			p.size != half+c.pages*pageSize {
			t.Errorf("%d bytes, aligned to %d: %v, and %d pages, want %d", c.size, c.align, err,
				(p.size-half)/pageSize, c.pages)
		}
	}
}

// Who takes the home of a library takes none that lies before it, or behind it.
func TestOtherHomesStay(t *testing.T) {
	p, h := newProcess(t, true)
	g := &group{process: p}
	take := func(size uint32, name string) uint32 {
		base, err := h.TakeFor(t.Context(), g, size, 16, spans.Owner{What: name})
		if err != nil {
			t.Fatal(err)
		}
		return base
	}
	a, b, c, d := take(112, "a"), take(16, "b"), take(224, "c"), take(112, "d")
	if b != a+112 || c != b+16 || d != c+224 {
		t.Fatalf("the regions %#x, %#x, %#x and %#x are no neighbours", a, b, c, d)
	}
	for name, base := range map[string]uint32{"a": a, "c": c, "d": d} {
		h.GiveHome(base, spans.Owner{What: name})
	}
	if other := take(224, "other"); other != c {
		t.Fatalf("another one is at %#x, not where c was", other)
	}
	h.Donate(spans.Span{Base: 4096, Size: 4096})
	if again := take(112, "a"); again != a {
		t.Errorf("a is at %#x, was at %#x", again, a)
	}
	if again := take(112, "d"); again != d {
		t.Errorf("d is at %#x, was at %#x", again, d)
	}
	if again := take(224, "c"); again != 4096 {
		t.Errorf("c is at %#x, and its home is taken", again)
	}
}

// Blocks of the guest are no added memory, are freed by a group that is there and calls no
// allocator, and have no home.
func TestBlocks(t *testing.T) {
	p, h := newProcess(t, false)
	p.has = [...]bool{true, true, true}
	g, gone := &group{process: p}, &group{process: p, gone: true}
	who := spans.Owner{What: "a"}
	base, err := h.TakeFor(t.Context(), g, 100, 8, who)
	if err != nil || len(p.blocks) != 1 || p.blocks[base] != 100 {
		t.Fatalf("%v; blocks %v", err, p.blocks)
	}
	if first, end := h.Added(); first != 0 || end != 0 {
		t.Errorf("added are %#x to %#x", first, end)
	}
	h.GiveHome(base, who)
	h.GiveHome(base, who) // it is none any more
	h.Drain(t.Context(), gone)
	g.calling = true
	h.Drain(t.Context(), g)
	if len(p.blocks) != 1 {
		t.Error("a block is freed by a group that is gone, or within the allocator")
	}
	g.calling = false
	h.Drain(t.Context(), g)
	if len(p.blocks) != 0 || g.calling || len(h.homes) != 0 {
		t.Errorf("%d blocks are left, calling %v, homes %v", len(p.blocks), g.calling, h.homes)
	}
}

// What no allocator could give is an error that says so, and so is a memory that does not grow.
func TestTooMuch(t *testing.T) {
	tooLarge, full := errors.New("too large"), errors.New("full")
	p, h := newProcess(t, false)
	p.has = [...]bool{Malloc: true, Free: true}
	h.memory.TooLarge = func(size, most uint64) error {
		if size != 1<<31+1 || most != 1<<31 {
			t.Errorf("%d of at most %d", size, most)
		}
		return tooLarge
	}
	g := &group{process: p}
	for size, want := range map[uint32]error{1<<31 - 14: tooLarge, 1<<31 - 15: ErrBadBlock} {
		if _, err := h.Take(context.Background(), g, size, 16); !errors.Is(err, want) || g.calling {
			t.Errorf("%d bytes: %v, want %v", size, err, want)
		}
	}
	h = New[*group](Memory{Grow: func(uint64) (uint32, error) { return 0, full }}, true)
	if base, err := h.Take(context.Background(), g, 1, 1); base != 0 || !errors.Is(err, full) {
		t.Errorf("a memory that does not grow: %#x, %v", base, err)
	}
}
