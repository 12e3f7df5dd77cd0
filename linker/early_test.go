package linker_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// A constructor that starts a thread and waits until it is up.
func TestConstructorWaitsForThread(t *testing.T) {
	i := newImage(t, "main-pthread", "threads", nil)
	i.spawn()
	before := i.l.Snapshot(i.ctx)
	for range 3 {
		word := int32(i.symbol(linker.Default, "main_value"))
		i.call(linker.Default, "poke32", word, workerStartAndWait)
		var lib *linker.Library
		watchdog(t, "Open", func() { lib = i.open("worker") })
		i.wantLog(0)
		watchdog(t, "pthread_join", func() { i.want(7, lib, "worker_join") })
		i.wait()
		i.closeLibrary(lib)
	}
	if after := i.l.Snapshot(i.ctx); !slices.Equal(before, after) {
		t.Errorf("the image has changed:\n%s", difference(before, after))
	}
}

// waiter is an image with a library whose constructor calls env.host_call, says so in a word of the
// memory, waits until the word changes, and then traps if it is to.
type waiter struct {
	*image
	atHost func(ctx context.Context, g *linker.Group)
	word   uint32
}

const waiting = 100 // in the word

func newWaiter(t *testing.T, configure func(*linker.Config) *linker.Config) *waiter {
	w := &waiter{}
	rt := hostCall(t, func(ctx context.Context, g *linker.Group) {
		if f := w.atHost; f != nil {
			w.atHost = nil
			f(ctx, g)
		}
	})
	w.image = newImageIn(t, rt, "main-pie", "threads", configure)
	w.word = w.symbol(linker.Default, "main_value")
	return w
}

func (w *waiter) library(traps bool) []byte {
	const notify, wait32, store = 0, 1, 0x17
	return library(w, dylink.Info{}, func(b *wasm.Builder) {
		host := b.ImportFunc("env", "host_call", b.Type(nil, nil))
		limits := wasm.Limits{Max: wasm.MaxPages, HasMax: true}
		b.ImportMemory("env", "memory", wasm.MemoryType{Limits: limits, Shared: true})
		at := int32(w.word)
		code := new(wasm.Code).Call(host).
			I32Const(at).I32Const(waiting).Raw(0xfe, store, 2, 0).
			I32Const(at).I32Const(-1).Raw(0xfe, notify, 2, 0).Drop().
			I32Const(at).I32Const(waiting).I64Const(-1).Raw(0xfe, wait32, 2, 0).Drop()
		if traps {
			code.Unreachable()
		}
		b.ExportFunc(wasm.CallCtors, b.Func(b.Type(nil, nil), nil, code))
		b.ExportFunc("there", b.Func(b.Type(nil, i32), nil, new(wasm.Code).I32Const(7)))
	})
}

// start begins to open the library.
func (w *waiter) start(ctx context.Context, traps bool) <-chan error {
	bytes, opened := w.library(traps), make(chan error, 1)
	go func() {
		lib, err := w.g.OpenBytes(ctx, "waits", bytes)
		if err == nil {
			var r []uint64
			if r, err = w.g.Call(ctx, lib, "there"); err == nil && r[0] != 7 {
				err = errors.New("another function was called")
			}
			err = errors.Join(err, w.g.CloseLibrary(ctx, lib))
		}
		opened <- err
	}()
	return opened
}

// goOn lets the constructor go on.
func (w *waiter) goOn() {
	w.untilWaiting(1)
	b, _ := w.l.Memory().Read(w.word, 4)
	b[0] = 0
	w.l.Notify(w.word, 1)
}

// A constructor waits for another thread, without a deadline, and that thread needs the linker: the
// load has the locks, and gives way, whether the thread has come first or comes later.
func TestConstructorWaitsForOthers(t *testing.T) {
	for name, request := range map[string]func(i *image) error{
		"which opens a library": func(i *image) error {
			_, err := i.g.Open(i.ctx, "libcounter.wasm")
			return err
		},
		"which looks a function up": func(i *image) error {
			_, err := i.g.Symbol(i.ctx, linker.Default, "main_triple")
			return err
		},
		"which spawns": func(i *image) error {
			_, err := i.g.Spawn(i.ctx)
			return err
		},
		"which takes a closure": func(i *image) error {
			_, err := i.g.AllocateClosure(i.ctx)
			return err
		},
		"which ends": func(i *image) error { return i.g.Close(i.ctx) },
	} {
		for order, first := range map[string]bool{"later": false, "before": true} {
			t.Run(name+" "+order, func(t *testing.T) {
				w := newWaiter(t, nil)
				other := w.spawn()
				requested := make(chan error, 1)
				ask := func() { requested <- request(other) }
				if first {
					w.atHost = func(_ context.Context, g *linker.Group) {
						go ask()
						await(g.Wanted)
					}
				}
				opened := w.start(w.ctx, false)
				if w.untilWaiting(1); !first {
					go ask()
				}
				watchdog(t, "the request", func() {
					if err := <-requested; err != nil {
						t.Error(err)
					}
				})
				w.goOn()
				watchdog(t, "Open", func() {
					if err := <-opened; err != nil {
						t.Error(err)
					}
				})
			})
		}
	}
}

// A constructor whose wait delays no other group holds its load back, as ever: nothing is visible.
func TestConstructorWaitsUnseen(t *testing.T) {
	w := newWaiter(t, nil)
	w.spawn()
	opened := w.start(w.ctx, true)
	w.untilWaiting(1)
	if libs, n := w.l.Libraries(), w.l.Commits(); len(libs) > 0 || n > 0 {
		t.Errorf("libraries %v after %d operations", libs, n)
	}
	w.goOn()
	if err := <-opened; err == nil || len(w.l.Libraries()) > 0 {
		t.Errorf("error %v, libraries %v", err, w.l.Libraries())
	}
}

// A constructor that traps after its load has given way: the library goes, unless another has
// opened it.
func TestConstructorTrapsAfterItGaveWay(t *testing.T) {
	w := newWaiter(t, nil)
	other := w.spawn()
	before := w.l.Snapshot(w.ctx)
	opened := w.start(w.ctx, true)
	w.untilWaiting(1)
	watchdog(t, "another Open", func() { other.closeLibrary(other.open("counter")) })
	if got := w.l.Libraries(); !slices.Equal(got, []string{"waits"}) {
		t.Errorf("libraries: %v", got)
	}
	w.goOn()
	if err := <-opened; err == nil {
		t.Error("the constructor trapped, and Open succeeded")
	}
	if after := w.l.Snapshot(w.ctx); !slices.Equal(before, after) {
		t.Fatalf("the image has changed:\n%s", difference(before, after))
	}
	opened = w.start(w.ctx, true)
	w.untilWaiting(1)
	var lib *linker.Library
	watchdog(t, "Open of the same", func() { lib = other.openBytes("waits", w.library(true)) })
	w.goOn()
	if err := <-opened; err == nil {
		t.Error("the constructor trapped, and Open succeeded")
	}
	other.want(7, lib, "there")
	other.closeLibrary(lib)
	if after := w.l.Snapshot(w.ctx); !slices.Equal(before, after) {
		t.Errorf("the image has changed:\n%s", difference(before, after))
	}
}

// When another group cannot follow a load that gives way, its constructor does not go on.
func TestGivingWayFails(t *testing.T) {
	var fails atomic.Bool
	failed := errors.New("it cannot follow")
	w := newWaiter(t, func(c *linker.Config) *linker.Config {
		return c.WithHook(func(_ context.Context, _ *linker.Group, point string) error {
			if point == linker.Points.Replay && fails.Load() {
				return failed
			}
			return nil
		})
	})
	other := w.spawn()
	before := w.l.Details(w.ctx)
	fails.Store(true)
	w.atHost = func(_ context.Context, g *linker.Group) {
		go func() { _, _ = other.g.Symbol(w.ctx, linker.Default, "main_triple") }()
		await(g.Wanted)
	}
	watchdog(t, "Open", func() {
		if err := <-w.start(w.ctx, false); !errors.Is(err, failed) {
			t.Error(err)
		}
	})
	fails.Store(false)
	if w.symbol(linker.Default, "main_triple") == 0 || w.l.Err() != nil {
		t.Error(w.l.Err())
	}
	if after := w.l.Details(w.ctx); len(w.l.Libraries()) > 0 || len(after) < len(before) {
		t.Errorf("libraries %v\n%s", w.l.Libraries(), difference(before, after))
	}
}

// A constructor opens a library whose constructor gives way and then traps; the first one goes on.
func TestNestedLoadGivesWay(t *testing.T) {
	w := newWaiter(t, nil)
	other := w.spawn()
	w.atHost = func(ctx context.Context, g *linker.Group) {
		if _, err := g.OpenBytes(ctx, "inner", w.library(true)); err == nil {
			t.Error("the inner constructor trapped, and Open succeeded")
		}
		if got := w.l.Libraries(); slices.Contains(got, "inner") || !slices.Contains(got, "waits") {
			t.Errorf("libraries: %v", got)
		}
	}
	opened := w.start(w.ctx, false)
	w.untilWaiting(1) // the inner one
	watchdog(t, "another Open", func() { other.open("counter") })
	w.goOn()
	w.goOn()
	watchdog(t, "Open", func() {
		if err := <-opened; err != nil {
			t.Error(err)
		}
	})
}

// The context, and the end of the image, end a constructor that has given way.
func TestConstructorThatGaveWayEnds(t *testing.T) {
	for name, end := range map[string]func(w *waiter, cancel func()) error{
		"by its context": func(_ *waiter, cancel func()) error {
			cancel()
			return context.Canceled
		},
		"by the linker's end": func(w *waiter, _ func()) error {
			go func() { _ = w.l.Close(w.ctx) }()
			return linker.ErrClosed
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWaiter(t, nil)
			other := w.spawn()
			ctx, cancel := context.WithCancel(w.ctx)
			defer cancel()
			opened := w.start(ctx, false)
			w.untilWaiting(1)
			watchdog(t, "another Open", func() { other.open("counter") })
			want := end(w, cancel)
			watchdog(t, "Open", func() {
				if err := <-opened; !errors.Is(err, want) {
					t.Errorf("%v, want %v", err, want)
				}
			})
			if want == context.Canceled {
				if got := w.l.Libraries(); !slices.Equal(got, []string{"libcounter.wasm"}) {
					t.Errorf("libraries: %v", got)
				}
			}
		})
	}
}

// A constructor that waits for its thread with sched_yield, and not in an atomic wait.
func TestConstructorYieldsToThread(t *testing.T) {
	i := newImage(t, "main-pie", "threads", nil)
	i.spawn()
	word := int32(i.symbol(linker.Default, "main_value"))
	const load, store = 0x10, 0x17
	yields := library(t, dylink.Info{}, func(b *wasm.Builder) {
		spawn := b.ImportFunc("wasi", "thread-spawn", b.Type(i32, i32))
		yield := b.ImportFunc("wasi_snapshot_preview1", "sched_yield", b.Type(nil, i32))
		limits := wasm.Limits{Max: wasm.MaxPages, HasMax: true}
		b.ImportMemory("env", "memory", wasm.MemoryType{Limits: limits, Shared: true})
		two := []wasm.ValType{wasm.I32, wasm.I32}
		b.ExportFunc("wasi_thread_start", b.Func(b.Type(two, nil), nil,
			new(wasm.Code).I32Const(word).I32Const(1).Raw(0xfe, store, 2, 0)))
		code := new(wasm.Code).I32Const(word).I32Const(0).Raw(0xfe, store, 2, 0).
			I32Const(0).Call(spawn).Drop().
			Loop().Call(yield).Drop().I32Const(word).Raw(0xfe, load, 2, 0).I32Eqz().BrIf(0).End()
		b.ExportFunc(wasm.CallCtors, b.Func(b.Type(nil, nil), nil, code))
	})
	watchdog(t, "Open", func() { i.closeLibrary(i.openBytes("yields", yields)) })
	i.wait()
}
