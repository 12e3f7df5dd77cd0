package mutant_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker/internal/mutant"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

func read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("../../testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Each change changes some module; most of those that know the format leave it a module that can be
// decoded; the input is not changed, and the same choices give the same mutant.
func TestApply(t *testing.T) {
	module, other := read(t, "threads/libcounter.wasm"), read(t, "plain/libfnptr.wasm")
	before := bytes.Clone(module)
	r := rand.New(rand.NewPCG(1, 2))
	const changes, tries = 19, 200
	decoded := 0
	for k := range changes {
		changed := 0
		for range tries {
			choices := []byte{byte(k), 0, 0, 0, 0, 0}
			for i := 1; i < len(choices); i++ {
				choices[i] = byte(r.Uint32())
			}
			mutated := mutant.Apply(module, other, choices)
			if !bytes.Equal(mutated, mutant.Apply(module, other, choices)) {
				t.Fatalf("% x gives two mutants", choices)
			}
			if !bytes.Equal(mutated, module) {
				changed++
			}
			if _, err := wasm.Decode(mutated); err == nil {
				decoded++
			}
		}
		if changed < tries/10 {
			t.Errorf("change %d changes %d of %d", k, changed, tries)
		}
	}
	if decoded < changes*tries/10 || decoded > changes*tries*9/10 {
		t.Errorf("%d of %d mutants can be decoded", decoded, changes*tries)
	}
	if !bytes.Equal(before, module) {
		t.Error("the module was changed")
	}
}

// FuzzApply: any choices give some mutant of any bytes.
func FuzzApply(f *testing.F) {
	f.Add([]byte("\x00asm\x01\x00\x00\x00"), []byte("abcdefghijkl"))
	f.Add([]byte{}, []byte{18, 1, 1, 1, 1, 1})
	f.Fuzz(func(t *testing.T, module, choices []byte) {
		if len(module) > 1<<12 || len(choices) > 16*mutant.Size {
			t.Skip("large")
		}
		mutant.Apply(module, module, choices)
	})
}
