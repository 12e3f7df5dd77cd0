package table

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/lockstep-wasm/lockstep/linker/internal/spans"
)

// An entry is never handed out twice, what is freed comes back in the order in which it was freed,
// and not before as many were freed after it as the quarantine keeps. A copy that is put back has
// everything as it was, but for what a failed operation had taken, which comes last.
func TestClosures(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keep := rapid.SampledFrom([]uint32{0, 1, 5, forever}).Draw(t, "keep")
		c := Closures{Keep: keep}
		next := uint32(1)
		var live, freed []uint32 // freed: what the coordinator counts, the oldest first
		took := func(slot uint32) {
			if slices.Contains(live, slot) {
				t.Fatalf("%d is handed out twice", slot)
			}
			live = append(live, slot)
		}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			switch rapid.IntRange(0, 5).Draw(t, "what") {
			case 0:
				c.Add(spans.Span{Base: next, Size: 3})
				next += 3
			case 1:
				if slot := c.TakeFree(); slot != 0 {
					took(slot)
				}
			case 2:
				if slot := c.TakeSpare(); slot != 0 {
					took(slot)
				}
			case 3:
				c.Adopt(next)
				took(next)
				next++
			case 4:
				if len(live) == 0 {
					continue
				}
				i := rapid.IntRange(0, len(live)-1).Draw(t, "which")
				slot := live[i]
				live = slices.Delete(live, i, i+1)
				own := c.Own.At(slot)
				if counted := c.Give(slot); counted == own {
					t.Fatalf("%d is counted: %v", slot, counted)
				}
				if own {
					continue
				}
				freed = append(freed, slot)
				released := c.Release()
				if released != (uint64(len(freed)) > uint64(keep)) {
					t.Fatalf("%d of %d are let out: %v", len(freed), keep, released)
				}
				if released {
					if last := c.Free[len(c.Free)-1]; last != freed[0] {
						t.Fatalf("%d is let out before %d", last, freed[0])
					}
					freed = freed[1:]
				}
			case 5:
				failed := c.Clone()
				slot := failed.TakeFree()
				if slot == 0 {
					slot = failed.TakeSpare()
				}
				before := slices.Clone(c.spare)
				c.RetireAgain([]uint32{slot})
				if i := slices.Index(before, slot); i >= 0 && c.spare[len(c.spare)-1] != slot {
					t.Fatalf("%d of %v is not the last of %v", slot, before, c.spare)
				}
			}
			if !slices.Equal(c.Quarantined, freed) {
				t.Fatalf("in quarantine are %v, want %v", c.Quarantined, freed)
			}
			if c.Live.Len() != len(live) {
				t.Fatalf("%d entries are live, want %d", c.Live.Len(), len(live))
			}
			all := slices.Concat(live, c.Free, c.Quarantined, c.spare)
			slices.Sort(all)
			if len(slices.Compact(all)) != int(next)-1 {
				t.Fatalf("of %d entries there are %v", next-1, all)
			}
		}
		if keep == forever && c.TakeEarly() != 0 {
			t.Fatal("an entry leaves a quarantine without end")
		}
	})
}

// When the table cannot grow, entries leave the quarantine early, those of constructors first, and
// none leaves one without end.
func TestTakeEarly(t *testing.T) {
	given := func(keep uint32) *Closures {
		c := &Closures{Keep: keep}
		c.Add(spans.Span{Base: 1, Size: 1})
		if slot := c.TakeFree(); slot != 1 {
			t.Fatalf("TakeFree: %d", slot)
		}
		c.Adopt(3)
		if c.Give(3) || !c.Give(1) {
			t.Fatal("the entry of a constructor is counted, or the other one is not")
		}
		return c
	}
	c := given(2)
	if slot := c.TakeSpare(); slot != 0 {
		t.Errorf("%d leaves a quarantine that keeps two", slot)
	}
	for _, want := range []uint32{3, 1, 0} {
		if slot := c.TakeEarly(); slot != want {
			t.Errorf("TakeEarly: %d, want %d", slot, want)
		}
	}
	if slot := given(forever).TakeEarly(); slot != 0 {
		t.Errorf("%d leaves a quarantine without end", slot)
	}
}

// What a failed operation had taken goes behind all that was given back, and nothing else does.
func TestRetireAgain(t *testing.T) {
	c := Closures{Quarantined: []uint32{1, 2, 3}, spare: []uint32{4, 5}}
	c.RetireAgain([]uint32{1, 9, 4})
	if !slices.Equal(c.Quarantined, []uint32{2, 3, 1}) || !slices.Equal(c.spare, []uint32{5, 4}) {
		t.Errorf("in quarantine are %v, spare are %v", c.Quarantined, c.spare)
	}
}
