package drive

import (
	"io/fs"

	"github.com/lockstep-wasm/lockstep/model"
)

// World is something to run programs on: the modules, and what is known of them.
type World struct {
	Main     string // the file of the main module
	Files    fs.FS  // the main module and the libraries
	Path     string // the folder of Files with the libraries
	Universe model.Universe
}

// Fixtures is the world of linker/testdata, as fsys: the threaded C fixtures, with a main module
// that is a position-independent executable. Functions whose results depend on a state are in it as
// symbols only. The libraries named libscope_… define the same names with other results, or use
// them, so that each look-up and each binding shows which scope it was made in.
func Fixtures(fsys fs.FS) World {
	affine := func(name string, params int, mul, add int32) model.Function {
		return model.Function{Name: name, Params: params,
			Behaviour: model.Behaviour{Mul: mul, Add: add}}
	}
	calls := func(name, imported string) model.Function {
		return model.Function{Name: name, Params: 1,
			Behaviour: model.Behaviour{Kind: model.BehaviourCallImport, Import: imported}}
	}
	mark := []model.Data{{Name: "scope_mark", Size: 4}} // of each module that defines it
	take := func(params int, names ...string) []model.Import {
		var imports []model.Import
		for _, name := range names {
			imports = append(imports,
				model.Import{Name: name, Kind: model.KindFunction, Params: params})
		}
		return imports
	}
	return World{
		Main: "main-pie.wasm", Files: fsys, Path: "threads",
		Universe: model.Universe{
			Main: model.Library{Name: "main", Functions: []model.Function{
				affine("main_twice", 1, 2, 0), affine("main_triple", 1, 3, 0), opaque("peek32", 1),
				opaque("log_append", 1),
			}, Data: []model.Data{{Name: "main_value", Size: 4}}},
			Libraries: []model.Library{
				{Name: "libother.wasm", Functions: []model.Function{
					affine("other_add", 1, 1, 1000), affine("other_negate", 1, -1, 0),
					opaque("other_negate_address", 0),
				}, Data: []model.Data{{Name: "other_value", Size: 4},
					{Name: "other_array", Size: 16}}},
				{Name: "libdata.wasm", Needed: []string{"libother.wasm"},
					Functions: []model.Function{
						affine("data_read_value", 0, 0, 42), affine("data_read_other", 0, 0, 11),
						affine("data_read_main", 0, 0, 7),
					}, Data: []model.Data{{Name: "data_value", Size: 4}}},
				{Name: "libchain_a.wasm", Needed: []string{"libchain_b.wasm"},
					Functions: []model.Function{affine("chain_a", 1, 100, 321)},
					Imports:   take(1, "chain_b")},
				{Name: "libchain_b.wasm", Needed: []string{"libchain_c.wasm"},
					Functions: []model.Function{affine("chain_b", 1, 10, 32)},
					Imports:   take(1, "chain_c")},
				{Name: "libchain_c.wasm", Functions: []model.Function{affine("chain_c", 1, 1, 3)}},
				{Name: "libdiamond_top.wasm",
					Needed:    []string{"libdiamond_left.wasm", "libdiamond_right.wasm"},
					Functions: []model.Function{opaque("diamond_top", 0)}},
				{Name: "libdiamond_left.wasm", Needed: []string{"libdiamond_bottom.wasm"},
					Functions: []model.Function{opaque("diamond_left", 0)}},
				{Name: "libdiamond_right.wasm", Needed: []string{"libdiamond_bottom.wasm"},
					Functions: []model.Function{opaque("diamond_right", 0)}},
				{Name: "libdiamond_bottom.wasm",
					Functions: []model.Function{opaque("diamond_bottom", 0)}},
				{Name: "libscope_one.wasm",
					Functions: []model.Function{affine("scope_which", 1, 1, 100000)}, Data: mark},
				{Name: "libscope_two.wasm",
					Functions: []model.Function{affine("scope_which", 1, 1, 200000),
						affine("main_triple", 1, 3, 200000)}, Data: mark},
				{Name: "libscope_three.wasm", Needed: []string{"libscope_one.wasm"},
					Functions: []model.Function{
						affine("scope_which", 1, 1, 300000), calls("scope_three", "scope_which"),
					}, Data: mark, Imports: take(1, "scope_which")},
				{Name: "libscope_user.wasm", Functions: []model.Function{
					calls("scope_use", "scope_which"),
					{Name: "scope_has",
						Behaviour: model.Behaviour{Kind: model.BehaviourHasImport,
							Import: "scope_mark"}},
				}, Imports: append(take(1, "scope_which"),
					model.Import{Name: "scope_mark", Kind: model.KindData, Weak: true})},
				{Name: "libscope_needs.wasm", Needed: []string{"libscope_two.wasm"},
					Functions: []model.Function{calls("scope_need", "scope_which")},
					Imports:   take(1, "scope_which")},
				{Name: "libscope_top.wasm",
					Needed:    []string{"libscope_user.wasm", "libscope_one.wasm"},
					Functions: []model.Function{affine("scope_top", 1, 1, 7)}},
				{Name: "libnotable.wasm",
					Functions: []model.Function{affine("notable_add", 2, 1, 0)}},
				{Name: "libunresolved.wasm", Functions: []model.Function{
					affine("unresolved_fine", 1, 1, 1), calls("unresolved_call", "nobody_has_this"),
				}, Imports: take(1, "nobody_has_this")},
				{Name: "libunresolved_data.wasm",
					Imports: []model.Import{{Name: "nobody_has_this_data", Kind: model.KindData}}},
				{Name: "libneeds_missing.wasm", Needed: []string{"libabsent.wasm"}},
				{Name: "libmismatch.wasm", Imports: take(2, "peek32")},
				{Name: "libtrap_ctor.wasm", Bad: true},
				{Name: "libtrap_start.wasm", Bad: true},
				{Name: "libhuge.wasm", Bad: true},
			},
			Rules: model.Rules{LateBinding: true, PinProviders: true, Unnumbered: true,
				Tolerate: []model.ErrorClass{model.ClassCancelled}},
		},
	}
}

// opaqueMark is in the behaviour of functions that programs do not call, because their results
// depend on a state.
const opaqueMark = -1 << 31

func opaque(name string, params int) model.Function {
	return model.Function{Name: name, Params: params, Behaviour: model.Behaviour{Add: opaqueMark}}
}
