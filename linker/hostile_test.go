package linker_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"unicode/utf8"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/leb"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// watchedFS notes every path that it is asked for.
type watchedFS struct {
	fs.FS
	mu    sync.Mutex
	asked []string
}

// Open implements fs.FS.
func (w *watchedFS) Open(name string) (fs.File, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = append(w.asked, name)
	return w.FS.Open(name)
}

func (w *watchedFS) paths() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.asked)
}

// section is a module of one dylink.0 section whose sub-sections are given as they are.
func section(subsections []byte) []byte {
	body := append(leb.AppendName(nil, "dylink.0"), subsections...)
	module := append([]byte("\x00asm\x01\x00\x00\x00"), 0)
	return append(leb.AppendU32(module, uint32(len(body))), body...)
}

func subsection(code byte, fields ...any) []byte {
	var body []byte
	for _, f := range fields {
		switch f := f.(type) {
		case int:
			body = leb.AppendU32(body, uint32(f))
		case string:
			body = leb.AppendName(body, f)
		}
	}
	return append(leb.AppendU32([]byte{code}, uint32(len(body))), body...)
}

// A hostile dylink.0 is refused before anything is allocated or read: neither memory nor tables
// grow, no file is asked for, nothing is compiled. The error is typed and names the limit.
func TestHostileDylink(t *testing.T) {
	format := is(func(e *dylink.FormatError) bool { return e.Offset > 0 && e.Reason != "" })
	limit := func(part string) func(error) bool {
		return is(func(e *linker.LimitError) bool {
			return strings.Contains(e.Limit, part) && e.Value > e.Max
		})
	}
	many := []any{1000000}
	for range 1000000 {
		many = append(many, "x")
	}
	b := newBooks(newRuntime(t))
	files := &watchedFS{FS: fixtures()}
	i := newImageIn(t, b, "main-pie", "threads",
		func(c *linker.Config) *linker.Config { return c.WithFS(files).WithMaxTable(1 << 16) })
	other := i.spawn()
	before := ledger(i, b)
	compiled, asked, size := b.compilations(), len(files.paths()), i.l.Memory().Size()
	for _, c := range []struct {
		name   string
		module []byte
		want   func(error) bool
	}{
		{"memory of 4 GiB", section(subsection(1, 1<<32-1, 0, 0, 0)), limit("data area (bytes)")},
		{"memory of more than 2^32 with its alignment", section(subsection(1, 1<<32-1, 31, 0, 0)),
			format},
		{"alignment 2^31", section(subsection(1, 16, 31, 0, 0)), limit("alignment of a data area")},
		{"alignment 2^31 of nothing", section(subsection(1, 0, 31, 0, 0)),
			limit("alignment of a data area")},
		{"alignment 2^32", section(subsection(1, 16, 32, 0, 0)), format},
		{"alignment 2^(2^32-1)", section(subsection(1, 16, 1<<32-1, 0, 0)), format},
		{"table of 2^31", section(subsection(1, 0, 0, 1<<31, 0)),
			limit("function table (entries)")},
		{"table alignment 2^31", section(subsection(1, 0, 0, 1, 31)),
			limit("alignment in the function table")},
		{"a million needed libraries", section(subsection(2, many...)), format},
		{"four billion needed libraries that are not there", section(subsection(2, 1<<32-1)),
			format},
		{"a name that is not UTF-8", section(subsection(2, 1, "\xff\xfe")), format},
		{"a name with NUL", section(subsection(2, 1, "liba.wasm\x00.txt")), format},
		{"a run-time path that is not UTF-8", section(subsection(5, 1, "\xc0\x80")), format},
		{"a truncated sub-section", section([]byte{1, 200}), format},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := other.g.OpenBytes(i.ctx, "hostile", c.module)
			var le *linker.LoadError
			if !errors.As(err, &le) || le.Module != "hostile" || !c.want(err) {
				t.Fatalf("OpenBytes: %v", err)
			}
			if n := b.compilations(); n != compiled {
				t.Errorf("%d modules were compiled", n-compiled)
			}
			if got := files.paths()[asked:]; len(got) > 0 {
				t.Errorf("files were asked for: %q", got)
			}
			if got := i.l.Memory().Size(); got != size {
				t.Errorf("the memory has grown from %d to %d", size, got)
			}
		})
	}
	if after := ledger(i, b); !slices.Equal(before, after) {
		t.Errorf("the image has changed:\n%s", difference(before, after))
	}
}

// No name or path of a library leads out of the file system: it is asked for valid paths only.
func TestPathsStayInside(t *testing.T) {
	hostile := []string{"..", "../liba.wasm", "../../etc/passwd", "/../../etc/passwd",
		"/etc/passwd", "a/../../b", "./..//../b", "//b",
		"a//b", "", ".", "/", "C:\\windows\\b", "..\\b", "\xff", "a\x00b", "$ORIGIN/../../b",
		strings.Repeat("../", 100) + "b"}
	files := &watchedFS{FS: fstest.MapFS{}}
	i := newImage(t, "main-pie", "threads", func(c *linker.Config) *linker.Config {
		return c.WithFS(files).WithSearchPath("..", "../..", "/", "a/../..", "lib")
	})
	before := i.l.Snapshot(i.ctx)
	for n, name := range hostile {
		if _, err := i.g.Open(i.ctx, name); !errors.As(err, new(*linker.LoadError)) {
			t.Errorf("Open(%q): %v", name, err)
		}
		if strings.Contains(name, "\x00") || !utf8.ValidString(name) || name == "" {
			continue
		}
		needs := library(t, dylink.Info{Needed: []string{name}, RuntimePath: hostile[2:4]},
			func(*wasm.Builder) {})
		if _, err := i.g.OpenBytes(i.ctx, fmt.Sprint("needs", n), needs); !errors.As(err,
			new(*linker.LoadError)) {
			t.Errorf("a library that needs %q: %v", name, err)
		}
		path := library(t,
			dylink.Info{Needed: []string{"b"}, RuntimePath: []string{name, "$ORIGIN/" + name}},
			func(*wasm.Builder) {})
		if _, err := i.g.OpenBytes(i.ctx, fmt.Sprint("path", n), path); !errors.As(err,
			new(*linker.LoadError)) {
			t.Errorf("a library whose run-time path is %q: %v", name, err)
		}
	}
	if len(files.paths()) == 0 {
		t.Error("nothing was asked for at all")
	}
	for _, p := range files.paths() {
		if !fs.ValidPath(p) {
			t.Errorf("the file system was asked for %q", p)
		}
	}
	if after := i.l.Snapshot(i.ctx); !slices.Equal(before, after) {
		t.Errorf("the image has changed:\n%s", difference(before, after))
	}
}

// chain is a file system with n libraries of which each needs the next one.
func chain(t testing.TB, n int) fstest.MapFS {
	files := fstest.MapFS{}
	for k := range n {
		info := dylink.Info{}
		if k < n-1 {
			info.Needed = []string{fmt.Sprintf("lib%d.wasm", k+1)}
		}
		files[fmt.Sprintf("lib%d.wasm", k)] = &fstest.MapFile{Data: library(t, info,
			func(b *wasm.Builder) {
				if k == n-1 {
					b.ExportFunc("last",
						b.Func(b.Type(nil, i32), nil, new(wasm.Code).I32Const(int32(n))))
				}
			})}
	}
	return files
}

// A chain of needed libraries is refused at the limit, before more files are read; where the limits
// allow it, ten thousand libraries in a chain load, and unload.
func TestDeepChain(t *testing.T) {
	n := 10000
	if testing.Short() || raceEnabled {
		n = 1000
	}
	files := &watchedFS{FS: chain(t, n)}
	open := func(configure func(c *linker.Config) *linker.Config) (*image, error) {
		i := newImage(t, "main-pie", "threads", func(c *linker.Config) *linker.Config {
			return configure(c.WithFS(files).WithSearchPath("."))
		})
		before := i.l.Snapshot(i.ctx)
		lib, err := i.g.Open(i.ctx, "lib0.wasm")
		if err == nil {
			i.want(int32(n), lib, "last")
			if got := len(i.l.Libraries()); got != n {
				t.Errorf("%d libraries are loaded", got)
			}
			if err := i.g.CloseLibrary(i.ctx, lib); err != nil {
				t.Error(err)
			}
		}
		if after := i.l.Snapshot(i.ctx); !slices.Equal(before, after) {
			t.Errorf("the image has changed:\n%s", difference(before, after))
		}
		return i, err
	}
	refused := func(err error, limit string, most uint64) {
		t.Helper()
		if le := (*linker.LimitError)(nil); !errors.As(err, &le) || le.Limit != limit ||
			le.Max != most || le.Value != most+1 {
			t.Errorf("%v", err)
		}
		if got := files.paths(); uint64(len(got)) > 2*(most+1) {
			t.Errorf("%d times was a file asked for, at most %d modules are allowed", len(got),
				most)
		}
		files.asked = nil
	}
	_, err := open(func(c *linker.Config) *linker.Config { return c })
	refused(err, "depth of needed libraries", linker.DefaultMaxDepth)
	_, err = open(func(c *linker.Config) *linker.Config { return c.WithMaxModules(30) })
	refused(err, "modules", 30)
	if _, err = open(func(c *linker.Config) *linker.Config {
		return c.WithMaxModules(n).WithMaxDepth(n)
	}); err != nil {
		t.Error(err)
	}
}

// A constructor that opens a library whose constructor opens another one, and so on, is stopped at
// the limit.
func TestNestedConstructors(t *testing.T) {
	rt := newRuntime(t)
	var self []byte
	depth, most := 0, 0
	var innermost error
	_, err := rt.NewHostModuleBuilder("env").NewFunctionBuilder().WithFunc(
		func(ctx context.Context) {
			depth++
			most = max(most, depth)
			if _, err := linker.GroupFromContext(ctx).OpenBytes(ctx, fmt.Sprint("nested", depth),
				self); err != nil && innermost == nil {
				innermost = err
			}
			depth--
		}).Export("open_another").Instantiate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	self = library(t, dylink.Info{MemorySize: 16}, func(b *wasm.Builder) {
		open := b.ImportFunc("env", "open_another", b.Type(nil, nil))
		b.ExportFunc("__wasm_call_ctors", b.Func(b.Type(nil, nil), nil, new(wasm.Code).Call(open)))
	})
	for _, limit := range []int{0, 1, 5, linker.DefaultMaxNesting} {
		i := newImageIn(t, rt, "main-pie", "threads",
			func(c *linker.Config) *linker.Config { return c.WithMaxNesting(limit) })
		most, innermost = 0, nil
		if _, err := i.g.OpenBytes(i.ctx, "outermost", self); err != nil {
			t.Fatal(err)
		}
		le := (*linker.LimitError)(nil)
		if !errors.As(innermost, &le) || le.Max != uint64(limit) || most != limit+1 ||
			len(i.l.Libraries()) != limit+1 {
			t.Errorf("limit %d: %d nested calls, %d libraries, %v", limit, most,
				len(i.l.Libraries()), innermost)
		}
	}
}
