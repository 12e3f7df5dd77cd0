package explored_test

import (
	"context"
	"errors"
	"testing"

	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/lincheck/explore"
	"github.com/lockstep-wasm/lockstep/linker"
)

// isEnd reports whether an error says that a group, or the linker, is closed.
func isEnd(err error) bool {
	return errors.Is(err, linker.ErrGroupClosed) || errors.Is(err, linker.ErrClosed)
}

// A group is spawned and opens a library while the linker is closed: in every order that was
// explored the call that closes has waited for the new group, whose every later call is an error
// (tla/Life.tla: EndIsForAll, OpenIsListed, EndEnds).
func TestLifeExplored(t *testing.T) {
	program(t, 300, explore.Random(1), func(r *explore.Run, w *world) {
		ctx := context.Background()
		var child *linker.Group
		together(r, func() error {
			var err error
			if child, err = w.groups[0].Spawn(ctx); err == nil {
				_, err = child.Open(ctx, "libcounter.wasm")
			}
			if err != nil && !isEnd(err) {
				return err
			}
			return nil
		}, func() error { return w.l.Close(ctx) })
		for _, g := range append(w.groups[:], child) {
			if g == nil {
				continue
			}
			if _, err := g.CallPointer(ctx, w.known, []api.ValueType{i32}, []api.ValueType{i32},
				1); !isEnd(err) {
				r.Failf("group %d after the end of all: %v", g.ID(), err)
			}
		}
	})
}

// The guest of one group ends the program while another group spawns one, which opens a library: in
// every order that was explored the exit reaches the new group, and Linker.Close waits for none
// (tla/Life.tla: EndIsForAll, DyingEnds).
func TestExitExplored(t *testing.T) {
	program(t, 300, explore.Random(1), func(r *explore.Run, w *world) {
		ctx := context.Background()
		lib, err := w.groups[0].Open(ctx, "libthread.wasm")
		must(err)
		add, err := w.groups[0].Call(ctx, lib, "thread_function", 0)
		must(err)
		// A program that has had a thread ends as a whole.
		_, err = w.groups[0].Call(ctx, lib, "thread_run", add[0], 1, 1)
		must(err)
		ended := func(err error) error {
			if err != nil && !isEnd(err) && class(err) != "exit" {
				return err
			}
			return nil
		}
		var child *linker.Group
		together(r, func() error {
			var err error
			if child, err = w.groups[0].Spawn(ctx); err == nil {
				_, err = child.Open(ctx, "libcounter.wasm")
			}
			return ended(err)
		}, func() error {
			_, err := w.groups[1].Call(ctx, lib, "thread_exit", 7)
			if class(err) != "exit" {
				r.Failf("the exit: %v", err)
			}
			return nil
		})
		for _, g := range append(w.groups[:], child) {
			if g == nil {
				continue
			}
			_, err := g.CallPointer(ctx, w.known, []api.ValueType{i32}, []api.ValueType{i32}, 1)
			if err == nil || ended(err) != nil {
				r.Failf("group %d after the exit: %v", g.ID(), err)
			}
		}
		if err := w.l.Close(ctx); ended(err) != nil {
			r.Failf("Close: %v", err)
		}
	})
}

// A group is closed by two goroutines while a leader works in it, and a third one calls it: each
// gets a result or learns that the group is closed, and the others link on (tla/Life.tla:
// UsedIsOpen, DyingIsLeft, DyingEnds).
func TestDeathExplored(t *testing.T) {
	program(t, 300, explore.Random(1), func(r *explore.Run, w *world) {
		ctx := context.Background()
		end := func() error { return w.groups[1].Close(ctx) }
		together(r, end, end, func() error {
			_, err := w.groups[0].Open(ctx, "libcounter.wasm")
			return err
		}, func() error {
			_, err := w.groups[1].CallPointer(ctx, w.known, []api.ValueType{i32},
				[]api.ValueType{i32}, 1)
			if err != nil && !isEnd(err) {
				return err
			}
			return nil
		})
		if got := len(w.l.Libraries()); got != 2 {
			r.Failf("%d libraries", got)
		}
	})
}

// A Go function that group 0 calls blocks, then calls into group 1 with its context, and keeps it.
// Meanwhile another goroutine uses that context, a third one calls group 0 from outside, and group
// 1 links. Only the goroutine of the stay may use the context, and only during the stay; no other
// is in its group, which the check for data races sees; and the leader is held up by none
// (tla/Stays.tla: OneIsIn, HoldsUpNone, StaysAreTheirs).
func TestStaysExplored(t *testing.T) {
	program(t, 300, explore.Random(1), func(r *explore.Run, w *world) {
		ctx := context.Background()
		known := func(ctx context.Context, g *linker.Group) error {
			_, err := g.CallPointer(ctx, w.known, []api.ValueType{i32}, []api.ValueType{i32}, 1)
			return err
		}
		inside := 0 // how many are in the Go function; guarded by the group's lock
		kept := make(chan context.Context, 2)
		pointer, err := w.groups[0].NewCallback(ctx, func(ctx context.Context, _ api.Module,
			_ []uint64) {
			inside++
			kept <- ctx
			must(w.groups[0].Block(ctx, func() { r.Point("a wait") }))
			must(known(ctx, w.groups[1]))
			must(known(ctx, w.groups[0]))
			if inside--; inside != 0 {
				r.Failf("%d goroutines are in the group (OneIsIn)", inside+1)
			}
		}, nil, nil)
		must(err)
		var earlier context.Context // of a call that has returned
		again, err := w.groups[0].NewCallback(ctx, func(context.Context, api.Module, []uint64) {
			if err := known(earlier, w.groups[0]); !errors.Is(err, linker.ErrStaleContext) {
				r.Failf("the context of an earlier call with another context: %v", err)
			}
		}, nil, nil)
		must(err)
		first, err := w.groups[0].NewCallback(ctx, func(ctx context.Context, _ api.Module,
			_ []uint64) {
			earlier = ctx
		}, nil, nil)
		must(err)
		_, err = w.groups[0].CallPointer(ctx, first, nil, nil)
		must(err)
		another, cancel := context.WithCancel(ctx)
		defer cancel()
		_, err = w.groups[0].CallPointer(another, again, nil, nil)
		must(err)
		call := func() error {
			_, err := w.groups[0].CallPointer(ctx, pointer, nil, nil)
			return err
		}
		together(r, call, call, func() error {
			err := known(<-kept, w.groups[0])
			if !errors.Is(err, linker.ErrForeignContext) &&
				!errors.Is(err, linker.ErrStaleContext) {
				r.Failf("the context of another goroutine: %v", err)
			}
			return nil
		}, func() error {
			_, err := w.groups[1].Open(ctx, "libcounter.wasm")
			return err
		})
		if err := known(<-kept, w.groups[0]); !errors.Is(err, linker.ErrStaleContext) {
			r.Failf("a context that was kept: %v", err)
		}
	})
}
