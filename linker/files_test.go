package linker_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// oddFile is a file that says and does what it is told to.
type oddFile struct {
	io.Reader
	size int64
}

func (f oddFile) Stat() (fs.FileInfo, error) { return f, nil }
func (f oddFile) Close() error               { return nil }
func (f oddFile) Name() string               { return "libslow.wasm" }
func (f oddFile) Size() int64                { return f.size }
func (f oddFile) Mode() fs.FileMode          { return 0o444 }
func (f oddFile) ModTime() time.Time         { return time.Time{} }
func (f oddFile) IsDir() bool                { return false }
func (f oddFile) Sys() any                   { return nil }

// zeros reads as the same bytes for ever.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

type panicking struct{ v any }

func (p panicking) Read([]byte) (int, error) { panic(p.v) }

type leaving struct{}

func (leaving) Read([]byte) (int, error) { runtime.Goexit(); return 0, nil }

// TestOddFiles: a file that is too large, or has no end, or fails in any way, is an error with the
// name of the file, and costs no more memory than a file may have.
func TestOddFiles(t *testing.T) {
	limit := is(func(e *linker.LimitError) bool {
		return e.Limit == "file of a library (bytes)" && e.Value > e.Max && e.Max == 1<<20
	})
	whole := readFixture(t, "threads/libfnptr.wasm")
	for _, c := range []struct {
		name string
		file oddFile
		want func(error) bool // nil: it loads
	}{
		{"sparse, of 1 TiB", oddFile{zeros{}, 1 << 40}, limit},
		{"endless", oddFile{zeros{}, 10}, limit},
		{"endless, of no size", oddFile{zeros{}, 0}, limit},
		{"as long as it may be", oddFile{bytes.NewReader(padded(whole, 1<<20)), 1 << 20}, nil},
		{"as long, and does not say so", oddFile{bytes.NewReader(padded(whole, 1<<20)), 0}, nil},
		{"a byte longer", oddFile{bytes.NewReader(padded(whole, 1<<20+1)), 1<<20 + 1}, limit},
		{"a byte longer, and does not say so",
			oddFile{bytes.NewReader(padded(whole, 1<<20+1)), 0}, limit},
		{"negative", oddFile{bytes.NewReader(whole), -1 << 63}, nil},
		{"longer than it says", oddFile{bytes.NewReader(whole), 100}, nil},
		{"shorter than it says", oddFile{bytes.NewReader(whole), 1 << 19}, nil},
		{"in small pieces", oddFile{iotestOneByte{bytes.NewReader(whole)}, int64(len(whole))}, nil},
		{"panics", oddFile{panicking{errInjected}, 10}, func(err error) bool {
			var p *linker.PanicError
			return errors.As(err, &p) && errors.Is(err, errInjected)
		}},
		{"ends the goroutine", oddFile{leaving{}, 10},
			is(func(e *linker.PanicError) bool { return e.Value == nil })},
		{"fails", oddFile{io.MultiReader(bytes.NewReader(whole[:100]), failing{}), 10},
			func(err error) bool { return errors.Is(err, errInjected) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			i, rt, files := gatedImage(t,
				func(c *linker.Config) *linker.Config { return c.WithMaxFile(1 << 20) })
			files.file = func() (fs.File, error) { return c.file, nil }
			before := ledger(i, rt.books)
			ctx, cancel := context.WithCancel(i.ctx)
			defer cancel()
			start := allocated()
			lib, err := i.g.Open(ctx, "libslow.wasm")
			if used := allocated() - start; used > 16<<20 {
				t.Errorf("%d MiB were allocated", used>>20)
			}
			if c.want == nil {
				if err != nil {
					t.Fatal(err)
				}
				i.want(6, lib, "fnptr_call", int32(i.symbol(linker.Default, "main_twice")), 3)
				return
			}
			if le := (*linker.LoadError)(nil); lib != nil || !errors.As(err, &le) ||
				le.File != slowFile || !c.want(err) {
				t.Errorf("Open: %v, %v", lib, err)
			}
			if after := ledger(i, rt.books); !slices.Equal(before, after) {
				t.Errorf("the image has changed:\n%s", difference(before, after))
			}
		})
	}
	t.Run("bytes", func(t *testing.T) {
		i := newImage(t, "main-pie", "threads",
			func(c *linker.Config) *linker.Config { return c.WithMaxFile(100) })
		if _, err := i.g.OpenBytes(i.ctx, "long",
			whole); !is(func(e *linker.LimitError) bool {
			return e.Value == uint64(len(whole))
		})(err) {
			t.Errorf("OpenBytes: %v", err)
		}
	})
}

// padded returns a module of a given size: with a custom section without a name at its end.
func padded(module []byte, size int) []byte {
	n := size - len(module) - 6 // without the section's number and size
	long := slices.Clone(module)
	long = append(long, 0, byte(n)|0x80, byte(n>>7)|0x80, byte(n>>14)|0x80, byte(n>>21)|0x80, 0)
	return append(long, make([]byte, n)...)
}

// iotestOneByte reads one byte at a time.
type iotestOneByte struct{ r io.Reader }

func (o iotestOneByte) Read(p []byte) (int, error) { return o.r.Read(p[:min(len(p), 1)]) }

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errInjected }

// allocated is how many bytes the program has allocated so far.
func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// A file system that never answers holds no more than so many goroutines.
func TestAbandonedReadsAreBounded(t *testing.T) {
	i, _, files := gatedImage(t,
		func(c *linker.Config) *linker.Config { return c.WithMaxAbandoned(2) })
	open := files.gate.close()
	defer open()
	for range 3 {
		ctx, cancel := context.WithCancel(i.ctx)
		done := make(chan error, 1)
		go func() { _, err := i.g.Open(ctx, "libslow.wasm"); done <- err }()
		<-files.gate.reached
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	refused := is(func(e *linker.LimitError) bool {
		return e.Limit == "abandoned reads of files" && e.Value == 3 && e.Max == 2
	})
	if _, err := i.g.Open(i.ctx, "libfnptr.wasm"); !refused(err) {
		t.Errorf("with three reads abandoned: %v", err)
	}
	if _, err := i.g.OpenBytes(i.ctx, "bytes",
		library(t, dylink.Info{}, func(*wasm.Builder) {})); err != nil {
		t.Errorf("what is in memory: %v", err)
	}
	open()
	for { // they end when the file system has answered
		_, err := i.g.Open(i.ctx, "libfnptr.wasm")
		if err == nil {
			break
		}
		if !refused(err) && !is(func(e *linker.LimitError) bool { return true })(err) {
			t.Fatal(err)
		}
		runtime.Gosched()
	}
}

// A run-time path of a million folders is refused, and no file is asked for.
func TestManyFolders(t *testing.T) {
	files := &watchedFS{FS: fstest.MapFS{}}
	i := newImage(t, "main-pie", "threads",
		func(c *linker.Config) *linker.Config { return c.WithFS(files).WithMaxFolders(100) })
	open := func(folders int) error {
		info := dylink.Info{Needed: []string{"nosuch.wasm"},
			RuntimePath: []string{strings.Repeat("a:", folders-1) + "a"}}
		_, err := i.g.OpenBytes(i.ctx, "paths", library(t, info, func(*wasm.Builder) {}))
		return err
	}
	if err := open(100); !is(func(e *linker.NotFoundError) bool {
		return len(e.Searched) == 101
	})(err) {
		t.Errorf("100 folders: %v", err)
	}
	asked := len(files.paths())
	limit := is(func(e *linker.LimitError) bool {
		return e.Limit == "folders to search for one library" && e.Max == 100
	})
	for _, n := range []int{101, 1_000_000} {
		if err := open(n); !limit(err) {
			t.Errorf("%d folders: %v", n, err)
		}
	}
	if got := files.paths()[asked:]; len(got) > 0 {
		t.Errorf("files were asked for: %q", got[:1])
	}
}
