package linker_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero/sys"

	"github.com/lockstep-wasm/lockstep/linker"
)

// What threads of libthread do: the argument of thread_function.
const (
	threadAdd = iota
	threadTrap
	threadExit
	threadWait
)

// eachWithThreads runs a test with every main module that can have threads.
func eachWithThreads(t *testing.T, configure func(*linker.Config) *linker.Config,
	f func(t *testing.T, i *image, lib *linker.Library)) {
	for _, m := range mains {
		if m.libs == "threads" {
			t.Run(m.name, func(t *testing.T) {
				i := newImage(t, m.name, m.libs, configure)
				f(t, i, i.open("thread"))
			})
		}
	}
}

// wait waits until all threads have ended.
func (i *image) wait() {
	i.Helper()
	if err := i.l.Wait(i.ctx); err != nil {
		i.Fatal(err)
	}
}

// Threads that the guest starts count together, under a lock of their own, and are joined by it.
func TestThreads(t *testing.T) {
	eachWithThreads(t, nil, func(t *testing.T, i *image, lib *linker.Library) {
		add := i.call(lib, "thread_function", threadAdd)
		for round := range int32(3) {
			// Each has thread-local storage of its own, so each counts to 200.
			i.want(6*200, lib, "thread_run", add, 200, 6)
			i.want(6*200*(round+1), lib, "thread_total")
		}
		i.wait()
	})
}

// Numbers of threads are positive, and none is used by two threads at once.
func TestThreadNumbers(t *testing.T) {
	eachWithThreads(t, nil, func(t *testing.T, i *image, lib *linker.Library) {
		wait := i.call(lib, "thread_function", threadWait)
		seen := map[int32]bool{}
		var threads []int32
		for range 8 {
			th := i.call(lib, "thread_create", wait, -1)
			if th == 0 {
				t.Fatal("no thread")
			}
			threads = append(threads, th)
		}
		i.call(lib, "thread_open_gate", -1)
		for _, th := range threads {
			tid := i.call(linker.Default, "peek32", th+12)
			for tid == 0 { // it has not come to write it down
				i.call(lib, "thread_total")
				tid = i.call(linker.Default, "peek32", th+12)
			}
			if tid <= 0 || tid > 1<<29-1 || seen[tid] {
				t.Errorf("thread %d", tid)
			}
			seen[tid] = true
			i.call(lib, "thread_join", th)
		}
		i.wait()
	})
}

// A thread that traps ends alone.
func TestThreadTraps(t *testing.T) {
	eachWithThreads(t, nil, func(t *testing.T, i *image, lib *linker.Library) {
		trap := i.call(lib, "thread_function", threadTrap)
		for range 3 {
			if i.call(lib, "thread_create", trap, 0) == 0 {
				t.Fatal("no thread")
			}
		}
		err := i.l.Wait(i.ctx)
		var failed *linker.ThreadError
		if !errors.As(err, &failed) || failed.Thread <= 0 ||
			strings.Count(err.Error(), "unreachable") < 3 {
			t.Errorf("Wait: %v", err)
		}
		i.wait() // they are told once
		i.open("counter")
		i.want(50, lib, "thread_run", i.call(lib, "thread_function", threadAdd), 50, 1)
	})
}

// proc_exit in a thread ends the image: all other groups, those that run and those that are idle.
func TestThreadExits(t *testing.T) {
	eachWithThreads(t, nil, func(t *testing.T, i *image, lib *linker.Library) {
		idle := i.spawn()
		wait, exit := i.call(lib, "thread_function", threadWait),
			i.call(lib, "thread_function", threadExit)
		i.call(lib, "thread_create", wait, -1)
		_, err := i.try(lib, "thread_run", exit, 23, 1) // waits for a thread that exits
		var code *sys.ExitError
		if !errors.As(err, &code) || code.ExitCode() != 23 {
			t.Errorf("the caller: %v", err)
		}
		i.wait()
		for _, g := range []*image{i, idle} {
			if _, err := g.try(lib, "thread_total"); !errors.Is(err, linker.ErrGroupClosed) ||
				!errors.As(err, &code) || code.ExitCode() != 23 {
				t.Errorf("group %d: %v", g.g.ID(), err)
			}
		}
	})
}

// Limits are EAGAIN, and nothing is left of what could not be made.
func TestThreadLimits(t *testing.T) {
	const again, notsup = -6, -58
	limit := func(c *linker.Config) *linker.Config { return c.WithMaxGroups(4) }
	eachWithThreads(t, limit, func(t *testing.T, i *image, lib *linker.Library) {
		wait := i.call(lib, "thread_function", threadWait)
		var threads []int32
		for range 3 {
			threads = append(threads, i.call(lib, "thread_create", wait, -1))
		}
		i.want(again, lib, "thread_start_error")
		i.want(0, lib, "thread_create", wait, -1)
		i.call(lib, "thread_open_gate", -1)
		for _, th := range threads {
			i.call(lib, "thread_join", th)
		}
		i.wait()
		i.want(30, lib, "thread_run", i.call(lib, "thread_function", threadAdd), 10, 3)
		i.wait()
	})
	huge := func(c *linker.Config) *linker.Config { return c.WithStackSize(1 << 30) }
	i := newImage(t, "main-shared", "threads", huge)
	i.want(again, i.open("thread"), "thread_start_error")
	i = newImage(t, "main-pie", "threads", nil)
	lib, err := i.g.OpenBytes(i.ctx, "calls", callsAll(t, [2]string{"wasi", "thread-spawn"}))
	if err != nil {
		t.Fatal(err)
	}
	i.want(notsup, lib, "call_0", 0) // there is no wasi_thread_start
}

// Close ends threads that wait, and waits until they are gone.
func TestCloseEndsThreads(t *testing.T) {
	eachWithThreads(t, nil, func(t *testing.T, i *image, lib *linker.Library) {
		wait := i.call(lib, "thread_function", threadWait)
		for range 4 {
			if i.call(lib, "thread_create", wait, -1) == 0 {
				t.Fatal("no thread")
			}
		}
		if err := i.l.Close(i.ctx); err != nil {
			t.Error(err)
		}
		i.wait()
	})
}

// Each group has a stack of the size that was asked for.
func TestStackSize(t *testing.T) {
	i := newImage(t, "main-pie", "threads", nil)
	lib := i.open("stack")
	for _, tt := range []struct {
		size  uint32
		depth int32
	}{{64 << 10, 100}, {4 << 20, 20000}, {1001, 4}} {
		g, err := i.g.Spawn(i.ctx, linker.StackSize(tt.size))
		if err != nil {
			t.Fatal(err)
		}
		if g.Thread() != 0 {
			t.Errorf("thread %d", g.Thread())
		}
		i.in(g).want(tt.depth*(tt.depth-1)/2, lib, "stack_sum", tt.depth)
		if err := g.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}
}
