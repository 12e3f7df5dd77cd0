package linker_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
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

// What is opened at once is one load group for as long as any of it is loaded. It is opened by one
// operation, closed one by one, and shows nothing but what was named.
func TestOpenAllIsOneOperation(t *testing.T) {
	var all []synth.Library
	names := []string{"a", "b", "c"}
	for _, name := range names {
		all = append(all, synth.Library{Name: name, Functions: []synth.Function{
			{Exports: []string{name + "_f"}, Sig: synth.Narrow}}})
	}
	i := newImage(t, "main-pie", "threads", func(c *linker.Config) *linker.Config {
		return c.WithFS(synthesized(t, all)).WithSearchPath(".")
	})
	before := i.l.Snapshot(i.ctx)
	var r linker.Receipt
	libs, err := i.g.OpenAll(linker.WithReceipt(i.ctx, &r), names, linker.Local)
	if err != nil {
		t.Fatal(err)
	}
	if got := i.l.Commits(); r.Commit != got {
		t.Errorf("it committed number %d, and the newest is %d", r.Commit, got)
	}
	child := i.spawn()
	finds := func(lib *linker.Library, name string) bool {
		_, err := child.g.Symbol(i.ctx, linker.Next(lib), name+"_f")
		return err == nil
	}
	if !finds(libs[0], "b") || !finds(libs[0], "c") || finds(libs[1], "a") {
		t.Error("the order of the load is not a, b, c")
	}
	i.closeLibrary(libs[0])
	if got := i.l.Libraries(); !slices.Equal(got, names[1:]) {
		t.Errorf("without a, the libraries are %v", got)
	}
	if n := len(i.l.Modules()); n != 3 {
		t.Errorf("%d modules", n)
	}
	if !finds(libs[1], "c") {
		t.Error("without a, b does not find what c defines")
	}
	i.closeLibrary(libs[1])
	i.closeLibrary(libs[2])
	if err := child.g.Close(i.ctx); err != nil {
		t.Fatal(err)
	}
	if after := i.l.Snapshot(i.ctx); !slices.Equal(before, after) {
		t.Errorf("closing left something:\n%s", difference(before, after))
	}
	// What was loaded before is not loaded again, and nothing is committed for it.
	one, err := i.g.Open(i.ctx, "b")
	if err != nil {
		t.Fatal(err)
	}
	commits := i.l.Commits()
	if libs, err = i.g.OpenAll(i.ctx, []string{"b", "b"}, linker.NoLoad); err != nil ||
		len(libs) != 2 || i.l.Commits() != commits {
		t.Errorf("NoLoad: %v, %v, number %d after %d", libs, err, i.l.Commits(), commits)
	}
	for _, lib := range append(libs, one) {
		i.closeLibrary(lib)
	}
	if after := i.l.Snapshot(i.ctx); !slices.Equal(before, after) {
		t.Errorf("closing left something:\n%s", difference(before, after))
	}
}

// A call that ends early leaves nothing, whichever point it ends at, and names what was asked for.
func TestOpenAllFails(t *testing.T) {
	i := newImage(t, "main-pie", "threads", nil)
	ctx, cancel := context.WithCancel(i.ctx)
	cancel()
	names := []string{"libcounter.wasm", "libdata.wasm"}
	libs, err := i.g.OpenAll(ctx, names)
	var failed *linker.LoadError
	if !errors.As(err, &failed) || !errors.Is(err, context.Canceled) || libs != nil ||
		strings.Contains(err.Error(), "lockstep:") {
		t.Errorf("cancelled: %v, %v", libs, err)
	}
	_, err = i.g.OpenAll(i.ctx, append(names, "libnobody.wasm"))
	var missing *linker.NotFoundError
	if !errors.As(err, &missing) || strings.Contains(err.Error(), "lockstep:") {
		t.Errorf("one is missing: %v", err)
	}
	_, err = i.g.OpenAll(i.ctx, names, linker.NoLoad)
	if !errors.Is(err, linker.ErrNotLoaded) || !errors.As(err, &failed) ||
		failed.Module != names[0] {
		t.Errorf("NoLoad of what is not loaded: %v", err)
	}
	if got := i.l.Libraries(); len(got) != 0 {
		t.Errorf("libraries: %v", got)
	}
}
