package linker

import (
	"slices"

	"github.com/lockstep-wasm/lockstep/linker/internal/dtor"
	"github.com/lockstep-wasm/lockstep/linker/internal/persist"
	"github.com/lockstep-wasm/lockstep/linker/internal/table"
)

// scope is everything that a look-up needs: the modules of the image in search order, and the
// function pointers that were made. It is immutable, so readers of the committed one take no lock.
type scope struct {
	commit uint64
	search []*module // main first; the order in which modules were loaded
	global globals   // main first
	pinned []*module // never unloaded
	// the order of instantiation: what a module needs comes before it, but for cycles
	order []*module
	names names                        // libraries by the names they were asked for
	files libraryFiles                 // and by the file they were found in
	tags  persist.Map[string, *export] // that were made because several modules import them
	// functions of the host's env module; nil when there is none
	host *module
	// what the configuration defines; nil when that is nothing
	given    *module
	pointers pointers
	closures closureContents
	// trampolines are what other closures hold: those that guests prepared.
	trampolines persist.Map[uint32, *trampoline]
}

// lookup finds a symbol in the global scope: main, libraries in search order, host.
func (s *scope) lookup(name string) *export {
	if x := s.global.lookup(name); x != nil {
		return x
	}
	return s.lookupHost(name)
}

func (s *scope) lookupHost(name string) *export {
	if s.host != nil {
		if x := s.host.exports[name]; x != nil {
			return x
		}
	}
	if s.given != nil {
		return s.given.exports[name]
	}
	return nil
}

// lookupFrom finds a symbol in the order of module m: the global scope without the host, m's local
// scope, host.
func (s *scope) lookupFrom(m *module, name string) *export {
	if x := s.global.lookup(name); x != nil {
		return x
	}
	if x := firstOf(s.localScope(m), name); x != nil {
		return x
	}
	return s.lookupHost(name)
}

// lookupNext finds the next definition of a symbol after that of module m: for a global module in
// the rest of the global scope, for another one in the rest of its local scope.
func (s *scope) lookupNext(m *module, name string) *export {
	if i := slices.Index(s.global.all, m); i >= 0 {
		if x := firstOf(s.global.all[i+1:], name); x != nil {
			return x
		}
		return s.lookupHost(name)
	}
	local := s.localScope(m)
	x := firstOf(local[slices.Index(local, m)+1:], name)
	if x == nil && s.hides(m) { // it was in the global scope, perhaps
		x = s.lookup(name)
	}
	return x
}

// has reports whether a library is loaded.
func (s *scope) has(m *module) bool { return s.names.At(m.name) == m }

// hides reports whether a module is not to be found any more, because its destructors run.
func (s *scope) hides(m *module) bool { return m != s.search[0] && !s.has(m) }

// lookupFor finds what module m means by a name: as lookupFrom, without what belongs to a
// toolchain's machinery.
func (s *scope) lookupFor(m *module, name string) *export {
	if special(name) {
		return nil
	}
	return s.lookupFrom(m, name)
}

// lookupIn finds a symbol in a library and in what it needs, breadth first.
func (s *scope) lookupIn(m *module, name string) *export {
	if x := m.exports[name]; x != nil || len(m.needed) == 0 {
		return x
	}
	return firstOf(m.closure()[1:], name)
}

// pointer returns the function pointer of a function that has one.
func (s *scope) pointer(fn *function) (uint32, bool) {
	if fn.slot != 0 {
		return fn.slot, true
	}
	return s.pointers.get(fn)
}

// pointers maps functions to the slots that were made for them, and back. Values are immutable;
// with and without return changed ones.
type pointers struct {
	slots     persist.Map[*function, uint32]
	functions persist.Map[uint32, *function]
}

func (p pointers) get(fn *function) (uint32, bool) { return p.slots.Get(fn) }

// at returns the function that a slot was made for, or nil.
func (p pointers) at(slot uint32) *function { return p.functions.At(slot) }

func (p pointers) with(fn *function, slot uint32) pointers {
	return pointers{p.slots.With(fn, slot), p.functions.With(slot, fn)}
}

func (p pointers) without(fn *function) pointers {
	if slot, ok := p.slots.Get(fn); ok {
		return pointers{p.slots.Without(fn), p.functions.Without(slot)}
	}
	return p
}

// all visits every pointer, in no particular order.
func (p pointers) all(yield func(*function, uint32) bool) { p.slots.All(yield) }

// state is what all groups have to agree on. It is guarded by the state lock, and a value: an
// operation that fails puts back the copy that it made at its beginning.
type state struct {
	scope    *scope
	slots    table.Quarantine
	closures table.Closures
	links    table.Slots // of the link table
	// prepared are the trampolines that groups have, or may have, instances of.
	prepared persist.Map[trampolineKey, bool]
}

func (s *state) clone() state {
	c := *s
	c.slots = s.slots.Clone()
	c.links.Free = s.links.Free.Clone()
	c.closures = s.closures.Clone()
	return c
}

func set(modules []*module) map[*module]bool {
	s := make(map[*module]bool, len(modules))
	for _, m := range modules {
		s[m] = true
	}
	return s
}

// unname makes a module one that no name and no file leads to.
func (s *scope) unname(m *module) {
	for _, name := range append([]string{m.name}, m.aliases...) {
		if s.names.At(name) == m {
			s.names = s.names.Without(name)
		}
	}
	s.files = s.files.without(m)
}

// exitOwner returns the module that a handler belongs to: whose handle it names or, since a library
// without data has none, whose function it is. A handler without an owner is the main module's.
func (s *scope) exitOwner(main *module, h dtor.Handler, dso uint32) *module {
	for _, m := range s.search {
		if m.src != nil && !m.fixed && m.memory.Size > 0 && m.memory.Base == dso {
			return m
		}
	}
	if m := s.ownerOf(h.Pointer); m != nil {
		return m
	}
	return main
}

// functionAt returns the function for which a table entry was made, or nil.
func (s *scope) functionAt(pointer uint32) *function {
	if fn := s.pointers.at(pointer); fn != nil {
		return fn
	}
	return s.closures.at(pointer)
}

// ownerOf returns the module of a function pointer, or nil.
func (s *scope) ownerOf(pointer uint32) *module {
	for _, m := range s.search {
		if m.table.Has(pointer) {
			return m
		}
	}
	if fn := s.functionAt(pointer); fn != nil {
		return fn.mod
	}
	return nil
}
