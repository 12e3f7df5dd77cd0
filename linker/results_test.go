package linker_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/coord"
	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// An error has no results: whatever fails, wherever, hands nothing out. What a failed call returned
// could be anything soon after, a pointer of another function for instance.

// Failures at every point, in the leader and in a follower, and contexts that end there.
func TestErrorsHaveNoResults(t *testing.T) {
	m := &meddler{}
	for _, f := range fallibles(t, m) {
		t.Run(f.name, func(t *testing.T) {
			i := newImage(t, "main-pie", "threads", m.config)
			leader := i.spawn()
			failed := 0
			for _, how := range []string{"error", "cancel"} {
				for at, done := 0, false; !done; at++ {
					ctx, cancel := context.WithCancel(i.ctx)
					var o returned
					reached := false
					_ = m.during(at, func(visit) error {
						reached = true
						cancel()
						if how == "error" {
							return errInjected
						}
						return nil
					}, func() error { o = f.call(ctx, leader); return nil })
					cancel()
					if done = !reached; done && f.name == "Run" {
						break // it has no points, and would end the image
					}
					o.check(t, fmt.Sprintf("%s at visit %d", how, at))
					if o.err() == nil {
						if err := f.undo(leader, o); err != nil {
							t.Fatal(err)
						}
						continue
					}
					failed++
				}
			}
			t.Logf("%d failures", failed)
			ctx, cancel := context.WithCancel(i.ctx)
			cancel()
			f.check(t, "with a context that has ended", ctx, leader)
			if err := leader.g.Close(i.ctx); err != nil {
				t.Fatal(err)
			}
			f.check(t, "in a closed group", i.ctx, leader)
			// without an operation
			o := results(leader.g.Symbol(i.ctx, linker.Default, "main_value"))
			if o.check(t, "Symbol in a closed group"); o.err() == nil {
				t.Errorf("Symbol in a closed group: %v", o)
			}
			if err := i.l.Close(i.ctx); err != nil {
				t.Fatal(err)
			}
			f.check(t, "in a closed image", i.ctx, leader)
		})
	}
}

func (f fallible) check(t testing.TB, what string, ctx context.Context, i *image) {
	t.Helper()
	o := f.call(ctx, i)
	o.check(t, f.name+" "+what)
	if o.err() == nil {
		if err := f.undo(i, o); err != nil {
			t.Errorf("%s %s: %v", f.name, what, err)
		}
	}
}

// waitingLeader has a group that does not come to a safepoint, so that an operation of another one
// is published and waits; then the context of that ends, and it is taken back.
type waitingLeader struct {
	dlfcn
	name   int32 // of a function, in the guest's memory
	stop   func()
	cancel context.CancelFunc // called as soon as the next operation is published
}

func newWaitingLeader(t *testing.T) *waitingLeader {
	inside, goOn := make(chan struct{}), make(chan struct{})
	rt := hostCall(t, func(context.Context, *linker.Group) {
		close(inside)
		<-goOn
	})
	w := &waitingLeader{}
	w.image = newImageIn(t, rt, "main-pie", "threads", func(c *linker.Config) *linker.Config {
		return c.WithObserver(func(e coord.Event) {
			if e.Step.Action == protocol.ActPublish && w.cancel != nil {
				w.cancel()
			}
		})
	})
	w.lib, w.name = w.open("dlfcn"), w.cString("main_triple")
	w.want(0, w.lib, "dlfcn_error")
	other, busy := w.spawn(), w.openBytes("busy", callsHost(t, "busy"))
	done := make(chan error)
	go func() {
		_, err := other.g.Call(w.ctx, busy, "busy")
		done <- err
	}()
	<-inside
	w.stop = func() {
		w.cancel = nil
		close(goOn)
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	return w
}

// cancelled runs f with a context that ends when an operation is published.
func (w *waitingLeader) cancelled(f func(ctx context.Context) returned) returned {
	ctx, cancel := context.WithCancel(w.ctx)
	defer cancel()
	w.cancel = cancel
	return f(ctx)
}

// What was cancelled while it waited for another group is taken back, and neither Go nor the guest
// gets a pointer.
func TestCancelledHasNoResults(t *testing.T) {
	w := newWaitingLeader(t)
	defer w.stop()
	for _, f := range []struct {
		name string
		call func(ctx context.Context) returned
	}{
		{"Symbol", func(ctx context.Context) returned {
			return results(w.g.Symbol(ctx, linker.Default, "main_triple"))
		}},
		{"AllocateClosure", func(ctx context.Context) returned {
			return results(w.g.AllocateClosure(ctx))
		}},
		{"Open", func(ctx context.Context) returned {
			return results(w.g.Open(ctx, "libcounter.wasm"))
		}},
	} {
		o := w.cancelled(f.call)
		if !errors.Is(o.err(), context.Canceled) {
			t.Errorf("%s: %v", f.name, o)
		}
		o.check(t, f.name)
	}
	o := w.cancelled(func(ctx context.Context) returned {
		return results(w.g.Call(ctx, w.lib, "dlfcn_symbol", 0, uint64(w.name)))
	})
	if r, _ := o[0].([]uint64); o.err() != nil || r[0] != 0 {
		t.Errorf("dlsym: %v", o)
	}
	w.wantError("context canceled")
}

// A guest that asks gets null, and dlerror says why; functions of WASIX leave the place for the
// result alone.
func TestGuestErrorsHaveNoResults(t *testing.T) {
	const untouched = 0x5eed
	m := &meddler{}
	i := newImage(t, "main-pie", "threads", m.config)
	leader := i.spawn()
	d := dlfcn{leader, i.open("dlfcn")}
	wasix := i.openBytes("wasix", wasixCall(t))
	text, out := i.call(linker.Default, "malloc", 64), i.call(linker.Default, "malloc", 4)
	name, another, path := i.cString("main_triple"), i.cString("log_clear"),
		i.cString("libcounter.wasm")
	for _, f := range []struct {
		name  string
		wasix bool
		call  func() (int32, error)
	}{
		{"dlopen", false, func() (int32, error) {
			return d.try(d.lib, "dlfcn_open", path, rtldNow)
		}},
		{"dlsym", false, func() (int32, error) {
			return d.try(d.lib, "dlfcn_symbol", 0, name)
		}},
		{"WASIX dlopen", true, func() (int32, error) {
			return d.try(wasix, "call_dlopen", path, 15, 2, text, 64, 0, 0, out)
		}},
		{"WASIX dlsym", true, func() (int32, error) {
			return d.try(wasix, "call_dlsym", 0, another, 9, text, 64, out)
		}},
		{"WASIX closure", true, func() (int32, error) {
			return d.try(wasix, "call_closure_allocate", out)
		}},
	} {
		failed := 0
		for at, reached := 0, true; reached; at++ {
			reached = false
			i.call(linker.Default, "poke32", out, untouched)
			var r int32
			err := m.during(at, func(v visit) error {
				reached = true
				return errInjected
			}, func() (err error) { r, err = f.call(); return err })
			if err != nil {
				t.Fatal(err)
			}
			stored, why := i.call(linker.Default, "peek32", out), d.lastError()
			switch {
			case !reached && strings.HasSuffix(f.name, "dlopen"):
				handle := r
				if f.wasix {
					handle = stored
				}
				d.want(0, d.lib, "dlfcn_close", handle)
			case !reached:
			case f.wasix && (r == 0 || stored != untouched):
				t.Errorf("%s, failing at %v: %d, and %#x is stored", f.name, m.visits, r, stored)
			case !f.wasix && (r != 0 || why == ""):
				t.Errorf("%s, failing at %v: %#x, because of %q", f.name, m.visits, r, why)
			default:
				failed++
			}
		}
		if failed < 2 {
			t.Errorf("%s failed %d times only", f.name, failed)
		}
	}
}

// config has the hook called.
func (m *meddler) config(c *linker.Config) *linker.Config { return c.WithHook(m.hook) }
