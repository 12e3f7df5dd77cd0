package image

import (
	"fmt"
	"testing"
)

// A table has the first of each symbol, whatever the hashes are, and nothing else.
func TestSymbolTable(t *testing.T) {
	for what, hash := range map[string]func(i int) uint64{
		"all the same": func(int) uint64 { return 7 },
		"in a row":     func(i int) uint64 { return uint64(i) },
		"far apart":    func(i int) uint64 { return uint64(i) * 0x9e3779b97f4a7c15 },
	} {
		t.Run(what, func(t *testing.T) {
			const n = 300
			var table symbolTable
			if table.get(hash(1), "s1") != nil {
				t.Error("an empty table has a symbol")
			}
			first, second := &Module{}, &Module{}
			for _, m := range []*Module{first, second} {
				for i := range n {
					table.add(symbolEntry{hash(i), fmt.Sprint("s", i), m, nil})
				}
			}
			if table.len() != n {
				t.Errorf("%d symbols of %d", table.len(), n)
			}
			for i := range n {
				name := fmt.Sprint("s", i)
				if e := table.get(hash(i), name); e == nil || e.m != first || e.name != name {
					t.Errorf("%s: %+v", name, e)
				}
				if e := table.get(hash(i), "other"+name); e != nil {
					t.Errorf("%+v is found by another name", e)
				}
			}
		})
	}
}

// A pointer that a look-up has found is found again without the map, by look-ups of the same commit
// and later ones, and not by those of an earlier one.
func TestCommittedPointer(t *testing.T) {
	fn := &Function{Name: "f"}
	before := &Snapshot{Commit: 4}
	after := &Snapshot{Commit: 5, Pointers: Pointers{}.With(fn, 9)}
	later := &Snapshot{Commit: 6} // without the pointer, to see that it is kept
	if p, ok := before.CommittedPointer(fn); ok {
		t.Errorf("a pointer %d before it is made", p)
	}
	for _, s := range []*Snapshot{after, after, later} {
		if p, ok := s.CommittedPointer(fn); !ok || p != 9 {
			t.Errorf("commit %d: %d, %v", s.Commit, p, ok)
		}
	}
	if p, ok := before.CommittedPointer(fn); ok {
		t.Errorf("pointer %d in a commit that did not have it", p)
	}
}
