package emscripten_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/internal/builds"
	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/emscripten"
	"github.com/lockstep-wasm/lockstep/linker/emscripten/vfs"
)

// started is a program under test.
type started struct {
	*emscripten.Program
	t              *testing.T
	ctx            context.Context
	stdout, stderr *bytes.Buffer
}

// start starts a main module; change may be nil.
func start(t *testing.T, wasm []byte, change func(*emscripten.Config) *emscripten.Config) *started {
	t.Helper()
	s := &started{t: t, ctx: context.Background(), stdout: &bytes.Buffer{}, stderr: &bytes.Buffer{}}
	rt := wazero.NewRuntimeWithConfig(s.ctx, linker.NewRuntimeConfig())
	t.Cleanup(func() { _ = rt.Close(s.ctx) })
	c := emscripten.NewConfig().WithStdio(strings.NewReader("some input"), s.stdout, s.stderr)
	if change != nil {
		c = change(c)
	}
	p, err := emscripten.Start(s.ctx, rt, wasm, linker.NewConfig().WithMemoryPages(0, 1024), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(s.ctx); err != nil {
			t.Error(err)
		}
	})
	s.Program = p
	return s
}

func fixture(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// want calls a function of the program.
func (s *started) want(want int32, name string, args ...uint64) {
	s.t.Helper()
	r, err := s.Call(s.ctx, name, args...)
	if err != nil {
		s.t.Fatalf("%s%v: %v", name, args, err)
	}
	if got := api.DecodeI32(r[0]); got != want {
		s.t.Errorf("%s%v is %d, want %d", name, args, got, want)
	}
}

// Neither a source nor a built module was changed without running build.sh.
func TestFixturesAreWhatWasBuilt(t *testing.T) {
	sums := builds.Sums(t, "testdata/SHA256SUMS")
	at := func(name string) string { return filepath.Join("testdata", name) }
	builds.CheckUnchanged(t, sums, at)
	builds.CheckComplete(t, sums,
		[]string{"program.wasm", "library.wasm", "src/program.cpp", "src/support.cpp",
			"src/library.cpp", "src/runtime.h", "build.sh"})
}

// longjmp leads to the setjmp of the program that waits for it.
func TestLongjmp(t *testing.T) {
	p := start(t, fixture(t, "program.wasm"), nil)
	before, err := p.Call(p.ctx, "emscripten_stack_get_current")
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		p.want(5, "jumped", 5)
		p.want(106, "jumped", 6)
	}
	after, err := p.Call(p.ctx, "emscripten_stack_get_current")
	if err != nil || after[0] != before[0] {
		t.Errorf("the stack was at %d and is at %d: %v", before[0], after[0], err)
	}
	if _, err := p.Call(p.ctx, "jump_nowhere"); !errors.Is(err, emscripten.ErrLongjmp) {
		t.Errorf("a longjmp that leads nowhere: %v", err)
	}
	p.want(106, "jumped", 6)
}

// A C++ exception is caught by the clause of its type; objects on its way are destroyed; one that
// is not caught is an error that names its type.
func TestExceptions(t *testing.T) {
	p := start(t, fixture(t, "program.wasm"), nil)
	p.want(0, "caught", 0)
	p.want(17, "caught", 1)
	p.want(2, "destroyed_objects")
	_, err := p.Call(p.ctx, "caught", 2)
	thrown := (*emscripten.Exception)(nil)
	if !errors.As(err, &thrown) || thrown.Type != "Other" || thrown.Pointer == 0 {
		t.Errorf("nobody catches it: %v", err)
	}
	p.want(3, "destroyed_objects")
	for range 3 {
		p.want(37, "rethrown", 1)
		p.want(28, "rethrown", 2)
		p.want(0, "rethrown", 0)
	}
	p.want(3+9+600, "destroyed_objects")
}

// main gets its arguments, and all ways to end it are told apart.
func TestMain(t *testing.T) {
	p := start(t, fixture(t, "program.wasm"), nil)
	code, err := p.Main(p.ctx, "program", "one", "zwei")
	if code != 3 || err != nil || p.stdout.String() != "one\nzwei\n" ||
		p.stderr.String() != "program\n" {
		t.Errorf("status %d, %v; output %q, %q", code, err, p.stdout, p.stderr)
	}
	if code, err := p.Main(p.ctx, "program", "exit"); code != 2 || err != nil {
		t.Errorf("exit: status %d, %v", code, err)
	}
	_, err = p.Main(p.ctx, "program", "assert")
	abort := (*emscripten.AbortError)(nil)
	if !errors.As(err, &abort) || !strings.Contains(abort.Message, "x > 0, at program.cpp:7") ||
		!errors.Is(err, linker.ErrAborted) {
		t.Errorf("an assertion: %v", err)
	}
	if _, err = p.Main(p.ctx, "program", "trap"); err == nil ||
		!strings.Contains(err.Error(), "unreachable") {
		t.Errorf("a trap: %v", err)
	}
	_, err = p.Main(p.ctx, "program", "nobody")
	undefined := (*linker.UndefinedSymbolError)(nil)
	if !errors.As(err, &undefined) || undefined.Symbol != "nobodys_function" {
		t.Errorf("a function that there is not: %v", err)
	}
	if code, err := p.Main(p.ctx, "again"); code != 1 || err != nil { // the program is still there
		t.Errorf("status %d, %v", code, err)
	}
}

// The program's own dlopen finds libraries in its file system, and gets errors as text.
func TestDlopen(t *testing.T) {
	fsys := vfs.New()
	p := start(t, fixture(t, "program.wasm"),
		func(c *emscripten.Config) *emscripten.Config { return c.WithFS(fsys) })
	open := func(want int32, name string) {
		t.Helper()
		at, err := p.NewString(p.ctx, name)
		if err != nil {
			t.Fatal(err)
		}
		p.want(want, "open_and_call", uint64(at), 5)
	}
	open(-1, "libtwice.so")
	at, err := p.Call(p.ctx, "last_dlerror")
	if err != nil {
		t.Fatal(err)
	}
	if text, ok := p.String(uint32(at[0])); !ok || !strings.Contains(text, "libtwice.so") ||
		!strings.Contains(text, "not found") {
		t.Errorf("dlerror is %q", text)
	}
	if err := fsys.WriteFile("/usr/lib/libtwice.so", fixture(t, "library.wasm"),
		0o755); err != nil {
		t.Fatal(err)
	}
	open(2*5+21+42, "libtwice.so")
	open(2*5+21+42, "/usr/lib/libtwice.so")
	if err := fsys.WriteFile("/broken.so", []byte("\x00asm\x01\x00\x00\x00"), 0o755); err != nil {
		t.Fatal(err)
	}
	open(-1, "/broken.so")
	if list := p.Linker().Libraries(); !slices.Equal(list, []string{"usr/lib/libtwice.so"}) {
		t.Errorf("loaded are %q", list)
	}
}

// Blocks of JavaScript are Go functions; one that is missing is an error with its address.
func TestBlocks(t *testing.T) {
	p := start(t, fixture(t, "program.wasm"), func(c *emscripten.Config) *emscripten.Config {
		return c.WithBlock(1234, func(_ context.Context, types string, args []uint64) uint64 {
			if types != "idj" || api.DecodeF64(args[1]) != 0.5 || args[2] != 1<<40 {
				return 0
			}
			return args[0] + 1
		})
	})
	p.want(42, "run_block", 1234, 41)
	_, err := p.Call(p.ctx, "run_block", 99, 1)
	if undefined := (*linker.UndefinedSymbolError)(nil); !errors.As(err, &undefined) ||
		!strings.Contains(undefined.Symbol, "99") {
		t.Errorf("a block that there is not: %v", err)
	}
}

// Missing lists what neither the modules nor the host have.
func TestMissing(t *testing.T) {
	modules := [][]byte{fixture(t, "program.wasm"), fixture(t, "library.wasm")}
	list, err := emscripten.Missing(nil, modules...)
	if err != nil || len(list) != 1 ||
		list[0] != (emscripten.Import{Namespace: "env", Name: "nobodys_function",
			Type: "(i32) -> (i32)"}) {
		t.Errorf("missing %v, %v", list, err)
	}
	nobodys := api.GoModuleFunc(func(_ context.Context, _ api.Module, stack []uint64) {
		stack[0] += 1000
	})
	c := emscripten.NewConfig().WithFunction("nobodys_function", nobodys)
	if list, err := emscripten.Missing(c, modules...); err != nil || len(list) != 0 {
		t.Errorf("missing %v, %v", list, err)
	}
	p := start(t, modules[0], func(*emscripten.Config) *emscripten.Config { return c })
	if code, err := p.Main(p.ctx, "program", "nobody"); code != 1002 || err != nil {
		t.Errorf("status %d, %v", code, err)
	}
	if list, err := emscripten.Missing(nil, modules[1]); err != nil || len(list) != 1 ||
		list[0].Name != "main_value" {
		t.Errorf("of the library alone: %v, %v", list, err)
	}
	if _, err := emscripten.Missing(nil, []byte("no module")); err == nil {
		t.Error("what is no module has been read")
	}
}
