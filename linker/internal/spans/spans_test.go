package spans

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// spans agrees with a map of single units: nothing is given out twice, nothing is lost, neighbours
// are joined.
func TestSet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const size = 256
		var s Set
		free := [size]bool{}
		var taken []Span
		s.Give(Span{0, size})
		for i := range free {
			free[i] = true
		}
		for range rapid.IntRange(1, 60).Draw(t, "operations") {
			if len(taken) > 0 && rapid.Bool().Draw(t, "give") {
				k := rapid.IntRange(0, len(taken)-1).Draw(t, "which")
				for i := taken[k].Base; uint64(i) < taken[k].End(); i++ {
					free[i] = true
				}
				s.Give(taken[k])
				taken = slices.Delete(taken, k, k+1)
			} else if rapid.IntRange(0, 3).Draw(t, "at") == 0 {
				r := Span{rapid.Uint32Range(0, size-1).Draw(t, "base"), 0}
				r.Size = rapid.Uint32Range(1, size-r.Base).Draw(t, "size")
				ok := s.TakeAt(r)
				if ok == slices.Contains(free[r.Base:r.End()], false) {
					t.Fatalf("takeAt(%v) = %v of %v", r, ok, slices.Collect(s.All))
				}
				for i := r.Base; ok && uint64(i) < r.End(); i++ {
					free[i] = false
				}
				if ok {
					taken = append(taken, r)
				}
			} else {
				n := rapid.Uint32Range(1, 40).Draw(t, "size")
				align := uint32(1) << rapid.IntRange(0, 5).Draw(t, "align")
				base, ok := s.Take(n, align)
				if ok != possible(free[:], n, align) {
					t.Fatalf("take(%d, %d) = %v of %v", n, align, ok, slices.Collect(s.All))
				}
				if !ok {
					continue
				}
				for i := base; i < base+n; i++ {
					if !free[i] || base%align != 0 {
						t.Fatalf("take(%d, %d) = %d, which is taken", n, align, base)
					}
					free[i] = false
				}
				taken = append(taken, Span{base, n})
			}
			ranges := slices.Collect(s.All)
			s.root.check(t)
			for k, f := range ranges {
				if f.Size == 0 || k > 0 && ranges[k-1].End() >= uint64(f.Base) {
					t.Fatalf("not sorted and joined: %v", slices.Collect(s.All))
				}
				for i := f.Base; uint64(i) < f.End(); i++ {
					if !free[i] {
						t.Fatalf("%d is not free: %v", i, slices.Collect(s.All))
					}
				}
			}
		}
	})
}

// check fails if a tree is not what it says.
func (n *node) check(t *rapid.T) {
	if n == nil {
		return
	}
	n.left.check(t)
	n.right.check(t)
	count, most := 1, n.Size
	for _, child := range []*node{n.left, n.right} {
		if child != nil {
			count, most = count+child.count, max(most, child.most)
		}
	}
	l, r := n.left.weight(), n.right.weight()
	if n.count != count || n.most != most || l > delta*r || r > delta*l {
		t.Fatalf("a node of %d ranges of %d at most has %d of %d; weights %d and %d", n.count,
			n.most, count, most, l, r)
	}
}

// Ranges that are large enough but lie badly are not passed over for ever, and copies stay what
// they were.
func TestSetPassesOverSome(t *testing.T) {
	var s Set
	const n = 1000
	for i := range uint32(n) {
		s.Give(Span{i*8 + 1, 4})
	}
	before := s.Clone()
	s.Give(Span{n * 8, 7})
	if base, ok := s.Take(4, 4); !ok || base != n*8 {
		t.Errorf("take(4, 4) = %d, %v", base, ok)
	}
	if base, ok := before.Take(4, 4); ok {
		t.Errorf("take(4, 4) = %d of a copy that has none", base)
	}
	if base, ok := before.Take(4, 1); !ok || base != 1 {
		t.Errorf("take(4, 1) = %d, %v", base, ok)
	}
}

// possible reports whether n free units in a row begin at a multiple of align.
func possible(free []bool, n, align uint32) bool {
	for base := uint32(0); base+n <= uint32(len(free)); base += align {
		if !slices.Contains(free[base:base+n], false) {
			return true
		}
	}
	return false
}

// A range has its first unit and not the one after its last; what is left of it without some units
// are the ranges between them.
func TestSpan(t *testing.T) {
	s := Span{10, 4}
	for unit, want := range map[uint32]bool{9: false, 10: true, 13: true, 14: false} {
		if s.Has(unit) != want {
			t.Errorf("%v has %d: %v", s, unit, !want)
		}
	}
	got := s.Without([]uint32{12, 40, 10, 3})
	if want := []Span{{10, 0}, {11, 1}, {13, 1}}; !slices.Equal(got, want) {
		t.Errorf("without some units: %v, want %v", got, want)
	}
	var set Set
	set.Give(s)
	if set.Has(9) || !set.Has(10) || set.Has(14) {
		t.Error("the set has other units than its only range")
	}
	set.Give(Span{20, 1})
	for range set.All { // which may be left
		break
	}
}

// Ranges that touch the end of all numbers are joined, and the first number is no neighbour of the
// last one.
func TestSetAtTheEnd(t *testing.T) {
	var s Set
	s.Give(Span{0, 1})
	s.Give(Span{math.MaxUint32, 1})
	s.Give(Span{math.MaxUint32 - 1, 1})
	want := []Span{{0, 1}, {math.MaxUint32 - 1, 2}}
	if got := slices.Collect(s.All); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// Where many ranges are large enough and lie wrong, one is taken that is large enough wherever it
// lies, however little larger.
func TestTakeAmongMisfits(t *testing.T) {
	for _, c := range []struct {
		size uint32 // of the range that is large enough
		ok   bool
	}{{10, false}, {11, true}, {12, true}} {
		var s Set
		for i := range uint32(2 * misfits) {
			s.Give(Span{i*16 + 1, 8})
		}
		s.Give(Span{1<<16 + 1, c.size})
		base, ok := s.Take(8, 4)
		if ok != c.ok || ok && base != 1<<16+4 {
			t.Errorf("among misfits and a range of %d: %d, %v", c.size, base, ok)
		}
	}
}
