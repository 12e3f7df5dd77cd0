package linker_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/sys"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// hostModule instantiates a host module of functions (i32) -> i32.
func hostModule(t testing.TB, rt wazero.Runtime, name string,
	functions map[string]func(ctx context.Context, x int32) int32) {
	t.Helper()
	b := rt.NewHostModuleBuilder(name)
	for export, f := range functions {
		b = b.NewFunctionBuilder().WithFunc(f).Export(export)
	}
	if _, err := b.Instantiate(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// callsAll is a library that imports functions (i32) -> i32 and exports each as "call_" and its
// position.
func callsAll(t testing.TB, imports ...[2]string) []byte {
	return library(t, dylink.Info{}, func(b *wasm.Builder) {
		var indices []uint32
		for _, imp := range imports {
			indices = append(indices, b.ImportFunc(imp[0], imp[1], b.Type(i32, i32)))
		}
		for k, index := range indices {
			b.ExportFunc("call_"+string(rune('0'+k)),
				b.Func(b.Type(i32, i32), nil, new(wasm.Code).LocalGet(0).Call(index)))
		}
	})
}

func adds(n int32) func(context.Context, int32) int32 {
	return func(_ context.Context, x int32) int32 { return x + n }
}

// Functions of the same name in several host modules are several functions.
func TestHostModulesWithTheSameNames(t *testing.T) {
	rt := newRuntime(t)
	for k, name := range []string{"env", "one", "two"} {
		hostModule(t, rt, name,
			map[string]func(context.Context, int32) int32{
				"add": adds(int32(k + 1)), "more": adds(int32(10 * (k + 1)))})
	}
	i := newImageIn(t, rt, "main-pie", "threads", nil)
	other := i.spawn()
	lib, err := i.g.OpenBytes(i.ctx, "calls",
		callsAll(t, [2]string{"env", "add"}, [2]string{"one", "add"}, [2]string{"two", "add"},
			[2]string{"two", "more"}, [2]string{"one", "more"}))
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range []*image{i, other, i.spawn()} {
		for k, want := range []int32{101, 102, 103, 130, 120} {
			g.want(want, lib, "call_"+string(rune('0'+k)), 100)
		}
	}
}

// Host modules that are instantiated after New serve libraries that are loaded later, and those
// that are there.
func TestLateHostModules(t *testing.T) {
	for _, namespace := range []string{"env", "late"} {
		t.Run(namespace, func(t *testing.T) {
			rt := newRuntime(t)
			i := newImageIn(t, rt, "main-pie", "threads", nil)
			other := i.spawn()
			early, err := i.g.OpenBytes(i.ctx, "early",
				callsAll(t, [2]string{namespace, "add"}, [2]string{namespace, "nobody"}))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := i.try(early, "call_0", 1); !errors.As(err,
				new(*linker.UndefinedSymbolError)) {
				t.Errorf("before it is there: %v", err)
			}
			hostModule(t, rt, namespace,
				map[string]func(context.Context, int32) int32{"add": adds(7)})
			i.want(8, early, "call_0", 1)
			other.want(9, early, "call_0", 2)
			late, err := other.g.OpenBytes(i.ctx, "late", callsAll(t, [2]string{namespace, "add"}))
			if err != nil {
				t.Fatal(err)
			}
			i.want(10, late, "call_0", 3)
			if _, err := i.try(early, "call_1", 1); !errors.As(err,
				new(*linker.UndefinedSymbolError)) {
				t.Errorf("what nobody has: %v", err)
			}
			if got := i.l.Commits(); got != 2 {
				t.Errorf("%d operations", got)
			}
		})
	}
}

// A host function calls other groups, which call the host, which calls back to where it began.
func TestNestedCallsAcrossGroups(t *testing.T) {
	rt := newRuntime(t)
	var groups []*linker.Group
	var lib *linker.Library
	var visited []int
	hostModule(t, rt, "env",
		map[string]func(context.Context, int32) int32{
			"visit": func(ctx context.Context, x int32) int32 {
				here := linker.GroupFromContext(ctx)
				visited = append(visited, here.ID())
				if x == 0 {
					return 1
				}
				next := groups[(slices.Index(groups, here)+1)%len(groups)]
				r, err := next.Call(ctx, lib, "call_0", uint64(x-1))
				if err != nil {
					panic(err)
				}
				return int32(r[0]) * 2
			}})
	i := newImageIn(t, rt, "main-pie", "threads", nil)
	groups = append(groups, i.g, i.spawn().g, i.spawn().g)
	var err error
	if lib, err = i.g.OpenBytes(i.ctx, "visits",
		callsAll(t, [2]string{"env", "visit"})); err != nil {
		t.Fatal(err)
	}
	i.want(128, lib, "call_0", 7)
	if !slices.Equal(visited, []int{0, 1, 2, 0, 1, 2, 0, 1}) {
		t.Errorf("visited: %v", visited)
	}
	for _, g := range groups { // no goroutine is left inside
		i.in(g).want(4, linker.Default, "main_twice", 2)
	}
	i.open("counter")
}

// The context of a call reaches the host function, which waits for it; the group is served
// meanwhile, and lives on.
func TestCancelInHostCall(t *testing.T) {
	inside := make(chan struct{})
	rt := newRuntime(t)
	hostModule(t, rt, "env",
		map[string]func(context.Context, int32) int32{
			"wait": func(ctx context.Context, x int32) int32 {
				if err := linker.GroupFromContext(ctx).Block(ctx, func() {
					close(inside)
					<-ctx.Done()
				}); err != nil {
					panic(err)
				}
				panic(ctx.Err())
			}})
	i := newImageIn(t, rt, "main-pie", "threads", nil)
	other := i.spawn()
	lib, err := i.g.OpenBytes(i.ctx, "waits", callsAll(t, [2]string{"env", "wait"}))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(i.ctx)
	done := make(chan error)
	go func() {
		_, err := other.g.Call(ctx, lib, "call_0", 1)
		done <- err
	}()
	<-inside
	i.open("counter")
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("call: %v", err)
	}
	other.want(101, linker.Default, "counter_next")
}

// command is an ordinary executable as WASI has them: _start writes its first argument and exits
// with its second, a digit; "-" returns.
func command(t testing.TB) []byte {
	var b wasm.Builder
	two := b.Type([]wasm.ValType{wasm.I32, wasm.I32}, i32)
	args := b.ImportFunc("wasi_snapshot_preview1", "args_get", two)
	write := b.ImportFunc("wasi_snapshot_preview1", "fd_write",
		b.Type([]wasm.ValType{wasm.I32, wasm.I32, wasm.I32, wasm.I32}, i32))
	exit := b.ImportFunc("wasi_snapshot_preview1", "proc_exit", b.Type(i32, nil))
	b.ExportMemory("memory", b.Memory(1, 64, false))
	const argv, iovec, text = 0x100, 0x200, 0x300
	var c wasm.Code
	c.I32Const(argv).I32Const(text).Call(args).Drop()
	c.I32Const(iovec).I32Const(argv).I32Load(0).I32Store(0)
	c.I32Const(iovec).I32Const(argv).I32Load(4).I32Const(argv).I32Load(0).I32Sub().I32Const(
		1).I32Sub().I32Store(4)
	c.I32Const(1).I32Const(iovec).I32Const(1).I32Const(iovec + 8).Call(write).Drop()
	c.I32Const(argv).I32Load(4).I32Load8U(0).I32Const('-').I32Ne().If()
	c.I32Const(argv).I32Load(4).I32Load8U(0).I32Const('0').I32Sub().Call(exit).Unreachable().End()
	b.ExportFunc("_start", b.Func(b.Type(nil, nil), nil, &c))
	bytes, err := b.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return bytes
}

// A command is not started by New; Run starts it and tells its exit code.
func TestRunCommand(t *testing.T) {
	for _, tt := range []struct {
		args []string
		code uint32
	}{{[]string{"hello", "0"}, 0}, {[]string{"world", "7"}, 7}, {[]string{"returns", "-"}, 0}} {
		t.Run(tt.args[0], func(t *testing.T) {
			ctx := context.Background()
			var out bytes.Buffer
			l, err := linker.New(ctx, newRuntime(t), command(t), linker.NewConfig().
				WithModuleConfig(wazero.NewModuleConfig().WithArgs(tt.args...)).WithStdio(nil, &out,
				nil))
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close(ctx)
			if out.Len() > 0 {
				t.Errorf("it was started: %q", out.String())
			}
			code, err := l.Run(ctx)
			if err != nil || code != tt.code || out.String() != tt.args[0] {
				t.Errorf("Run: %d, %v, output %q", code, err, out.String())
			}
		})
	}
	i := newImage(t, "main-exe", "plain", nil)
	if _, err := i.l.Run(i.ctx); !errors.As(err, new(*linker.UndefinedSymbolError)) {
		t.Errorf("Run without a _start: %v", err)
	}
}

// pollLibrary exports sleep(): poll_oneoff with one clock, of one second, and result code;
// close(fd) is fd_close.
func pollLibrary(t testing.TB) []byte {
	return library(t, dylink.Info{MemorySize: 128, MemoryAlignment: 3}, func(b *wasm.Builder) {
		poll := b.ImportFunc("wasi_snapshot_preview1", "poll_oneoff",
			b.Type([]wasm.ValType{wasm.I32, wasm.I32, wasm.I32, wasm.I32}, i32))
		closes := b.ImportFunc("wasi_snapshot_preview1", "fd_close", b.Type(i32, i32))
		b.ImportMemory("env", "memory",
			wasm.MemoryType{Limits: wasm.Limits{Max: wasm.MaxPages, HasMax: true}, Shared: true})
		base := b.ImportGlobal("env", "__memory_base", wasm.GlobalType{Type: wasm.I32})
		var c wasm.Code
		c.GlobalGet(base).I32Const(1).I32Store(16)              // the monotonic clock
		c.GlobalGet(base).I64Const(1_000_000_000).I64Store(24)  // one second
		c.GlobalGet(base).GlobalGet(base).I32Const(48).I32Add() // the event
		c.I32Const(1).GlobalGet(base).I32Const(96).I32Add()     // how many there are
		b.ExportFunc("sleep", b.Func(b.Type(nil, i32), nil, c.Call(poll)))
		b.ExportFunc("close",
			b.Func(b.Type(i32, i32), nil, new(wasm.Code).LocalGet(0).Call(closes)))
	})
}

// A group that sleeps delays no other: neither link operations nor calls that close files.
func TestSleepingGroup(t *testing.T) {
	asleep, wake := make(chan int64), make(chan struct{})
	i := newImage(t, "main-pie", "threads", func(c *linker.Config) *linker.Config {
		return c.WithModuleConfig(wazero.NewModuleConfig().WithNanosleep(func(ns int64) {
			asleep <- ns
			<-wake
		}))
	})
	sleeper := i.spawn()
	lib, err := i.g.OpenBytes(i.ctx, "sleeps", pollLibrary(t))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		r, err := sleeper.try(lib, "sleep")
		if r != 0 {
			err = errors.Join(err, errors.New("poll_oneoff failed"))
		}
		done <- err
	}()
	if ns := <-asleep; ns != 1_000_000_000 {
		t.Errorf("asleep for %d ns", ns)
	}
	i.open("counter")
	const badf = 8
	i.want(badf, lib, "close", 77)
	i.want(101, linker.Default, "counter_next")
	close(wake)
	if err := <-done; err != nil {
		t.Error(err)
	}
	sleeper.want(102, linker.Default, "counter_next")
}

// A group that waits for its standard input delays no other either, and standard output needs no
// lock of its own.
func TestStdio(t *testing.T) {
	stdin, feed := io.Pipe()
	var out bytes.Buffer
	i := newImage(t, "main-pie", "threads",
		func(c *linker.Config) *linker.Config { return c.WithStdio(stdin, &out, nil) })
	reader := i.spawn()
	lib, err := i.g.OpenBytes(i.ctx, "wasi", wasiLibrary(t))
	if err != nil {
		t.Fatal(err)
	}
	files, err := i.g.OpenBytes(i.ctx, "files", pollLibrary(t))
	if err != nil {
		t.Fatal(err)
	}
	buffer, own := i.call(linker.Default, "malloc", 64), i.call(linker.Default, "malloc", 64)
	done := make(chan error)
	go func() {
		_, err := reader.try(lib, "read", buffer, 5)
		done <- err
	}()
	if _, err := feed.Write([]byte("h")); err != nil { // it is reading
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	go func() {
		_, err := reader.try(lib, "read", buffer, 5)
		done <- err
	}()
	const badf = 8
	i.want(badf, files, "close", 77) // whether or not it has come to its read
	i.open("counter")
	i.want(badf, files, "close", 78)
	var wg sync.WaitGroup
	for range 3 {
		g := i.spawn()
		wg.Go(func() {
			for range 20 {
				if r, err := g.try(lib, "write", own, 1); r != 0 || err != nil {
					t.Errorf("write: %d, %v", r, err)
				}
			}
		})
	}
	wg.Wait()
	if out.Len() != 60 {
		t.Errorf("%d bytes were written", out.Len())
	}
	if _, err := feed.Write([]byte("ello")); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if b, _ := i.l.View(uint32(buffer)+16, 4); string(b) != "ello" {
		t.Errorf("read: %q", b)
	}
	if err := i.l.Err(); err != nil {
		t.Error(err)
	}
}

// Environment and exit codes of libraries' own calls are WASI's.
func TestExitFromHostCall(t *testing.T) {
	rt := newRuntime(t)
	hostModule(t, rt, "env",
		map[string]func(context.Context, int32) int32{
			"leave": func(_ context.Context, x int32) int32 {
				panic(sys.NewExitError(uint32(x)))
			}})
	i := newImageIn(t, rt, "main-pie", "threads", nil)
	other := i.spawn()
	lib, err := i.g.OpenBytes(i.ctx, "leaves", callsAll(t, [2]string{"env", "leave"}))
	if err != nil {
		t.Fatal(err)
	}
	var exit *sys.ExitError
	if _, err := other.try(lib, "call_0", 9); !errors.As(err, &exit) || exit.ExitCode() != 9 {
		t.Errorf("exit: %v", err)
	}
	if _, err := other.try(linker.Default, "main_twice", 9); !errors.Is(err,
		linker.ErrGroupClosed) || !strings.Contains(err.Error(), "9") {
		t.Errorf("after the exit: %v", err)
	}
	i.open("counter")
}
