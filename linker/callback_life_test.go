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

// sets returns a Go function that answers with a number.
func sets(x uint64) api.GoModuleFunc {
	return func(_ context.Context, _ api.Module, stack []uint64) { stack[0] = x }
}

// The function pointer that a constructor's load has made goes with the load, if that fails; the
// pointer of a load that succeeds stays, and can be freed.
func TestCallbackOfConstructor(t *testing.T) {
	for _, fails := range []bool{true, false} {
		rt := newRuntime(t)
		var pointer uint32
		_, err := rt.NewHostModuleBuilder("env").NewFunctionBuilder().WithFunc(
			func(ctx context.Context) {
				g := linker.GroupFromContext(ctx)
				var err error
				if pointer, err = g.NewCallback(ctx, sets(7), nil, callbackResults); err != nil {
					t.Error(err)
				}
				r, err := g.CallPointer(ctx, pointer, nil, callbackResults)
				if err != nil || r[0] != 7 {
					t.Errorf("in the constructor: %v, %v", r, err)
				}
			}).Export("register").Instantiate(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		i := newImageIn(t, rt, "main-pie", "threads", nil)
		other := i.spawn()
		before := i.l.Snapshot(i.ctx)
		lib, err := i.g.OpenBytes(i.ctx, "registers",
			library(t, dylink.Info{}, func(b *wasm.Builder) {
				register := b.ImportFunc("env", "register", b.Type(nil, nil))
				code := new(wasm.Code).Call(register)
				if fails {
					code.Unreachable()
				}
				b.ExportFunc("__wasm_call_ctors", b.Func(b.Type(nil, nil), nil, code))
			}))
		if fails {
			var closure *linker.ClosureError
			if after := i.l.Snapshot(i.ctx); err == nil || !slices.Equal(before, after) {
				t.Errorf("%v left something:\n%s", err, difference(before, after))
			}
			if err := i.g.FreeCallback(i.ctx, pointer); !errors.As(err, &closure) {
				t.Errorf("freeing what was taken back: %v", err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		r, err := other.g.CallPointer(i.ctx, pointer, nil, callbackResults)
		if err != nil || r[0] != 7 {
			t.Errorf("in another group: %v, %v", r, err)
		}
		i.closeLibrary(lib)
		if err := other.g.FreeCallback(i.ctx, pointer); err != nil {
			t.Error(err)
		}
	}
}

// FreeCallback frees function pointers of Go functions and nothing else, whatever an entry was
// before: FreeClosure may have freed it, and another closure may have it now.
func TestFreeCallbackOfAnotherOne(t *testing.T) {
	i := newImage(t, "main-pie", "threads", func(c *linker.Config) *linker.Config {
		return c.WithPointerQuarantine(0)
	})
	var closure *linker.ClosureError
	pointer, err := i.g.NewCallback(i.ctx, sets(1), nil, callbackResults)
	if err != nil {
		t.Fatal(err)
	}
	if err := i.g.FreeClosure(i.ctx, pointer); err != nil {
		t.Fatal(err)
	}
	slot, err := i.g.AllocateClosure(i.ctx)
	if err != nil || slot != pointer {
		t.Fatalf("entry %d, %v, want %d again", slot, err, pointer)
	}
	if err := i.g.FreeCallback(i.ctx, slot); !errors.As(err, &closure) || closure.Slot != slot {
		t.Errorf("a closure: %v", err)
	}
	if err := i.g.SetClosure(i.ctx, slot, linker.Default, "main_triple"); err != nil {
		t.Errorf("the closure was freed: %v", err)
	}
	if pointer, err = i.g.NewCallback(i.ctx, sets(2), nil, callbackResults); err != nil {
		t.Fatal(err)
	}
	if err := i.g.SetClosure(i.ctx, pointer, linker.Default, "main_triple"); err != nil {
		t.Fatal(err)
	}
	if err := i.g.FreeCallback(i.ctx, pointer); !errors.As(err, &closure) {
		t.Errorf("what is a guest's function now: %v", err)
	}
	_, err = i.g.NewCallback(i.ctx, nil, nil, callbackResults)
	if !errors.As(err, new(*linker.CallbackError)) {
		t.Errorf("no Go function: %v", err)
	}
}
