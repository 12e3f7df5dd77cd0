package linker

import (
	"maps"
	"math"
	"slices"
)

// scope is everything that a look-up needs: the modules of the image in search order, and the function
// pointers that were made. It is immutable, so readers of the committed one take no lock.
type scope struct {
	commit   uint64
	search   []*module          // main first; the order in which modules were loaded
	global   []*module          // main first; the order in which symbols are searched
	pinned   []*module          // never unloaded
	order    []*module          // the order of instantiation: what a module needs comes before it, but for cycles
	names    map[string]*module // libraries by every name they were asked for
	files    map[string]*module // and by the file they were found in
	host     *module            // functions of the host's env module; nil when there is none
	given    *module            // what the configuration defines; nil when that is nothing
	pointers pointers
	closures map[uint32]*function // what closures hold, by entry of the function table
	// trampolines are what other closures hold: those that guests prepared.
	trampolines map[uint32]*trampoline
}

// lookup finds a symbol in the global scope: main, libraries in search order, host.
func (s *scope) lookup(name string) *export {
	if x := firstOf(s.global, name); x != nil {
		return x
	}
	return s.lookupHost(name)
}

func firstOf(modules []*module, name string) *export {
	for _, m := range modules {
		if x := m.exports[name]; x != nil {
			return x
		}
	}
	return nil
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

// lookupFrom finds a symbol in the order of module m: the global scope without the host, m's local scope, host.
func (s *scope) lookupFrom(m *module, name string) *export {
	if x := firstOf(s.global, name); x != nil {
		return x
	}
	if x := firstOf(s.localScope(m), name); x != nil {
		return x
	}
	return s.lookupHost(name)
}

// lookupNext finds the next definition of a symbol after that of module m: for a global module in the rest of the global
// scope, for another one in the rest of its local scope.
func (s *scope) lookupNext(m *module, name string) *export {
	if i := slices.Index(s.global, m); i >= 0 {
		if x := firstOf(s.global[i+1:], name); x != nil {
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
func (s *scope) has(m *module) bool { return s.names[m.name] == m }

// hides reports whether a module is not to be found any more, because its destructors run.
func (s *scope) hides(m *module) bool { return m != s.search[0] && !s.has(m) }

// lookupFor finds what module m means by a name: as lookupFrom, without what belongs to a toolchain's
// machinery.
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

// pointers maps functions to the slots that were made for them. Values are immutable; with returns a changed
// one. Additions go to a small map, which is merged into the big one as it outgrows the square root of
// its size, so adding n pointers one by one costs about n√n, and a look-up two map reads.
type pointers struct{ old, recent map[*function]uint32 }

func (p pointers) get(fn *function) (uint32, bool) {
	if slot, ok := p.recent[fn]; ok {
		return slot, true
	}
	slot, ok := p.old[fn]
	return slot, ok
}

func (p pointers) with(fn *function, slot uint32) pointers {
	recent := maps.Clone(p.recent)
	if recent == nil {
		recent = map[*function]uint32{}
	}
	recent[fn] = slot
	if n := len(recent); n > 16 && n*n > len(p.old) {
		old := make(map[*function]uint32, len(p.old)+n)
		maps.Copy(old, p.old)
		maps.Copy(old, recent)
		return pointers{old: old}
	}
	return pointers{old: p.old, recent: recent}
}

// without returns the pointers of the functions for which gone is false.
func (p pointers) without(gone func(*function) bool) pointers {
	old := make(map[*function]uint32, len(p.old)+len(p.recent))
	for fn, slot := range p.all {
		if !gone(fn) {
			old[fn] = slot
		}
	}
	return pointers{old: old}
}

// all visits every pointer, in no particular order.
func (p pointers) all(yield func(*function, uint32) bool) {
	for _, part := range []map[*function]uint32{p.old, p.recent} {
		for fn, slot := range part {
			if !yield(fn, slot) {
				return
			}
		}
	}
}

// state is what all groups have to agree on. It is guarded by the state lock, and a value: an operation that
// fails puts back the copy that it made at its beginning.
type state struct {
	scope    *scope
	slots    tableSlots
	closures closures
	links    slots // of the link table
}

func (s *state) clone() state {
	c := *s
	c.slots = s.slots.clone()
	c.links.free = s.links.free.clone()
	c.closures = s.closures.clone()
	return c
}

// slots hands out the entries of a table.
type slots struct {
	length uint32 // entries handed out or free; every group's table has at least as many
	max    uint32
	free   spans
}

// take returns the first of n entries in a row; align is a power of two.
func (s *slots) take(n, align uint32) (uint32, error) {
	if base, ok := s.free.take(n, align); ok {
		return base, nil
	}
	base := alignUp(uint64(s.length), align)
	if end := base + uint64(n); end > uint64(s.max) || end > math.MaxInt32 {
		return 0, &LimitError{Limit: "function table (entries)", Value: end, Max: uint64(s.max)}
	}
	s.free.give(span{s.length, uint32(base) - s.length})
	s.length = uint32(base) + n
	return uint32(base), nil
}

// give takes entries back.
func (s *slots) give(r span) { s.free.give(r) }
