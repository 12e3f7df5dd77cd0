package graphs_test

import (
	"fmt"
	"testing"

	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/fuzz/graphs"
	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/synth"
)

// Each operation by itself has the value that a person computes for it, in the linker and in the
// oracle: where the two agree elsewhere, they are not wrong together.
func TestOperations(t *testing.T) {
	lib := func(l synth.Library) *graphs.File {
		return &graphs.File{Path: graphs.SearchPath + "/" + l.Name, Lib: &l}
	}
	definer := synth.Library{
		Name: "definer.wasm",
		Functions: []synth.Function{
			{Exports: []string{"f0"}, Base: 1000},
			{Exports: []string{"f1"}, Base: 2000, Sig: synth.Narrow},
			{Exports: []string{"f2"}, Base: -3000, Sig: synth.Wide},
		},
		Variables: []synth.Variable{{Export: "d0", Init: 7}},
		Threads:   []synth.Variable{{Export: "t0", Init: 11}},
		Globals:   []synth.Variable{{Export: "g0", Init: 13}},
	}
	const base = 2
	for _, c := range []struct {
		op    synth.Op
		first int32 // the operation's value when it is first called, in the first group
		other int32 // and then in another group
	}{
		{synth.Op{Kind: synth.Const, Value: 9}, 9, 9},
		{synth.Op{Kind: synth.Call, Symbol: "f0"}, 1000, 1000},
		{synth.Op{Kind: synth.Call, Symbol: "f1", Sig: synth.Narrow}, 2000 + base, 2000 + base},
		{synth.Op{Kind: synth.Call, Symbol: "f2", Sig: synth.Wide}, -3000 + base, -3000 + base},
		{synth.Op{Kind: synth.CallOwn, Index: 1}, 77, 77},
		{synth.Op{Kind: synth.CallPointer, Symbol: "f2", Sig: synth.Wide}, -3000 + base, -3000 +
			base},
		{synth.Op{Kind: synth.CallPointer, Symbol: "f8"}, synth.Null, synth.Null},
		{synth.Op{Kind: synth.CallWord, Index: 0, Sig: synth.Narrow}, 2000 + base, 2000 + base},
		{synth.Op{Kind: synth.CallTable, Index: 0}, 77, 77},
		{synth.Op{Kind: synth.CallTable, Index: 1, Sig: synth.Wide}, -3000 + base, -3000 + base},
		{synth.Op{Kind: synth.Load, Symbol: "d0"}, 7, 7},
		{synth.Op{Kind: synth.Load, Symbol: "t0"}, 11, 11},
		{synth.Op{Kind: synth.Load, Symbol: "d8"}, synth.Null, synth.Null},
		{synth.Op{Kind: synth.Add, Symbol: "d0", Value: 5}, 12, 17}, // all groups share the memory
		{synth.Op{Kind: synth.Add, Symbol: "t0", Value: 5}, 16, 16}, // thread-local data is not
		{synth.Op{Kind: synth.AddOwn, Value: 5}, 26, 31},
		{synth.Op{Kind: synth.AddThread, Value: 5}, 27, 27},
		{synth.Op{Kind: synth.AddGlobal, Value: 5}, 28, 28},
		{synth.Op{Kind: synth.AddOther, Symbol: "g0", Value: 5}, 18, 18},
		{synth.Op{Kind: synth.Note, Symbol: graphs.NoteFunction, Value: 4}, 4, 4},
	} {
		t.Run(c.op.String(), func(t *testing.T) {
			user := synth.Library{
				Name: "user.wasm", Needed: []string{"definer.wasm"}, Weak: []string{"f8", "d8"},
				Functions: []synth.Function{{Exports: []string{"user"}, Base: base,
					Body: []synth.Op{c.op}}, {Base: 77}},
				Variables: []synth.Variable{{Init: 21}}, Threads: []synth.Variable{{Init: 22}},
				Globals: []synth.Variable{{Init: 23}},
				Words:   []synth.Word{{Function: true, Symbol: "f1"}}, Table: []int{1},
				TableOthers: []synth.Import{{Symbol: "f2", Sig: synth.Wide}},
			}
			w, do := script(t, &graphs.Graph{Libs: []*graphs.File{lib(definer), lib(user)}})
			do("open", w.open(w.groups[0], "user.wasm", graphs.Opening{}))
			for i, want := range []int32{c.first, c.other} {
				p := w.groups[i]
				r, err := w.image.Find(nil, "user", false)
				if err != nil {
					t.Fatal(err)
				}
				oracle, err := w.image.Call(p.o, r, 1, 0)
				if err != nil || oracle != base*31+want {
					t.Errorf("the oracle says %d in group %d (%v), want %d", oracle, i, err,
						base*31+want)
				}
				got, err := p.g.Call(w.ctx, linker.Default, "user", 1)
				if err != nil || len(got) != 1 || api.DecodeI32(got[0]) != base*31+want {
					t.Errorf("the linker says %v in group %d (%v), want %d", got, i, err, base*31+
						want)
				}
			}
			do("the calls", nil)
		})
	}
}

// Operations that do not end well, by hand as well.
func TestFailures(t *testing.T) {
	lib := func(l synth.Library) *graphs.File {
		return &graphs.File{Path: graphs.SearchPath + "/" + l.Name, Lib: &l}
	}
	one := func(name string, needed []string, body, constructor []synth.Op) *graphs.File {
		return lib(synth.Library{Name: name, Needed: needed,
			Functions:   []synth.Function{{Exports: []string{"f0"}, Base: 1, Body: body}},
			Constructor: constructor})
	}
	note := func(v int32) synth.Op {
		return synth.Op{Kind: synth.Note, Symbol: graphs.NoteFunction, Value: v}
	}
	for name, c := range map[string]struct {
		libs  []*graphs.File
		kind  graphs.FailureKind
		trace []int32 // what constructors have noted before
	}{
		"nobody has the needed library": {
			[]*graphs.File{one("a.wasm", []string{graphs.Absent}, nil, nil)}, graphs.NotFound, nil},
		"no library": {
			[]*graphs.File{{Path: graphs.SearchPath + "/a.wasm", Text: []byte("text")}},
			graphs.Broken, nil},
		"nobody has the data": {
			[]*graphs.File{one("a.wasm", nil, []synth.Op{{Kind: synth.Load, Symbol: "d0"}}, nil)},
			graphs.Undefined, nil},
		"another signature": {
			[]*graphs.File{one("a.wasm", []string{"b.wasm"}, nil,
				[]synth.Op{{Kind: synth.Call, Symbol: "f1", Sig: synth.Wide}}),
				lib(synth.Library{Name: "b.wasm",
					Functions:   []synth.Function{{Exports: []string{"f1"}}},
					Constructor: []synth.Op{note(1)}})}, graphs.Mistaken, []int32{1}},
		"a global of a library that comes later": {
			[]*graphs.File{one("a.wasm", []string{"b.wasm"}, nil, nil),
				lib(synth.Library{Name: "b.wasm", Needed: []string{"a.wasm", "c.wasm"},
					Functions: []synth.Function{
						{Body: []synth.Op{{Kind: synth.AddOther, Symbol: "g0"}}}}}),
				lib(synth.Library{Name: "c.wasm", Needed: []string{"b.wasm"}})}, graphs.Undefined,
			nil},
		"the constructor of the second traps": {
			[]*graphs.File{one("a.wasm", []string{"b.wasm"}, nil,
				[]synth.Op{note(1), {Kind: synth.Trap}}),
				one("b.wasm", nil, nil, []synth.Op{note(2)})}, graphs.Trapped, []int32{2, 1}},
		"the constructor exits": {
			[]*graphs.File{one("a.wasm", nil, nil,
				[]synth.Op{note(1), {Kind: synth.Exit, Value: 4}, note(2)})}, graphs.Exited,
			[]int32{1}},
	} {
		t.Run(name, func(t *testing.T) {
			w, do := script(t, &graphs.Graph{Libs: c.libs})
			_, want := w.image.Open(w.groups[1].o, "a.wasm", graphs.Opening{})
			if f, ok := want.(*graphs.Failure); !ok || f.Kind != c.kind ||
				fmt.Sprint(w.image.Trace) != fmt.Sprint(c.trace) {
				t.Fatalf("the oracle says %v after %v, want %s after %v", want, w.image.Trace,
					c.kind, c.trace)
			}
			_, err := w.groups[1].g.Open(w.ctx, "a.wasm")
			do("open", judge(err, want))
		})
	}
}
