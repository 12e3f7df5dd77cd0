package spans

import (
	"math"
	"slices"
)

// Span is a range of addresses or of table slots.
type Span struct{ Base, Size uint32 }

// Has reports whether a unit is in the range.
func (s Span) Has(unit uint32) bool { return unit >= s.Base && uint64(unit) < s.End() }

func (s Span) End() uint64 { return uint64(s.Base) + uint64(s.Size) }

// Without returns the parts of the range that remain without some units, in order.
func (s Span) Without(units []uint32) (rest []Span) {
	units = slices.Clone(units)
	slices.Sort(units)
	for _, unit := range units {
		if s.Has(unit) {
			rest = append(rest, Span{s.Base, unit - s.Base})
			s = Span{unit + 1, uint32(s.End() - uint64(unit) - 1)}
		}
	}
	return append(rest, s)
}

// Set is a set of disjoint free ranges, neighbours joined. The zero value is empty. It is a
// balanced tree that shares what it has in common with its copies, so that each method takes time
// in proportion to the logarithm of how many ranges there are: guests decide that. It is not safe
// for concurrent use.
type Set struct{ root *node }

// Has reports whether a unit is in one of the ranges.
func (s *Set) Has(unit uint32) bool {
	f, ok := s.root.floor(unit)
	return ok && f.Has(unit)
}

// All visits every range, in order.
func (s *Set) All(yield func(Span) bool) { s.root.all(yield) }

// Give adds a range, which must not overlap any in the set.
func (s *Set) Give(r Span) {
	if r.Size == 0 {
		return
	}
	if f, ok := s.root.floor(r.Base); ok && f.End() == uint64(r.Base) {
		s.root = s.root.without(f.Base)
		r = Span{f.Base, f.Size + r.Size}
	}
	if end := r.End(); end <= math.MaxUint32 {
		if f, ok := s.root.floor(uint32(end)); ok && uint64(f.Base) == end {
			s.root = s.root.without(f.Base)
			r.Size += f.Size
		}
	}
	s.root = s.root.with(r)
}

// misfits is how many ranges that are large enough, but not where they are, are passed over before
// only those are looked for that are large enough wherever they are.
const misfits = 64

// Take removes size units whose base is a multiple of align, a power of two, from the first range
// that has them, or from one of the first. It reports whether there is one.
func (s *Set) Take(size, align uint32) (base uint32, ok bool) {
	left := misfits
	f, ok := s.root.first(uint64(size), align, &left)
	if !ok && left == 0 {
		left = misfits // of which there are none then
		f, ok = s.root.first(uint64(size)+uint64(align)-1, 1, &left)
	}
	if !ok {
		return 0, false
	}
	base = uint32(AlignUp(uint64(f.Base), align))
	s.cut(f, Span{base, size})
	return base, true
}

// TakeAt removes exactly a range, and reports whether all of it was in the set.
func (s *Set) TakeAt(r Span) bool {
	f, ok := s.root.floor(r.Base)
	if !ok || r.End() > f.End() {
		return false
	}
	s.cut(f, r)
	return true
}

// cut removes a part of one of the ranges.
func (s *Set) cut(f, part Span) {
	s.root = s.root.without(f.Base)
	s.Give(Span{f.Base, part.Base - f.Base})
	s.Give(Span{uint32(part.End()), uint32(f.End() - part.End())})
}

// Clone returns a copy.
func (s *Set) Clone() Set { return *s }

// AlignUp returns the smallest multiple of align, a power of two, that is not below n.
func AlignUp(n uint64, align uint32) uint64 {
	mask := uint64(align) - 1
	return (n + mask) &^ mask
}
