package linker_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// loopImage links a main module with loop safepoints. What guests of spinner report by calling
// env.started arrives at the channel.
func loopImage(t *testing.T, main, libs string,
	configure func(*linker.Config) *linker.Config) (*image, <-chan int32) {
	t.Helper()
	rt, started := newRuntime(t), make(chan int32, 100)
	hostModule(t, rt, "env",
		map[string]func(context.Context, int32) int32{
			"started": func(_ context.Context, x int32) int32 {
				started <- x
				return x
			}})
	return newImageIn(t, rt, main, libs, func(c *linker.Config) *linker.Config {
		c = c.WithLoopSafepoints(true)
		if configure != nil {
			c = configure(c)
		}
		return c
	}), started
}

// spinner has functions (i32) -> i32 that report that they have begun, and then compute for ever:
// loop in a loop, catching whatever is thrown, tail by calling itself, even and odd by tail calls
// of each other, calls by calling what calls what calls nothing; until computes until a word of the
// memory is not 0. run names functions to be run when the library is loaded.
func spinner(t testing.TB, run ...string) []byte {
	return library(t, dylink.Info{}, func(b *wasm.Builder) {
		one := b.Type(i32, i32)
		started := b.ImportFunc("env", "started", one)
		b.ImportMemory("env", "memory",
			wasm.MemoryType{Limits: wasm.Limits{Max: wasm.MaxPages, HasMax: true}, Shared: true})
		begin := func() *wasm.Code { return new(wasm.Code).LocalGet(0).Call(started).Drop() }
		export := func(name string, c *wasm.Code) uint32 {
			f := b.Func(one, nil, c)
			b.ExportFunc(name, f)
			return f
		}
		export("loop", begin().Loop().Raw(0x1f, 0x40, 1, 2, 0).Br(1).Raw(0x0b).End().LocalGet(0))
		export("until", begin().Loop().LocalGet(0).I32Load(0).Raw(0x45).BrIf(0).End().LocalGet(
			0).I32Load(0))
		next := export("plain", new(wasm.Code).Loop().Br(0).End().LocalGet(0))
		const returnCall = 0x12
		tail := next + 1
		b.Func(one, nil, new(wasm.Code).LocalGet(0).Raw(returnCall, byte(tail)))
		export("tail", begin().LocalGet(0).Raw(returnCall, byte(tail)))
		even, odd := tail+2, tail+3
		b.Func(one, nil, new(wasm.Code).LocalGet(0).Raw(returnCall, byte(odd)))
		b.Func(one, nil, new(wasm.Code).LocalGet(0).Raw(returnCall, byte(even)))
		export("even", begin().LocalGet(0).Raw(returnCall, byte(even)))
		// 2^40 calls without a loop, and without one function being in itself.
		last := b.Func(one, nil, new(wasm.Code).LocalGet(0))
		for range 40 {
			last = b.Func(one, nil, new(wasm.Code).LocalGet(0).Call(last).Call(last))
		}
		export("calls", begin().LocalGet(0).Call(last))
		for _, name := range run {
			c := new(wasm.Code).I32Const(7).Call(started).Drop().Loop().Br(0).End()
			f := b.Func(b.Type(nil, nil), nil, c)
			if name == "start" {
				b.Start(f)
			} else {
				b.ExportFunc(name, f)
			}
		}
	})
}

var endless = []string{"loop", "tail", "even", "calls"}

// eachLoopImage runs a test with every main module that can have groups, and the library spinner.
func eachLoopImage(t *testing.T,
	f func(t *testing.T, i *image, lib *linker.Library, started <-chan int32)) {
	for _, m := range mains {
		if m.groups {
			t.Run(m.name, func(t *testing.T) {
				i, started := loopImage(t, m.name, m.libs, nil)
				f(t, i, i.openBytes("spinner", spinner(t)), started)
			})
		}
	}
}

func (i *image) openBytes(name string, b []byte) *linker.Library {
	i.Helper()
	lib, err := i.g.OpenBytes(i.ctx, name, b)
	if err != nil {
		i.Fatal(err)
	}
	return lib
}

// goCall calls a function on another goroutine.
func (i *image) goCall(ctx context.Context, lib *linker.Library, name string,
	arg int32) <-chan error {
	done := make(chan error, 1)
	go func() {
		_, err := i.g.Call(ctx, lib, name, uint64(uint32(arg)))
		done <- err
	}()
	return done
}

// A group that computes delays no link operation, and has the libraries that were loaded meanwhile.
func TestLoopSafepoints(t *testing.T) {
	eachLoopImage(t, func(t *testing.T, i *image, lib *linker.Library, started <-chan int32) {
		gate := i.call(linker.Default, "malloc", 4)
		i.call(linker.Default, "poke32", gate, 0)
		var groups []*image
		var done []<-chan error
		for range 3 {
			g := i.spawn()
			groups = append(groups, g)
			done = append(done, g.goCall(i.ctx, lib, "until", gate))
			<-started
		}
		i.open("counter")
		for range 20 {
			if err := i.g.CloseLibrary(i.ctx, i.open("manyfn")); err != nil {
				t.Fatal(err)
			}
		}
		if err := i.spawn().g.Close(i.ctx); err != nil {
			t.Error(err)
		}
		if _, err := i.g.AllocateClosure(i.ctx); err != nil {
			t.Error(err)
		}
		i.call(linker.Default, "poke32", gate, 1)
		for n, g := range groups {
			if err := <-done[n]; err != nil {
				t.Error(err)
			}
			g.want(int32(101+n), linker.Default, "counter_next")
		}
	})
}

// The context of a call ends whatever the guest computes, and nothing else.
func TestLoopCancel(t *testing.T) {
	eachLoopImage(t, func(t *testing.T, i *image, lib *linker.Library, started <-chan int32) {
		other := i.spawn()
		reason := errors.New("enough")
		for _, name := range endless {
			for range 3 {
				ctx, cancel := context.WithCancelCause(i.ctx)
				done := other.goCall(ctx, lib, name, 1)
				<-started
				cancel(reason)
				err := <-done
				var interrupted *linker.InterruptedError
				if !errors.Is(err, context.Canceled) || !errors.Is(err, reason) ||
					!errors.As(err, &interrupted) || interrupted.Group != other.g.ID() {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
		ctx, cancel := context.WithCancel(i.ctx)
		cancel()
		if _, err := other.g.Call(ctx, lib, "plain", 0); !errors.Is(err, context.Canceled) {
			t.Errorf("a context that has ended before: %v", err)
		}
		i.open("counter")
		other.want(101, linker.Default, "counter_next")
		i.want(102, linker.Default, "counter_next")
	})
}

// An interruption is a trap to those who want traps to close groups.
func TestLoopCancelClosesGroup(t *testing.T) {
	i, started := loopImage(t, "main-pie", "threads",
		func(c *linker.Config) *linker.Config { return c.WithTrapClosesGroup(true) })
	lib, other := i.openBytes("spinner", spinner(t)), i.spawn()
	ctx, cancel := context.WithCancel(i.ctx)
	done := other.goCall(ctx, lib, "loop", 1)
	<-started
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := other.try(linker.Default, "main_twice", 1); !errors.Is(err,
		linker.ErrGroupClosed) {
		t.Errorf("afterwards: %v", err)
	}
	i.open("counter")
}

// Closing a group ends what it computes; the others go on.
func TestLoopCloseGroup(t *testing.T) {
	eachLoopImage(t, func(t *testing.T, i *image, lib *linker.Library, started <-chan int32) {
		for _, name := range endless {
			other := i.spawn()
			done := other.goCall(i.ctx, lib, name, 1)
			<-started
			if err := other.g.Close(i.ctx); err != nil {
				t.Error(err)
			}
			var interrupted *linker.InterruptedError
			if err := <-done; !errors.Is(err, linker.ErrGroupClosed) ||
				!errors.As(err, &interrupted) {
				t.Errorf("%s: %v", name, err)
			}
			if _, err := other.try(lib, "plain", 1); !errors.Is(err, linker.ErrGroupClosed) {
				t.Errorf("after Close: %v", err)
			}
		}
		i.open("counter")
		i.want(101, linker.Default, "counter_next")
	})
}

// A Close that gives up leaves a group that computes again.
func TestLoopCloseGivesUp(t *testing.T) {
	i, started := loopImage(t, "main-pie", "threads", nil)
	other, release := i.spawn(), make(chan struct{})
	hostModule(t, i.rt, "slow",
		map[string]func(context.Context, int32) int32{
			"wait": func(_ context.Context, x int32) int32 {
				<-release
				return x
			}})
	slow := i.openBytes("slow", callsAll(t, [2]string{"slow", "wait"}, [2]string{"env", "started"}))
	done := other.goCall(i.ctx, slow, "call_0", 1)
	ctx, cancel := context.WithCancel(i.ctx)
	cancel()
	err := other.g.Close(ctx)
	close(release)
	if called := <-done; err == nil {
		if !errors.Is(called, linker.ErrGroupClosed) {
			t.Errorf("closed before it was called: %v", called)
		}
		return
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Close: %v", err)
	}
	other.want(3, slow, "call_1", 3)
	<-started
}

// Closing the linker ends what all groups compute, and then runs destructors, to their end.
func TestLoopCloseLinker(t *testing.T) {
	eachLoopImage(t, func(t *testing.T, i *image, lib *linker.Library, started <-chan int32) {
		i.open("dtor")
		var done []<-chan error
		for _, g := range []*image{i, i.spawn(), i.spawn()} {
			done = append(done, g.goCall(i.ctx, lib, "loop", 1))
			<-started
		}
		if err := i.l.Close(i.ctx); err != nil {
			t.Error(err)
		}
		for _, d := range done {
			if err := <-d; !errors.Is(err, linker.ErrClosed) {
				t.Errorf("a call: %v", err)
			}
		}
	})
}

// A load that computes for ever ends with its context, and leaves nothing.
func TestLoopInLoad(t *testing.T) {
	for _, name := range []string{"__wasm_call_ctors", "__wasm_apply_data_relocs", "start"} {
		t.Run(name, func(t *testing.T) {
			i, started := loopImage(t, "main-pie", "threads", nil)
			other := i.spawn()
			i.open("counter")
			before := i.l.Snapshot(i.ctx)
			ctx, cancel := context.WithCancel(i.ctx)
			done := make(chan error, 1)
			go func() {
				_, err := i.g.OpenBytes(ctx, "endless", spinner(t, name))
				done <- err
			}()
			<-started
			cancel()
			var load *linker.LoadError
			if err := <-done; !errors.Is(err, context.Canceled) || !errors.As(err, &load) ||
				load.Module != "endless" {
				t.Error(err)
			}
			if after := i.l.Snapshot(i.ctx); !slices.Equal(before, after) {
				t.Errorf("before: %q\nafter: %q", before, after)
			}
			other.want(101, linker.Default, "counter_next")
		})
	}
}

// So does the making of an image.
func TestLoopInNew(t *testing.T) {
	rt, ctx := newRuntime(t), context.Background()
	ctx, cancel := context.WithCancel(ctx)
	hostModule(t, rt, "env",
		map[string]func(context.Context, int32) int32{
			"started": func(_ context.Context, x int32) int32 {
				cancel()
				return x
			}})
	_, err := linker.New(ctx, rt, spinner(t, "__wasm_call_ctors"),
		linker.NewConfig().WithLoopSafepoints(true))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("New: %v", err)
	}
}

// Threads of the guest that compute are ended by Close, and by an exit elsewhere.
func TestLoopThreads(t *testing.T) {
	thread := func(t *testing.T) []byte {
		return library(t, dylink.Info{}, func(b *wasm.Builder) {
			one := b.Type(i32, i32)
			spawn := b.ImportFunc("wasi", "thread-spawn", one)
			exit := b.ImportFunc("wasi_snapshot_preview1", "proc_exit", b.Type(i32, nil))
			started := b.ImportFunc("env", "started", one)
			c := new(wasm.Code).LocalGet(0).Call(started).Drop().Loop().Br(0).End()
			b.ExportFunc("wasi_thread_start",
				b.Func(b.Type([]wasm.ValType{wasm.I32, wasm.I32}, nil), nil, c))
			b.ExportFunc("create", b.Func(one, nil, new(wasm.Code).LocalGet(0).Call(spawn)))
			b.ExportFunc("leave",
				b.Func(b.Type(i32, nil), nil, new(wasm.Code).LocalGet(0).Call(exit)))
		})
	}
	for _, exit := range []bool{true, false} {
		i, started := loopImage(t, "main-pie", "threads", nil)
		lib := i.openBytes("threads", thread(t))
		for range 3 {
			if i.call(lib, "create", 0) <= 0 {
				t.Fatal("no thread")
			}
			<-started
		}
		i.open("counter")
		if exit {
			if _, err := i.try(lib, "leave", 5); err == nil {
				t.Error("no exit")
			}
			i.wait()
		}
		if err := i.l.Close(i.ctx); err != nil {
			t.Error(err)
		}
		i.wait()
	}
}

// What ends half-way does not use up the stack.
func TestTrapsKeepTheStack(t *testing.T) {
	trap := library(t, dylink.Info{}, func(b *wasm.Builder) {
		stack := b.ImportGlobal("env", "__stack_pointer",
			wasm.GlobalType{Type: wasm.I32, Mutable: true})
		b.ExportFunc("trap",
			b.Func(b.Type(i32, i32), nil,
				new(wasm.Code).GlobalGet(stack).I32Const(64).I32Sub().GlobalSet(
					stack).Unreachable()))
		b.ExportFunc("stack", b.Func(b.Type(nil, i32), nil, new(wasm.Code).GlobalGet(stack)))
	})
	for _, m := range mains {
		t.Run(m.name, func(t *testing.T) {
			i := newImage(t, m.name, m.libs, nil)
			groups := []*image{i}
			if m.groups {
				groups = append(groups, i.spawn())
			}
			lib := i.openBytes("trap", trap)
			pointer := i.symbol(lib, "trap")
			for _, g := range groups {
				before := g.call(lib, "stack")
				if _, err := g.try(lib, "trap", 0); err == nil {
					t.Error("no trap")
				}
				g.want(before, lib, "stack")
				one := []api.ValueType{api.ValueTypeI32}
				if _, err := g.g.CallPointer(i.ctx, pointer, one, one, 0); err == nil {
					t.Error("no trap through a pointer")
				}
				g.want(before, lib, "stack")
			}
		})
	}
}
