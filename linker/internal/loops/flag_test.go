package loops

import (
	"testing"

	"pgregory.net/rapid"
)

type global struct{ value uint64 }

func (g *global) Set(value uint64) { g.value = value }

// The budget is zero as long as there is a reason that lasts, from a request on until the flag is
// lowered, and full otherwise; whatever comes before the global is there counts, too.
func TestFlag(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var f Flag
		g := global{value: 7}
		reasons, up, open := 0, false, false
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			switch rapid.IntRange(0, 4).Draw(t, "what") {
			case 0:
				f.Raise()
				up = open || up
			case 1:
				f.Hold()
				reasons++
				up = open || up
			case 2:
				f.Release() // perhaps before its hold has come
				reasons--
			case 3:
				f.Lower()
				up = reasons > 0
			case 4:
				if !open {
					f.Open(&g)
					open, up = true, reasons > 0
				}
			}
			want := uint64(Rounds)
			switch {
			case !open:
				want = 7
			case up:
				want = 0
			}
			if g.value != want {
				t.Fatalf("the budget is %d, want %d; %d reasons", g.value, want, reasons)
			}
		}
	})
}

// A hold that comes before the global is seen by the global, and not one that was taken back.
func TestHoldBeforeOpen(t *testing.T) {
	for holds, want := range []uint64{Rounds, 0, 0} {
		var f Flag
		g := global{value: 7}
		for range holds {
			f.Hold()
		}
		f.Hold()
		f.Release()
		f.Open(&g)
		if g.value != want {
			t.Errorf("after %d holds the budget is %d, want %d", holds, g.value, want)
		}
	}
}
