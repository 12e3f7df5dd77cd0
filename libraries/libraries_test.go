package libraries_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/internal/builds"
	"github.com/lockstep-wasm/lockstep/libraries"
	"github.com/lockstep-wasm/lockstep/linker"
)

// sums returns the sum of each source, by its name in this folder, and of each module, by its own
// name.
func sums(t *testing.T) map[string]string { return builds.Sums(t, "testdata/SHA256SUMS") }

// inFolder is where the file of a name in the sums is.
func inFolder(name string) string {
	if strings.HasSuffix(name, ".wasm") || strings.HasSuffix(name, ".so") || name == "TOOLCHAIN" {
		return "testdata/" + name
	}
	return name
}

// TestModulesAreWhatWasBuilt holds without a compiler: neither a source nor a module was changed
// without running build.sh, and no file is missing from the sums.
func TestModulesAreWhatWasBuilt(t *testing.T) {
	sums := sums(t)
	builds.CheckUnchanged(t, sums, inFolder)
	names, err := fs.Glob(os.DirFS("testdata"), "*.wasm")
	tests, more := fs.Glob(os.DirFS("testdata"), "tests/*.so")
	names, err = append(names, tests...), errors.Join(err, more)
	if err != nil || len(names) == 0 {
		t.Fatalf("no modules: %v", err)
	}
	err = fs.WalkDir(os.DirFS("."), "src", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	builds.CheckComplete(t, sums, names)
}

// TestEmbeddedModules compares what programs get with what was built.
func TestEmbeddedModules(t *testing.T) {
	sums := sums(t)
	names := []string{libraries.MainLibc, libraries.MainLibcxx, libraries.MainPosix,
		libraries.MainCxx, libraries.Zlib, libraries.Lua, libraries.SQLite,
		libraries.Words, libraries.StaticZ, libraries.StaticLua}
	for _, name := range names {
		content, err := fs.ReadFile(libraries.FS(), name)
		if err != nil {
			t.Fatal(err)
		}
		if got := builds.SumOf(content); got != sums[name] {
			t.Errorf("%s: SHA-256 %s, want %s", name, got, sums[name])
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
	// The script would fetch the sources; a test does not, and it takes minutes only if it was
	// asked for.
	dsc, err := filepath.Glob(filepath.Join(os.Getenv("LOCKSTEP_SOURCES"), "*.dsc"))
	if err != nil || len(dsc) < 4 {
		return "LOCKSTEP_SOURCES does not name a folder with the sources (build.sh fetches them)"
	}
	return ""
}

// TestModulesRebuild builds everything again where the toolchain is and LOCKSTEP_SOURCES names the
// folder with the sources. Elsewhere [TestModulesAreWhatWasBuilt] is the whole check.
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
	modules, err := fs.Glob(os.DirFS("testdata"), "*.wasm")
	if err != nil || len(modules) == 0 {
		t.Fatalf("no modules: %v", err)
	}
	builds.CheckSame(t, sums(t), modules,
		func(name string) string { return filepath.Join(out, name) })
}

// TestEverythingIsBound loads each library with all of its imports: nothing is missing that a call
// would find out.
func TestEverythingIsBound(t *testing.T) {
	ctx := t.Context()
	rt := wazero.NewRuntimeWithConfig(ctx, linker.NewRuntimeConfig())
	defer rt.Close(ctx)
	for _, tt := range []struct {
		main string
		link func(context.Context, wazero.Runtime, *linker.Config) (*linker.Linker, error)
		// what is loaded into it
		libraries []string
	}{
		{libraries.MainLibc, libraries.LinkLibc,
			[]string{libraries.Zlib, libraries.Lua, libraries.SQLite}},
		{libraries.MainLibcxx, libraries.LinkLibcxx,
			[]string{libraries.Zlib, libraries.Lua, libraries.SQLite, libraries.Words}},
		{libraries.MainPosix, libraries.LinkPosix,
			[]string{libraries.Zlib, libraries.Lua, libraries.SQLite}},
		{libraries.MainCxx, libraries.LinkCxx,
			[]string{libraries.Zlib, libraries.Lua, libraries.SQLite}},
	} {
		l, err := tt.link(ctx, rt, linker.NewConfig().WithFS(libraries.FS()).WithNow(true))
		if err != nil {
			t.Fatal(err)
		}
		if found := l.Modules(); found[0].Name != tt.main {
			t.Errorf("the main module is %s, want %s", found[0].Name, tt.main)
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
