package linker_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/coord"
	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// A handle is closed for those who see the operation that closes it, and for no others: not while
// that is replayed, and not at all if it fails.
func TestClosingIsSeenWhenCommitted(t *testing.T) {
	refused := errors.New("on purpose")
	for _, fails := range []bool{false, true} {
		var during func() error
		i := newImage(t, "main-pie", "threads", func(c *linker.Config) *linker.Config {
			return c.WithHook(func(_ context.Context, _ *linker.Group, point string) error {
				if during == nil || point != linker.Points.Replay {
					return nil
				}
				return during()
			})
		})
		i.spawn()
		lib := i.open("counter")
		i.symbol(lib, "counter_next")
		// Nothing that such a call needs can make it wait: it has a pointer already.
		ended, cancel := context.WithCancel(i.ctx)
		cancel()
		look := func() (uint64, error) {
			var r linker.Receipt
			_, err := i.g.Symbol(linker.WithReceipt(ended, &r), lib, "counter_next")
			return r.Read, err
		}
		looks, before := 0, i.l.Commits()
		during = func() error {
			looks++
			if n, err := look(); err != nil || n != before {
				t.Errorf("a look during the operation: at number %d, %v; want %d", n, err, before)
			}
			if fails {
				return refused
			}
			return nil
		}
		err := i.g.CloseLibrary(i.ctx, lib)
		during = nil
		if looks != 1 || errors.Is(err, refused) != fails {
			t.Errorf("%d looks, %v", looks, err)
		}
		if _, err := look(); (err == nil) != fails {
			t.Errorf("a look after the operation: %v", err)
		}
		if err := i.g.CloseLibrary(i.ctx, lib); errors.Is(err, linker.ErrLibraryClosed) == fails {
			t.Errorf("closing it again: %v", err)
		}
	}
}

// SetClosure looks its function up when it has the lease: what it found before may not be the first
// definition any more.
func TestSetClosureLooksAgain(t *testing.T) {
	closing, goOn := make(chan struct{}), make(chan struct{})
	armed := false
	asked := make(chan int, 64)
	i := newImage(t, "main-pie", "threads", func(c *linker.Config) *linker.Config {
		return c.WithHook(func(_ context.Context, _ *linker.Group, point string) error {
			if armed && point == linker.Points.Unload {
				armed = false
				close(closing)
				<-goOn
			}
			return nil
		}).WithObserver(func(e coord.Event) {
			if e.Step.Action == protocol.ActRequestLease {
				asked <- int(e.Step.Group)
			}
		})
	})
	first := i.open("scope_one")
	i.open("scope_two")
	other := i.spawn()
	slot, err := i.g.AllocateClosure(i.ctx)
	if err != nil {
		t.Fatal(err)
	}
	armed = true
	closed := make(chan error)
	go func() { closed <- other.g.CloseLibrary(i.ctx, first) }()
	<-closing // it has the lease
	for len(asked) > 0 {
		<-asked
	}
	set := make(chan error)
	go func() { set <- i.g.SetClosure(i.ctx, slot, linker.Default, "scope_which") }()
	<-asked // it has found the first library's function, and waits
	close(goOn)
	if err := errors.Join(<-closed, <-set); err != nil {
		t.Fatal(err)
	}
	one := []api.ValueType{api.ValueTypeI32}
	if got, err := i.g.CallPointer(i.ctx, slot, one, one, 5); err != nil || got[0] != 200005 {
		t.Errorf("the closure returns %v, %v; want 200005", got, err)
	}
}

// The receipt of a closing that comes too late says which operation it has seen.
func TestClosedHandleHasAReceipt(t *testing.T) {
	i := newImage(t, "main-pie", "threads", nil)
	lib := i.open("counter")
	if err := i.g.CloseLibrary(i.ctx, lib); err != nil {
		t.Fatal(err)
	}
	i.open("other")
	var r linker.Receipt
	err := i.g.CloseLibrary(linker.WithReceipt(i.ctx, &r), lib)
	if want := i.l.Commits(); !errors.Is(err, linker.ErrLibraryClosed) || !r.Known ||
		r.Read != want {
		t.Errorf("%v, receipt %+v, want number %d", err, r, want)
	}
}

// A constructor that has closed a handle finds nothing through it, although others still do: the
// operation is not committed yet.
func TestConstructorClosesItsHandle(t *testing.T) {
	var i *image
	var counter *linker.Library
	rt := hostCall(t, func(ctx context.Context, g *linker.Group) {
		if err := g.CloseLibrary(ctx, counter); err != nil {
			t.Errorf("closing: %v", err)
		}
		if sym, err := g.Symbol(ctx, counter, "counter_next"); !errors.Is(err,
			linker.ErrLibraryClosed) {
			t.Errorf("the constructor finds %+v, %v", sym, err)
		}
		if err := g.CloseLibrary(ctx, counter); !errors.Is(err, linker.ErrLibraryClosed) {
			t.Errorf("closing it again: %v", err)
		}
		if _, err := g.Symbol(i.ctx, counter, "counter_next"); err != nil {
			t.Errorf("others find nothing: %v", err)
		}
	})
	i = newImageIn(t, rt, "main-pie", "threads", nil)
	counter = i.open("counter")
	i.open("counter") // it stays
	i.symbol(counter, "counter_next")
	if _, err := i.g.OpenBytes(i.ctx, "closes", callsHost(t, "__wasm_call_ctors")); err != nil {
		t.Fatal(err)
	}
	if _, err := i.g.Symbol(i.ctx, counter, "counter_next"); !errors.Is(err,
		linker.ErrLibraryClosed) {
		t.Errorf("a look after the operation: %v", err)
	}
}

// A context that ends when destructors have run does not make the closing fail: the handle is given
// up, and the next closing does the rest.
func TestContextEndsAfterDestructors(t *testing.T) {
	var ended func() error
	i := newImage(t, "main-pie", "threads", func(c *linker.Config) *linker.Config {
		return c.WithHook(func(_ context.Context, _ *linker.Group, point string) error {
			if ended == nil || point != linker.Points.Unload {
				return nil
			}
			return ended()
		})
	})
	counter, lib := i.open("counter"), i.open("dtor")
	ctx, cancel := context.WithCancel(i.ctx)
	steps := 0
	ended = func() error {
		if steps++; steps < 2 {
			return nil
		}
		cancel()
		return ctx.Err()
	}
	if err := i.g.CloseLibrary(ctx, lib); err != nil {
		t.Errorf("the handle is given up, and the error is %v", err)
	}
	ended = nil
	if steps != 2 {
		t.Fatalf("%d steps, want 2", steps)
	}
	if err := i.g.CloseLibrary(i.ctx, lib); !errors.Is(err, linker.ErrLibraryClosed) {
		t.Errorf("closing it again: %v", err)
	}
	if libs := i.l.Libraries(); slices.Contains(libs, "libdtor.wasm") {
		t.Errorf("libraries %v", libs)
	}
	if err := i.g.CloseLibrary(i.ctx, counter); err != nil {
		t.Fatal(err)
	}
	if libs := i.l.Libraries(); len(libs) != 0 {
		t.Errorf("libraries %v, want none", libs)
	}
}
