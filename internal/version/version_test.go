package version_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/lockstep-wasm/lockstep/internal/version"
)

// The newest section of the change log is of this version, and the version is one that Go modules
// can have.
func TestChangelog(t *testing.T) {
	text, err := os.ReadFile("../../CHANGELOG.md")
	if err != nil {
		t.Fatal(err)
	}
	newest := regexp.MustCompile(`(?m)^## (\S+)`).FindSubmatch(text)
	if newest == nil || string(newest[1]) != version.Number {
		t.Errorf("CHANGELOG.md begins with %q, the version is %s", newest, version.Number)
	}
	if !regexp.MustCompile(`^\d+\.\d+\.\d+(-[a-z0-9.]+)?$`).MatchString(version.Number) {
		t.Errorf("%s is no version", version.Number)
	}
	if !strings.Contains(string(text), "\n## Stability\n") {
		t.Error("CHANGELOG.md does not say which packages are stable")
	}
}
