package linker

import (
	"math"
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

// spans is a set of disjoint ranges that nobody uses, neighbours joined. The zero value is empty.
// It is a balanced tree that shares what it has in common with its copies, so that each method
// takes time in proportion to the logarithm of how many ranges there are: guests decide that. It is
// not safe for concurrent use.
type spans struct{ root *spanNode }

// has reports whether a unit is in one of the ranges.
func (s *spans) has(unit uint32) bool {
	f, ok := s.root.floor(unit)
	return ok && f.has(unit)
}

// all visits every range, in order.
func (s *spans) all(yield func(span) bool) { s.root.all(yield) }

// give adds a range, which must not overlap any in the set.
func (s *spans) give(r span) {
	if r.size == 0 {
		return
	}
	if f, ok := s.root.floor(r.base); ok && f.end() == uint64(r.base) {
		s.root = s.root.without(f.base)
		r = span{f.base, f.size + r.size}
	}
	if end := r.end(); end <= math.MaxUint32 {
		if f, ok := s.root.floor(uint32(end)); ok && uint64(f.base) == end {
			s.root = s.root.without(f.base)
			r.size += f.size
		}
	}
	s.root = s.root.with(r)
}

// misfits is how many ranges that are large enough, but not where they are, are passed over before
// only those are looked for that are large enough wherever they are.
const misfits = 64

// take removes size units whose base is a multiple of align, a power of two, from the first range
// that has them, or from one of the first. It reports whether there is one.
func (s *spans) take(size, align uint32) (base uint32, ok bool) {
	left := misfits
	f, ok := s.root.first(uint64(size), align, &left)
	if !ok && left == 0 {
		left = misfits // of which there are none then
		f, ok = s.root.first(uint64(size)+uint64(align)-1, align, &left)
	}
	if !ok {
		return 0, false
	}
	base = uint32(alignUp(uint64(f.base), align))
	s.cut(f, span{base, size})
	return base, true
}

// takeAt removes exactly a range, and reports whether all of it was in the set.
func (s *spans) takeAt(r span) bool {
	f, ok := s.root.floor(r.base)
	if !ok || r.end() > f.end() {
		return false
	}
	s.cut(f, r)
	return true
}

// cut removes a part of one of the ranges.
func (s *spans) cut(f, part span) {
	s.root = s.root.without(f.base)
	s.give(span{f.base, part.base - f.base})
	s.give(span{uint32(part.end()), uint32(f.end() - part.end())})
}

// clone returns a copy.
func (s *spans) clone() spans { return *s }

// alignUp returns the smallest multiple of align, a power of two, that is not below n.
func alignUp(n uint64, align uint32) uint64 {
	mask := uint64(align) - 1
	return (n + mask) &^ mask
}
