package linker_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/internal/mutant"
)

var (
	mutants     = flag.Int("mutants", 300, "how many mutants TestOpenMutants opens")
	mutantsSeed = flag.Uint64("mutants.seed", 1, "the first seed of TestOpenMutants")
	mutantsFile = flag.String("mutants.file", "",
		"where TestOpenMutants writes a mutant that fails")
)

// mutantCorpus returns libraries to change: fixtures, and the modules from npm if they were
// fetched.
func mutantCorpus(t testing.TB) (small, large [][]byte) {
	t.Helper()
	for _, dir := range []string{"plain", "threads"} {
		for _, name := range wasmFiles(t, "testdata/"+dir) {
			if module := readFixture(t, dir+"/"+name); len(module) < 32<<10 {
				small = append(small, module)
			}
		}
	}
	paths, err := filepath.Glob("../stock/node_modules/tree-sitter-wasms/out/*.wasm")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range paths {
		module, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		if len(module) < 256<<10 {
			large = append(large, module)
		}
	}
	return small, large
}

// FuzzOpenMutant opens libraries that were changed in their structure: the first two bytes choose
// the library and another one, parts of which may come into it, the others the changes; see package
// mutant. What must hold is in [fuzzed.open].
func FuzzOpenMutant(f *testing.F) {
	small, _ := mutantCorpus(f)
	for k := range 20 {
		f.Add([]byte{byte(7 * k), byte(k), byte(k), 3, byte(k), byte(k), 1, 2})
	}
	x := newFuzzed(f)
	f.Fuzz(func(t *testing.T, choices []byte) {
		if len(choices) < 2 || len(choices) > 2+16*mutant.Size {
			t.Skip("no choice, or more than one wants to read")
		}
		module, other := small[int(choices[0])%len(small)], small[int(choices[1])%len(small)]
		x.open(t, mutant.Apply(module, other, choices[2:]))
	})
}

// TestOpenMutants opens one changed library after the other in an image of three groups and
// compares its state: see [fuzzed.open]. A failure is shrunk to the changes that it needs.
//
//	go test ./linker -run TestOpenMutants -timeout 0 -args -mutants 100000
func TestOpenMutants(t *testing.T) {
	small, large := mutantCorpus(t)
	x := newFuzzed(t)
	counts := map[string]int{}
	for i := range *mutants {
		seed := *mutantsSeed + uint64(i)
		r := rand.New(rand.NewPCG(seed, 2))
		module, other := small[r.IntN(len(small))], small[r.IntN(len(small))]
		if len(large) > 0 && r.IntN(500) == 0 { // they take long
			module = large[r.IntN(len(large))]
		}
		choices := make([]byte, mutant.Size*(1+r.IntN(3)))
		for k := range choices {
			choices[k] = byte(r.Uint32())
		}
		mutated := mutant.Apply(module, other, choices)
		if linker.Check(mutated) != nil && r.IntN(4) != 0 {
			counts["refused by Check"]++ // without an image, most of the time
			continue
		}
		fails := func(choices []byte) bool {
			mutated := mutant.Apply(module, other, choices)
			return !t.Run(fmt.Sprint(seed), func(t *testing.T) { x.openAny(t, mutated) })
		}
		if fails(choices) {
			for i := 0; i < len(choices); {
				if c := slices.Delete(slices.Clone(choices), i, i+mutant.Size); fails(c) {
					choices = c
				} else {
					i += mutant.Size
				}
			}
			if *mutantsFile != "" {
				if err := os.WriteFile(*mutantsFile, mutant.Apply(module, other, choices),
					0o644); err != nil {
					t.Error(err)
				}
			}
			t.Fatalf("seed %d, changes % x", seed, choices)
		}
		switch {
		case x.reached[linker.Points.Constructed]:
			counts["opened"]++
		case x.reached[linker.Points.Instantiate]:
			counts["failed when it ran"]++
		default:
			counts["refused by Open"]++
		}
	}
	t.Logf("of %d mutants: %v", *mutants, counts)
	if counts["opened"] < *mutants/50 || counts["refused by Open"] < *mutants/50 {
		t.Errorf("the mutants are too much alike: %v", counts)
	}
}
