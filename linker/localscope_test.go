package linker_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/synth"
)

// scopeLibraries are libraries for tests of load groups, each with a definition of "which" that
// tells who it is, and of a variable "mark". top needs left and right, which need base; other needs
// base, too, and offers what base lacks.
func scopeLibraries() []synth.Library {
	which := func(base int32) synth.Function {
		return synth.Function{Exports: []string{"which"}, Base: base}
	}
	asks := func(name, symbol string) synth.Function {
		return synth.Function{Exports: []string{name},
			Body: []synth.Op{{Kind: synth.Call, Symbol: symbol}}}
	}
	reads := func(name string) synth.Function {
		return synth.Function{Exports: []string{name},
			Body: []synth.Op{{Kind: synth.Load, Symbol: "mark"}}}
	}
	mark := func(v int32) []synth.Variable { return []synth.Variable{{Export: "mark", Init: v}} }
	return []synth.Library{
		{Name: "top.wasm", Needed: []string{"left.wasm", "right.wasm"}, Functions: []synth.Function{
			{Exports: []string{"callback"}, Base: 7}}},
		{Name: "left.wasm", Needed: []string{"base.wasm"}, Functions: []synth.Function{
			which(2), asks("left_which", "which"), reads("left_mark")}, Variables: mark(20)},
		{Name: "right.wasm", Needed: []string{"base.wasm"}, Functions: []synth.Function{
			which(3), asks("right_which", "which"), reads("right_mark")}, Variables: mark(30)},
		{Name: "base.wasm", Functions: []synth.Function{
			which(4), asks("base_which", "which"), reads("base_mark"),
			asks("base_calls", "callback")}, Variables: mark(40)},
		{Name: "other.wasm", Needed: []string{"base.wasm"}, Functions: []synth.Function{
			{Exports: []string{"callback"}, Base: 9}}},
	}
}

// synthesized makes the libraries a file system.
func synthesized(t testing.TB, libs []synth.Library) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{}
	for i := range libs {
		data, err := libs[i].Encode()
		if err != nil {
			t.Fatal(err)
		}
		files[libs[i].Name] = &fstest.MapFile{Data: data}
	}
	return files
}

// eachScopeImage runs a test in one group and in four.
func eachScopeImage(t *testing.T, f func(t *testing.T, groups []*image)) {
	for _, n := range []int{1, 4} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			groups := []*image{newImage(t, "main-pie", "threads",
				func(c *linker.Config) *linker.Config {
					return c.WithFS(synthesized(t, scopeLibraries())).WithSearchPath(".")
				})}
			for len(groups) < n {
				groups = append(groups, groups[0].spawn())
			}
			f(t, groups)
		})
	}
}

// openLocal opens a library as Local.
func (i *image) openLocal(name string) *linker.Library {
	i.Helper()
	lib, err := i.g.Open(i.ctx, name, linker.Local)
	if err != nil {
		i.Fatal(err)
	}
	return lib
}

// What is opened together as Local is one load group: its first definition, breadth first from its
// root, counts for all its libraries, whether they name each other or not, and for none outside.
func TestLocalGroup(t *testing.T) {
	eachScopeImage(t, func(t *testing.T, groups []*image) {
		top := groups[0].openLocal("top.wasm")
		for _, g := range groups {
			for _, name := range []string{"left_which", "right_which", "base_which"} {
				g.want(2, top, name, 1)
			}
			for _, name := range []string{"left_mark", "right_mark", "base_mark"} {
				g.want(20, top, name, 1)
			}
			g.want(7, top, "base_calls", 1) // what base needs calls back into what was opened
			if _, err := g.try(linker.Default, "which", 0); !isUndefined(err) {
				t.Errorf("which leaks: %v", err)
			}
		}
		groups[len(groups)-1].closeLibrary(top)
		if got := groups[0].l.Libraries(); len(got) != 0 {
			t.Errorf("libraries that only use each other stay: %v", got)
		}
	})
}

// A library belongs to every group that needs it: its bindings stay, and an undefined function is
// found in the group that came later, until that is gone.
func TestLocalGroupsOverlap(t *testing.T) {
	eachScopeImage(t, func(t *testing.T, groups []*image) {
		base := groups[0].openLocal("base.wasm")
		for _, g := range groups {
			g.want(4, base, "base_which", 1)
			if _, err := g.try(base, "base_calls", 1); !isUndefined(err) {
				t.Errorf("callback before anybody has it: %v", err)
			}
		}
		other := groups[len(groups)-1].openLocal("other.wasm")
		top := groups[0].openLocal("top.wasm")
		for _, g := range groups {
			g.want(4, base, "base_which", 1)
			g.want(40, base, "base_mark", 1)
			g.want(9, base, "base_calls", 1) // other came first
			// base was opened first of all, so its definition stands at the head of its own group
			// alone.
			g.want(2, top, "left_which", 1)
			g.want(2, top, "right_which", 1)
		}
		groups[0].closeLibrary(other)
		for _, g := range groups {
			g.want(7, base, "base_calls", 1)
		}
		groups[0].closeLibrary(top)
		for _, g := range groups {
			if _, err := g.try(base, "base_calls", 1); !isUndefined(err) {
				t.Errorf("callback when nobody has it any more: %v", err)
			}
		}
		groups[0].closeLibrary(base)
		if got := groups[0].l.Libraries(); len(got) != 0 {
			t.Errorf("libraries: %v", got)
		}
	})
}

// The global scope comes before every load group, and what is next to a local library is the rest
// of its group.
func TestLocalGroupOrder(t *testing.T) {
	eachScopeImage(t, func(t *testing.T, groups []*image) {
		right, err := groups[0].g.Open(groups[0].ctx, "right.wasm", linker.Global)
		if err != nil {
			t.Fatal(err)
		}
		top := groups[0].openLocal("top.wasm")
		left := groups[0].openLocal("left.wasm")
		for _, g := range groups {
			g.want(3, top, "left_which", 1)
			g.want(30, top, "left_mark", 1)
			g.want(3, linker.Next(left), "which", 0)
			g.want(4, linker.Next(right), "which", 0)
			if _, err := g.try(linker.Next(left), "callback", 0); !isUndefined(err) {
				t.Errorf("top is before left: %v", err)
			}
		}
		if got := groups[0].l.Libraries(); !slices.Equal(got,
			[]string{"right.wasm", "base.wasm", "top.wasm", "left.wasm"}) {
			t.Errorf("libraries: %v", got)
		}
	})
}
