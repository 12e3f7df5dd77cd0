package heap

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/lockstep-wasm/lockstep/linker/internal/spans"
)

// process is a memory, and an allocator that hands out the blocks of its lower half, one behind the
// other.
type process struct {
	t      interface{ Fatalf(string, ...any) }
	size   uint64
	next   uint32
	blocks map[uint32]uint32 // by address, their sizes
	has    [Free + 1]bool
	fails  error
	empty  bool // it has no memory
	during func()
}

// group is a group of a process.
type group struct {
	*process
	calling, gone bool
}

func (g *group) Has(f Function) bool { return g.has[f] }

func (g *group) Call(_ context.Context, f Function, args ...uint64) (uint64, error) {
	if g.during != nil {
		g.during()
	}
	if f == Free {
		if _, ok := g.blocks[uint32(args[0])]; !ok {
			g.t.Fatalf("free of %#x, which is no block", args[0])
		}
		delete(g.blocks, uint32(args[0]))
		return 0, nil
	}
	if g.fails != nil || g.empty {
		return 0, g.fails
	}
	align, size := uint32(8), uint32(args[0])
	if f == AlignedAlloc {
		align, size = uint32(args[0]), uint32(args[1])
	}
	base := uint32(spans.AlignUp(uint64(g.next), align))
	g.next, g.blocks[base] = base+size, size
	return uint64(base), nil
}

func (g *group) Begin() bool {
	was := g.calling
	g.calling = true
	return !was
}

func (g *group) End()       { g.calling = false }
func (g *group) Gone() bool { return g.gone }

const half = 1 << 24 // what the allocator has

func newProcess(t interface{ Fatalf(string, ...any) }, ownPages bool) (*process, *Heap[*group]) {
	p := &process{t: t, size: half, next: 1024, blocks: map[uint32]uint32{}}
	return p, New[*group](Memory{
		At: func(base, size uint32) ([]byte, bool) {
			return nil, uint64(base)+uint64(size) <= p.size
		},
		Grow: func(pages uint64) (uint32, error) {
			was := p.size
			p.size += pages * pageSize
			return uint32(was), nil
		},
		TooLarge: func(uint64, uint64) error { return errors.New("too large") },
	}, ownPages)
}

// Regions are aligned and inside the memory, and no two overlap that are taken at the same time,
// from whichever allocator. When all are given back, the guest has all its blocks.
func TestRegionsAreDisjoint(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, h := newProcess(t, rapid.Bool().Draw(t, "own pages"))
		for f := range p.has {
			p.has[f] = rapid.Bool().Draw(t, "has")
		}
		groups := []*group{{process: p}, {process: p}}
		taken, owner := map[uint32]uint32{}, map[uint32]spans.Owner{}
		owners := []spans.Owner{{What: "a"}, {What: "b"}}
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			g := rapid.SampledFrom(groups).Draw(t, "group")
			if len(taken) > 0 && rapid.Bool().Draw(t, "give") {
				base := rapid.SampledFrom(slices.Sorted(maps.Keys(taken))).Draw(t, "region")
				if who := owner[base]; who.What != "" {
					h.GiveHome(base, who)
				} else {
					h.Give(base)
				}
				delete(taken, base)
				continue
			}
			size := rapid.Uint32Range(0, 70000).Draw(t, "size")
			align := uint32(1) << rapid.IntRange(0, 17).Draw(t, "align")
			who := spans.Owner{}
			if n := rapid.IntRange(0, len(owners)).Draw(t, "owner"); n < len(owners) {
				who, align = owners[n], 1<<(8*n) // always the same of one owner
			}
			base, err := h.TakeFor(t.Context(), g, size, align, who)
			if err != nil {
				t.Fatalf("%d bytes, aligned to %d: %v", size, align, err)
			}
			if size == 0 {
				continue
			}
			if base%align != 0 || uint64(base)+uint64(size) > p.size {
				t.Fatalf("%d bytes at %#x, aligned to %d", size, base, align)
			}
			for other, n := range taken {
				if base < other+n && other < base+size {
					t.Fatalf("%#x and %#x overlap", base, other)
				}
			}
			taken[base], owner[base] = size, who
		}
		for base := range taken {
			h.Give(base)
		}
		h.Drain(t.Context(), groups[0])
		if live, _ := h.Live(); len(live) > 0 || len(p.blocks) > 0 {
			t.Fatalf("%d regions and %d blocks are left", len(live), len(p.blocks))
		}
	})
}

// A library that comes back gets its region again, unless that has gone to another.
func TestHomes(t *testing.T) {
	p, h := newProcess(t, true)
	g, ctx := &group{process: p}, t.Context()
	a, b := spans.Owner{What: "a"}, spans.Owner{What: "b"}
	take := func(size uint32, who spans.Owner) uint32 {
		base, err := h.TakeFor(ctx, g, size, 16, who)
		if err != nil {
			t.Fatal(err)
		}
		return base
	}
	first, second := take(100, a), take(100, b)
	h.GiveHome(second, b)
	h.GiveHome(first, a)
	if got := take(100, b); got != second {
		t.Errorf("b is at %#x, was at %#x", got, second)
	}
	if got := take(100, a); got != first {
		t.Errorf("a is at %#x, was at %#x", got, first)
	}
	h.GiveHome(first, a)
	if other := take(50, spans.Owner{What: "c"}); other != first {
		t.Fatalf("c is at %#x, not where a was", other)
	}
	if got := take(100, a); got == first {
		t.Error("a has what c has")
	}
}

// What a group owns is given back with the group, also when it became the group's too late.
func TestOwnedRegions(t *testing.T) {
	p, h := newProcess(t, true)
	g, other := &group{process: p}, &group{process: p}
	for range 3 {
		base, err := h.Take(t.Context(), other, 100, 8)
		if err != nil {
			t.Fatal(err)
		}
		h.Own(g, base)
	}
	shared, err := h.Take(t.Context(), other, 100, 8)
	if err != nil {
		t.Fatal(err)
	}
	g.gone = true
	h.GiveOwned(g)
	late, err := h.Take(t.Context(), other, 200, 8)
	if err != nil {
		t.Fatal(err)
	}
	h.Own(g, late)
	if live, _ := h.Live(); len(live) != 1 || live[0].Base != shared {
		t.Errorf("left are %v, want %#x", live, shared)
	}
}

// An allocator that fails, lies, has nothing, or calls the linker gives an error and no region.
func TestAllocatorsMisbehave(t *testing.T) {
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		set  func(p *process, h *Heap[*group], g *group)
		want error
	}{
		"it fails": {func(p *process, _ *Heap[*group], _ *group) { p.fails = broken },
			broken},
		"it has nothing": {func(p *process, _ *Heap[*group], _ *group) { p.empty = true },
			ErrNoMemory},
		"it lies": {func(p *process, _ *Heap[*group], _ *group) { p.next = half - 8 },
			ErrBadBlock},
		"it calls the linker": {func(p *process, h *Heap[*group], g *group) {
			p.during = func() { _, p.fails = h.Take(t.Context(), g, 8, 8) }
		}, ErrInAllocator},
	} {
		p, h := newProcess(t, false)
		p.has = [...]bool{true, true, true}
		g := &group{process: p}
		c.set(p, h, g)
		base, err := h.Take(t.Context(), g, 100, 8)
		if base != 0 || !errors.Is(err, c.want) {
			t.Errorf("%s: %#x, %v, want %v", name, base, err, c.want)
		}
		if live, _ := h.Live(); len(live) > 0 || g.calling {
			t.Errorf("%s: %v are taken", name, live)
		}
	}
}
