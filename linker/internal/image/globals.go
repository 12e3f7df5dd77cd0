package image

import "slices"

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
}

// run is some modules in a row.
type run struct {
	modules []*Module
	// index has, for each symbol, the first of the modules that has it. A module that was taken out
	// meanwhile, or that has not got its re-exports yet, sends the search to the modules
	// themselves.
	index map[string]*Module
	gone  map[*Module]bool // modules in the index that were taken out
}

// Lookup finds the first definition of a symbol, or nil.
func (g Globals) Lookup(name string) *Export {
	for i := range g.runs {
		if x := g.runs[i].lookup(name); x != nil {
			return x
		}
	}
	return nil
}

func (r *run) lookup(name string) *Export {
	m := r.index[name]
	if m == nil {
		return nil
	}
	if !r.gone[m] {
		if x := m.Exports[name]; x != nil {
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
	for len(runs) > 0 && len(runs[len(runs)-1].index) <= symbols {
		last := runs[len(runs)-1]
		modules, symbols = slices.Concat(last.modules, modules), symbols+len(last.index)
		runs = runs[:len(runs)-1]
	}
	return Globals{slices.Concat(g.All, more), append(runs, newRun(modules))}
}

// Without takes modules out.
func (g Globals) Without(dead func(m *Module) bool) Globals {
	var runs []run
	for _, r := range g.runs {
		if slices.ContainsFunc(r.modules, dead) {
			r = r.without(dead)
		}
		if len(r.modules) > 0 {
			runs = append(runs, r)
		}
	}
	return Globals{slices.DeleteFunc(slices.Clone(g.All), dead), runs}
}

func (r run) without(dead func(m *Module) bool) run {
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
	if symbolsOf(left) < len(r.index)/2 {
		return newRun(left)
	}
	return run{left, r.index, gone}
}

func newRun(modules []*Module) run {
	index := make(map[string]*Module, symbolsOf(modules))
	enter := func(name string, m *Module) {
		if index[name] == nil {
			index[name] = m
		}
	}
	for _, m := range modules {
		for name := range m.Exports {
			enter(name, m)
		}
		if m.Src == nil {
			continue
		}
		for _, e := range m.Src.Exports { // it may get what it exports again when it is bound
			if int(e.Index) < m.Src.Imported(e.Kind) {
				enter(e.Name, m)
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
