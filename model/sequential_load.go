package model

import "slices"

// loadOrder lists the libraries that opening root loads, in search order, leaving out those that are loaded
// already; and the classes of the faults met on the way, in no particular order: a linker may report any of them.
func (m *Sequential) loadOrder(s *State, root int) (fresh []int, faults []ErrorClass) {
	seen := map[int]bool{root: true}
	enter := func(lib int) []int {
		if m.libs[lib].Bad {
			faults = append(faults, ClassBadModule)
			return nil // nobody can read what a bad file needs
		}
		var next []int
		for _, needed := range m.libs[lib].needed {
			switch {
			case needed == unbound:
				faults = append(faults, ClassMissingNeeded)
			case !s.libs[needed].loaded && !seen[needed]:
				seen[needed] = true
				next = append(next, needed)
			}
		}
		return next
	}
	if m.rules.NeededFirst {
		var walk func(lib int)
		walk = func(lib int) {
			for _, needed := range m.libs[lib].needed {
				if needed != unbound && !seen[needed] && !s.libs[needed].loaded && !m.libs[lib].Bad {
					seen[needed] = true
					walk(needed)
				}
			}
			enter(lib)
			fresh = append(fresh, lib)
		}
		walk(root)
		return fresh, faults
	}
	fresh = []int{root}
	for i := 0; i < len(fresh); i++ {
		fresh = append(fresh, enter(fresh[i])...)
	}
	return fresh, faults
}

// bind finds the definition of each import of a library among the libraries in order: the first that has one wins,
// even over the library's own.
func (m *Sequential) bind(lib int, order []int) []int32 {
	imports := m.libs[lib].Imports
	if len(imports) == 0 {
		return nil
	}
	bindings := make([]int32, len(imports))
	for i, imp := range imports {
		bindings[i] = int32(m.provider(imp, order))
	}
	return bindings
}

func (m *Sequential) provider(imp Import, order []int) int {
	for _, lib := range order {
		if sym, ok := m.libs[lib].exports[imp.Name]; ok && sym.kind == imp.Kind {
			return lib
		}
	}
	return unbound
}

// bindFaults are the classes of errors that the bindings of a library cause at load time.
func (m *Sequential) bindFaults(lib int, bindings []int32, now bool) []ErrorClass {
	var faults []ErrorClass
	for i, imp := range m.libs[lib].Imports {
		switch {
		case bindings[i] == unbound:
			// A missing function fails only when it is called, unless everything is to be bound now.
			if !imp.Weak && (imp.Kind == KindData || now) {
				faults = append(faults, ClassMissingSymbol)
			}
		case imp.Kind == KindFunction:
			f := m.funcs[m.libs[bindings[i]].exports[imp.Name].number]
			if f.Params != imp.Params {
				faults = append(faults, ClassSignature)
			}
		}
	}
	return faults
}

// load puts root and what it needs into t, a private copy, and returns the faults instead if there are any.
func (m *Sequential) load(t *State, root int, now bool) []ErrorClass {
	fresh, faults := m.loadOrder(t, root)
	if len(faults) > 0 {
		return faults
	}
	order := append(slices.Clone(t.order), fresh...)
	bindings := make([][]int32, len(fresh))
	for i, lib := range fresh {
		bindings[i] = m.bind(lib, order)
		faults = append(faults, m.bindFaults(lib, bindings[i], now)...)
	}
	if len(faults) > 0 {
		return faults
	}
	for i, lib := range fresh {
		t.setLib(lib, libState{loaded: true, bindings: bindings[i]})
	}
	t.setOrder(order)
	return nil
}

// unload removes what nothing open needs any more from t, a private copy, and says whether there was anything. A cycle of
// libraries goes as soon as none of them is held from outside.
func (m *Sequential) unload(t *State) bool {
	live := make([]bool, len(m.libs))
	var reach func(lib int)
	reach = func(lib int) {
		if live[lib] || !t.libs[lib].loaded {
			return
		}
		live[lib] = true
		for _, needed := range m.libs[lib].needed {
			if needed != unbound {
				reach(needed)
			}
		}
		if m.rules.PinProviders {
			for _, provider := range t.libs[lib].bindings {
				if provider != unbound {
					reach(int(provider))
				}
			}
		}
	}
	reach(0)
	for _, lib := range t.order {
		if t.libs[lib].opens > 0 {
			reach(lib)
		}
	}
	var kept []int
	for _, lib := range t.order {
		if live[lib] {
			kept = append(kept, lib)
			continue
		}
		t.setLib(lib, libState{})
		m.forget(t, lib)
	}
	gone := len(kept) < len(t.order)
	if gone {
		t.setOrder(kept)
	}
	return gone
}

// forget drops the pointers and addresses of a library that is gone: others may have them now.
func (m *Sequential) forget(t *State, lib int) {
	for _, sym := range m.libs[lib].exports {
		switch {
		case sym.kind == KindFunction && t.funcs[sym.number] != 0:
			t.dropSlot(t.funcs[sym.number])
		case sym.kind == KindData && t.data[sym.number] != 0:
			t.setData(sym.number, 0)
		}
	}
}

// find looks a name up: in every loaded library in search order (handle 0), or through an open handle.
func (m *Sequential) find(s *State, h Handle, name string) (sym symbol, found, handleOK bool) {
	scope := s.order
	if h != 0 {
		lib, open := s.HandleOf(h)
		if !open {
			return symbol{}, false, false
		}
		scope = m.handleScope(s, lib)
	}
	for _, lib := range scope {
		if sym, ok := m.libs[lib].exports[name]; ok {
			return sym, true, true
		}
	}
	return symbol{}, false, true
}

// handleScope lists the libraries that a look-up through a handle of lib searches.
func (m *Sequential) handleScope(s *State, lib int) []int {
	scope := []int{lib}
	if m.rules.LibraryScope {
		return scope
	}
	for i := 0; i < len(scope); i++ {
		for _, needed := range m.libs[scope[i]].needed {
			if needed != unbound && !slices.Contains(scope, needed) {
				scope = append(scope, needed)
			}
		}
	}
	return scope
}
