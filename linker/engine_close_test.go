package linker_test

import (
	"context"
	"errors"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/linker"
)

// closingRuntime has wazero close modules when the context of a call into them ends.
func closingRuntime(t *testing.T) (wazero.Runtime, <-chan int32) {
	ctx, started := context.Background(), make(chan int32, 100)
	rt := wazero.NewRuntimeWithConfig(ctx, linker.NewRuntimeConfig().WithCloseOnContextDone(true))
	t.Cleanup(func() { _ = rt.Close(ctx) })
	hostModule(t, rt, "env",
		map[string]func(context.Context, int32) int32{
			"started": func(_ context.Context, x int32) int32 {
				started <- x
				return x
			}})
	return rt, started
}

// With wazero's WithCloseOnContextDone, a call whose context ends takes its group with it, and no
// other, also when the guest has threads: it is no exit.
func TestEngineClosesOnContextDone(t *testing.T) {
	for _, m := range mains {
		if !m.groups {
			continue
		}
		t.Run(m.name, func(t *testing.T) {
			rt, started := closingRuntime(t)
			i := newImageIn(t, rt, m.name, m.libs, nil)
			if m.libs == "threads" {
				threads := i.open("thread")
				i.want(50, threads, "thread_run", i.call(threads, "thread_function", threadAdd), 50,
					1)
				i.wait()
			}
			lib := i.openBytes("spinner", spinner(t))
			for range 3 {
				other := i.spawn()
				ctx, cancel := context.WithCancel(i.ctx)
				done := other.goCall(ctx, lib, "loop", 1)
				<-started
				cancel()
				if err := <-done; !errors.Is(err, context.Canceled) {
					t.Errorf("the call: %v", err)
				}
				if _, err := other.try(linker.Default, "main_twice", 1); !errors.Is(err,
					linker.ErrGroupClosed) || !errors.Is(err, context.Canceled) {
					t.Errorf("the group: %v", err)
				}
			}
			i.want(42, linker.Default, "main_twice", 21)
			i.open("counter")
			i.want(101, linker.Default, "counter_next")
		})
	}
}

// A load that the engine stops leaves nothing, or takes the group that it was begun in with it.
func TestEngineClosesInLoad(t *testing.T) {
	rt, started := closingRuntime(t)
	i := newImageIn(t, rt, "main-pie", "threads", nil)
	other := i.spawn()
	ctx, cancel := context.WithCancel(i.ctx)
	done := make(chan error, 1)
	go func() {
		_, err := other.g.OpenBytes(ctx, "endless", spinner(t, "__wasm_call_ctors"))
		done <- err
	}()
	<-started
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("the load: %v", err)
	}
	if libs := i.l.Libraries(); len(libs) != 0 {
		t.Errorf("libraries: %v", libs)
	}
	i.open("counter")
	i.want(101, linker.Default, "counter_next")
	if r, err := other.try(linker.Default, "counter_next"); r != 102 &&
		!errors.Is(err, linker.ErrGroupClosed) {
		t.Errorf("the group of the load: %d, %v", r, err)
	}
}
