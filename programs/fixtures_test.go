package programs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lockstep-wasm/lockstep/internal/builds"
)

// Neither a source nor a module was changed without running build.sh, and no file is missing from
// the sums.
func TestFixturesAreWhatWasBuilt(t *testing.T) {
	sums := builds.Sums(t, "testdata/SHA256SUMS")
	builds.CheckUnchanged(t, sums,
		func(name string) string { return filepath.Join("testdata", filepath.FromSlash(name)) })
	var names []string
	err := fs.WalkDir(os.DirFS("testdata"), ".", func(name string, d fs.DirEntry, err error) error {
		built := strings.HasSuffix(name, ".wasm") || strings.HasSuffix(name, ".so")
		if err == nil && !d.IsDir() && (built || strings.HasPrefix(name, "src/")) {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	builds.CheckComplete(t, sums, names)
}
