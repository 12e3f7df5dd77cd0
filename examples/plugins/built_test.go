package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Neither a source nor a plugin was changed without running build.sh, and none is missing from the
// sums.
func TestPluginsAreWhatWasBuilt(t *testing.T) {
	text, err := os.ReadFile("testdata/SHA256SUMS")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		sum, name, _ := strings.Cut(lines.Text(), "  ")
		content, err := os.ReadFile(filepath.FromSlash(name))
		if got := fmt.Sprintf("%x", sha256.Sum256(content)); err != nil || got != sum {
			t.Errorf("%s was changed since build.sh ran: %s, %v", name, got, err)
		}
		known[name] = true
	}
	for _, pattern := range []string{"src/*", "testdata/*.wasm"} {
		names, err := filepath.Glob(pattern)
		if err != nil || len(names) < 5 {
			t.Errorf("%s: %q, %v", pattern, names, err)
		}
		for _, name := range names {
			if !known[filepath.ToSlash(name)] {
				t.Errorf("%s is not in SHA256SUMS: run build.sh", name)
			}
		}
	}
}

// Where the compiler is that the libraries were built with, build.sh gives the same plugins.
func TestPluginsRebuild(t *testing.T) {
	recorded, err := os.ReadFile("../../libraries/testdata/TOOLCHAIN")
	if err != nil {
		t.Fatal(err)
	}
	want, _, _ := strings.Cut(string(recorded), "\n")
	version, err := exec.Command("clang-22", "--version").Output()
	if have, _, _ := strings.Cut(string(version), "\n"); err != nil || have != want {
		t.Skipf("the compiler is %q, %v, not %q", have, err, want)
	}
	dir := t.TempDir()
	if out, err := exec.Command("./build.sh", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	names, err := filepath.Glob("testdata/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		before, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		after, err := os.ReadFile(filepath.Join(dir, filepath.Base(name)))
		if err != nil || !bytes.Equal(before, after) {
			t.Errorf("%s is not what build.sh makes (%v)", name, err)
		}
	}
}
