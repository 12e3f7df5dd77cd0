package linker_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/sys"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// hostCall makes a runtime whose host function env.host_call calls f.
func hostCall(t testing.TB, f func(ctx context.Context, g *linker.Group)) wazero.Runtime {
	t.Helper()
	rt := newRuntime(t)
	_, err := rt.NewHostModuleBuilder("env").NewFunctionBuilder().
		WithGoModuleFunction(api.GoModuleFunc(func(ctx context.Context, _ api.Module, _ []uint64) {
			f(ctx, linker.GroupFromContext(ctx))
		}), nil, nil).Export("host_call").Instantiate(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return rt
}

// callsHost is a library that calls env.host_call: from its constructor, its start function or an
// exported one.
func callsHost(t testing.TB, from string) []byte {
	return library(t, dylink.Info{MemorySize: 16}, func(b *wasm.Builder) {
		host := b.ImportFunc("env", "host_call", b.Type(nil, nil))
		f := b.Func(b.Type(nil, nil), nil, new(wasm.Code).Call(host))
		if from == "start" {
			b.Start(f)
		} else {
			b.ExportFunc(from, f)
		}
	})
}

// A constructor may load libraries and look symbols up: that is a part of the operation it runs in.
func TestConstructorOpens(t *testing.T) {
	var failure error
	var pointer uint32
	fail := func(err error) { failure = errors.Join(failure, err) }
	rt := hostCall(t, func(ctx context.Context, g *linker.Group) {
		lib, err := g.Open(ctx, "libfnptr.wasm")
		if err != nil {
			fail(err)
			return
		}
		sym, err := g.Symbol(ctx, lib, "fnptr_unreferenced")
		fail(err)
		pointer = sym.Pointer
		_, err = g.Call(ctx, lib, "fnptr_call", uint64(pointer), 5)
		fail(err)
		_, spawn := g.Spawn(ctx)
		_, alloc := g.AllocateClosure(ctx)
		fail(alloc)
		again, err := g.Open(ctx, "libfnptr.wasm")
		fail(err)
		fail(g.CloseLibrary(ctx, again))
		if err := g.CloseLibrary(ctx, again); !errors.Is(err, linker.ErrLibraryClosed) {
			fail(errors.Join(errors.New("closed twice"), err))
		}
		for _, err := range []error{spawn, g.Close(ctx), g.Linker().Close(ctx)} {
			if !errors.Is(err, linker.ErrInOperation) {
				fail(errors.Join(errors.New("in a constructor"), err))
			}
		}
	})
	i := newImageIn(t, rt, "main-pie", "threads", nil)
	other := i.spawn()
	if _, err := i.g.OpenBytes(i.ctx, "opens", callsHost(t, "__wasm_call_ctors")); err != nil {
		t.Fatal(err)
	}
	if failure != nil {
		t.Fatal(failure)
	}
	want := []string{"opens", "libfnptr.wasm", "libother.wasm"}
	if got := i.l.Libraries(); !slices.Equal(got, want) {
		t.Errorf("libraries: %v, want %v", got, want)
	}
	for _, g := range []*image{i, other} {
		if got := g.unary(pointer, 1); got != 4 {
			t.Errorf("*fnptr_unreferenced(1) = %d", got)
		}
	}
	if i.l.Commits() != 1 {
		t.Errorf("%d operations", i.l.Commits())
	}
}

// When a constructor fails after it has loaded a library, both are gone; one that was there already
// is not opened once more.
func TestConstructorOpensAndFails(t *testing.T) {
	rt := hostCall(t, func(ctx context.Context, g *linker.Group) {
		for _, name := range []string{"libdata.wasm", "libcounter.wasm"} {
			if _, err := g.Open(ctx, name); err != nil {
				panic(err)
			}
		}
		panic(errors.New("after all"))
	})
	i := newImageIn(t, rt, "main-pie", "threads", nil)
	i.spawn()
	i.open("counter")
	before := i.l.Snapshot(i.ctx)
	_, err := i.g.OpenBytes(i.ctx, "fails", callsHost(t, "__wasm_call_ctors"))
	if err == nil || !strings.Contains(err.Error(), "after all") {
		t.Errorf("error: %v", err)
	}
	if after := i.l.Snapshot(i.ctx); !slices.Equal(before, after) {
		t.Errorf("the image has changed:\n%s", difference(before, after))
	}
	i.want(42, i.open("data"), "data_read_value")
}

// A replay that calls back into the linker gets an error, and the operation fails as a whole.
func TestReplayCallsBack(t *testing.T) {
	var calls []error
	rt := hostCall(t, func(ctx context.Context, g *linker.Group) {
		_, err := g.Open(ctx, "libcounter.wasm")
		calls = append(calls, err)
		if err != nil {
			panic(err)
		}
	})
	i := newImageIn(t, rt, "main-pie", "threads", nil)
	i.spawn()
	before := i.l.Snapshot(i.ctx)
	if _, err := i.g.OpenBytes(i.ctx, "starts", callsHost(t, "start")); !errors.Is(err,
		linker.ErrReplay) {
		t.Errorf("error: %v", err)
	}
	if len(calls) != 2 || calls[0] != nil || !errors.Is(calls[1], linker.ErrReplay) {
		t.Errorf("calls: %v", calls)
	}
	if after := i.l.Snapshot(i.ctx); !slices.Equal(before, after) {
		t.Errorf("the image has changed:\n%s", difference(before, after))
	}
}

// A cancelled operation is taken back before it is broadcast: here, another group does not come to
// a safepoint.
func TestCancel(t *testing.T) {
	inside, goOn := make(chan struct{}), make(chan struct{})
	rt := hostCall(t, func(context.Context, *linker.Group) {
		close(inside)
		<-goOn // without Block: the group is running as far as the linker knows
	})
	i := newImageIn(t, rt, "main-pie", "threads", nil)
	other := i.spawn()
	busy, err := i.g.OpenBytes(i.ctx, "busy", callsHost(t, "busy"))
	if err != nil {
		t.Fatal(err)
	}
	commits, libraries := i.l.Commits(), i.l.Libraries()
	done := make(chan error)
	go func() {
		_, err := other.g.Call(i.ctx, busy, "busy")
		done <- err
	}()
	<-inside
	ctx, cancel := context.WithCancel(i.ctx)
	opened := make(chan error)
	go func() {
		_, err := i.g.Open(ctx, "libctor.wasm")
		opened <- err
	}()
	cancel()
	if err := <-opened; !errors.Is(err, context.Canceled) {
		t.Errorf("Open: %v", err)
	}
	close(goOn)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if i.l.Commits() != commits || !slices.Equal(i.l.Libraries(), libraries) {
		t.Errorf("%d operations, libraries %v", i.l.Commits(), i.l.Libraries())
	}
	i.want(10, i.open("ctor"), "ctor_call", 1)
	other.want(10, linker.Default, "ctor_call", 1)
}

// A trap ends the call and not the group, unless the configuration says so.
func TestTraps(t *testing.T) {
	i := newImage(t, "main-pie", "threads", nil)
	lib := i.open("trap_call")
	for name, want := range map[string]string{
		"trap_unreachable": "unreachable", "trap_bounds": "out of bounds",
		"trap_recurse": "stack overflow",
	} {
		var args []int32
		if name == "trap_recurse" {
			args = []int32{0}
		}
		if _, err := i.try(lib, name, args...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	i.want(4, linker.Default, "main_twice", 2)

	i = newImage(t, "main-pie", "threads",
		func(c *linker.Config) *linker.Config { return c.WithTrapClosesGroup(true) })
	other := i.spawn()
	lib = i.open("trap_call")
	if _, err := other.try(lib, "trap_unreachable"); err == nil {
		t.Error("no trap")
	}
	if _, err := other.try(linker.Default, "main_twice", 2); !errors.Is(err,
		linker.ErrGroupClosed) || !strings.Contains(err.Error(), "unreachable") {
		t.Errorf("after a trap: %v", err)
	}
	if _, err := i.g.CallPointer(i.ctx, 1<<20, nil, nil); !errors.As(err,
		new(*linker.PointerError)) {
		t.Errorf("a wild pointer: %v", err)
	}
	i.open("counter")
	i.want(4, linker.Default, "main_twice", 2)
}

// openExits opens a library with two functions: leave exits with a code, yield yields.
func (i *image) openExits() *linker.Library {
	i.Helper()
	lib, err := i.g.OpenBytes(i.ctx, "exits", library(i, dylink.Info{}, func(b *wasm.Builder) {
		exit := b.ImportFunc("wasi_snapshot_preview1", "proc_exit", b.Type(i32, nil))
		yield := b.ImportFunc("wasi_snapshot_preview1", "sched_yield", b.Type(nil, i32))
		b.ExportFunc("leave", b.Func(b.Type(i32, nil), nil, new(wasm.Code).LocalGet(0).Call(exit)))
		b.ExportFunc("yield", b.Func(b.Type(nil, i32), nil, new(wasm.Code).Call(yield)))
	}))
	if err != nil {
		i.Fatal(err)
	}
	return lib
}

// A group that has died makes room at once: no operation waits for it, and another group can have
// its place.
func TestDeathMakesRoom(t *testing.T) {
	i := newImage(t, "main-pie", "threads",
		func(c *linker.Config) *linker.Config { return c.WithMaxGroups(2) })
	lib := i.openExits()
	for range 3 {
		other := i.spawn()
		if _, err := other.try(lib, "leave", 1); !errors.As(err, new(*sys.ExitError)) {
			t.Errorf("leave: %v", err)
		}
		if id := other.g.ID(); id != 1 {
			t.Errorf("the group is number %d", id)
		}
	}
}

// A guest that exits closes its group and no other.
func TestExit(t *testing.T) {
	i := newImage(t, "main-pie", "threads", nil)
	other := i.spawn()
	lib := i.openExits()
	_, err := other.try(lib, "leave", 7)
	var exit *sys.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 7 {
		t.Errorf("leave: %v", err)
	}
	if _, err := other.try(lib, "yield"); !errors.Is(err, linker.ErrGroupClosed) ||
		!errors.As(err, &exit) {
		t.Errorf("after the exit: %v", err)
	}
	i.want(0, lib, "yield")
	i.open("counter")
	i.spawn().want(0, lib, "yield")
}

// Contexts are checked: one per goroutine, and only those of calls into a group.
func TestContexts(t *testing.T) {
	var l *linker.Linker
	var inner []error
	rt := hostCall(t, func(ctx context.Context, g *linker.Group) {
		if err := g.Block(ctx, func() {
			_, err := g.Call(ctx, linker.Default, "main_twice", 1)
			inner = append(inner, err)
		}); err != nil {
			t.Error(err)
		}
	})
	i := newImageIn(t, rt, "main-pie", "threads", nil)
	l = i.l
	lib, err := i.g.OpenBytes(i.ctx, "blocks", callsHost(t, "blocks"))
	if err != nil {
		t.Fatal(err)
	}
	i.call(lib, "blocks")
	if len(inner) != 1 || !errors.Is(inner[0], linker.ErrBusyContext) {
		t.Errorf("a call within Block: %v", inner)
	}
	if linker.GroupFromContext(i.ctx) != nil {
		t.Error("a group in an empty context")
	}
	if err := i.g.Safepoint(i.ctx); !errors.Is(err, linker.ErrNoGroup) {
		t.Errorf("Safepoint: %v", err)
	}
	if err := i.g.Block(i.ctx, func() {}); !errors.Is(err, linker.ErrNoGroup) {
		t.Errorf("Block: %v", err)
	}
	if err := l.Close(i.ctx); err != nil {
		t.Error(err)
	}
	if _, err := i.try(linker.Default, "main_twice", 1); !errors.Is(err, linker.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if _, err := i.g.Symbol(i.ctx, linker.Default, "main_twice"); !errors.Is(err,
		linker.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}
