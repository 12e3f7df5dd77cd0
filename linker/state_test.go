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
					t.Fatalf("takeAt(%v) = %v of %v", r, ok, s.free)
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
					t.Fatalf("take(%d, %d) = %v of %v", n, align, ok, s.free)
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
			for k, f := range s.free {
				if f.size == 0 || k > 0 && s.free[k-1].end() >= uint64(f.base) {
					t.Fatalf("not sorted and joined: %v", s.free)
				}
				for i := f.base; uint64(i) < f.end(); i++ {
					if !free[i] {
						t.Fatalf("%d is not free: %v", i, s.free)
					}
				}
			}
		}
	})
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
