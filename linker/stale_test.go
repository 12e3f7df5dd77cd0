package linker_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/tetratelabs/wazero/api"
	"pgregory.net/rapid"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// wantStale fails the test unless calling a pointer says that there is no function.
func (i *image) wantStale(what string, pointer uint32) {
	i.Helper()
	r, err := i.tryUnary(pointer, 1)
	var pe *linker.PointerError
	if !errors.As(err, &pe) || pe.Pointer != pointer || pe.Reason != "invalid table access" {
		i.Errorf("%s, entry %d in group %d: %d, %v", what, pointer, i.g.ID(), r, err)
	}
}

func (i *image) tryUnary(pointer uint32, x int32) (int32, error) {
	i32 := []api.ValueType{api.ValueTypeI32}
	r, err := i.g.CallPointer(i.ctx, pointer, i32, i32, api.EncodeI32(x))
	if err != nil {
		return 0, err
	}
	return int32(r[0]), nil
}

// stalePointers are function pointers into libfnptr and libother by what each makes of 1: two in
// the element segments of these libraries, and two that were made by look-ups.
func stalePointers(i *image, lib *linker.Library) map[uint32]int32 {
	i.Helper()
	return map[uint32]int32{
		uint32(i.call(lib, "fnptr_private_address")):          2,
		i.symbol(lib, "fnptr_unreferenced"):                   4,
		uint32(i.call(lib, "fnptr_imported_slotted_address")): -1,
		uint32(i.call(lib, "fnptr_imported_address")):         1001,
	}
}

// A pointer to a function of a library that was closed traps, also when other libraries have been
// loaded since, and is that function again when the library is.
func TestStalePointer(t *testing.T) {
	eachImage(t, func(t *testing.T, groups []*image) {
		i, last := groups[0], groups[len(groups)-1]
		lib := i.open("fnptr")
		pointers := stalePointers(i, lib)
		for range 3 {
			i.closeLibrary(lib)
			for _, g := range groups {
				for p := range pointers {
					g.wantStale("after it was closed", p)
				}
			}
			many, more := last.open("manyfn"), last.open("callback")
			last.symbol(more, "callback_apply") // a new entry
			for _, g := range groups {
				for p := range pointers {
					g.wantStale("when others are loaded", p)
				}
				g.want(17, many, "manyfn_call", 0, 7)
			}
			lib = last.open("fnptr")
			for _, g := range groups {
				for p, want := range pointers {
					if got, err := g.tryUnary(p, 1); err != nil || got != want {
						t.Errorf("loaded again: %d(1) = %d, %v, want %d", p, got, err, want)
					}
				}
			}
			for p := range stalePointers(last, lib) {
				if _, ok := pointers[p]; !ok {
					t.Errorf("the pointer %d is new", p)
				}
			}
			i.closeLibrary(many)
			i.closeLibrary(more)
		}
	})
}

// While libraries come and go in all groups, a stale pointer traps or is the function that it was.
func TestStalePointersUnderConcurrency(t *testing.T) {
	i := newImage(t, "main-pie", "threads", nil)
	lib := i.open("fnptr")
	pointers := stalePointers(i, lib)
	i.closeLibrary(lib)
	rounds := 60
	if testing.Short() {
		rounds = 20
	}
	var wg sync.WaitGroup
	for k, name := range []string{"fnptr", "manyfn", "callback"} {
		g := i.spawn()
		wg.Go(func() {
			for range rounds {
				lib, err := g.g.Open(g.ctx, "lib"+name+".wasm")
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := g.g.Symbol(g.ctx, lib,
					[]string{"fnptr_call", "manyfn_call", "callback_apply"}[k]); err != nil {
					t.Error(err)
				}
				for p, want := range pointers {
					got, err := g.tryUnary(p, 1)
					if pe := (*linker.PointerError)(nil); err == nil && got != want || err != nil &&
						!errors.As(err, &pe) {
						t.Errorf("%d(1) = %d, %v, want %d or nothing", p, got, err, want)
					}
				}
				if err := g.g.CloseLibrary(g.ctx, lib); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for p := range pointers {
		i.wantStale("in the end", p)
	}
}

// How long an entry rests, and what happens when the table cannot grow.
func TestPointerQuarantine(t *testing.T) {
	const length = 200 // entries, of which manyfn takes 64
	open := func(t *testing.T, slots uint32) (*image, uint32) {
		i := newImage(t, "main-pie", "threads", func(c *linker.Config) *linker.Config {
			return c.WithMaxTable(length).WithPointerQuarantine(slots)
		})
		lib := i.open("manyfn")
		stale := uint32(i.call(lib, "manyfn_address", 3))
		i.closeLibrary(lib)
		i.wantStale("closed", stale)
		return i, stale
	}
	// copies opens n copies of libmanyfn in turn: other libraries of as many entries. They are
	// closed again.
	copies := func(i *image, n int) (failed error) {
		bytes := readFixture(i, "threads/libmanyfn.wasm")
		for k := range n {
			lib, err := i.g.OpenBytes(i.ctx, fmt.Sprint("copy ", k), bytes)
			if err != nil {
				return err
			}
			i.want(17, lib, "manyfn_call", 0, 7)
			i.closeLibrary(lib)
		}
		return nil
	}
	t.Run("none", func(t *testing.T) {
		i, stale := open(t, 0)
		before := i.l.TableLength()
		if err := copies(i, 5); err != nil || i.l.TableLength() != before {
			t.Errorf("table of %d entries, before %d: %v", i.l.TableLength(), before, err)
		}
		lib, err := i.g.OpenBytes(i.ctx, "last", readFixture(i, "threads/libmanyfn.wasm"))
		if err != nil || uint32(i.call(lib, "manyfn_address", 3)) != stale {
			t.Errorf("the entry was not used again: %v", err)
		}
	})
	t.Run("one library", func(t *testing.T) { // as many as one library has: two take turns
		i, stale := open(t, 64)
		before := i.l.TableLength()
		if err := copies(i, 1); err != nil || i.l.TableLength() != before+64 {
			t.Errorf("table of %d entries, before %d: %v", i.l.TableLength(), before, err)
		}
		i.wantStale("after another one", stale)
		if err := copies(i, 6); err != nil || i.l.TableLength() != before+64 {
			t.Errorf("table of %d entries, before %d: %v", i.l.TableLength(), before, err)
		}
	})
	// what is longest in quarantine is used before its time
	t.Run("the table is full", func(t *testing.T) {
		i, _ := open(t, linker.DefaultQuarantine)
		if err := copies(i, 7); err != nil {
			t.Error(err)
		}
		if n := i.l.TableLength(); n > length {
			t.Errorf("table of %d entries", n)
		}
	})
	t.Run("for ever", func(t *testing.T) {
		i, stale := open(t, linker.QuarantineForever)
		var limit *linker.LimitError
		if err := copies(i, 7); !errors.As(err, &limit) || limit.Max != length {
			t.Errorf("error: %v", err)
		}
		i.wantStale("when the table is full", stale)
		lib := i.open("manyfn") // its own entries are there for it
		if got := uint32(i.call(lib, "manyfn_address", 3)); got != stale {
			t.Errorf("the entry is %d, was %d", got, stale)
		}
		if _, err := i.g.AllocateClosure(i.ctx); !errors.As(err, &limit) {
			t.Errorf("closures: %v", err)
		}
	})
}

// Equal bytes under two names are two libraries: neither gets the other's entries, nor does a file
// get those of bytes, nor do other bytes of the same name and size.
func TestQuarantineTellsLibrariesApart(t *testing.T) {
	i := newImage(t, "main-pie", "threads", nil)
	bytes := readFixture(t, "threads/libmanyfn.wasm")
	seen := map[uint32]string{}
	for _, name := range []string{"a", "b", "threads/libmanyfn.wasm"} {
		lib, err := i.g.OpenBytes(i.ctx, name, bytes)
		if err != nil {
			t.Fatal(err)
		}
		p := uint32(i.call(lib, "manyfn_address", 0))
		if seen[p] != "" {
			t.Errorf("%s has the entry %d of %s", name, p, seen[p])
		}
		seen[p] = name
		i.closeLibrary(lib)
	}
	lib := i.open("manyfn")
	if p := uint32(i.call(lib, "manyfn_address", 0)); seen[p] != "" {
		t.Errorf("the file has the entry %d of %s", p, seen[p])
	}
	other, err := i.g.OpenBytes(i.ctx, "a",
		library(t, dylink.Info{TableSize: 64}, func(b *wasm.Builder) {
			base := b.ImportGlobal("env", "__table_base", wasm.GlobalType{Type: wasm.I32})
			b.ExportFunc("base", b.Func(b.Type(nil, i32), nil, new(wasm.Code).GlobalGet(base)))
		}))
	if err != nil {
		t.Fatal(err)
	}
	for p := range seen {
		if base := uint32(i.call(other, "base")); p >= base && p < base+64 {
			t.Errorf("other bytes have the entry %d of %s", p, seen[p])
		}
	}
}

// Whatever is opened and closed, no entry becomes another function's before as many as the
// quarantine holds were given back after it.
func TestQuarantineOfImages(t *testing.T) {
	names := []string{"fnptr", "manyfn", "callback", "counter", "data", "chain_a"}
	symbols := []string{"fnptr_unreferenced", "manyfn_call", "callback_apply", "counter_next",
		"data_call", "chain_b"}
	rt, mainExe := newRuntime(t), readFixture(t, "main-exe.wasm")
	rapid.Check(t, func(t *rapid.T) {
		slots := rapid.Uint32Range(0, 100).Draw(t, "quarantine")
		config := linker.NewConfig().WithFS(fixtures()).WithSearchPath(
			"plain").WithPointerQuarantine(slots)
		ctx := context.Background()
		l, err := linker.New(ctx, rt, mainExe, config)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close(ctx)
		libs := make([]*linker.Library, len(names))
		owners, last, givenBack, returned := l.PointerOwners(), map[uint32]string{},
			map[uint32]uint64{}, uint64(0)
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			switch k := rapid.IntRange(0, len(names)-1).Draw(t, "library"); {
			case libs[k] == nil:
				libs[k], err = l.Main().Open(ctx, "lib"+names[k]+".wasm")
			case rapid.Bool().Draw(t, "resolve"):
				_, err = l.Main().Symbol(ctx, libs[k], symbols[k])
			default:
				err = l.Main().CloseLibrary(ctx, libs[k])
				libs[k] = nil
			}
			if err != nil {
				t.Fatal(err)
			}
			now := l.PointerOwners()
			for slot, o := range now {
				if was, ok := last[slot]; ok && owners[slot] == "" && was != o &&
					returned-givenBack[slot] < uint64(slots) {
					t.Fatalf("entry %d of %s is now of %s, when %d of %d were given back after it",
						slot, was, o, returned-givenBack[slot], slots)
				}
			}
			var gone []uint32
			for slot, o := range owners {
				if now[slot] == "" {
					last[slot], gone = o, append(gone, slot)
				}
			}
			// Those of one operation count as after each other: in which order it gives them back
			// is its own affair.
			returned += uint64(len(gone))
			for _, slot := range gone {
				givenBack[slot] = returned - uint64(len(gone))
			}
			owners = now
		}
	})
}

// A handle that was given up is an error wherever it is used, also when the same library, or
// another one in its place, is loaded. It gives up no other handle.
func TestStaleHandle(t *testing.T) {
	eachImage(t, func(t *testing.T, groups []*image) {
		i, last := groups[0], groups[len(groups)-1]
		stale := i.open("counter")
		i.symbol(stale, "counter_next")
		next := linker.Next(stale)
		i.closeLibrary(stale)
		if _, err := i.g.Open(i.ctx, "libcounter.wasm", linker.NoLoad); !errors.Is(err,
			linker.ErrNotLoaded) {
			t.Errorf("NoLoad: %v", err)
		}
		check := func(when string) {
			for _, g := range groups {
				for _, h := range []*linker.Library{stale, next} {
					if _, err := g.g.Symbol(g.ctx, h, "counter_next"); !errors.Is(err,
						linker.ErrLibraryClosed) {
						t.Errorf("%s: Symbol: %v", when, err)
					}
					if _, err := g.try(h, "counter_next"); !errors.Is(err,
						linker.ErrLibraryClosed) {
						t.Errorf("%s: Call: %v", when, err)
					}
				}
				if err := g.g.CloseLibrary(g.ctx, stale); !errors.Is(err, linker.ErrLibraryClosed) {
					t.Errorf("%s: CloseLibrary: %v", when, err)
				}
				slot := g.closure("")
				if err := g.g.SetClosure(g.ctx, slot, stale, "counter_next"); !errors.Is(err,
					linker.ErrLibraryClosed) {
					t.Errorf("%s: SetClosure: %v", when, err)
				}
				g.freeClosure(slot)
			}
		}
		check("closed")
		other := last.open("callback")
		check("another one loaded")
		// the name, too, is another library's
		again, err := last.g.OpenBytes(i.ctx, "libcounter.wasm", areaLibrary(t, 16, 4))
		if err != nil {
			t.Fatal(err)
		}
		check("the name is another library's")
		i.closeLibrary(again)
		again = last.open("counter")
		check("loaded again")
		i.want(101, again, "counter_next")
		i.closeLibrary(other)
	})
}
