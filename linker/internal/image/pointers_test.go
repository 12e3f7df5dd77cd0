package image

import "testing"

// pointers is a map whose earlier versions stay as they were.
func TestPointersArePersistent(t *testing.T) {
	var versions []Pointers
	var p Pointers
	var functions []*Function
	for slot := range uint32(500) {
		fn := &Function{Name: "f"}
		functions = append(functions, fn)
		p = p.With(fn, slot)
		versions = append(versions, p)
	}
	for n, v := range versions {
		for slot, fn := range functions {
			got, ok := v.Get(fn)
			if ok != (slot <= n) || ok && got != uint32(slot) || (v.At(uint32(slot)) == fn) != ok {
				t.Fatalf("version %d has %d, %v for %d", n, got, ok, slot)
			}
		}
	}
	count := 0
	for fn, slot := range p.Without(functions[7]).All {
		if functions[slot] != fn || slot == 7 {
			t.Fatalf("%d is another function's", slot)
		}
		count++
	}
	if count != 499 {
		t.Fatalf("%d pointers are left of 500", count)
	}
}
