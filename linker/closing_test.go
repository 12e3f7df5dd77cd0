package linker_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// watchdog ends the test, with the stacks of all goroutines, if f does not come back. What is
// waited for in these tests takes microseconds; a minute is for ever.
func watchdog(t testing.TB, what string, f func()) {
	t.Helper()
	timer := time.AfterFunc(time.Minute, func() {
		stacks := make([]byte, 1<<20)
		panic(t.Name() + ": " + what + " hangs\n" + string(stacks[:runtime.Stack(stacks, true)]))
	})
	defer timer.Stop()
	f()
}

// untilWaiting waits until so many guests wait in an atomic wait.
func (i *image) untilWaiting(n int) {
	for i.l.Waiting() < n {
		runtime.Gosched()
	}
}

// What the thread of libworker does before it ends.
const (
	workerEnd = iota
	workerFind
	workerOpen
	workerAddress
	workerAllocate
	workerStay
)

// A destructor stops and joins a thread, which uses the linker in every way before it ends.
func TestDestructorJoins(t *testing.T) {
	for how := range int32(workerStay) {
		i := newImage(t, "main-pthread", "threads", nil)
		i.spawn()
		lib := i.open("worker")
		i.want(0, lib, "worker_start", how)
		watchdog(t, "CloseLibrary", func() { i.closeLibrary(lib) })
		found := min(how, 1)
		i.wantLog(100*how + found)
		var loaded []string
		if how == workerOpen {
			loaded = []string{"libcounter.wasm"}
		}
		if got := i.l.Libraries(); !slices.Equal(got, loaded) {
			t.Errorf("libraries: %v", got)
		}
		i.wait()
	}
}

// The context of CloseLibrary ends a destructor that waits for ever; others go on meanwhile, and
// the library is unloaded.
func TestDestructorsDeadline(t *testing.T) {
	i := newImage(t, "main-pthread", "threads", nil)
	other, lib := i.spawn(), i.open("worker")
	i.want(0, lib, "worker_start", workerStay)
	ctx, cancel := context.WithCancel(i.ctx)
	closed := make(chan error, 1)
	go func() { closed <- i.g.CloseLibrary(ctx, lib) }()
	i.untilWaiting(2) // the thread, and the destructor
	watchdog(t, "another group", func() {
		other.want(101, other.open("counter"), "counter_next")
		other.symbol(linker.Default, "main_triple")
		other.spawn()
	})
	cancel()
	watchdog(t, "CloseLibrary", func() {
		err := <-closed
		if !errors.Is(err, context.Canceled) || !errors.As(err, new(*linker.DestructorError)) {
			t.Errorf("error: %v", err)
		}
	})
	if got := i.l.Libraries(); !slices.Equal(got, []string{"libcounter.wasm"}) {
		t.Errorf("libraries: %v", got)
	}
}

// What main_value asks the constructor of libworker for.
const (
	workerStart        = 50
	workerStartAndWait = 51
)

// A thread that a constructor starts begins when the library is loaded.
func TestConstructorStartsThread(t *testing.T) {
	i := newImage(t, "main-pthread", "threads", nil)
	i.spawn()
	for range 3 {
		i.call(linker.Default, "poke32", int32(i.symbol(linker.Default, "main_value")), workerStart)
		var lib *linker.Library
		watchdog(t, "Open", func() { lib = i.open("worker") })
		i.wantLog(0)
		watchdog(t, "pthread_join", func() { i.want(7, lib, "worker_join") })
		i.wait()
		i.closeLibrary(lib)
	}
}

// startsThread is a library whose constructor starts a thread, which calls env.host_call, and then
// traps if it is to fail.
func startsThread(t testing.TB, fails bool) []byte {
	return library(t, dylink.Info{}, func(b *wasm.Builder) {
		spawn := b.ImportFunc("wasi", "thread-spawn", b.Type(i32, i32))
		host := b.ImportFunc("env", "host_call", b.Type(nil, nil))
		b.ExportFunc("wasi_thread_start",
			b.Func(b.Type([]wasm.ValType{wasm.I32, wasm.I32}, nil), nil, new(wasm.Code).Call(host)))
		construct := new(wasm.Code).I32Const(0).Call(spawn).Drop()
		if fails {
			construct.Unreachable()
		}
		b.ExportFunc("__wasm_call_ctors", b.Func(b.Type(nil, nil), nil, construct))
	})
}

// Threads of constructors begin also when they are those of the initial image, and never when the
// load fails.
func TestThreadsOfConstructors(t *testing.T) {
	var mu sync.Mutex
	started := 0
	rt := hostCall(t, func(context.Context, *linker.Group) {
		mu.Lock()
		defer mu.Unlock()
		started++
	})
	files := fstest.MapFS{"early.wasm": {Data: startsThread(t, false)}}
	i := newImageIn(t, rt, "main-pie", "threads", func(c *linker.Config) *linker.Config {
		return c.WithFS(files).WithPreload("/early.wasm")
	})
	i.wait()
	if started != 1 {
		t.Errorf("%d threads of the initial image", started)
	}
	before := i.l.Snapshot(i.ctx)
	if _, err := i.g.OpenBytes(i.ctx, "fails", startsThread(t, true)); err == nil {
		t.Error("the constructor trapped, and nothing failed")
	}
	i.wait()
	if after := i.l.Snapshot(i.ctx); started != 1 || !slices.Equal(before, after) {
		t.Errorf("%d threads: the image has changed:\n%s", started, difference(before, after))
	}
	i.openBytes("starts", startsThread(t, false))
	i.wait()
	if started != 2 {
		t.Errorf("%d threads", started)
	}
}

// A destructor closes what its library had opened, and opens its own library again, which is
// another copy then.
func TestCloseInDestructor(t *testing.T) {
	eachImage(t, func(t *testing.T, groups []*image) {
		i, last := groups[0], groups[len(groups)-1]
		last.closeLibrary(last.open("manager")) // what is compiled at the first use stays
		before := i.l.Snapshot(i.ctx)
		for range 3 {
			lib := i.open("manager")
			last.want(1, lib, "manager_open")
			i.call(lib, "manager_reopen")
			watchdog(t, "CloseLibrary", func() { last.closeLibrary(lib) })
			i.wantLog(900, 910, 920)
			if after := i.l.Snapshot(i.ctx); !slices.Equal(before, after) {
				t.Errorf("unloading left something:\n%s", difference(before, after))
			}
		}
	})
}

// destroysIn is a library whose destructor logs, calls env.host_call, and logs again.
func destroysIn(t testing.TB, log int32, needed ...string) []byte {
	return library(t, dylink.Info{TableSize: 1, Needed: needed}, func(b *wasm.Builder) {
		host := b.ImportFunc("env", "host_call", b.Type(nil, nil))
		atexit := b.ImportFunc("env", "atexit", b.Type(i32, i32))
		appendLog := b.ImportFunc("env", "log_append", b.Type(i32, nil))
		base := b.ImportGlobal("env", "__table_base", wasm.GlobalType{Type: wasm.I32})
		functions := b.ImportTable("env", "__indirect_function_table", table(1))
		b.ActiveFuncs(functions, wasm.ConstGlobal(base),
			b.Func(b.Type(nil, nil), nil, new(wasm.Code).
				I32Const(log).Call(appendLog).Call(host).I32Const(log+1).Call(appendLog)))
		b.ExportFunc("__wasm_call_ctors", b.Func(b.Type(nil, nil), nil, new(wasm.Code).
			GlobalGet(base).Call(atexit).Drop()))
		b.ExportFunc("nine", b.Func(b.Type(nil, i32), nil, new(wasm.Code).I32Const(9)))
	})
}

// stopped is a host function that stops in one group until it may go on.
type stopped struct {
	mu       sync.Mutex
	group    int // -1 for none
	in, goOn chan struct{}
}

func (s *stopped) call(ctx context.Context, g *linker.Group) {
	s.mu.Lock()
	stop := s.group == g.ID()
	s.mu.Unlock()
	if !stop {
		return
	}
	_ = g.Block(ctx, func() {
		s.in <- struct{}{}
		<-s.goOn
	})
}

// While destructors run nothing finds the library, others load another copy of it, and what it
// needs stays; who closes something else does not touch it.
func TestClosingIsInvisible(t *testing.T) {
	s := &stopped{group: 1, in: make(chan struct{}), goOn: make(chan struct{})}
	i := newImageIn(t, hostCall(t, s.call), "main-pie", "threads", nil)
	goOn := sync.OnceFunc(func() { close(s.goOn) })
	t.Cleanup(goOn) // also when the test has failed: the image is closed then
	closer, other := i.spawn(), i.spawn()
	// what is compiled at the first use stays
	i.closeLibrary(i.openBytes("first", destroysIn(t, 10)))
	i.call(linker.Default, "log_clear")
	before := i.l.Snapshot(i.ctx)
	base := i.openBytes("base", destroysIn(t, 50))
	lib := i.openBytes("first", destroysIn(t, 10, "base"))
	second := i.openBytes("second", destroysIn(t, 20, "base"))
	i.closeLibrary(base)
	pointer := i.symbol(lib, "nine")
	done := make(chan error, 1)
	go func() { done <- closer.g.CloseLibrary(i.ctx, lib) }()
	watchdog(t, "the destructor", func() { <-s.in })
	if got := i.l.Libraries(); !slices.Equal(got, []string{"base", "second"}) {
		t.Errorf("libraries: %v", got)
	}
	if _, err := other.g.Symbol(i.ctx, lib, "nine"); !errors.Is(err, linker.ErrLibraryClosed) {
		t.Errorf("Symbol: %v", err)
	}
	watchdog(t, "another group", func() {
		other.closeLibrary(second)
		again := other.openBytes("first", destroysIn(t, 10, "base"))
		if p := other.symbol(again, "nine"); p == pointer {
			t.Errorf("the new copy has the old one's pointer")
		}
		other.closeLibrary(again)
	})
	i.wantLog(10, 20, 21, 10, 11)
	s.mu.Lock()
	s.group = -1
	s.mu.Unlock()
	goOn()
	watchdog(t, "CloseLibrary", func() {
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	i.wantLog(11, 50, 51)
	if after := i.l.Snapshot(i.ctx); !slices.Equal(before, after) {
		t.Errorf("unloading left something:\n%s", difference(before, after))
	}
}

// A library whose destructors have run stays until those of what is closed with it have: they may
// have pointers to it. Who closes something else meanwhile does not unload it.
func TestClosedTogetherStaysTogether(t *testing.T) {
	s := &stopped{group: 1, in: make(chan struct{}), goOn: make(chan struct{})}
	i := newImageIn(t, hostCall(t, s.call), "main-pie", "threads", nil)
	goOn := sync.OnceFunc(func() { close(s.goOn) })
	t.Cleanup(goOn)
	closer, other := i.spawn(), i.spawn()
	base := i.openBytes("base", destroysIn(t, 50))
	lib := i.openBytes("first", destroysIn(t, 10, "base"))
	second := i.openBytes("second", destroysIn(t, 20))
	i.closeLibrary(base)
	pointer := i.symbol(lib, "nine")
	done := make(chan error, 1)
	go func() { done <- closer.g.CloseLibrary(i.ctx, lib) }()
	watchdog(t, "the destructor of first", func() { <-s.in; s.goOn <- struct{}{} })
	watchdog(t, "the destructor of base", func() { <-s.in })
	watchdog(t, "another group", func() {
		other.closeLibrary(second)
		r, err := other.g.CallPointer(i.ctx, pointer, nil, []api.ValueType{api.ValueTypeI32})
		if err != nil || r[0] != 9 {
			t.Errorf("a function of first returns %v, %v", r, err)
		}
	})
	goOn()
	watchdog(t, "CloseLibrary", func() {
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	i.wantLog(10, 11, 50, 20, 21, 51)
}

// When a context ends in a destructor and another group is not at a safepoint, the library cannot
// be unloaded at once. Nothing finds it any more, and the next call that unloads something
// completes it, without running the destructor again.
func TestClosingIsCompletedByOthers(t *testing.T) {
	inside, goOn := make(chan struct{}), make(chan struct{})
	var cancel context.CancelFunc
	rt := hostCall(t, func(_ context.Context, g *linker.Group) {
		if g.ID() == 1 {
			cancel()
			return
		}
		close(inside)
		<-goOn // without Block
	})
	i := newImageIn(t, rt, "main-pie", "threads", nil)
	closer, busy := i.spawn(), i.spawn()
	calls := i.openBytes("calls", callsHost(t, "busy"))
	before := i.l.Snapshot(i.ctx)
	lib := i.openBytes("first", destroysIn(t, 10))
	var ctx context.Context
	ctx, cancel = context.WithCancel(i.ctx)
	defer cancel()
	done := make(chan error, 1)
	begin := cancel
	cancel = func() { // in the destructor
		go func() {
			_, err := busy.g.Call(i.ctx, calls, "busy")
			done <- err
		}()
		<-inside
		begin()
	}
	if err := closer.g.CloseLibrary(ctx, lib); err != nil { // the handle is given up
		t.Errorf("CloseLibrary: %v", err)
	}
	if got := i.l.Libraries(); !slices.Equal(got, []string{"calls"}) {
		t.Errorf("libraries: %v", got)
	}
	close(goOn)
	if err := <-done; err != nil {
		t.Error(err)
	}
	counter := i.open("counter")
	i.closeLibrary(counter)
	i.wantLog(10, 11)
	if after := i.l.Snapshot(i.ctx); !slices.Equal(before, after) {
		t.Errorf("unloading left something:\n%s", difference(before, after))
	}
}

// A destructor finds what is behind its library, and what its library means by a name, as before.
func TestLookupsInDestructors(t *testing.T) {
	i := newImage(t, "main-pie", "threads", nil)
	other, err := i.g.Spawn(i.ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	i.open("other")
	name := i.cString("main_twice")
	lib := i.openBytes("looks", library(t, dylink.Info{TableSize: 1}, func(b *wasm.Builder) {
		find := b.ImportFunc("env", "dlsym", b.Type([]wasm.ValType{wasm.I32, wasm.I32}, i32))
		later := b.ImportFunc("env", "comes_later", b.Type(i32, i32))
		atexit := b.ImportFunc("env", "atexit", b.Type(i32, i32))
		appendLog := b.ImportFunc("env", "log_append", b.Type(i32, nil))
		base := b.ImportGlobal("env", "__table_base", wasm.GlobalType{Type: wasm.I32})
		functions := b.ImportTable("env", "__indirect_function_table", table(1))
		b.ActiveFuncs(functions, wasm.ConstGlobal(base),
			b.Func(b.Type(nil, nil), nil, new(wasm.Code).
				I32Const(-1).I32Const(name).Call(find).Call(appendLog). // RTLD_NEXT
				I32Const(0).I32Const(name).Call(find).Call(appendLog).
				I32Const(4).Call(later).Call(appendLog)))
		b.ExportFunc("main_twice", b.Func(b.Type(i32, i32), nil, new(wasm.Code).I32Const(0)))
		b.ExportFunc("__wasm_call_ctors", b.Func(b.Type(nil, nil), nil, new(wasm.Code).
			GlobalGet(base).Call(atexit).Drop()))
	}))
	i.openBytes("later", library(t, dylink.Info{}, func(b *wasm.Builder) {
		b.ExportFunc("comes_later",
			b.Func(b.Type(i32, i32), nil, new(wasm.Code).LocalGet(0).I32Const(1).I32Add()))
	}))
	twice := int32(i.symbol(linker.Default, "main_twice"))
	i.in(other).closeLibrary(lib)
	i.wantLog(twice, twice, 5)
}
