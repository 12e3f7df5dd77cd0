package linker_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// The last handle of a library unloads it, with what only it needed; its memory and table entries
// are used again.
func TestUnload(t *testing.T) {
	eachThreaded(t, func(t *testing.T, i *image) {
		other := i.spawn()
		keep := i.open("fnptr")
		i.symbol(keep, "fnptr_unreferenced")
		before := i.l.Snapshot(i.ctx)
		for range 3 {
			a := i.open("chain_a")
			again := other.open("chain_a")
			pointer := i.symbol(a, "chain_c")
			i.want(721, a, "chain_a", 4)
			if err := i.g.CloseLibrary(i.ctx, a); err != nil {
				t.Fatal(err)
			}
			other.want(721, again, "chain_a", 4) // there is another handle
			if err := i.g.CloseLibrary(i.ctx, a); !errors.Is(err, linker.ErrLibraryClosed) {
				t.Errorf("closing a handle twice: %v", err)
			}
			if _, err := i.try(a, "chain_a", 4); !errors.Is(err, linker.ErrLibraryClosed) {
				t.Errorf("using a closed handle: %v", err)
			}
			if err := i.g.CloseLibrary(i.ctx, again); err != nil {
				t.Fatal(err)
			}
			if after := i.l.Snapshot(i.ctx); !slices.Equal(before, after) {
				t.Errorf("unloading left something:\n%s", difference(before, after))
			}
			for _, g := range []*image{i, other} {
				var pe *linker.PointerError
				if _, err := g.g.CallPointer(g.ctx, pointer, nil, nil); !errors.As(err, &pe) {
					t.Errorf("a pointer into an unloaded library: %v", err)
				}
				if _, err := g.g.Symbol(g.ctx, linker.Default, "chain_c"); !errors.As(err,
					new(*linker.UndefinedSymbolError)) {
					t.Errorf("a symbol of an unloaded library: %v", err)
				}
			}
		}
		i.want(6, linker.Default, "fnptr_unreferenced", 3)
	})
}

// Memory that was another library's is zero where a library has no data.
func TestUnloadedMemoryIsDirty(t *testing.T) {
	eachMain(t, func(t *testing.T, i *image) {
		var first uint32
		for range 3 {
			lib := i.open("bss")
			i.want(0, lib, "bss_sum", 0, 25000)
			i.want(91, lib, "bss_initialised", 0)
			for k := range int32(100) {
				i.call(lib, "bss_write", k*250, 7)
			}
			if err := i.g.CloseLibrary(i.ctx, lib); err != nil {
				t.Fatal(err)
			}
			if pages := i.l.Memory().Size(); first == 0 {
				first = pages
			} else if pages != first {
				t.Errorf("the memory has grown from %d to %d bytes", first, pages)
			}
		}
	})
}

// A library that another one is bound to stays loaded; a function that was bound when it was called
// does not keep its library, and is looked for again.
func TestUnloadBound(t *testing.T) {
	eachMain(t, func(t *testing.T, i *image) {
		other, data := i.open("other"), i.open("data")
		if err := i.g.CloseLibrary(i.ctx, other); err != nil {
			t.Fatal(err)
		}
		i.want(1003, data, "data_call", 2, 3)
		if err := i.g.CloseLibrary(i.ctx, data); err != nil {
			t.Fatal(err)
		}
		if got := i.l.Libraries(); len(got) != 0 {
			t.Errorf("libraries: %v", got)
		}

		even := i.open("even")
		odd := i.open("odd")
		i.want(1, even, "even", 8)
		if err := i.g.CloseLibrary(i.ctx, odd); err != nil {
			t.Fatal(err)
		}
		if _, err := i.try(even, "even", 8); !errors.As(err, new(*linker.UndefinedSymbolError)) {
			t.Errorf("a function of an unloaded library: %v", err)
		}
		i.open("odd")
		i.want(1, even, "even", 8)
	})
}

// Nor is a library unloaded that another one is bound to without needing it by name.
func TestUnloadBoundByChance(t *testing.T) {
	i := newImage(t, "main-pie", "threads", nil)
	counter := i.open("counter")
	bound, err := i.g.OpenBytes(i.ctx, "bound", library(t, dylink.Info{}, func(b *wasm.Builder) {
		next := b.ImportFunc("env", "counter_next", b.Type(nil, i32))
		b.ExportFunc("bound_next", b.Func(b.Type(nil, i32), nil, new(wasm.Code).Call(next)))
	}))
	if err != nil {
		t.Fatal(err)
	}
	if err := i.g.CloseLibrary(i.ctx, counter); err != nil {
		t.Fatal(err)
	}
	i.want(101, bound, "bound_next")
	if err := i.g.CloseLibrary(i.ctx, bound); err != nil {
		t.Fatal(err)
	}
	if got := i.l.Libraries(); len(got) != 0 {
		t.Errorf("libraries: %v", got)
	}
}

// Handles that are none are refused.
func TestForeignHandles(t *testing.T) {
	i, j := newImage(t, "main-pie", "threads", nil), newImage(t, "main-pie", "threads", nil)
	lib := i.open("counter")
	if _, err := j.try(lib, "counter_next"); !errors.Is(err, linker.ErrForeignLibrary) {
		t.Errorf("Call: %v", err)
	}
	if _, err := j.g.Symbol(j.ctx, lib, "counter_next"); !errors.Is(err, linker.ErrForeignLibrary) {
		t.Errorf("Symbol: %v", err)
	}
	for what, c := range map[string]struct {
		lib  *linker.Library
		want error
	}{
		"foreign": {lib, linker.ErrForeignLibrary}, "nil": {nil, linker.ErrNoLibrary},
		"zero":          {&linker.Library{}, linker.ErrNoLibrary},
		"Default":       {linker.Default, linker.ErrPseudoHandle},
		"Next(foreign)": {linker.Next(lib), linker.ErrPseudoHandle},
		"Next(nil)":     {linker.Next(nil), linker.ErrPseudoHandle},
	} {
		if err := j.g.CloseLibrary(j.ctx, c.lib); !errors.Is(err, c.want) {
			t.Errorf("CloseLibrary(%s): %v", what, err)
		}
	}
}
