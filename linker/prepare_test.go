package linker_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// barrier is where something stops until it is opened. Its zero value lets everything pass.
type barrier struct {
	mu      sync.Mutex
	shut    chan struct{} // closed when the gate is opened; nil while nothing stops
	reached chan struct{}
}

func newBarrier() *barrier { return &barrier{reached: make(chan struct{}, 100)} }

// close makes what comes stop, and returns what opens the gate.
func (g *barrier) close() (open func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	shut := make(chan struct{})
	g.shut = shut
	return sync.OnceFunc(func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.shut = nil
		close(shut)
	})
}

// pass waits at the gate.
func (g *barrier) pass() {
	g.mu.Lock()
	shut := g.shut
	g.mu.Unlock()
	if shut != nil {
		g.reached <- struct{}{}
		<-shut
	}
}

// gatedRuntime compiles the modules that have a mark when its gate lets it.
type gatedRuntime struct {
	*books
	gate  *barrier
	mu    sync.Mutex
	times int
}

const slowMark = "slow to compile"

// CompileModule implements wazero.Runtime.
func (r *gatedRuntime) CompileModule(ctx context.Context, bytes []byte) (wazero.CompiledModule,
	error) {
	if slices.Contains(customNames(bytes), slowMark) {
		r.mu.Lock()
		r.times++
		r.mu.Unlock()
		r.gate.pass()
	}
	return r.books.CompileModule(ctx, bytes)
}

func (r *gatedRuntime) marked() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.times
}

func customNames(bytes []byte) (names []string) {
	m, err := wasm.Decode(bytes)
	if err != nil {
		return nil
	}
	for _, e := range m.Exports {
		names = append(names, e.Name)
	}
	return names
}

// slowLibrary is one that gatedRuntime compiles slowly. It needs other libraries.
func slowLibrary(t testing.TB, needed ...string) []byte {
	return library(t, dylink.Info{Needed: needed}, func(b *wasm.Builder) {
		b.ExportFunc(slowMark, b.Func(b.Type(nil, nil), nil, nil))
	})
}

// gatedImage is an image in a runtime whose compiler, and with a file system whose files, stop at a
// gate.
func gatedImage(t *testing.T, configure func(*linker.Config) *linker.Config) (*image, *gatedRuntime,
	*gatedFS) {
	rt := &gatedRuntime{books: newBooks(newRuntime(t)), gate: newBarrier()}
	files := &gatedFS{FS: fixtures(), gate: newBarrier()}
	i := newImageIn(t, rt, "main-pie", "threads", func(c *linker.Config) *linker.Config {
		c = c.WithFS(files)
		if configure != nil {
			c = configure(c)
		}
		return c
	})
	return i, rt, files
}

// gatedFS is a file system with one file that stops at a gate.
type gatedFS struct {
	fs.FS
	gate *barrier
	file func() (fs.File, error) // what it is then; nil for one that is not there
}

const slowFile = "threads/libslow.wasm"

// Open implements fs.FS.
func (s *gatedFS) Open(name string) (fs.File, error) {
	if name == slowFile {
		s.gate.pass()
		if s.file != nil {
			return s.file()
		}
	}
	return s.FS.Open(name)
}

// others does one operation of every kind in another group. All have to succeed.
func others(t *testing.T, i *image, open *linker.Library) {
	t.Helper()
	ctx := i.ctx
	slot, err := i.g.AllocateClosure(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := i.g.SetClosure(ctx, slot, linker.Default, "main_twice"); err != nil {
		t.Fatal(err)
	}
	if err := i.g.FreeClosure(ctx, slot); err != nil {
		t.Fatal(err)
	}
	i.want(6, linker.Default, "main_twice", 3)
	i.symbol(open, "counter_next") // a pointer that is not made yet
	again := i.open("counter")
	lib := i.open("other")
	child := i.spawn()
	if err := child.g.Close(ctx); err != nil {
		t.Fatal(err)
	}
	for _, lib := range []*linker.Library{lib, again} {
		if err := i.g.CloseLibrary(ctx, lib); err != nil {
			t.Fatal(err)
		}
	}
}

// While a library is being compiled, or its file read, for as long as that takes, all operations of
// others go on, and guests in the group that opens it delay none.
func TestOthersGoOnWhileOneLoads(t *testing.T) {
	for _, from := range []string{"Go", "a guest"} {
		for _, c := range []struct {
			what string
			gate func(rt *gatedRuntime, f *gatedFS) *barrier
			open func(i *image, ctx context.Context) (*linker.Library, error)
		}{
			{"compiling", func(rt *gatedRuntime, _ *gatedFS) *barrier { return rt.gate },
				func(i *image, ctx context.Context) (*linker.Library, error) {
					return i.g.OpenBytes(ctx, "slow", slowLibrary(t))
				}},
			{"reading", func(_ *gatedRuntime, f *gatedFS) *barrier { return f.gate },
				func(i *image, ctx context.Context) (*linker.Library, error) {
					return i.g.Open(ctx, "libslow.wasm")
				}},
		} {
			t.Run(c.what+" for "+from, func(t *testing.T) {
				var call func(ctx context.Context) error
				host := newInHost(t, func(ctx context.Context) error { return call(ctx) })
				i, rt, files := gatedImage(t, host.config)
				counter := i.open("counter")
				other := i.spawn()
				files.file = func() (fs.File, error) {
					return fixtures().Open("threads/libfnptr.wasm")
				}
				gate := c.gate(rt, files)
				call = func(ctx context.Context) error { _, err := c.open(i, ctx); return err }
				open := gate.close()
				defer open()
				ctx, cancel := context.WithCancel(i.ctx)
				defer cancel()
				done := make(chan error, 1)
				go func() {
					if from == "Go" {
						done <- call(ctx)
					} else {
						done <- host.through(ctx, i)
					}
				}()
				<-gate.reached
				others(t, other, counter)
				open()
				if err := <-done; err != nil {
					t.Errorf("the load itself: %v", err)
				}
			})
		}
	}
}

// inHost is a host function that a guest calls, so that what it does is done inside a group.
type inHost struct {
	testing.TB
	f func(ctx context.Context) error
}

func newInHost(t testing.TB, f func(ctx context.Context) error) *inHost { return &inHost{t, f} }

func (h *inHost) config(c *linker.Config) *linker.Config { return c.WithEnvModule("hostcall") }

// through makes a guest of the first group call the function.
func (h *inHost) through(ctx context.Context, i *image) (err error) {
	_, instantiated := i.rt.NewHostModuleBuilder("hostcall").NewFunctionBuilder().
		WithFunc(func(ctx context.Context) {
			err = h.f(ctx)
		}).Export("call_host").Instantiate(i.ctx)
	if instantiated != nil {
		return instantiated
	}
	lib, failed := i.g.OpenBytes(i.ctx, "caller", library(h, dylink.Info{}, func(b *wasm.Builder) {
		f := b.ImportFunc("env", "call_host", b.Type(nil, nil))
		b.ExportFunc("call_it", b.Func(b.Type(nil, nil), nil, new(wasm.Code).Call(f)))
	}))
	if failed != nil {
		return failed
	}
	_, failed = i.g.Call(ctx, lib, "call_it")
	return errors.Join(err, failed)
}

// The end of its context ends an Open that waits for a file or for the compiler, at once: before
// the file system, or the compiler, has answered. It leaves nothing.
func TestContextEndsLoading(t *testing.T) {
	for _, workers := range []int{1, 2} {
		for _, c := range []struct {
			what string
			gate func(rt *gatedRuntime, f *gatedFS) *barrier
			open func(i *image, ctx context.Context) (*linker.Library, error)
		}{
			{"compiling", func(rt *gatedRuntime, _ *gatedFS) *barrier { return rt.gate },
				func(i *image, ctx context.Context) (*linker.Library, error) {
					return i.g.OpenBytes(ctx, "slow", slowLibrary(t))
				}},
			{"reading", func(_ *gatedRuntime, f *gatedFS) *barrier { return f.gate },
				func(i *image, ctx context.Context) (*linker.Library, error) {
					return i.g.Open(ctx, "libslow.wasm")
				}},
		} {
			t.Run(fmt.Sprintf("%s, %d workers", c.what, workers), func(t *testing.T) {
				i, rt, files := gatedImage(t,
					func(c *linker.Config) *linker.Config {
						return c.WithCompilers(1, workers).WithCodeCache(0)
					})
				i.spawn()
				before := ledger(i, rt.books)
				gate := c.gate(rt, files)
				open := gate.close()
				defer open()
				ctx, cancel := context.WithCancel(i.ctx)
				done := make(chan error, 1)
				go func() { _, err := c.open(i, ctx); done <- err }()
				<-gate.reached
				cancel()
				err := <-done // while the gate is closed
				if le := (*linker.LoadError)(nil); !errors.Is(err, context.Canceled) ||
					!errors.As(err, &le) {
					t.Errorf("Open: %v", err)
				}
				open()
				if after := ledger(i, rt.books); !slices.Equal(before, after) {
					t.Errorf("the image has changed:\n%s", difference(before, after))
				}
			})
		}
	}
}

// What was compiled for an Open that has ended meanwhile is not lost: the next one finds it.
func TestAbandonedCodeIsUsed(t *testing.T) {
	i, rt, _ := gatedImage(t,
		func(c *linker.Config) *linker.Config { return c.WithCompilers(1, 1) })
	open := rt.gate.close()
	ctx, cancel := context.WithCancel(i.ctx)
	done := make(chan error, 1)
	go func() { _, err := i.g.OpenBytes(ctx, "slow", slowLibrary(t)); done <- err }()
	<-rt.gate.reached
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	open()
	if _, err := i.g.OpenBytes(i.ctx, "slow", slowLibrary(t)); err != nil {
		t.Fatal(err)
	}
	if n := rt.marked(); n != 1 {
		t.Errorf("it was compiled %d times", n)
	}
}

// Groups that open the same library at once compile it once.
func TestCompiledOnce(t *testing.T) {
	i, rt, _ := gatedImage(t, nil)
	open := rt.gate.close()
	const n = 4
	groups := []*image{i, i.spawn(), i.spawn(), i.spawn()}
	done := make(chan error, n)
	ctx, cancel := context.WithCancel(i.ctx)
	defer cancel()
	for k, g := range groups {
		go func() {
			_, err := g.g.OpenBytes(ctx, fmt.Sprint("slow", k%2),
				slowLibrary(t))
			done <- err
		}()
	}
	<-rt.gate.reached
	open()
	for range n {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if n := rt.marked(); n != 1 {
		t.Errorf("it was compiled %d times", n)
	}
	if libs := i.l.Libraries(); len(libs) != 2 {
		t.Errorf("libraries: %v", libs)
	}
}

// A library that was loaded when another one that needs it was prepared, and is closed before that
// one is loaded, is loaded again.
func TestStalePreparation(t *testing.T) {
	i, rt, _ := gatedImage(t, nil)
	other := i.spawn()
	counter := other.open("counter")
	open := rt.gate.close()
	done := make(chan error, 1)
	ctx, cancel := context.WithCancel(i.ctx)
	defer cancel()
	go func() {
		_, err := i.g.OpenBytes(ctx, "slow", slowLibrary(t, "libcounter.wasm"))
		done <- err
	}()
	<-rt.gate.reached
	if err := other.g.CloseLibrary(i.ctx, counter); err != nil {
		t.Fatal(err)
	}
	if libs := i.l.Libraries(); len(libs) != 0 {
		t.Fatalf("libraries: %v", libs)
	}
	open()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if libs := i.l.Libraries(); !slices.Equal(libs, []string{"slow", "libcounter.wasm"}) {
		t.Errorf("libraries: %v", libs)
	}
}
