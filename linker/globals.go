package linker

import "slices"

// globals are the modules of the global scope, in the order in which symbols are searched, with an
// index of their symbols. It is immutable, so that snapshots share it; with and without return
// changed ones.
//
// The index is a few hash tables, each of a run of modules. Adding modules makes a table of them,
// and joins tables that are no larger, so that there are as many as the logarithm of the number of
// symbols, and each symbol is entered again as often. Taking modules out keeps the table, until
// half of what it holds is gone. One persistent map of all symbols was rejected: a look-up took
// three times as long, and loading a library ten times as long as entering its symbols in a table
// does.
type globals struct {
	all  []*module
	runs []run
}

// run is some modules in a row.
type run struct {
	modules []*module
	// index has, for each symbol, the first of the modules that has it. A module that was taken out
	// meanwhile, or that has not got its re-exports yet, sends the search to the modules
	// themselves.
	index map[string]*module
	gone  map[*module]bool // modules in the index that were taken out
}

// lookup finds the first definition of a symbol, or nil.
func (g globals) lookup(name string) *export {
	for i := range g.runs {
		if x := g.runs[i].lookup(name); x != nil {
			return x
		}
	}
	return nil
}

func (r *run) lookup(name string) *export {
	m := r.index[name]
	if m == nil {
		return nil
	}
	if !r.gone[m] {
		if x := m.exports[name]; x != nil {
			return x
		}
	}
	return firstOf(r.modules, name)
}

// with adds modules at the end.
func (g globals) with(more []*module) globals {
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
	return globals{slices.Concat(g.all, more), append(runs, newRun(modules))}
}

// without takes modules out.
func (g globals) without(dead func(m *module) bool) globals {
	var runs []run
	for _, r := range g.runs {
		if slices.ContainsFunc(r.modules, dead) {
			r = r.without(dead)
		}
		if len(r.modules) > 0 {
			runs = append(runs, r)
		}
	}
	return globals{slices.DeleteFunc(slices.Clone(g.all), dead), runs}
}

func (r run) without(dead func(m *module) bool) run {
	gone := map[*module]bool{}
	for m := range r.gone {
		gone[m] = true
	}
	var left []*module
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

func newRun(modules []*module) run {
	index := make(map[string]*module, symbolsOf(modules))
	enter := func(name string, m *module) {
		if index[name] == nil {
			index[name] = m
		}
	}
	for _, m := range modules {
		for name := range m.exports {
			enter(name, m)
		}
		if m.src == nil {
			continue
		}
		for _, e := range m.src.Exports { // it may get what it exports again when it is bound
			if int(e.Index) < m.src.Imported(e.Kind) {
				enter(e.Name, m)
			}
		}
	}
	return run{modules: modules, index: index}
}

func symbolsOf(modules []*module) (n int) {
	for _, m := range modules {
		n += len(m.exports)
	}
	return n
}

func firstOf(modules []*module, name string) *export {
	for _, m := range modules {
		if x := m.exports[name]; x != nil {
			return x
		}
	}
	return nil
}
