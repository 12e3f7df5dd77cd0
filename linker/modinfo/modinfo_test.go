package modinfo_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/modinfo"
)

// A library for which ldd finds everything loads, and one for which it does not fails: in the
// folders of fixtures.
func TestTreeAgreesWithTheLinker(t *testing.T) {
	ctx := t.Context()
	for _, c := range []struct{ main, folder string }{{"main-exe.wasm", "plain"},
		{"main-shared.wasm", "threads"}} {
		fixtures := os.DirFS("../testdata")
		main, err := fs.ReadFile(fixtures, c.main)
		if err != nil {
			t.Fatal(err)
		}
		files, err := fs.Glob(fixtures, c.folder+"/*.wasm")
		if err != nil || len(files) < 20 {
			t.Fatal(files, err)
		}
		missing := 0
		for _, file := range files {
			o := modinfo.TreeOptions{SearchPath: []string{c.folder}, Main: c.main}
			tree, err := modinfo.ReadTree(fixtures, file, o)
			if err != nil {
				t.Fatal(file, err)
			}
			if tree.Missing() {
				missing++
			}
			err = open(ctx, main, fixtures, c.folder, file)
			if isLinkError(err) != tree.Missing() {
				t.Errorf("%s: the linker says %v, ldd says missing: %t", file, err, tree.Missing())
			}
		}
		if missing == 0 {
			t.Errorf("%s: nothing was missing", c.folder)
		}
	}
}

// open loads a library, without any function that belongs to the host.
func open(ctx context.Context, main []byte, fsys fs.FS, folder, file string) (err error) {
	rt := wazero.NewRuntimeWithConfig(ctx, linker.NewRuntimeConfig())
	defer func() { err = errors.Join(err, rt.Close(ctx)) }()
	l, err := linker.New(ctx, rt, main, linker.NewConfig().WithFS(fsys).WithSearchPath(folder))
	if err != nil {
		return err
	}
	defer l.Close(ctx) // what destructors do is nothing that ldd could know
	_, err = l.Main().Open(ctx, "/"+file)
	return err
}

// isLinkError tells whether an error is of what ldd looks at: files and symbols, not traps and
// sizes.
func isLinkError(err error) bool {
	return errors.As(err, new(*linker.NotFoundError)) || errors.As(err, new(*linker.SymbolError)) ||
		errors.As(err, new(*linker.UndefinedSymbolError)) || errors.Is(err, linker.ErrNotLibrary)
}

// Read finds what the linker finds in a loaded module: the sizes of its parts.
func TestReadAgreesWithTheLinker(t *testing.T) {
	ctx := t.Context()
	rt := wazero.NewRuntimeWithConfig(ctx, linker.NewRuntimeConfig())
	defer rt.Close(ctx)
	fixtures := os.DirFS("../testdata")
	main, err := fs.ReadFile(fixtures, "main-shared.wasm")
	if err != nil {
		t.Fatal(err)
	}
	l, err := linker.New(
		ctx,
		rt,
		main,
		linker.NewConfig().WithFS(fixtures).WithSearchPath("threads"),
	)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close(ctx)
	for _, name := range []string{"libtls.wasm", "libdata.wasm", "libfnptr.wasm",
		"libcounter.wasm"} {
		if _, err := l.Main().Open(ctx, name); err != nil {
			t.Fatal(err)
		}
	}
	for _, loaded := range l.Modules()[1:] {
		bytes, err := fs.ReadFile(fixtures, loaded.File)
		if err != nil {
			t.Fatal(err)
		}
		m, err := modinfo.Read(bytes)
		if err != nil {
			t.Fatal(err)
		}
		if m.Data != loaded.MemorySize && loaded.MemorySize != 0 || m.Entries != loaded.TableSize ||
			m.TLS != loaded.ThreadLocalSize {
			t.Errorf("%s: %d bytes, %d entries, %d thread-local; the linker has %+v",
				loaded.File, m.Data, m.Entries, m.TLS, loaded)
		}
	}
}

// What is probably not meant is said, with what to do.
func TestHints(t *testing.T) {
	header := []byte("\x00asm\x01\x00\x00\x00")
	fixture := func(name string) []byte {
		bytes, err := os.ReadFile("../testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return bytes
	}
	object := append(header, 2, 24, 1, 3, 'e', 'n', 'v', 15)
	object = append(append(object, "__linear_memory"...), 2, 0, 0)
	older := (&dylink.Info{Legacy: true}).Append(header)
	for name, c := range map[string]struct {
		module []byte
		want   string
	}{
		"hidden":        {(&dylink.Info{}).Append(header), "-fvisibility=default"},
		"object file":   {object, "link it with wasm-ld -shared"},
		"no table":      {header, "--export-table"},
		"fixed table":   {fixture("main-fixed.wasm"), "--growable-table"},
		"older section": {older, "the older section"},
		"good main":     {fixture("main-exe.wasm"), ""},
		"good library":  {fixture("plain/libweak.wasm"), ""},
	} {
		m, err := modinfo.Read(c.module)
		if err != nil {
			t.Fatal(name, err)
		}
		got := strings.Join(m.Hints, "\n")
		if (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: hints %q, want %q", name, got, c.want)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	for _, bytes := range [][]byte{nil, []byte("\x00asm"), []byte("#!/bin/sh\n"),
		[]byte("\x00asm\x01\x00\x00\x00\x01\xff")} {
		if m, err := modinfo.Read(bytes); err == nil || m != nil {
			t.Errorf("%q: %+v, %v", bytes, m, err)
		}
	}
}

// Only what Emscripten built needs the functions of its JavaScript.
func TestEmscripten(t *testing.T) {
	for file, want := range map[string]bool{
		"../emscripten/testdata/program.wasm":          true,
		"../testdata/main-exe.wasm":                    false,
		"../../cmd/lockstep/testdata/run/program.wasm": false,
		"../../libraries/testdata/libwords.wasm":       false,
		"../../libraries/testdata/main-libcxx.wasm":    false,
	} {
		wasm, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if m, err := modinfo.Read(wasm); err != nil || m.Emscripten() != want {
			t.Errorf("%s: %v; want %t", file, err, want)
		}
	}
}
