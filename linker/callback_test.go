package linker_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

var (
	callbackParams = []api.ValueType{api.ValueTypeI32, api.ValueTypeI64, api.ValueTypeF64,
		api.ValueTypeF32}
	callbackResults = []api.ValueType{api.ValueTypeI64}
)

// calledBack is a library whose function call(pointer, x) calls a function pointer of these types
// with x, 2x, 0.5 and 0.25.
func calledBack(t *testing.T) []byte {
	return library(t, dylink.Info{}, func(b *wasm.Builder) {
		b.ImportTable("env", "__indirect_function_table", wasm.TableType{Elem: wasm.FuncRef})
		sig := b.Type([]wasm.ValType{wasm.I32, wasm.I64, wasm.F64, wasm.F32},
			[]wasm.ValType{wasm.I64})
		var c wasm.Code
		c.LocalGet(1).LocalGet(1).LocalGet(1).I32Add().Raw(0xad) // i64.extend_i32_u
		c.Raw(0x44, 0, 0, 0, 0, 0, 0, 0xe0, 0x3f)                // f64.const 0.5
		c.Raw(0x43, 0, 0, 0x80, 0x3e)                            // f32.const 0.25
		c.LocalGet(0).CallIndirect(sig, 0)
		b.ExportFunc("call",
			b.Func(b.Type([]wasm.ValType{wasm.I32, wasm.I32}, []wasm.ValType{wasm.I64}), nil, &c))
	})
}

// A Go function has one function pointer, which guests call in every group, those that come later
// too, until it is freed.
func TestPointerOfGoFunction(t *testing.T) {
	eachImage(t, func(t *testing.T, groups []*image) {
		i := groups[0]
		lib, err := i.g.OpenBytes(i.ctx, "libcalls", calledBack(t))
		if err != nil {
			t.Fatal(err)
		}
		var calls atomic.Int64
		pointer, err := groups[len(groups)-1].g.NewCallback(i.ctx,
			api.GoModuleFunc(func(ctx context.Context, mod api.Module, stack []uint64) {
				calls.Add(1)
				if linker.GroupFromContext(ctx) == nil || mod.Memory() == nil {
					panic("no group, or no memory")
				}
				x := int64(api.DecodeI32(stack[0]))
				if int64(stack[1]) != 2*x || api.DecodeF64(stack[2]) != 0.5 ||
					api.DecodeF32(stack[3]) != 0.25 {
					panic("wrong arguments")
				}
				stack[0] = uint64(x<<32 | 7)
			}), callbackParams, callbackResults)
		if err != nil {
			t.Fatal(err)
		}
		if len(groups) > 1 {
			groups = append(groups, i.spawn())
		}
		call := func(g *image, x int32) (uint64, error) {
			r, err := g.g.Call(g.ctx, lib, "call", uint64(pointer), api.EncodeI32(x))
			if err != nil {
				return 0, err
			}
			return r[0], nil
		}
		for n, g := range groups {
			if r, err := call(g, int32(n)); err != nil || r != uint64(n)<<32|7 {
				t.Errorf("group %d: %#x, %v", n, r, err)
			}
			args := []uint64{5, 10, api.EncodeF64(0.5), api.EncodeF32(0.25)}
			if r, err := g.g.CallPointer(g.ctx, pointer, callbackParams, callbackResults,
				args...); err != nil || r[0] != 5<<32|7 {
				t.Errorf("group %d, from Go: %v, %v", n, r, err)
			}
		}
		if n := int(calls.Load()); n != 2*len(groups) {
			t.Errorf("%d calls", n)
		}
		if err := i.g.FreeCallback(i.ctx, pointer); err != nil {
			t.Fatal(err)
		}
		for _, g := range groups {
			if _, err := call(g, 1); err == nil ||
				!strings.Contains(err.Error(), "invalid table access") {
				t.Errorf("after it was freed: %v", err)
			}
		}
		var ce *linker.ClosureError
		if err := i.g.FreeCallback(i.ctx, pointer); !errors.As(err, &ce) || ce.Slot != pointer {
			t.Errorf("freed twice: %v", err)
		}
		if err := i.g.FreeCallback(i.ctx, 1); !errors.As(err, &ce) {
			t.Errorf("what is none: %v", err)
		}
	})
}

// A Go function that panics ends the guest's call as a host function does; a signature with
// references is refused.
func TestPointerOfGoFunctionErrors(t *testing.T) {
	i := newImage(t, "main-pie", "threads", nil)
	before := i.l.Snapshot(i.ctx)
	var refused *linker.CallbackError
	_, err := i.g.NewCallback(i.ctx, nil, []api.ValueType{api.ValueTypeExternref}, nil)
	if !errors.As(err, &refused) || refused.Type != "(externref) -> ()" {
		t.Errorf("a reference: %v", err)
	}
	_, err = i.g.NewCallback(i.ctx, nil, slices.Repeat([]api.ValueType{api.ValueTypeI32}, 1001),
		nil)
	if !errors.As(err, &refused) {
		t.Errorf("too many parameters: %v", err)
	}
	if after := i.l.Snapshot(i.ctx); !slices.Equal(before, after) {
		t.Errorf("what was refused left something:\n%s", difference(before, after))
	}
	failure := errors.New("no such row")
	pointer, err := i.g.NewCallback(i.ctx,
		api.GoModuleFunc(func(context.Context, api.Module, []uint64) { panic(failure) }), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := i.g.CallPointer(i.ctx, pointer, nil, nil); !errors.Is(err, failure) {
		t.Errorf("a panic: %v", err)
	}
	if _, err := i.g.CallPointer(i.ctx, pointer, []api.ValueType{api.ValueTypeI32}, nil,
		1); !errors.As(err, new(*linker.PointerError)) {
		t.Errorf("another type: %v", err)
	}
}

// Groups make, call and free function pointers of Go functions at the same time; each calls its
// own.
func TestConcurrentPointersOfGoFunctions(t *testing.T) {
	i := newImage(t, "main-pie", "threads", nil)
	groups := []*image{i, i.spawn(), i.spawn(), i.spawn()}
	var wait sync.WaitGroup
	for n, g := range groups {
		wait.Go(func() {
			for k := range 10 {
				own := uint64(100*n + k)
				pointer, err := g.g.NewCallback(g.ctx,
					api.GoModuleFunc(func(_ context.Context, _ api.Module, stack []uint64) {
						stack[0] = own
					}), nil, callbackResults)
				if err != nil {
					t.Error(err)
					return
				}
				if r, err := g.g.CallPointer(g.ctx, pointer, nil, callbackResults); err != nil ||
					r[0] != own {
					t.Errorf("%v, %v, want %d", r, err, own)
				}
				if err := g.g.FreeCallback(g.ctx, pointer); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
}

// A FreeCallback that fails changes nothing: the pointer is the Go function's, and can be freed.
func TestFreeCallbackFails(t *testing.T) {
	i := newImage(t, "main-pie", "threads", nil)
	i32 := []api.ValueType{api.ValueTypeI32}
	pointer, err := i.g.NewCallback(i.ctx, api.GoModuleFunc(
		func(_ context.Context, _ api.Module, stack []uint64) { stack[0]++ }), i32, i32)
	if err != nil {
		t.Fatal(err)
	}
	inside, goOn := make(chan struct{}), make(chan struct{})
	block, err := i.g.NewCallback(i.ctx, api.GoModuleFunc(
		func(context.Context, api.Module, []uint64) { close(inside); <-goOn }), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := i.g.CallPointer(i.ctx, block, nil, nil)
		done <- err
	}()
	<-inside
	ctx, cancel := context.WithCancel(i.ctx)
	cancel()
	if err := i.g.FreeCallback(ctx, pointer); !errors.Is(err, context.Canceled) {
		t.Errorf("FreeCallback: %v", err)
	}
	close(goOn)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if got := i.unary(pointer, 6); got != 7 {
		t.Errorf("the function returned %d", got)
	}
	if err := i.g.FreeCallback(i.ctx, pointer); err != nil {
		t.Errorf("FreeCallback: %v", err)
	}
	i.wantStale("a freed pointer of a Go function", pointer)
}
