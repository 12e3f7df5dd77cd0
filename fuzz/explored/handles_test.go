package explored_test

import (
	"context"
	"encoding/hex"
	"errors"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/lockstep-wasm/lockstep/lincheck/explore"
)

// program explores a program on worlds; after it and what it has begun, the world is looked at.
func program(t *testing.T, schedules int, search explore.Search,
	run func(r *explore.Run, w *world)) {
	o := options(schedules)
	o.Search = search
	if !explore.Here(t, o) {
		return
	}
	m, err := newMaker()
	if err != nil {
		t.Fatal(err)
	}
	explore.Check(t, func(r *explore.Run) {
		w := m.make()
		defer m.close(w)
		run(r, w)
	}, o)
}

// together runs functions at the same time, and waits for them. What one returns must be nil.
func together(r *explore.Run, does ...func() error) {
	var waits []func()
	for _, f := range does {
		waits = append(waits, r.Go("", func() {
			if err := f(); err != nil {
				r.Failf("%v", err)
			}
		}))
	}
	for _, wait := range waits {
		wait()
	}
}

// waits is, in hexadecimal digits, a library whose touch registers a destructor of thread-local
// data, which calls env.host_call:
//
//	(func $touch (export "touch") (result i32)
//	  (call $__cxa_thread_atexit_impl (global.get $__table_base) (i32.const 0)
//	    (global.get $__memory_base)))
//	(func $destructor (param i32) (call $host_call))
//	(elem (global.get $__table_base) $destructor)
const waits = "0061736d01000000000f0864796c696e6b2e300104100001000113046000006003" +
	"7f7f7f017f60017f006000017f027b0503656e7609686f73745f63616c6c000003656e76185f5f6378615f7468" +
	"726561645f6174657869745f696d706c000103656e760c5f5f7461626c655f62617365037f0003656e760d5f5f" +
	"6d656d6f72795f62617365037f0003656e76195f5f696e6469726563745f66756e6374696f6e5f7461626c6501" +
	"700001030302020307090105746f75636800030907010023000b01020a1102040010000b0a0023004100230110" +
	"010b"

// A library of which a group has thread-local data, with destructors, while that group ends and
// another one gives up the last handle: in every order it is unloaded in the end, and no destructor
// finds it gone, which would be an error (tla/Handles.tla: RunsInTheImage, UnloadedIsUnused,
// HiddenEnds).
func TestHandlesExplored(t *testing.T) {
	program(t, 300, explore.Random(1), func(r *explore.Run, w *world) {
		ctx := context.Background()
		lib, err := w.groups[0].Open(ctx, "libthread_dtor.wasm")
		must(err)
		_, err = w.groups[1].Call(ctx, lib, "thread_dtor_again", 1)
		must(err)
		binary, err := hex.DecodeString(waits)
		must(err)
		waiting, err := w.groups[0].OpenBytes(ctx, "waits", binary)
		must(err)
		_, err = w.groups[1].Call(ctx, waiting, "touch")
		must(err)
		w.wait = func(ctx context.Context) {
			must(w.groups[1].Block(ctx, func() { r.Point("a destructor waits") }))
			if !slices.Contains(w.l.Libraries(), "waits") {
				r.Failf("a destructor of a library that is unloaded runs")
			}
		}
		together(r, func() error { return w.groups[1].Close(ctx) }, func() error {
			return errors.Join(w.groups[0].CloseLibrary(ctx, waiting),
				w.groups[0].CloseLibrary(ctx, lib))
		})
		if got := w.l.Libraries(); len(got) != 1 { // that of the world
			r.Failf("libraries: %v", got)
		}
	})
}

// Two groups give up one handle, and one of them uses it: one of the two is told that it is closed,
// and what is found is found in a library that is loaded (tla/Handles.tla: CountsAreHandles,
// UsesAreOfLoaded).
func TestHandleIsClosedOnce(t *testing.T) {
	program(t, 300, explore.Random(1), func(r *explore.Run, w *world) {
		ctx := context.Background()
		var closed [2]error
		shut := func(i int) func() error {
			return func() error {
				closed[i] = w.groups[i].CloseLibrary(ctx, w.shared)
				return nil
			}
		}
		second, err := w.groups[0].Open(ctx, "libother.wasm")
		must(err)
		together(r, shut(0), shut(1))
		if a, b := class(closed[0]), class(closed[1]); min(a, b) != "library closed" ||
			max(a, b) != "ok" {
			r.Failf("one handle is given up: %s, %s", a, b)
		}
		s, err := w.groups[1].Symbol(ctx, second, "other_add")
		if err != nil || s.Pointer != w.known {
			r.Failf("the other handle: %d, %v", s.Pointer, err)
		}
		if got := w.l.Libraries(); len(got) != 1 || got[0] != "libother.wasm" {
			r.Failf("libraries: %v", got)
		}
	})
}

// A library is opened by its name while another group closes it and its destructors run: in every
// order that was explored, who opens it then has another copy, and the old one stays in the image
// until its destructors have returned (tla/Handles.tla: NothingComesBack, ClosersDestroy).
func TestClosingExplored(t *testing.T) {
	program(t, 300, explore.Random(1), func(r *explore.Run, w *world) {
		ctx := context.Background()
		binary, err := hex.DecodeString(waits)
		must(err)
		old, err := w.groups[0].OpenBytes(ctx, "waits", binary)
		must(err)
		_, err = w.groups[0].Call(ctx, old, "touch")
		must(err)
		s, err := w.groups[1].Symbol(ctx, old, "touch")
		must(err)
		var destroying atomic.Bool
		opened := make(chan struct{})
		w.wait = func(ctx context.Context) {
			destroying.Store(true)
			must(w.groups[0].Block(ctx, func() { <-opened }))
			destroying.Store(false)
		}
		together(r, func() error { return w.groups[0].CloseLibrary(ctx, old) }, func() error {
			defer close(opened)
			again, err := w.groups[1].OpenBytes(ctx, "waits", binary)
			if err != nil {
				return err
			}
			found, err := w.groups[1].Symbol(ctx, again, "touch")
			if err != nil {
				return err
			}
			if destroying.Load() && found.Pointer == s.Pointer {
				r.Failf("a library is found while its destructors run")
			}
			return nil
		})
	})
}
