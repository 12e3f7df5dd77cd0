package treesitter

import (
	"testing"

	"github.com/lockstep-wasm/lockstep/internal/builds"
)

// The glue is what its source was compiled to.
func TestGlueIsWhatWasBuilt(t *testing.T) {
	sums := builds.Sums(t, "glue/SHA256SUMS")
	builds.CheckUnchanged(t, sums, func(name string) string { return "glue/" + name })
	builds.CheckComplete(t, sums, []string{"build.sh", "cxx.c",
		"glue.wasm", "walk.c"})
}
