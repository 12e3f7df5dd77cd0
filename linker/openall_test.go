package linker_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/synth"
)

// Libraries that use each other's data, and name no other library, are opened as one: in no order
// could they be opened one by one.
func TestLocalGroupOfAll(t *testing.T) {
	lib := func(name, own, other string, v int32) synth.Library {
		return synth.Library{Name: name, Variables: []synth.Variable{{Export: own, Init: v}},
			Functions: []synth.Function{{Exports: []string{name + "_reads"},
				Body: []synth.Op{{Kind: synth.Load, Symbol: other}}}}}
	}
	files := synthesized(t,
		[]synth.Library{lib("a", "da", "db", 10), lib("b", "db", "dc", 20),
			lib("c", "dc", "da", 30), lib("d", "dd", "nothing", 40)})
	names := []string{"a", "b", "c"}
	for _, option := range []linker.OpenOption{linker.Local, linker.Global} {
		for _, n := range []int{1, 4} {
			t.Run(fmt.Sprint(option, n), func(t *testing.T) {
				i := newImage(t, "main-pie", "threads",
					func(c *linker.Config) *linker.Config {
						return c.WithFS(files).WithSearchPath(".")
					})
				groups := []*image{i}
				for len(groups) < n {
					groups = append(groups, i.spawn())
				}
				before := i.l.Snapshot(i.ctx)
				if _, err := i.g.Open(i.ctx, "a", option); !isUndefined(err) {
					t.Errorf("alone: %v", err)
				}
				if _, err := i.g.OpenAll(i.ctx, append(slices.Clone(names), "d"),
					option); !isUndefined(err) {
					t.Errorf("with one that lacks something: %v", err)
				}
				if _, err := i.g.OpenAll(i.ctx, names, linker.NoLoad); err == nil {
					t.Error("NoLoad of what is not loaded")
				}
				if after := i.l.Snapshot(i.ctx); !slices.Equal(before, after) {
					t.Errorf("what failed left something:\n%s", difference(before, after))
				}
				libs, err := groups[len(groups)-1].g.OpenAll(i.ctx, names, option)
				if err != nil || len(libs) != len(names) {
					t.Fatalf("%d handles, %v", len(libs), err)
				}
				for _, g := range groups {
					for k, want := range []int32{20, 30, 10} {
						g.want(want, libs[k], names[k]+"_reads", 1)
					}
				}
				if got := i.l.Libraries(); !slices.Equal(got, names) {
					t.Errorf("libraries: %v", got)
				}
				for _, lib := range libs {
					i.closeLibrary(lib)
				}
				if after := i.l.Snapshot(i.ctx); !slices.Equal(before, after) {
					t.Errorf("closing left something:\n%s", difference(before, after))
				}
			})
		}
	}
}
