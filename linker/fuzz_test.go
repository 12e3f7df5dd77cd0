package linker_test

import (
	"slices"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker/dylink"
)

// wasmInfo is what a library without data and table entries says about itself.
var wasmInfo = dylink.Info{}

// FuzzOpen opens any bytes: see [fuzzed.open] for what must hold.
func FuzzOpen(f *testing.F) {
	for _, name := range wasmFiles(f, "testdata/plain") {
		module := readFixture(f, "plain/"+name)
		if len(module) > 8<<10 {
			continue
		}
		f.Add(module)
		f.Add(module[:len(module)/2])
		// the section's size, somewhere, in the code or the data
		for _, at := range []int{9, len(module) / 3, len(module) - 3} {
			mutated := slices.Clone(module)
			mutated[at] ^= 0x55
			f.Add(mutated)
		}
	}
	for _, c := range brokenLibraries(f) {
		if len(c.bytes) < 8<<10 {
			f.Add(c.bytes)
		}
	}
	f.Add(section(subsection(1, 1<<32-1, 31, 1<<32-1, 31)))
	x := newFuzzed(f)
	f.Fuzz(func(t *testing.T, module []byte) { x.open(t, module) })
}
