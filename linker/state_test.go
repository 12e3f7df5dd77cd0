package linker

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// spans agrees with a map of single units: nothing is given out twice, nothing is lost, neighbours
// are joined.
func TestSpans(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const size = 256
		var s spans
		free := [size]bool{}
		var taken []span
		s.give(span{0, size})
		for i := range free {
			free[i] = true
		}
		for range rapid.IntRange(1, 60).Draw(t, "operations") {
			if len(taken) > 0 && rapid.Bool().Draw(t, "give") {
				k := rapid.IntRange(0, len(taken)-1).Draw(t, "which")
				for i := taken[k].base; uint64(i) < taken[k].end(); i++ {
					free[i] = true
				}
				s.give(taken[k])
				taken = slices.Delete(taken, k, k+1)
			} else if rapid.IntRange(0, 3).Draw(t, "at") == 0 {
				r := span{rapid.Uint32Range(0, size-1).Draw(t, "base"), 0}
				r.size = rapid.Uint32Range(1, size-r.base).Draw(t, "size")
				ok := s.takeAt(r)
				if ok == slices.Contains(free[r.base:r.end()], false) {
					t.Fatalf("takeAt(%v) = %v of %v", r, ok, slices.Collect(s.all))
				}
				for i := r.base; ok && uint64(i) < r.end(); i++ {
					free[i] = false
				}
				if ok {
					taken = append(taken, r)
				}
			} else {
				n := rapid.Uint32Range(1, 40).Draw(t, "size")
				align := uint32(1) << rapid.IntRange(0, 5).Draw(t, "align")
				base, ok := s.take(n, align)
				if ok != possible(free[:], n, align) {
					t.Fatalf("take(%d, %d) = %v of %v", n, align, ok, slices.Collect(s.all))
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
				taken = append(taken, span{base, n})
			}
			ranges := slices.Collect(s.all)
			s.root.check(t)
			for k, f := range ranges {
				if f.size == 0 || k > 0 && ranges[k-1].end() >= uint64(f.base) {
					t.Fatalf("not sorted and joined: %v", slices.Collect(s.all))
				}
				for i := f.base; uint64(i) < f.end(); i++ {
					if !free[i] {
						t.Fatalf("%d is not free: %v", i, slices.Collect(s.all))
					}
				}
			}
		}
	})
}

// check fails if a tree is not what it says.
func (n *spanNode) check(t *rapid.T) {
	if n == nil {
		return
	}
	n.left.check(t)
	n.right.check(t)
	count, most := 1, n.size
	for _, child := range []*spanNode{n.left, n.right} {
		if child != nil {
			count, most = count+child.count, max(most, child.most)
		}
	}
	l, r := n.left.weight(), n.right.weight()
	if n.count != count || n.most != most || l > spanDelta*r || r > spanDelta*l {
		t.Fatalf("a node of %d ranges of %d at most has %d of %d; weights %d and %d", n.count,
			n.most, count, most, l, r)
	}
}

// Ranges that are large enough but lie badly are not passed over for ever, and copies stay what
// they were.
func TestSpansPassOverSome(t *testing.T) {
	var s spans
	const n = 1000
	for i := range uint32(n) {
		s.give(span{i*8 + 1, 4})
	}
	before := s.clone()
	s.give(span{n * 8, 7})
	if base, ok := s.take(4, 4); !ok || base != n*8 {
		t.Errorf("take(4, 4) = %d, %v", base, ok)
	}
	if base, ok := before.take(4, 4); ok {
		t.Errorf("take(4, 4) = %d of a copy that has none", base)
	}
	if base, ok := before.take(4, 1); !ok || base != 1 {
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

// pointers is a map whose earlier versions stay as they were.
func TestPointersArePersistent(t *testing.T) {
	var versions []pointers
	var p pointers
	var functions []*function
	for slot := range uint32(500) {
		fn := &function{name: "f"}
		functions = append(functions, fn)
		p = p.with(fn, slot)
		versions = append(versions, p)
	}
	for n, v := range versions {
		for slot, fn := range functions {
			got, ok := v.get(fn)
			if ok != (slot <= n) || ok && got != uint32(slot) || (v.at(uint32(slot)) == fn) != ok {
				t.Fatalf("version %d has %d, %v for %d", n, got, ok, slot)
			}
		}
	}
	count := 0
	for fn, slot := range p.without(functions[7]).all {
		if functions[slot] != fn || slot == 7 {
			t.Fatalf("%d is another function's", slot)
		}
		count++
	}
	if count != 499 {
		t.Fatalf("%d pointers are left of 500", count)
	}
}

// Table entries that were given back are handed out first, and the maximum holds.
func TestSlots(t *testing.T) {
	s := slots{length: 3, max: 20}
	for _, c := range []struct {
		n, align, want uint32
		fails          bool
	}{
		{4, 8, 8, false}, {1, 1, 3, false}, {4, 4, 4, false}, {9, 1, 0, true}, {8, 1, 12, false},
		{1, 1, 0, true},
	} {
		got, err := s.take(c.n, c.align)
		if (err != nil) != c.fails || got != c.want {
			t.Fatalf("take(%d, %d) = %d, %v", c.n, c.align, got, err)
		}
	}
	s.give(span{12, 8})
	if got, err := s.take(2, 4); got != 12 || err != nil {
		t.Fatalf("take(2, 4) = %d, %v", got, err)
	}
}
