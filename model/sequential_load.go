package model

import "slices"

// loadOrder lists the libraries that opening root loads, in search order, leaving out those that
// are loaded already; and the classes of the faults met on the way, in no particular order: a
// linker may report any of them.
func (m *Sequential) loadOrder(s *State, root int) (fresh []int, faults []ErrorClass) {
	fresh = m.walk(root, func(lib int) (next []int) {
		if m.libs[lib].Bad {
			faults = append(faults, ClassBadModule)
			return nil // the needs of a bad file cannot be read
		}
		for _, needed := range m.libs[lib].needed {
			switch {
			case needed == unbound:
				faults = append(faults, ClassMissingNeeded)
			case !s.libs[needed].loaded:
				next = append(next, needed)
			}
		}
		return next
	})
	return fresh, faults
}

// walk lists root and all that next leads to, each once, in search order. It asks next once for
// each.
func (m *Sequential) walk(root int, next func(lib int) []int) []int {
	seen := map[int]bool{root: true}
	if m.rules.NeededFirst {
		var order []int
		var visit func(lib int)
		visit = func(lib int) {
			for _, n := range next(lib) {
				if !seen[n] {
					seen[n] = true
					visit(n)
				}
			}
			order = append(order, lib)
		}
		visit(root)
		return order
	}
	order := []int{root}
	for i := 0; i < len(order); i++ {
		for _, n := range next(order[i]) {
			if !seen[n] {
				seen[n] = true
				order = append(order, n)
			}
		}
	}
	return order
}

// promotion lists what becomes global when a library is opened as global: itself and what it needs,
// in search order, without what is global already.
func (m *Sequential) promotion(global []int, root int) []int {
	all := m.walk(root, func(lib int) []int {
		return slices.DeleteFunc(slices.Clone(m.libs[lib].needed),
			func(needed int) bool { return needed == unbound })
	})
	return slices.DeleteFunc(all, func(lib int) bool { return slices.Contains(global, lib) })
}

// bindScope lists where a library looks for what it imports: the global scope, then its local
// scope. order is what is loaded.
func (m *Sequential) bindScope(global, order []int, lib int) []int {
	return slices.Concat(global, m.localScope(order, lib))
}

// localScope lists the load groups of a library: each library that needs it, and itself, in the
// order in which they were loaded, with all that these need. So local libraries bind only those
// that were opened together with them.
func (m *Sequential) localScope(order []int, lib int) (all []int) {
	for _, root := range order {
		group := m.closure(root)
		if !slices.Contains(group, lib) {
			continue
		}
		for _, x := range group {
			if !slices.Contains(all, x) {
				all = append(all, x)
			}
		}
	}
	return all
}

// bind finds the definition of each import of a library among the libraries in order: the first
// that has one wins, even over the library's own.
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

// mistaken tells whether a library takes another one's function for one of another signature.
func (m *Sequential) mistaken(imp Import, provider int) bool {
	return imp.Kind == KindFunction &&
		m.funcs[m.libs[provider].exports[imp.Name].number].Params != imp.Params
}

// bindFaults are the classes of errors that the bindings of a library cause at load time.
func (m *Sequential) bindFaults(lib int, bindings []int32, now bool) []ErrorClass {
	var faults []ErrorClass
	for i, imp := range m.libs[lib].Imports {
		switch {
		case bindings[i] == unbound:
			// A missing function fails only when it is called, unless everything is to be bound
			// now.
			if !imp.Weak && (imp.Kind == KindData || now) {
				faults = append(faults, ClassMissingSymbol)
			}
		case m.mistaken(imp, int(bindings[i])) &&
			(now || !m.rules.LateBinding || m.rules.EarlySignatures):
			// likewise
			faults = append(faults, ClassSignature)
		}
	}
	return faults
}

// open does in t, a private copy, what opening a library does, but for the handle, and says whether
// there was anything to commit: a library is loaded, or becomes global. Or it returns the faults,
// if there are any.
func (m *Sequential) open(t *State, root int, in Input) (committed bool, faults []ErrorClass) {
	fresh := !t.libs[root].loaded
	global := t.global
	if !in.Local {
		global = slices.Concat(global, m.promotion(global, root))
	}
	if fresh {
		if faults := m.load(t, root, global, in.Now); len(faults) > 0 {
			return false, faults
		}
	}
	if in.Now && m.rules.LateBinding {
		// What was loaded before may still wait for functions.
		for _, lib := range m.closure(root) {
			faults = append(faults, m.lateFaults(t, global, lib)...)
		}
		if len(faults) > 0 {
			return false, faults
		}
	}
	committed = fresh || len(global) > len(t.global)
	t.setGlobal(global)
	return committed, nil
}

// load puts root and what it needs into t, a private copy, and returns the faults instead if there
// are any. global is the global scope with what becomes part of it.
func (m *Sequential) load(t *State, root int, global []int, now bool) []ErrorClass {
	fresh, faults := m.loadOrder(t, root)
	if len(faults) > 0 {
		return faults
	}
	bindings, order := make([][]int32, len(fresh)), slices.Concat(t.order, fresh)
	for i, lib := range fresh {
		bindings[i] = m.bind(lib, m.bindScope(global, order, lib))
		faults = append(faults, m.bindFaults(lib, bindings[i], now)...)
		for k, imp := range m.libs[lib].Imports {
			if bindings[i][k] != unbound && m.mistaken(imp, int(bindings[i][k])) {
				bindings[i][k] = unbound
			}
		}
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

// lateFaults are the classes of errors of a loaded library whose missing functions are looked for
// now.
func (m *Sequential) lateFaults(t *State, global []int, lib int) (faults []ErrorClass) {
	for i, imp := range m.libs[lib].Imports {
		if t.libs[lib].bindings[i] != unbound || imp.Kind != KindFunction {
			continue
		}
		switch provider := m.provider(imp, m.bindScope(global, t.order, lib)); {
		case provider == unbound && !imp.Weak:
			faults = append(faults, ClassMissingSymbol)
		case provider != unbound && m.mistaken(imp, provider):
			faults = append(faults, ClassSignature)
		}
	}
	return faults
}

// unload removes what nothing open needs any more from t, a private copy, and says whether there
// was anything. A cycle of libraries goes as soon as none of them is held from outside.
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
		t.setGlobal(slices.DeleteFunc(slices.Clone(t.global),
			func(lib int) bool { return !live[lib] }))
	}
	return gone
}

// forget drops the pointers and addresses of a library that is gone: others may have them now.
// Closures that hold a function of it are null.
func (m *Sequential) forget(t *State, lib int) {
	for _, sym := range m.libs[lib].exports {
		switch {
		case sym.kind == KindFunction && t.funcs[sym.number] != 0:
			t.dropSlot(t.funcs[sym.number])
		case sym.kind == KindData && t.data[sym.number] != 0:
			t.setData(sym.number, 0)
		}
	}
	for _, use := range t.slots {
		if number, ok := heldBy(use.user); ok && isClosure(use.user) && m.funcs[number].lib == lib {
			t.setClosure(use.slot, closureUser)
		}
	}
}

// find looks the name of an input up: in the global scope (handle 0), or through an open handle, or
// behind one of these.
func (m *Sequential) find(s *State, in Input) (sym symbol, found, handleOK bool) {
	lib := 0
	if in.Handle != 0 {
		var open bool
		if lib, open = s.HandleOf(in.Handle); !open {
			return symbol{}, false, false
		}
	}
	for _, lib := range m.lookScope(s, lib, in) {
		if sym, ok := m.libs[lib].exports[in.Name]; ok {
			return sym, true, true
		}
	}
	return symbol{}, false, true
}

// lookScope lists the libraries that the look-up of an input searches, of which the handle is
// lib's.
func (m *Sequential) lookScope(s *State, lib int, in Input) []int {
	if in.Next {
		// A library of the global scope is followed by the rest of that, another one by the rest of
		// its local scope.
		if i := slices.Index(s.global, lib); i >= 0 {
			return s.global[i+1:]
		}
		if m.rules.LibraryScope {
			return nil
		}
		local := m.localScope(s.order, lib)
		return local[slices.Index(local, lib)+1:]
	}
	if in.Handle == 0 {
		return s.global
	}
	return m.handleScope(lib)
}

// handleScope lists the libraries that a look-up through a handle of lib searches.
func (m *Sequential) handleScope(lib int) []int {
	if m.rules.LibraryScope {
		return []int{lib}
	}
	return m.closure(lib)
}

// closure lists a library and what it needs, breadth first.
func (m *Sequential) closure(lib int) []int {
	all := []int{lib}
	for i := 0; i < len(all); i++ {
		for _, needed := range m.libs[all[i]].needed {
			if needed != unbound && !slices.Contains(all, needed) {
				all = append(all, needed)
			}
		}
	}
	return all
}
