package image

import (
	"hash/maphash"
	"slices"
)

// Globals are the modules of the global scope, in the order in which symbols are searched, with an
// index of their symbols. It is immutable, so that snapshots share it; With and Without return
// changed ones.
//
// The index is a few hash tables, each of a run of modules. Adding modules makes a table of them,
// and joins tables that are no larger, so that there are as many as the logarithm of the number of
// symbols, and each symbol is entered again as often. Taking modules out keeps the table, until
// half of what it holds is gone. One persistent map of all symbols was rejected: a look-up took
// three times as long, and loading a library ten times as long as entering its symbols in a table
// does.
type Globals struct {
	All  []*Module
	runs []run
	seed maphash.Seed // by which all their tables hash
}

// run is some modules in a row.
type run struct {
	modules []*Module
	// index has, for each symbol, the first of the modules that has it. A module that was taken out
	// meanwhile sends the search to the modules themselves.
	index symbolTable
	gone  map[*Module]bool // modules in the index that were taken out
}

// Lookup finds the first definition of a symbol, or nil.
func (g Globals) Lookup(name string) *Export {
	if len(g.runs) == 0 {
		return nil
	}
	hash := maphash.String(g.seed, name)
	for i := range g.runs {
		if x := g.runs[i].lookup(hash, name); x != nil {
			return x
		}
	}
	return nil
}

func (r *run) lookup(hash uint64, name string) *Export {
	e := r.index.get(hash, name)
	if e == nil {
		return nil
	}
	if len(r.gone) == 0 || !r.gone[e.m] {
		if e.export != nil {
			return e.export
		}
		if x := e.m.Exports[name]; x != nil {
			return x
		}
	}
	return First(r.modules, name)
}

// With adds modules at the end.
func (g Globals) With(more []*Module) Globals {
	if len(more) == 0 {
		return g
	}
	runs := slices.Clone(g.runs)
	modules, symbols := slices.Clone(more), symbolsOf(more)
	for len(runs) > 0 && runs[len(runs)-1].index.len() <= symbols {
		last := runs[len(runs)-1]
		modules, symbols = slices.Concat(last.modules, modules), symbols+last.index.len()
		runs = runs[:len(runs)-1]
	}
	if g.seed == (maphash.Seed{}) {
		g.seed = maphash.MakeSeed()
	}
	return Globals{slices.Concat(g.All, more), append(runs, newRun(g.seed, modules)), g.seed}
}

// Without takes modules out.
func (g Globals) Without(dead func(m *Module) bool) Globals {
	var runs []run
	for _, r := range g.runs {
		if slices.ContainsFunc(r.modules, dead) {
			r = r.without(g.seed, dead)
		}
		if len(r.modules) > 0 {
			runs = append(runs, r)
		}
	}
	return Globals{slices.DeleteFunc(slices.Clone(g.All), dead), runs, g.seed}
}

func (r run) without(seed maphash.Seed, dead func(m *Module) bool) run {
	gone := map[*Module]bool{}
	for m := range r.gone {
		gone[m] = true
	}
	var left []*Module
	for _, m := range r.modules {
		if dead(m) {
			gone[m] = true
		} else {
			left = append(left, m)
		}
	}
	if symbolsOf(left) < r.index.len()/2 {
		return newRun(seed, left)
	}
	return run{left, r.index, gone}
}

func newRun(seed maphash.Seed, modules []*Module) run {
	var index symbolTable
	index.reserve(symbolsOf(modules))
	enter := func(name string, m *Module, x *Export) {
		index.add(symbolEntry{maphash.String(seed, name), name, m, x})
	}
	for _, m := range modules {
		for name, x := range m.Exports {
			enter(name, m, x)
		}
		if m.Src == nil {
			continue
		}
		for _, e := range m.Src.Exports { // it may get what it exports again when it is bound
			if int(e.Index) < m.Src.Imported(e.Kind) {
				enter(e.Name, m, nil)
			}
		}
	}
	return run{modules: modules, index: index}
}

func symbolsOf(modules []*Module) (n int) {
	for _, m := range modules {
		n += len(m.Exports)
	}
	return n
}

// First returns the first definition of a symbol in some modules, or nil.
func First(modules []*Module, name string) *Export {
	for _, m := range modules {
		if x := m.Exports[name]; x != nil {
			return x
		}
	}
	return nil
}
