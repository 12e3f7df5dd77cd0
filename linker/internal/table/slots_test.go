package table

import (
	"math"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker/internal/spans"
)

// Table entries that were given back are handed out first, and the maximum holds.
func TestSlots(t *testing.T) {
	s := Slots{Length: 3, Max: 20}
	for _, c := range []struct {
		n, align, want uint32
		fails          bool
	}{
		{4, 8, 8, false}, {1, 1, 3, false}, {4, 4, 4, false}, {9, 1, 0, true}, {8, 1, 12, false},
		{1, 1, 0, true},
	} {
		got, err := s.Take(c.n, c.align)
		if (err != nil) != c.fails || got != c.want {
			t.Fatalf("take(%d, %d) = %d, %v", c.n, c.align, got, err)
		}
	}
	s.Give(spans.Span{Base: 12, Size: 8})
	if got, err := s.Take(2, 4); got != 12 || err != nil {
		t.Fatalf("take(2, 4) = %d, %v", got, err)
	}
	end := Slots{Length: math.MaxInt32 - 1, Max: math.MaxUint32}
	if got, err := end.Take(1, 1); got != math.MaxInt32-1 || err != nil {
		t.Errorf("the last entry: %d, %v", got, err)
	}
	if got, err := end.Take(1, 1); err == nil {
		t.Errorf("one more: %d", got)
	}
}
