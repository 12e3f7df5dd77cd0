package libraries_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/libraries"
	"github.com/lockstep-wasm/lockstep/linker"
)

// readSums reads testdata/SHA256SUMS: the sum of each source, by its name in this folder, and of each module.
func readSums(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "SHA256SUMS"))
	if err != nil {
		t.Fatal(err)
	}
	sums := map[string]string{}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		sum, name, ok := strings.Cut(lines.Text(), "  ")
		if !ok || len(sum) != hex.EncodedLen(sha256.Size) {
			t.Fatalf("SHA256SUMS: malformed line %q", lines.Text())
		}
		if strings.HasSuffix(name, ".wasm") || name == "TOOLCHAIN" {
			name = "testdata/" + name
		}
		sums[name] = sum
	}
	return sums
}

func sumOf(t *testing.T, content []byte, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// TestModulesAreWhatWasBuilt holds without a compiler: neither a source nor a module was changed without running
// build.sh, and no file is missing from the sums.
func TestModulesAreWhatWasBuilt(t *testing.T) {
	sums := readSums(t)
	for name, want := range sums {
		content, err := os.ReadFile(filepath.FromSlash(name))
		if got := sumOf(t, content, err); got != want {
			t.Errorf("%s was changed since build.sh ran: SHA-256 %s, want %s", name, got, want)
		}
	}
	for _, dir := range []string{"src", "testdata"} {
		err := fs.WalkDir(os.DirFS("."), dir, func(name string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && sums[name] == "" && d.Name() != "SHA256SUMS" {
				t.Errorf("%s is not in SHA256SUMS: run build.sh", name)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestEmbeddedModules compares what programs get with what was built.
func TestEmbeddedModules(t *testing.T) {
	sums := readSums(t)
	names := []string{libraries.MainLibc, libraries.MainLibcxx, libraries.Zlib, libraries.Lua, libraries.SQLite,
		libraries.Words, libraries.StaticZ, libraries.StaticLua}
	for _, name := range names {
		content, err := fs.ReadFile(libraries.FS(), name)
		if got := sumOf(t, content, err); got != sums["testdata/"+name] {
			t.Errorf("%s: SHA-256 %s, want %s", name, got, sums["testdata/"+name])
		}
	}
	all, err := fs.Glob(libraries.FS(), "*")
	if err != nil || len(all) != len(names) {
		t.Errorf("%d modules, %d have a name: %v", len(all), len(names), err)
	}
}

// unbuildable returns why the modules cannot be rebuilt to the same bytes here.
func unbuildable(t *testing.T) string {
	t.Helper()
	recorded, err := os.ReadFile(filepath.Join("testdata", "TOOLCHAIN"))
	if err != nil {
		t.Fatal(err)
	}
	installed, err := exec.Command("bash", "build.sh", "--toolchain").Output()
	if err != nil {
		return "build.sh: " + err.Error()
	}
	if !bytes.Equal(installed, recorded) {
		return "another toolchain is installed: " + string(installed)
	}
	// The script would fetch the sources; a test does not, and it takes minutes only where somebody asked for it.
	dsc, err := filepath.Glob(filepath.Join(os.Getenv("LOCKSTEP_SOURCES"), "*.dsc"))
	if err != nil || len(dsc) < 4 {
		return "LOCKSTEP_SOURCES does not name a folder with the sources (build.sh fetches them)"
	}
	return ""
}

// TestModulesRebuild builds everything again where the toolchain is and LOCKSTEP_SOURCES names the folder with the
// sources. Elsewhere [TestModulesAreWhatWasBuilt] is the whole check.
func TestModulesRebuild(t *testing.T) {
	if reason := unbuildable(t); reason != "" {
		t.Log("not rebuilt: " + reason)
		TestModulesAreWhatWasBuilt(t)
		return
	}
	out := t.TempDir()
	if output, err := exec.Command("bash", "build.sh", out).CombinedOutput(); err != nil {
		t.Fatalf("build.sh: %v\n%s", err, output)
	}
	modules, err := filepath.Glob(filepath.Join("testdata", "*.wasm"))
	if err != nil || len(modules) == 0 {
		t.Fatalf("no modules: %v", err)
	}
	sums := readSums(t)
	for _, name := range modules {
		content, err := os.ReadFile(filepath.Join(out, filepath.Base(name)))
		if got := sumOf(t, content, err); got != sums[filepath.ToSlash(name)] {
			t.Errorf("%s: a rebuild gives SHA-256 %s, committed is %s", name, got, sums[filepath.ToSlash(name)])
		}
	}
}

// TestEverythingIsBound loads each library with all of its imports: nothing is missing that a call would find out.
func TestEverythingIsBound(t *testing.T) {
	ctx := t.Context()
	rt := wazero.NewRuntimeWithConfig(ctx, linker.NewRuntimeConfig())
	defer rt.Close(ctx)
	for _, tt := range []struct {
		main      string
		libraries []string
	}{
		{libraries.MainLibc, []string{libraries.Zlib, libraries.Lua, libraries.SQLite}},
		{libraries.MainLibcxx, []string{libraries.Zlib, libraries.Lua, libraries.SQLite, libraries.Words}},
	} {
		main, err := fs.ReadFile(libraries.FS(), tt.main)
		if err != nil {
			t.Fatal(err)
		}
		l, err := linker.New(ctx, rt, main, linker.NewConfig().WithFS(libraries.FS()).WithNow(true))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range tt.libraries {
			if _, err := l.Main().Open(ctx, name); err != nil {
				t.Errorf("%s: %v", tt.main, err)
			}
		}
		if err := l.Close(ctx); err != nil {
			t.Error(err)
		}
	}
}
