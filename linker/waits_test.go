package linker_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero/sys"

	"github.com/lockstep-wasm/lockstep/linker"
)

// A thread that waits for another one holds up no link operation, and has what was loaded
// meanwhile.
func TestWaitingThreadHoldsUpNobody(t *testing.T) {
	eachWithThreads(t, nil, func(t *testing.T, i *image, lib *linker.Library) {
		wait := i.call(lib, "thread_function", threadWait)
		var threads []int32
		for range 3 {
			threads = append(threads, i.call(lib, "thread_create", wait, -1))
		}
		spawned := i.spawn()
		done := make(chan error)
		go func() {
			_, err := spawned.try(lib, "thread_wait", -1)
			done <- err
		}()
		i.open("counter") // whether they have come to their wait or not
		for range 20 {
			if err := i.g.CloseLibrary(i.ctx, i.open("manyfn")); err != nil {
				t.Fatal(err)
			}
		}
		i.call(lib, "thread_open_gate", -1)
		if err := <-done; err != nil {
			t.Error(err)
		}
		for _, th := range threads {
			if r := i.call(lib, "thread_join", th); r != 0 && r != 1 {
				t.Errorf("wait: %d", r)
			}
		}
		spawned.want(101, linker.Default, "counter_next")
		i.wait()
	})
}

// The results of waits and notifications, with one waiter at a time and with several.
func TestWaitAndNotify(t *testing.T) {
	eachWithThreads(t, nil, func(t *testing.T, i *image, lib *linker.Library) {
		i.want(2, lib, "thread_wait", 0)
		i.want(0, lib, "thread_wake", 1)
		wait := i.call(lib, "thread_function", threadWait)
		var threads []int32
		for range 5 {
			threads = append(threads, i.call(lib, "thread_create", wait, -1))
		}
		woken := int32(0)
		for woken < 3 { // as they come
			woken += i.call(lib, "thread_wake", 1)
			runtime.Gosched()
		}
		for woken < 5 {
			woken += i.call(lib, "thread_wake", -1)
			runtime.Gosched()
		}
		for _, th := range threads {
			i.want(0, lib, "thread_join", th)
		}
		i.call(lib, "thread_open_gate", 1)
		i.want(1, lib, "thread_wait", -1)
		for expected, want := range map[uint64]uint32{0: 2, 1 << 40: 1} {
			if r, err := i.g.Call(i.ctx, lib, "thread_wait64", expected); err != nil ||
				uint32(r[0]) != want {
				t.Errorf("wait64 for %d: %v, %v, want %d", expected, r, err, want)
			}
		}
		i.wait()
	})
}

// What is not aligned or not in memory ends the call, as it does in the engine.
func TestWaitTraps(t *testing.T) {
	i := newImage(t, "main-pie", "threads", nil)
	lib := i.open("thread")
	size := int32(i.l.Memory().Size())
	for address, want := range map[int32]string{2: "unaligned", size: "out of bounds",
		-16: "out of bounds"} {
		if _, err := i.try(lib, "thread_join", address); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("wait at %#x: %v", address, err)
		}
	}
	i.open("counter")
}

// A wait ends with the context of its call, and with its group; Go wakes guests by Notify.
func TestWaitEnds(t *testing.T) {
	i := newImage(t, "main-pie", "threads", nil)
	lib := i.open("thread")
	ctx, cancel := context.WithCancel(i.ctx)
	cancel()
	if _, err := i.g.Call(ctx, lib, "thread_wait", 1<<32-1); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	other := i.spawn()
	done := make(chan error)
	// thread_join waits at the address that it is given, behind the first four words, which Go can
	// know.
	th := i.call(linker.Default, "malloc", 20)
	for k := range int32(5) {
		i.call(linker.Default, "poke32", th+4*k, 0)
	}
	go func() {
		_, err := other.try(lib, "thread_join", th)
		done <- err
	}()
	for i.l.Notify(uint32(th)+16, 1) == 0 { // it goes on waiting: it is not done
		runtime.Gosched()
	}
	i.call(linker.Default, "poke32", th+16, 1)
	for stop := false; !stop; {
		i.l.Notify(uint32(th)+16, 1)
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
			stop = true
		default:
			runtime.Gosched()
		}
	}
	waiting := i.spawn()
	go func() {
		_, err := waiting.try(lib, "thread_wait", -1)
		done <- err
	}()
	if err := i.l.Close(i.ctx); err != nil {
		t.Error(err)
	}
	if err := <-done; !errors.Is(err, linker.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// An exit ends the waits of all groups, also of one that has come to its wait before.
func TestWaitEndsWithExit(t *testing.T) {
	i := newImage(t, "main-pie", "threads", nil)
	lib := i.open("thread")
	exit := i.call(lib, "thread_function", threadExit)
	waiting := i.spawn()
	done := make(chan error)
	go func() {
		_, err := waiting.try(lib, "thread_wait", -1)
		done <- err
	}()
	for i.l.Waiting() == 0 {
		runtime.Gosched()
	}
	if _, err := i.try(lib, "thread_run", exit, 23, 1); err == nil {
		t.Error("the caller goes on after an exit")
	}
	var code *sys.ExitError
	if err := <-done; !errors.Is(err, linker.ErrGroupClosed) || !errors.As(err, &code) ||
		code.ExitCode() != 23 {
		t.Errorf("who waited: %v", err)
	}
}
