package linker

import (
	"testing"

	"github.com/lockstep-wasm/lockstep/linker/internal/spans"
)

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
	s.give(spans.Span{Base: 12, Size: 8})
	if got, err := s.take(2, 4); got != 12 || err != nil {
		t.Fatalf("take(2, 4) = %d, %v", got, err)
	}
}
