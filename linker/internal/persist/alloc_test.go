package persist_test

import (
	"testing"

	"github.com/lockstep-wasm/lockstep/linker/internal/persist"
)

// Looking something up takes no memory: it is part of every call by name.
func TestLookupTakesNoMemory(t *testing.T) {
	type thing struct{ name string }
	key := &thing{"x"}
	names := persist.Map[string, *thing]{}.With("a library", key)
	things := persist.Map[*thing, uint32]{}.With(key, 1)
	numbers := persist.Map[uint32, *thing]{}.With(1, key)
	name := key.name + "a library"[0:]
	for what, f := range map[string]func(){
		"by name":   func() { names.At(name) },
		"by thing":  func() { things.At(key) },
		"by number": func() { numbers.At(1) },
	} {
		if n := testing.AllocsPerRun(100, f); n > 0 {
			t.Errorf("%s: %.0f allocations", what, n)
		}
	}
}
