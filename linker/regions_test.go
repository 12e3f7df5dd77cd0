package linker_test

import (
	"fmt"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// eachMemory runs a test with the main modules' memories, host-provided (main-pie, main-shared) and
// their own (main-exe, main-nostack), and with both allocators. several says whether there can be
// several groups.
func eachMemory(t *testing.T,
	f func(t *testing.T, i *image, several bool, a linker.DataAllocator)) {
	for _, m := range mains {
		for name, a := range map[string]linker.DataAllocator{"guest heap": linker.GuestHeap,
			"own pages": linker.OwnPages} {
			t.Run(m.name+"/"+name, func(t *testing.T) {
				f(t, newImage(t, m.name, m.libs,
					func(c *linker.Config) *linker.Config { return c.WithDataAllocator(a) }),
					m.groups, a)
			})
		}
	}
}

// areaLibrary is a library with nothing but a data area.
func areaLibrary(t *testing.T, size, align uint32) []byte {
	return library(t, dylink.Info{MemorySize: size, MemoryAlignment: align}, func(b *wasm.Builder) {
		b.ImportMemory("env", "memory",
			wasm.MemoryType{Limits: wasm.Limits{Max: wasm.MaxPages, HasMax: true}})
		b.ImportGlobal("env", "__memory_base", wasm.GlobalType{Type: wasm.I32})
		b.ExportGlobal("begin", b.Global(wasm.I32, false, wasm.ConstI32(0)))
	})
}

// Data areas are aligned, to 64 KiB at most here, do not overlap, are zero, and are used again when
// they are freed.
func TestDataAreas(t *testing.T) {
	eachMemory(t, func(t *testing.T, i *image, _ bool, a linker.DataAllocator) {
		type area struct {
			lib         *linker.Library
			begin, size uint32
		}
		var live []area
		open := func(n, size, align uint32) {
			lib, err := i.g.OpenBytes(i.ctx, fmt.Sprintf("area%d", n), areaLibrary(t, size, align))
			if err != nil {
				t.Fatal(err)
			}
			begin := i.symbol(lib, "begin")
			if begin == 0 || begin%(1<<align) != 0 {
				t.Fatalf("%d bytes, aligned to %d, are at %#x", size, 1<<align, begin)
			}
			for _, a := range live {
				if begin < a.begin+a.size && a.begin < begin+size {
					t.Fatalf("%#x..%#x overlaps %#x..%#x", begin, begin+size, a.begin, a.begin+
						a.size)
				}
			}
			bytes, ok := i.l.View(begin, size)
			if !ok {
				t.Fatalf("%#x..%#x is outside of the memory", begin, begin+size)
			}
			for k, b := range bytes {
				if b != 0 {
					t.Fatalf("byte %d of a new area is %#x", k, b)
				}
				bytes[k] = 0xEE
			}
			live = append(live, area{lib, begin, size})
		}
		shapes := []struct{ size, align uint32 }{{1, 0}, {100, 4}, {70000, 16}, {5, 16}, {4096, 12},
			{131072, 16}, {12, 8}, {65536, 3}}
		var pages uint32
		for round := range 4 {
			for n, s := range shapes {
				open(uint32(n), s.size, s.align)
			}
			if round == 0 {
				pages = i.l.Memory().Size()
			}
			for n := range live { // every other one first, so that what is left between is joined
				i.closeLibrary(live[n*3%len(live)].lib)
			}
			live = nil
		}
		// A guest's heap may do what it likes with what is freed: that of the fixtures does not
		// split blocks.
		if got := i.l.Memory().Size(); a == linker.OwnPages && got != pages {
			t.Errorf("the memory has grown from %d to %d bytes although everything was freed",
				pages, got)
		}
	})
}

// Freed areas next to each other are one area: what was several is enough for a large one.
func TestOwnPagesAreJoined(t *testing.T) {
	for _, m := range mains {
		t.Run(m.name, func(t *testing.T) {
			i := newImage(t, m.name, m.libs,
				func(c *linker.Config) *linker.Config {
					return c.WithDataAllocator(linker.OwnPages)
				})
			var libs []*linker.Library
			for n := range 6 {
				lib, err := i.g.OpenBytes(i.ctx, fmt.Sprintf("small%d", n),
					areaLibrary(t, 65536, 16))
				if err != nil {
					t.Fatal(err)
				}
				libs = append(libs, lib)
			}
			pages := i.l.Memory().Size()
			for _, n := range []int{4, 0, 2, 5, 1, 3} {
				i.closeLibrary(libs[n])
			}
			if _, err := i.g.OpenBytes(i.ctx, "large", areaLibrary(t, 6*65536, 16)); err != nil {
				t.Fatal(err)
			}
			if got := i.l.Memory().Size(); got != pages {
				t.Errorf("the memory has grown from %d to %d bytes", pages, got)
			}
		})
	}
}

// With either allocator libraries work in all groups, whichever module owns the memory, and the
// guest's heap goes on working.
func TestAllocatorsWork(t *testing.T) {
	eachMemory(t, func(t *testing.T, i *image, several bool, _ linker.DataAllocator) {
		groups := []*image{i}
		if several {
			groups = append(groups, i.spawn(), i.spawn(), i.spawn())
		}
		for round := range 3 {
			data, bss, page := i.open("data"), i.open("bss"), i.open("align_page")
			for n, g := range groups {
				block := g.call(linker.Default, "malloc", 200000)
				g.call(linker.Default, "poke32", block+199996, 77)
				g.want(42, data, "data_read_pointer")
				g.want(0, bss, "bss_sum", 0, 25000)
				if at := g.call(page, "align_page64_address"); at%65536 != 0 || at == 0 {
					t.Errorf("aligned to 65536: %#x", at)
				}
				g.want(int32(2+n), page, "align_page64_next", 0)
				g.want(77, linker.Default, "peek32", block+199996)
				g.call(linker.Default, "free", block)
			}
			for _, lib := range []*linker.Library{page, data, bss} {
				groups[round%len(groups)].closeLibrary(lib)
			}
		}
	})
}

// With pages of the linker's own a library that comes back has its data where it was, with its
// initial values, if that memory is still free.
func TestDataComesBack(t *testing.T) {
	for _, m := range mains {
		t.Run(m.name, func(t *testing.T) {
			i := newImage(t, m.name, m.libs,
				func(c *linker.Config) *linker.Config {
					return c.WithDataAllocator(linker.OwnPages)
				})
			small, large := areaLibrary(t, 100, 4), areaLibrary(t, 3000, 4)
			open := func(name string, bytes []byte) (*linker.Library, uint32) {
				lib, err := i.g.OpenBytes(i.ctx, name, bytes)
				if err != nil {
					t.Fatal(err)
				}
				return lib, i.symbol(lib, "begin")
			}
			a, atA := open("a", small)
			b, atB := open("b", small)
			i.closeLibrary(a)
			i.closeLibrary(b)
			b, again := open("b", small) // a would fit in front of it
			if again != atB {
				t.Errorf("b is at %#x, was at %#x", again, atB)
			}
			c, atC := open("c", large)
			a, again = open("a", small)
			if taken := atC < atA+100 && atA < atC+3000; !taken && again != atA {
				t.Errorf("a is at %#x, was at %#x", again, atA)
			}
			for _, lib := range []*linker.Library{a, b, c} {
				i.closeLibrary(lib)
			}
			if _, at := open("a", large); at%16 != 0 { // the name alone is not the library
				t.Errorf("a is at %#x", at)
			}
		})
	}
}
