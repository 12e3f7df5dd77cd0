package table

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/lockstep-wasm/lockstep/linker/internal/spans"
)

// An owner that comes back gets the entries that it had, unless another one has them. Another one
// gets them only when enough has been given back after them, or when the table is full.
func TestQuarantine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keep := rapid.SampledFrom([]uint32{0, 1, 10, 50, forever}).Draw(t, "keep")
		s := Quarantine{Slots: Slots{Length: 1,
			Max: rapid.SampledFrom([]uint32{60, 1000}).Draw(t, "max")}, Keep: keep}
		sizes, aligns := [8]uint32{1, 1, 1, 2, 5, 8, 16, 20}, [8]uint32{1, 1, 1, 1, 2, 4, 1, 8}
		// the base of each owner, 0 if it has nothing
		var has [8]uint32
		// of each entry, present or last, as it was given
		owners := map[uint32]int{}
		// once the table could not grow: what was released for that stays free
		full := false
		// entries given back, before and up to this one
		after, given := map[uint32]uint64{}, uint64(0)
		for range rapid.IntRange(1, 80).Draw(t, "steps") {
			k := rapid.IntRange(0, 7).Draw(t, "owner")
			r := spans.Span{Base: has[k], Size: sizes[k]}
			if r.Base != 0 {
				s.Retire(r, spans.Owner{What: fmt.Sprint(k)})
				given += uint64(r.Size)
				for e := r.Base; uint64(e) < r.End(); e++ {
					after[e] = given
				}
				has[k] = 0
				continue
			}
			before, had := s.Clone(), uint32(0)
			for _, r := range before.inQuarantine() {
				if r.What == fmt.Sprint(k) {
					had = r.Base
				}
			}
			align := aligns[k]
			base, err := s.Take(r.Size, align, spans.Owner{What: fmt.Sprint(k)})
			if err != nil {
				full = true
				var limit *FullError
				if !errors.As(err, &limit) || keep != forever && s.retired.Len() > 0 {
					t.Fatalf("%d entries are in quarantine: %v", s.Quarantined, err)
				}
				continue
			}
			if had != 0 && base != had {
				t.Fatalf("owner %d had %d and gets %d", k, had, base)
			}
			has[k] = base
			full = full || uint64(spans.AlignUp(uint64(before.Length), align))+
				uint64(r.Size) > uint64(before.Max)
			for e := base; e < base+r.Size; e++ {
				if last, ok := owners[e]; ok && has[last] != 0 && last != k && e >= has[last] &&
					e < has[last]+sizes[last] {
					t.Fatalf("entry %d of owner %d is given to %d", e, last, k)
				}
				if last, ok := owners[e]; ok && last != k && given-after[e] < uint64(keep) &&
					(!full || keep == forever) {
					t.Fatalf("entry %d of owner %d is given to %d when %d were given back after "+
						"it, of %d", e, last, k, given-after[e], keep)
				}
				owners[e] = k
			}
			if base%align != 0 || base+r.Size > s.Length || s.Length > s.Max {
				t.Fatalf("%d entries at %d, in a table of %d", r.Size, base, s.Length)
			}
		}
		in := uint64(0)
		for _, r := range s.inQuarantine() {
			in += uint64(r.Size)
		}
		if in != s.Quarantined {
			t.Fatalf("%d entries are in quarantine, counted are %d", in, s.Quarantined)
		}
	})
}

// An operation that is taken back leaves the quarantine as it was.
func TestQuarantineIsRestored(t *testing.T) {
	s := Quarantine{Slots: Slots{Length: 1, Max: 100}, Keep: 2}
	a, b := spans.Owner{What: "a"}, spans.Owner{What: "b"}
	for _, who := range []spans.Owner{a, b} {
		base, err := s.Take(3, 1, who)
		if err != nil {
			t.Fatal(err)
		}
		s.Retire(spans.Span{Base: base, Size: 3}, who)
	}
	saved := s.Clone()
	if base, err := s.Take(3, 1, spans.Owner{What: "c"}); base != 1 || err != nil { // what a had
		t.Fatalf("take = %d, %v", base, err)
	}
	s.Retire(spans.Span{Base: 1, Size: 3}, spans.Owner{What: "c"})
	if base, err := saved.Take(3, 1, a); base != 1 || err != nil {
		t.Errorf("a had 1 and gets %d, %v", base, err)
	}
	if base, err := saved.Take(3, 1, b); base != 4 || err != nil || saved.Quarantined != 0 {
		t.Errorf("b had 4 and gets %d, %v", base, err)
	}
}

// inQuarantine lists what was given back, the longest ago first.
func (s *Quarantine) inQuarantine() (list []Owned) {
	var numbers []uint64
	for number := range s.retired.All {
		numbers = append(numbers, number)
	}
	slices.Sort(numbers)
	for _, number := range numbers {
		list = append(list, s.retired.At(number))
	}
	return list
}

// An owner is remembered while what it gave back rests, and entries without an owner have no home.
func TestRemembers(t *testing.T) {
	a, b := spans.Owner{What: "a"}, spans.Owner{What: "b"}
	s := Quarantine{Slots: Slots{Length: 1, Max: 100}, Keep: 2}
	take := func(who spans.Owner, want uint32) {
		t.Helper()
		if base, err := s.Take(1, 1, who); base != want || err != nil {
			t.Fatalf("Take for %q: %d, %v, want %d", who.What, base, err, want)
		}
	}
	remembers := func(isA, none bool) {
		t.Helper()
		if s.Remembers(a) != isA || s.RemembersNone() != none {
			t.Fatalf("a is remembered: %v, none is: %v", s.Remembers(a), s.RemembersNone())
		}
	}
	take(spans.Owner{}, 1)
	take(a, 2)
	remembers(false, true)
	s.Retire(spans.Span{Base: 1, Size: 1}, spans.Owner{})
	remembers(false, true)
	s.Retire(spans.Span{Base: 2, Size: 1}, a)
	remembers(true, false)
	take(a, 2)
	remembers(false, true)
	take(spans.Owner{}, 3)
	s.Retire(spans.Span{Base: 2, Size: 1}, a)
	s.Retire(spans.Span{Base: 3, Size: 1}, b)
	take(b, 3)
	take(spans.Owner{}, 4) // one entry rests, and another that is a's: the quarantine keeps both
	s.Retire(spans.Span{Base: 3, Size: 1}, b)
	take(spans.Owner{}, 1) // three rest: that which has rested longest is free
	remembers(true, false)
}

// What rests is used again as soon as it may be, before the table grows. A quarantine without end
// keeps everything, and then the table is full.
func TestRestEnds(t *testing.T) {
	a, b := spans.Owner{What: "a"}, spans.Owner{What: "b"}
	for _, c := range []struct{ keep, want uint32 }{{0, 1}, {1, 2}, {forever, 0}} {
		s := Quarantine{Slots: Slots{Length: 1, Max: 3}, Keep: c.keep}
		base, err := s.Take(1, 1, a)
		if base != 1 || err != nil {
			t.Fatalf("%d, %v", base, err)
		}
		if c.keep == forever { // nothing else is left
			s.Max = 2
		}
		s.Retire(spans.Span{Base: 1, Size: 1}, a)
		var full *FullError
		if base, err = s.Take(1, 1, b); base != c.want || (err != nil) != errors.As(err, &full) ||
			(err != nil) != (c.want == 0) {
			t.Errorf("a quarantine of %d: %d, %v", c.keep, base, err)
		}
	}
}
