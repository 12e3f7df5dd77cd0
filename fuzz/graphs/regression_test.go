package graphs_test

import (
	"testing"

	"github.com/lockstep-wasm/lockstep/fuzz/graphs"
	"github.com/lockstep-wasm/lockstep/linker/synth"
)

// A library that has somebody else's function in its own part of the function table has made the pointer of that function.
// Others get the same one, and it is theirs still when that library is gone: in the groups that there are, and in one that is
// spawned later. Found by TestGraphs.
func TestPointerOutlivesTheLibraryThatMadeIt(t *testing.T) {
	lib := func(l synth.Library) *graphs.File {
		return &graphs.File{Path: graphs.SearchPath + "/" + l.Name, Lib: &l}
	}
	graph := &graphs.Graph{Libs: []*graphs.File{
		lib(synth.Library{Name: "definer.wasm", Functions: []synth.Function{{Exports: []string{"f0"}, Base: 1000}}}),
		lib(synth.Library{Name: "maker.wasm", Functions: []synth.Function{{Base: 2000}, {Base: 2001}}, Table: []int{0, 1},
			TableOthers: []synth.Import{{Symbol: "f0", Sig: synth.Plain}}}),
		lib(synth.Library{Name: "user.wasm", Words: []synth.Word{{Function: true, Symbol: "f0"}},
			Functions: []synth.Function{{Exports: []string{"f3"}, Base: 3000, Body: []synth.Op{{Kind: synth.CallWord}, {Kind: synth.CallPointer, Symbol: "f0"}}}}}),
	}}
	w, err := newEngine(t).newWorld(graph, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := w.close(); err != nil {
			t.Error(err)
		}
	}()
	do := func(what string, err error) {
		t.Helper()
		if err == nil {
			err = w.check()
		}
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	spawn := func() {
		t.Helper()
		g, err := w.groups[0].g.Spawn(w.ctx)
		do("spawn", err)
		w.groups = append(w.groups, &pair{g, w.image.Spawn()})
	}
	spawn()
	first, second := w.groups[0], w.groups[1]
	for _, f := range graph.Libs {
		do("open "+f.Name(), w.open(first, f.Name(), graphs.Opening{}))
	}
	do("close maker.wasm", w.closeHandle(second, 1))
	spawn()
	for _, p := range w.groups {
		do("call f3", w.call(p, scope{}, "f3", 2, 0))
		do("symbol f0", w.symbol(p, scope{}, "f0"))
	}
	do("open maker.wasm again", w.open(second, "maker.wasm", graphs.Opening{}))
	do("close maker.wasm again", w.closeHandle(first, 2))
	do("close user.wasm", w.closeHandle(first, 1))
	do("close definer.wasm", w.closeHandle(first, 0))
}
