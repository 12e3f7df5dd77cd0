package programs_test

import (
	"io/fs"
	"testing"

	"github.com/lockstep-wasm/lockstep/libraries"
	"github.com/lockstep-wasm/lockstep/linker"
)

// Two C++ libraries that are loaded together, as one group or into the global scope, have one
// description of each type and one copy of each inline variable: dynamic_cast finds in one what the
// other has made, also from one base to another one, in every group. Libraries that are loaded
// apart, as Local, have their own.
func TestDynamicCast(t *testing.T) {
	main, err := fs.ReadFile(libraries.FS(), libraries.MainLibcxx)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		load  []string
		as    linker.OpenOption
		apart bool
	}{
		{"one that needs both", []string{"libcastboth.so"}, linker.Local, false},
		{"a global one that needs both", []string{"libcastboth.so"}, linker.Global, false},
		{"both global", []string{"libcastmake.so", "libcastask.so"}, linker.Global, false},
		{"apart", []string{"libcastmake.so", "libcastask.so"}, linker.Local, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx := t.Context()
			p := link(t, main, "threads")
			early, err := p.g.Spawn(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range c.load {
				if _, err := p.g.Open(ctx, name, c.as); err != nil {
					t.Fatal(err)
				}
			}
			handle := map[string]*linker.Library{}
			for _, name := range []string{"libcastmake.so", "libcastask.so"} {
				if handle[name], err = p.g.Open(ctx, name, linker.NoLoad); err != nil {
					t.Fatal(err)
				}
			}
			late, err := p.g.Spawn(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for i, g := range []*linker.Group{p.g, early, late} {
				casts(t, g, i, c.apart, handle["libcastmake.so"], handle["libcastask.so"])
			}
		})
	}
}

// casts asks one library what the other has made, in the i-th group that does.
func casts(t *testing.T, g *linker.Group, i int, apart bool, makes, asks *linker.Library) {
	t.Helper()
	call := func(lib *linker.Library, name string, args ...uint64) int32 {
		t.Helper()
		r, err := g.Call(t.Context(), lib, name, args...)
		if err != nil {
			t.Fatal(err)
		}
		return int32(uint32(r[0]))
	}
	same := call(makes, "make_type") == call(asks, "ask_type")
	if same == apart {
		t.Errorf("group %d: one description of the type: %v", g.ID(), same)
	}
	square, circle := call(makes, "make", 1), call(makes, "make", 0)
	if made := call(asks, "made"); made != int32(2*i+2) && !apart || made != 0 && apart {
		t.Errorf("group %d: %d were made", g.ID(), made)
	}
	if apart {
		return
	}
	for _, x := range []struct {
		what string
		got  int32
		want int32
	}{{"a square", call(asks, "ask", uint64(uint32(square))), 41},
		{"a circle", call(asks, "ask", uint64(uint32(circle))), 1},
		{"across a square", call(asks, "across", uint64(uint32(square))), 's'},
		{"across a circle", call(asks, "across", uint64(uint32(circle))), -1}} {
		if x.got != x.want {
			t.Errorf("group %d: %s is %d, want %d", g.ID(), x.what, x.got, x.want)
		}
	}
}
