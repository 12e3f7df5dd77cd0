package linker

import (
	"cmp"
	"slices"
)

// span is a range of addresses or of table slots.
type span struct{ base, size uint32 }

// has reports whether a unit is in the range.
func (s span) has(unit uint32) bool { return unit >= s.base && uint64(unit) < s.end() }

func (s span) end() uint64 { return uint64(s.base) + uint64(s.size) }

// without returns what is left of the range without some units.
func (s span) without(units []uint32) (rest []span) {
	units = slices.Clone(units)
	slices.Sort(units)
	for _, unit := range units {
		if s.has(unit) {
			rest = append(rest, span{s.base, unit - s.base})
			s = span{unit + 1, uint32(s.end() - uint64(unit) - 1)}
		}
	}
	return append(rest, s)
}

// spans is a set of disjoint ranges that nobody uses, sorted, neighbours joined. The zero value is
// empty. It is not safe for concurrent use.
type spans struct {
	free []span
	// shared says that a copy has the same list: it is copied before it is changed.
	shared bool
}

// has reports whether a unit is in one of the ranges.
func (s *spans) has(unit uint32) bool {
	i, found := slices.BinarySearchFunc(s.free, unit,
		func(f span, unit uint32) int { return cmp.Compare(f.base, unit) })
	return found || i > 0 && s.free[i-1].has(unit)
}

// own makes the list one that nobody else has.
func (s *spans) own() {
	if s.shared {
		s.free, s.shared = slices.Clone(s.free), false
	}
}

// give adds a range, which must not overlap any in the set.
func (s *spans) give(r span) {
	if r.size == 0 {
		return
	}
	s.own()
	i, _ := slices.BinarySearchFunc(s.free, r.base,
		func(f span, base uint32) int { return cmp.Compare(f.base, base) })
	s.free = slices.Insert(s.free, i, r)
	if i+1 < len(s.free) && s.free[i].end() == uint64(s.free[i+1].base) {
		s.free[i].size += s.free[i+1].size
		s.free = slices.Delete(s.free, i+1, i+2)
	}
	if i > 0 && s.free[i-1].end() == uint64(s.free[i].base) {
		s.free[i-1].size += s.free[i].size
		s.free = slices.Delete(s.free, i, i+1)
	}
}

// take removes size units whose base is a multiple of align, a power of two, from the first range
// that has them. It reports whether there is one.
func (s *spans) take(size, align uint32) (base uint32, ok bool) {
	for i, f := range s.free {
		start := alignUp(uint64(f.base), align)
		if start+uint64(size) > f.end() {
			continue
		}
		s.own()
		s.free = slices.Delete(s.free, i, i+1)
		s.give(span{f.base, uint32(start) - f.base})
		s.give(span{uint32(start) + size, uint32(f.end() - start - uint64(size))})
		return uint32(start), true
	}
	return 0, false
}

// takeAt removes exactly a range, and reports whether all of it was in the set.
func (s *spans) takeAt(r span) bool {
	i := slices.IndexFunc(s.free,
		func(f span) bool { return f.base <= r.base && r.end() <= f.end() })
	if i < 0 {
		return false
	}
	f := s.free[i]
	s.own()
	s.free = slices.Delete(s.free, i, i+1)
	s.give(span{f.base, r.base - f.base})
	s.give(span{uint32(r.end()), uint32(f.end() - r.end())})
	return true
}

// clone returns a copy.
func (s *spans) clone() spans {
	s.shared = true
	return *s
}

// alignUp returns the smallest multiple of align, a power of two, that is not below n.
func alignUp(n uint64, align uint32) uint64 {
	mask := uint64(align) - 1
	return (n + mask) &^ mask
}
