package graphs_test

import (
	"testing"

	"github.com/lockstep-wasm/lockstep/fuzz/graphs"
	"github.com/lockstep-wasm/lockstep/linker/synth"
)

// A library that has another one's function in its own part of the function table has made the
// pointer of that function. Others get the same one, and it is theirs still when that library is
// gone: in the groups that there are, and in one that is spawned later. Found by TestGraphs.
func TestPointerOutlivesTheLibraryThatMadeIt(t *testing.T) {
	lib := func(l synth.Library) *graphs.File {
		return &graphs.File{Path: graphs.SearchPath + "/" + l.Name, Lib: &l}
	}
	graph := &graphs.Graph{Libs: []*graphs.File{
		lib(synth.Library{Name: "definer.wasm",
			Functions: []synth.Function{{Exports: []string{"f0"}, Base: 1000}}}),
		lib(synth.Library{Name: "maker.wasm",
			Functions: []synth.Function{{Base: 2000}, {Base: 2001}}, Table: []int{0, 1},
			TableOthers: []synth.Import{{Symbol: "f0", Sig: synth.Plain}}}),
		lib(synth.Library{Name: "user.wasm", Words: []synth.Word{{Function: true, Symbol: "f0"}},
			Functions: []synth.Function{{Exports: []string{"f3"}, Base: 3000,
				Body: []synth.Op{{Kind: synth.CallWord},
					{Kind: synth.CallPointer, Symbol: "f0"}}}}}),
	}}
	w, do := script(t, graph)
	first, second := w.groups[0], w.groups[1]
	for _, f := range graph.Libs {
		do("open "+f.Name(), w.open(first, f.Name(), graphs.Opening{}))
	}
	do("close maker.wasm", w.closeHandle(second, 1))
	do("spawn", w.spawn())
	for _, p := range w.groups {
		do("call f3", w.call(p, scope{}, "f3", 2, 0))
		do("symbol f0", w.symbol(p, scope{}, "f0"))
	}
	do("open maker.wasm again", w.open(second, "maker.wasm", graphs.Opening{}))
	do("close maker.wasm again", w.closeHandle(first, 2))
	do("close user.wasm", w.closeHandle(first, 1))
	do("close definer.wasm", w.closeHandle(first, 0))
}

// A function that was undefined, and that was found when it was called, is looked for again when
// its library is gone: in every group that has called it, and in one that has not.
func TestLateFunctionIsLookedForAgain(t *testing.T) {
	graph := &graphs.Graph{Libs: []*graphs.File{
		lib(synth.Library{Name: "user.wasm",
			Functions: []synth.Function{{Exports: []string{"f3"}, Base: 1000,
				Body: []synth.Op{{Kind: synth.Call, Symbol: "f0"}}}}}),
		lib(synth.Library{Name: "one.wasm",
			Functions: []synth.Function{{Exports: []string{"f0"}, Base: 2000}}}),
		lib(synth.Library{Name: "two.wasm",
			Functions: []synth.Function{{Exports: []string{"f0"}, Base: 3000}}}),
	}}
	w, do := script(t, graph)
	first := w.groups[0]
	call := func() {
		t.Helper()
		for _, p := range w.groups {
			do("call f3", w.call(p, scope{}, "f3", 1, 0))
		}
	}
	do("open user.wasm", w.open(first, "user.wasm", graphs.Opening{}))
	call() // it is undefined
	for range 2 {
		for _, name := range []string{"one.wasm", "two.wasm"} {
			do("open "+name, w.open(first, name, graphs.Opening{}))
			call()
			do("spawn", w.spawn())
			do("close "+name, w.closeHandle(w.groups[1], 1))
			call()
		}
	}
	if n := w.counts["call: undefined symbol"]; n < 5 {
		t.Errorf("f0 was missing %d times", n)
	}
}

// lib is a library on the search path.
func lib(l synth.Library) *graphs.File {
	return &graphs.File{Path: graphs.SearchPath + "/" + l.Name, Lib: &l}
}

// script makes a world with two groups for steps that are known beforehand. do ends the test unless
// a step, and the whole image after it, is as the oracle says.
func script(t *testing.T, graph *graphs.Graph) (w *world, do func(what string, err error)) {
	t.Helper()
	w, err := newEngine(t).newWorld(graph, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.close(); err != nil {
			t.Error(err)
		}
	})
	do = func(what string, err error) {
		t.Helper()
		if err == nil {
			err = w.check()
		}
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	do("spawn", w.spawn())
	return w, do
}

// spawn makes another group in both, from the first one.
func (w *world) spawn() error {
	g, err := w.groups[0].g.Spawn(w.ctx)
	if err == nil {
		w.groups = append(w.groups, &pair{g, w.image.Spawn()})
	}
	return err
}
