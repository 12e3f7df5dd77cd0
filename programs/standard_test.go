package programs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/libraries"
	"github.com/lockstep-wasm/lockstep/linker"
)

// newCache is where the programs of a test have their code compiled, once.
func newCache(t *testing.T) wazero.CompilationCache {
	cache := wazero.NewCompilationCache()
	t.Cleanup(func() { _ = cache.Close(context.Background()) })
	return cache
}

// onPosix makes a program of a main module of package libraries and that package's tests.
func onPosix(t *testing.T, cache wazero.CompilationCache, name string) *program {
	t.Helper()
	ctx := t.Context()
	rt := wazero.NewRuntimeWithConfig(ctx, linker.NewRuntimeConfig().WithCompilationCache(cache))
	t.Cleanup(func() { _ = rt.Close(ctx) })
	main, err := fs.ReadFile(libraries.FS(), name)
	if err != nil {
		t.Fatal(err)
	}
	p := &program{out: &bytes.Buffer{}}
	config := linker.NewConfig().WithNow(true).WithMemoryPages(256, 16384).
		WithFS(os.DirFS("../libraries/testdata/tests")).WithStdio(nil, p.out, p.out)
	p.l, err = linker.New(ctx, rt, main, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.l.Close(ctx) })
	p.g = p.l.Main()
	return p
}

// Threads, mutexes, conditions, values and streams as POSIX and C11 have them, and the exceptions,
// threads and futures of C++ across two libraries, are what they are natively: in one group and
// beside three others, in the program's first thread and in one that Go has made.
func TestStandardLibraries(t *testing.T) {
	cache := newCache(t)
	wrong := regexp.MustCompile(`: -?\d+, not -?\d+`)
	for _, c := range []struct{ main, library, want string }{
		{libraries.MainPosix, "libthreads.so", "threads.txt"},
		{libraries.MainCxx, "libthreads.so", "threads.txt"},
		{libraries.MainCxx, "libstandard.so", "standard.txt"},
	} {
		want, err := os.ReadFile("../libraries/testdata/tests/" + c.want)
		if err != nil || wrong.Match(want) {
			t.Fatalf("%s: %v", c.want, err)
		}
		for _, groups := range []int{1, 4} {
			name := fmt.Sprintf("%s on %s, %d groups", c.library, c.main, groups)
			t.Run(name, func(t *testing.T) {
				p := onPosix(t, cache, c.main)
				ctx := t.Context()
				for range groups - 1 {
					if p.g, err = p.l.Main().Spawn(ctx); err != nil {
						t.Fatal(err)
					}
				}
				lib, err := p.g.Open(ctx, c.library, linker.Local)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := p.g.Call(ctx, lib, "run"); err != nil {
					t.Error(err)
				}
				if err := p.l.Wait(ctx); err != nil {
					t.Error(err)
				}
				if got := p.output(); got != string(want) {
					t.Errorf("%swant:\n%s", got, want)
				}
			})
		}
	}
}

// What one library throws is caught in another one by its type, if they are loaded together, as
// one group or into the global scope: there is one description of the type. Apart there are two,
// and catch (...) alone gets it.
func TestStandardExceptionTypes(t *testing.T) {
	cache := newCache(t)
	for _, c := range []struct {
		name string
		load []string
		as   linker.OpenOption
		want string
	}{
		{"one that needs both", []string{"libstandard.so"}, linker.Local, "Worse 22, worse"},
		{"both global", []string{"libthrows.so", "libcatches.so"}, linker.Global,
			"Worse 22, worse"},
		{"apart", []string{"libthrows.so", "libcatches.so"}, linker.Local, "another thing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := onPosix(t, cache, libraries.MainCxx)
			ctx := t.Context()
			early, err := p.g.Spawn(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range c.load {
				if _, err := p.g.Open(ctx, name, c.as); err != nil {
					t.Fatal(err)
				}
			}
			throws, err := p.g.Open(ctx, "libthrows.so", linker.NoLoad)
			if err != nil {
				t.Fatal(err)
			}
			catches, err := p.g.Open(ctx, "libcatches.so", linker.NoLoad)
			if err != nil {
				t.Fatal(err)
			}
			late, err := p.g.Spawn(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for _, g := range []*linker.Group{p.g, early, late} {
				hurl, err := g.Symbol(ctx, throws, "hurl")
				if err != nil {
					t.Fatal(err)
				}
				if _, err := g.Call(ctx, catches, "catches", uint64(hurl.Pointer), 2); err != nil {
					t.Fatal(err)
				}
				if _, err := g.Call(ctx, linker.Default, "fflush", 0); err != nil {
					t.Fatal(err)
				}
				if got, want := p.output(), "  2: "+c.want+"\n"; got != want {
					t.Errorf("group %d: %q, want %q", g.ID(), got, want)
				}
			}
		})
	}
}

// An exception that no handler gets is an error of the call, and so is one that would leave a
// function that promises not to throw. The program goes on.
func TestStandardExceptionEscapes(t *testing.T) {
	p := onPosix(t, newCache(t), libraries.MainCxx)
	ctx := t.Context()
	lib, err := p.g.Open(ctx, "libstandard.so", linker.Local)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"escapes", "terminates"} {
		args := []uint64{1}[:1]
		if name == "terminates" {
			args = nil
		}
		if _, err := p.g.Call(ctx, lib, name, args...); err == nil ||
			errors.Is(err, linker.ErrGroupClosed) || !strings.Contains(err.Error(), "wasm") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := p.g.Call(ctx, lib, "run"); err != nil {
		t.Error(err)
	}
	if !strings.Contains(p.output(), "calls 2, 2.5, ff") {
		t.Error("the program did not go on")
	}
}
