package linker_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/internal/builds"
	"github.com/lockstep-wasm/lockstep/linker"
)

// inTestdata is where the file of a name in testdata/SHA256SUMS is.
func inTestdata(name string) string { return "testdata/" + name }

// wasmFiles returns the built fixtures below dir, by slash-separated name.
func wasmFiles(t testing.TB, dir string) []string {
	t.Helper()
	var names []string
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(name, ".wasm") {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// TestFixturesAreWhatWasBuilt holds without a compiler: neither a source nor a built module was
// changed without running build.sh, and no file is missing from the sums.
func TestFixturesAreWhatWasBuilt(t *testing.T) {
	sums := builds.Sums(t, "testdata/SHA256SUMS")
	builds.CheckUnchanged(t, sums, inTestdata)
	names := wasmFiles(t, "testdata")
	sources, err := os.ReadDir(filepath.Join("testdata", "src"))
	if err != nil {
		t.Fatal(err)
	}
	for _, source := range sources {
		names = append(names, "src/"+source.Name())
	}
	if len(names) < 100 {
		t.Errorf("only %d fixtures and sources", len(names))
	}
	builds.CheckComplete(t, sums, names)
}

// toolchain returns what build.sh writes to TOOLCHAIN, or the reason why there is no compiler.
func toolchain() (string, error) {
	var text strings.Builder
	for _, tool := range []struct{ env, name string }{{"CLANG", "clang-22"},
		{"WASM_LD", "wasm-ld-22"}} {
		name := os.Getenv(tool.env)
		if name == "" {
			name = tool.name
		}
		output, err := exec.Command(name, "--version").Output()
		if err != nil {
			return "", err
		}
		line, _, _ := strings.Cut(string(output), "\n")
		text.WriteString(line + "\n")
	}
	return text.String(), nil
}

// TestFixturesRebuild builds the fixtures again where the compiler that built them is installed.
// Elsewhere [TestFixturesAreWhatWasBuilt] is the whole check.
func TestFixturesRebuild(t *testing.T) {
	recorded, err := os.ReadFile(filepath.Join("testdata", "TOOLCHAIN"))
	if err != nil {
		t.Fatal(err)
	}
	if installed, err := toolchain(); err != nil || installed != string(recorded) {
		t.Logf("not rebuilt: the fixtures were built with %q; installed is %q (%v)", recorded,
			installed, err)
		TestFixturesAreWhatWasBuilt(t)
		return
	}
	out := t.TempDir()
	build := exec.Command("bash", filepath.Join("testdata", "build.sh"), out)
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build.sh: %v\n%s", err, output)
	}
	rebuilt := wasmFiles(t, out)
	builds.CheckSame(t, builds.Sums(t, "testdata/SHA256SUMS"), rebuilt,
		func(name string) string { return filepath.Join(out, name) })
	if committed := wasmFiles(t, "testdata"); len(committed) != len(rebuilt) {
		t.Errorf("a rebuild gives %d modules, %d are committed", len(rebuilt), len(committed))
	}
}

// TestFixturesAreValid has wazero compile every fixture: what it refuses could never be linked.
func TestFixturesAreValid(t *testing.T) {
	ctx := t.Context()
	rt := wazero.NewRuntimeWithConfig(ctx,
		wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(linker.Features))
	defer rt.Close(ctx)
	for _, name := range wasmFiles(t, "testdata") {
		wasm, err := os.ReadFile(filepath.Join("testdata", filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := rt.CompileModule(ctx, wasm); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestFixtureHeap runs the allocator that all main modules share: libraries are placed in what it
// gives out.
func TestFixtureHeap(t *testing.T) {
	ctx := t.Context()
	rt := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter())
	defer rt.Close(ctx)
	wasm, err := os.ReadFile(filepath.Join("testdata", "main-exe.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := rt.InstantiateWithConfig(ctx, wasm,
		wazero.NewModuleConfig().WithStartFunctions("_initialize"))
	if err != nil {
		t.Fatal(err)
	}
	call := func(name string, args ...uint64) uint32 {
		t.Helper()
		results, err := m.ExportedFunction(name).Call(ctx, args...)
		if err != nil {
			t.Fatalf("%s%v: %v", name, args, err)
		}
		if len(results) == 0 {
			return 0
		}
		return uint32(results[0])
	}

	type area struct{ from, to uint32 }
	var areas []area
	for i := range uint64(40) {
		align, size := uint64(1)<<(i%14), 1+i*1000
		p := call("aligned_alloc", align, size)
		if p == 0 || p%uint32(align) != 0 || p%16 != 0 {
			t.Fatalf("aligned_alloc(%d, %d) = %#x", align, size, p)
		}
		a := area{p, p + uint32(size)}
		for _, b := range areas {
			if a.from < b.to && b.from < a.to {
				t.Fatalf("areas overlap: %#x and %#x", a, b)
			}
		}
		if !m.Memory().WriteUint32Le(a.to-4, 0) && size >= 4 {
			t.Fatalf("area %#x ends outside the memory", a)
		}
		areas = append(areas, a)
	}

	first := call("malloc", 100)
	call("free", uint64(first))
	if again := call("malloc", 100); again != first {
		t.Errorf("malloc after free gives %#x, want %#x again", again, first)
	}
	if got := call("peek32", uint64(first)); got != 0xA5A5A5A5 {
		t.Errorf("reused memory holds %#x, want it dirty", got)
	}
	if p := call("malloc", 0x7fffffff); p != 0 {
		t.Errorf("malloc of 2 GiB = %#x, want 0", p)
	}
	if p := call("aligned_alloc", 3, 8); p != 0 {
		t.Errorf("aligned_alloc(3, 8) = %#x, want 0", p)
	}
	if n := call("main_constructed"); n != 1 {
		t.Errorf("the constructor ran %d times", n)
	}
}
