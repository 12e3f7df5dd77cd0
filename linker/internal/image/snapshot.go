package image

import (
	"slices"

	"github.com/lockstep-wasm/lockstep/linker/internal/persist"
)

// Snapshot is everything that a look-up needs: the modules of the image in search order, and the
// function pointers that were made. It is immutable, so readers of the committed one take no lock.
type Snapshot struct {
	Commit uint64
	Search []*Module // main first; the order in which modules were loaded
	Global Globals   // main first
	Pinned []*Module // never unloaded
	// the order of instantiation: what a module needs comes before it, but for cycles
	Order []*Module
	Names Names                        // libraries by the names they were asked for
	Files LibraryFiles                 // and by the file they were found in
	Tags  persist.Map[string, *Export] // that were made because several modules import them
	// functions of the host's env module; nil when there is none
	Host *Module
	// what the configuration defines; nil when that is nothing
	Given    *Module
	Pointers Pointers
	Closures ClosureContents
	// Trampolines are what other closures hold: those that guests prepared.
	Trampolines persist.Map[uint32, *Trampoline]
}

// Lookup finds a symbol in the global scope: main, libraries in search order, host.
func (s *Snapshot) Lookup(name string) *Export {
	if x := s.Global.Lookup(name); x != nil {
		return x
	}
	return s.LookupHost(name)
}

// LookupHost finds a symbol in what the host has: its env module, then the configuration.
func (s *Snapshot) LookupHost(name string) *Export {
	if s.Host != nil {
		if x := s.Host.Exports[name]; x != nil {
			return x
		}
	}
	if s.Given != nil {
		return s.Given.Exports[name]
	}
	return nil
}

// LookupFrom finds a symbol in the order of module m.
func (s *Snapshot) LookupFrom(m *Module, name string) *Export {
	order := s.OrderOf(m)
	return order.Lookup(name)
}

// LookupFor finds what module m means by a name.
func (s *Snapshot) LookupFor(m *Module, name string) *Export {
	order := s.OrderOf(m)
	return order.LookupFor(name)
}

// LookupNext finds the next definition of a symbol after that of module m: for a global module in
// the rest of the global scope, for another one in the rest of its local scope.
func (s *Snapshot) LookupNext(m *Module, name string) *Export {
	if i := slices.Index(s.Global.All, m); i >= 0 {
		if x := First(s.Global.All[i+1:], name); x != nil {
			return x
		}
		return s.LookupHost(name)
	}
	local := s.LocalScope(m)
	x := First(local[slices.Index(local, m)+1:], name)
	if x == nil && s.Hides(m) { // it was in the global scope, perhaps
		x = s.Lookup(name)
	}
	return x
}

// LookupIn finds a symbol in a library and in what it needs, breadth first.
func (s *Snapshot) LookupIn(m *Module, name string) *Export {
	if x := m.Exports[name]; x != nil || len(m.Needed) == 0 {
		return x
	}
	return First(m.LoadGroup()[1:], name)
}

// Has reports whether a library is loaded.
func (s *Snapshot) Has(m *Module) bool { return s.Names.At(m.Name) == m }

// Hides reports whether a module is not to be found any more, because its destructors run.
func (s *Snapshot) Hides(m *Module) bool { return m != s.Search[0] && !s.Has(m) }

// Named returns a loaded module by its name, nil if there is none.
func (s *Snapshot) Named(name string) *Module {
	for _, m := range s.Search {
		if m.Name == name {
			return m
		}
	}
	return nil
}

// Promotion returns the modules that become global with others.
func (s *Snapshot) Promotion(with ...*Module) (more []*Module) {
	global := Set(s.Global.All)
	for _, m := range with {
		for _, m := range m.LoadGroup() {
			if !global[m] {
				global[m] = true
				more = append(more, m)
			}
		}
	}
	return more
}

// Unname makes a module one that no name and no file leads to.
func (s *Snapshot) Unname(m *Module) {
	for _, name := range append([]string{m.Name}, m.Aliases...) {
		if s.Names.At(name) == m {
			s.Names = s.Names.Without(name)
		}
	}
	s.Files = s.Files.without(m)
}

// Set returns modules as a set.
func Set(modules []*Module) map[*Module]bool {
	s := make(map[*Module]bool, len(modules))
	for _, m := range modules {
		s[m] = true
	}
	return s
}

// ownerOf returns the module of a function pointer, or nil.
func (s *Snapshot) ownerOf(pointer uint32) *Module {
	for _, m := range s.Search {
		if m.Table.Has(pointer) {
			return m
		}
	}
	if fn := s.FunctionAt(pointer); fn != nil {
		return fn.Mod
	}
	return nil
}
