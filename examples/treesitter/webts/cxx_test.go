package webts

import (
	"testing"

	"github.com/lockstep-wasm/lockstep/internal/builds"
)

// The library for grammars in C++ is what its source was compiled to.
func TestCxxIsWhatWasBuilt(t *testing.T) {
	sums := builds.Sums(t, "cxx/SHA256SUMS")
	builds.CheckUnchanged(t, sums, func(name string) string { return "cxx/" + name })
	builds.CheckComplete(t, sums, []string{"build.sh", "cxx.c", "cxx.wasm"})
}
