package linker_test

import (
	"context"
	"errors"
	"testing"

	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker"
)

// unaryType is the parameters, and the results, of an (i32) -> i32.
var unaryType = []api.ValueType{api.ValueTypeI32}

// entering is every call that goes into a group, or asks who is in it, by its name: with valid
// arguments, so that only the context can be wrong.
func entering(i *image, lib *linker.Library,
	slot uint32) map[string]func(ctx context.Context) error {
	return map[string]func(ctx context.Context) error{
		"Call": func(ctx context.Context) error {
			_, err := i.g.Call(ctx, linker.Default, "main_twice", 3)
			return err
		},
		"CallPointer": func(ctx context.Context) error {
			_, err := i.g.CallPointer(ctx, slot, unaryType, unaryType, 3)
			return err
		},
		"Open": func(ctx context.Context) error {
			_, err := i.g.Open(ctx, "libcounter.wasm")
			return err
		},
		"OpenBytes": func(ctx context.Context) error {
			_, err := i.g.OpenBytes(ctx, "bytes", []byte{})
			return err
		},
		"Symbol": func(ctx context.Context) error {
			_, err := i.g.Symbol(ctx, linker.Default, "main_triple") // it has no pointer yet
			return err
		},
		"CloseLibrary": func(ctx context.Context) error { return i.g.CloseLibrary(ctx, lib) },
		"AllocateClosure": func(ctx context.Context) error {
			_, err := i.g.AllocateClosure(ctx)
			return err
		},
		"SetClosure": func(ctx context.Context) error {
			return i.g.SetClosure(ctx, slot, linker.Default, "main_twice")
		},
		"FreeClosure":  func(ctx context.Context) error { return i.g.FreeClosure(ctx, slot) },
		"Spawn":        func(ctx context.Context) error { _, err := i.g.Spawn(ctx); return err },
		"Safepoint":    func(ctx context.Context) error { return i.g.Safepoint(ctx) },
		"Block":        func(ctx context.Context) error { return i.g.Block(ctx, func() {}) },
		"Close":        func(ctx context.Context) error { return i.g.Close(ctx) },
		"Wait":         func(ctx context.Context) error { return i.l.Wait(ctx) },
		"Linker.Close": func(ctx context.Context) error { return i.l.Close(ctx) },
		"Run":          func(ctx context.Context) error { _, err := i.l.Run(ctx); return err },
	}
}

// refused calls everything with a context that has to be refused, and looks that nothing has
// changed.
func refused(i *image, ctx context.Context, want error) {
	i.Helper()
	lib := i.open("chain_a")
	slot, err := i.g.AllocateClosure(i.ctx)
	if err == nil {
		err = i.g.SetClosure(i.ctx, slot, linker.Default, "main_twice")
	}
	if err != nil {
		i.Fatal(err)
	}
	commits, before := i.l.Commits(), i.l.Snapshot(i.ctx)
	for name, call := range entering(i, lib, slot) {
		if err := call(ctx); !errors.Is(err, want) {
			i.Errorf("%s: %v, want %v", name, err, want)
		}
	}
	if got := i.l.Commits(); got != commits {
		i.Errorf("%d operations have been committed", got-commits)
	}
	if after := i.l.Snapshot(i.ctx); !equalLines(before, after) {
		i.Errorf("before:\n%v\nafter:\n%v", before, after)
	}
}

// A context that a host function keeps is refused when its call has ended: it is not inside the
// operation, nor the group, any more.
func TestKeptContexts(t *testing.T) {
	for _, from := range []string{"__wasm_call_ctors", "start", "host_caller"} {
		t.Run(from, func(t *testing.T) {
			var kept context.Context
			rt := hostCall(t, func(ctx context.Context, g *linker.Group) {
				if kept == nil {
					kept = ctx
				}
			})
			i := newImageIn(t, rt, "main-pie", "threads", nil)
			lib, err := i.g.OpenBytes(i.ctx, "calls", callsHost(t, from))
			if err != nil {
				t.Fatal(err)
			}
			if from == "host_caller" {
				if _, err := i.g.Call(i.ctx, lib, from); err != nil {
					t.Fatal(err)
				}
			}
			i.spawn() // a replay of the start function
			if g := linker.GroupFromContext(kept); g != nil {
				t.Errorf("the context belongs to group %d still", g.ID())
			}
			refused(i, kept, linker.ErrStaleContext)
			if _, err := i.g.Call(linker.WithoutGroup(kept), linker.Default, "main_twice",
				3); err != nil {
				t.Errorf("without the group: %v", err)
			}
		})
	}
}

// The context of a replay, or of a group that was built, is as stale as any other when that is
// over.
func TestKeptContextOfAReplay(t *testing.T) {
	kept := map[*linker.Group]context.Context{}
	rt := hostCall(t, func(ctx context.Context, g *linker.Group) { kept[g] = ctx })
	i := newImageIn(t, rt, "main-pie", "threads", nil)
	other := i.spawn()
	if _, err := i.g.OpenBytes(i.ctx, "starts", callsHost(t, "start")); err != nil {
		t.Fatal(err)
	}
	child := i.spawn()
	for _, g := range []*linker.Group{i.g, other.g, child.g} {
		if kept[g] == nil {
			t.Fatalf("the start function has not run in group %d", g.ID())
		}
		if _, err := g.Call(kept[g], linker.Default, "main_twice", 3); !errors.Is(err,
			linker.ErrStaleContext) {
			t.Errorf("group %d: %v, want ErrStaleContext", g.ID(), err)
		}
	}
}

// A goroutine that a host function starts is refused with the host function's context: two
// goroutines would be inside the group. Without the group it waits its turn.
func TestForeignContexts(t *testing.T) {
	type outcome struct{ err error }
	late := make(chan outcome, 1)
	var i *image
	rt := hostCall(t, func(ctx context.Context, g *linker.Group) {
		done := make(chan struct{})
		go func() {
			defer close(done)
			for name, call := range entering(i, nil, 0) {
				if name == "CloseLibrary" { // it looks at the library first
					continue
				}
				if err := call(ctx); !errors.Is(err, linker.ErrForeignContext) {
					t.Errorf("%s: %v, want ErrForeignContext", name, err)
				}
			}
		}()
		<-done
		go func() { // it waits until the host function's call has left the group
			_, err := g.Call(linker.WithoutGroup(ctx), linker.Default, "main_twice", 3)
			late <- outcome{err}
		}()
	})
	i = newImageIn(t, rt, "main-pie", "threads", nil)
	lib, err := i.g.OpenBytes(i.ctx, "calls", callsHost(t, "host_caller"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := i.g.Call(i.ctx, lib, "host_caller"); err != nil {
		t.Fatal(err)
	}
	if o := <-late; o.err != nil {
		t.Errorf("without the group: %v", o.err)
	}
}

// A context that a host function has kept is that of a later call with the same context. It is not
// that of a call with another context, and it is stale while no call is under way.
func TestKeptContextOfAnotherCall(t *testing.T) {
	var kept context.Context
	var want error
	rt := hostCall(t, func(ctx context.Context, g *linker.Group) {
		if kept == nil {
			kept = ctx
			return
		}
		if _, err := g.Call(kept, linker.Default, "main_twice", 3); !errors.Is(err, want) {
			t.Errorf("the context of an earlier call: %v, want %v", err, want)
		}
		if _, err := g.Call(ctx, linker.Default, "main_twice", 3); err != nil {
			t.Errorf("the context of the call: %v", err)
		}
	})
	i := newImageIn(t, rt, "main-pie", "threads", nil)
	lib, err := i.g.OpenBytes(i.ctx, "calls", callsHost(t, "run"))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		i.want0(lib, "run")
	}
	refused := func(what string) {
		t.Helper()
		if _, err := i.g.Call(kept, linker.Default, "main_twice", 3); !errors.Is(err,
			linker.ErrStaleContext) {
			t.Errorf("%s: %v, want ErrStaleContext", what, err)
		}
	}
	refused("no call is under way")
	done := make(chan struct{})
	go func() { // the goroutine does not matter: it is the one inside
		defer close(done)
		i.want0(lib, "run")
	}()
	<-done
	want = linker.ErrStaleContext
	ctx, cancel := context.WithCancel(i.ctx)
	defer cancel()
	if _, err := i.g.Call(ctx, lib, "run"); err != nil {
		t.Error(err)
	}
	i.want0(lib, "run")
	refused("in the end")
}
