package linker_test

import (
	"context"
	"errors"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// Every place in which the linker calls the guest, see spec/guest-calls.md: the guest calls back,
// and nothing hangs.

// hostAllocator is a main module whose malloc and free are functions of the host, and whose
// functions t0 to t9 have no pointers.
type hostAllocator struct {
	next   uint32
	malloc func(ctx context.Context, g *linker.Group) // called when the linker allocates
	free   func(ctx context.Context, g *linker.Group)
}

func (a *hostAllocator) runtime(t testing.TB) wazero.Runtime {
	t.Helper()
	rt, one := newRuntime(t), []api.ValueType{api.ValueTypeI32}
	b := rt.NewHostModuleBuilder("env")
	b = b.NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(
		func(ctx context.Context, _ api.Module, stack []uint64) {
			if a.malloc != nil {
				a.malloc(ctx, linker.GroupFromContext(ctx))
			}
			if a.next == 0 {
				a.next = 1 << 20
			}
			p := a.next
			a.next += uint32(stack[0]+15) &^ 15
			stack[0] = uint64(p)
		}), one, one).Export("host_malloc")
	b = b.NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(
		func(ctx context.Context, _ api.Module, stack []uint64) {
			if a.free != nil {
				a.free(ctx, linker.GroupFromContext(ctx))
			}
		}), one, nil).Export("host_free")
	if _, err := b.Instantiate(context.Background()); err != nil {
		t.Fatal(err)
	}
	return rt
}

// main writes the main module; more adds to it.
func (a *hostAllocator) main(t testing.TB, more func(b *wasm.Builder)) []byte {
	return library(t, dylink.Info{MemorySize: 64}, func(b *wasm.Builder) {
		malloc := b.ImportFunc("env", "host_malloc", b.Type(i32, i32))
		free := b.ImportFunc("env", "host_free", b.Type(i32, nil))
		var spare uint32
		if more != nil {
			spare = b.ImportFunc("env", "dladdr", b.Type([]wasm.ValType{wasm.I32, wasm.I32}, i32))
		}
		limits := wasm.Limits{Min: 64, Max: 256, HasMax: true}
		b.ImportMemory("env", "memory", wasm.MemoryType{Limits: limits, Shared: true})
		b.ExportFunc("malloc",
			b.Func(b.Type(i32, i32), nil, new(wasm.Code).LocalGet(0).Call(malloc)))
		b.ExportFunc("free", b.Func(b.Type(i32, nil), nil, new(wasm.Code).LocalGet(0).Call(free)))
		for k := range int32(10) {
			name := "t" + string(rune('0'+k))
			b.ExportFunc(name, b.Func(b.Type(nil, i32), nil, new(wasm.Code).I32Const(k)))
		}
		if more != nil {
			b.ExportFunc("address", b.Func(b.Type([]wasm.ValType{wasm.I32, wasm.I32}, i32), nil,
				new(wasm.Code).LocalGet(0).LocalGet(1).Call(spare)))
			more(b)
		}
	})
}

func (a *hostAllocator) image(t testing.TB, more func(b *wasm.Builder)) *image {
	t.Helper()
	ctx, rt := context.Background(), a.runtime(t)
	config := linker.NewConfig().WithFS(fixtures()).WithSearchPath("threads").WithStackSize(65536)
	l, err := linker.New(ctx, rt, a.main(t, more), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		a.malloc, a.free = nil, nil
		if err := l.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return &image{TB: t, ctx: ctx, rt: rt, l: l, g: l.Main()}
}

// The guest's allocator, asked for the stack of a new group, looks a function up that has no
// pointer yet, reserves a closure, and opens a library: the linker holds nothing meanwhile.
func TestAllocatorOfSpawnCallsBack(t *testing.T) {
	a := &hostAllocator{}
	i := a.image(t, nil)
	var failed []error
	a.malloc = func(ctx context.Context, g *linker.Group) {
		a.malloc = nil
		_, err := g.Symbol(ctx, linker.Default, "t0")
		_, err2 := g.AllocateClosure(ctx)
		_, err3 := g.OpenBytes(ctx, "empty", library(t, dylink.Info{}, func(*wasm.Builder) {}))
		_, err4 := g.OpenBytes(ctx, "data",
			library(t, dylink.Info{MemorySize: 16}, func(*wasm.Builder) {}))
		failed = append(failed, err, err2, err3, err4)
	}
	var other *image
	watchdog(t, "Spawn", func() { other = i.spawn() })
	if len(failed) != 4 || errors.Join(failed[:3]...) != nil ||
		!errors.Is(failed[3], linker.ErrInAllocator) {
		t.Errorf("in the allocator: %v", failed)
	}
	for k := range int32(10) {
		other.want(k, linker.Default, "t"+string(rune('0'+k)))
	}
}

// The same while a library is loaded, in the middle of the operation; and when memory is given
// back.
func TestAllocatorOfLoadCallsBack(t *testing.T) {
	a := &hostAllocator{}
	i := a.image(t, nil)
	i.spawn()
	var failed []error
	calls := 0
	a.malloc = func(ctx context.Context, g *linker.Group) {
		calls++
		_, err := g.Symbol(ctx, linker.Default, "t1")
		failed = append(failed, err)
	}
	a.free = func(ctx context.Context, g *linker.Group) {
		calls++
		_, err := g.Symbol(ctx, linker.Default, "t2")
		_, err2 := g.AllocateClosure(ctx)
		failed = append(failed, err, err2)
	}
	lib := i.openBytes("data", library(t, dylink.Info{MemorySize: 16}, func(*wasm.Builder) {}))
	watchdog(t, "CloseLibrary", func() { i.closeLibrary(lib) })
	if err := errors.Join(failed...); err != nil || calls != 2 {
		t.Errorf("in %d calls of the allocator: %v", calls, err)
	}
	i.want(1, linker.Default, "t1")
}

// An allocator that needs itself by way of the linker gets an error: the answer of dladdr needs
// memory.
func TestAllocatorNeedsItself(t *testing.T) {
	a := &hostAllocator{}
	i := a.image(t, func(*wasm.Builder) {})
	depth, most := 0, 0
	p := i.symbol(linker.Default, "t3")
	a.malloc = func(ctx context.Context, g *linker.Group) {
		depth++
		most = max(most, depth)
		defer func() { depth-- }()
		r, err := g.Call(ctx, linker.Default, "address", uint64(p), 1024)
		if err != nil || r[0] != 0 {
			t.Errorf("dladdr in the allocator: %v, %v", r, err)
		}
	}
	watchdog(t, "dladdr", func() { i.want(1, linker.Default, "address", int32(p), 2048) })
	if most != 1 {
		t.Errorf("the allocator within itself, %d times", most)
	}
}

// A guest and the host that call each other come to a limit, in good order, and the group lives on.
func TestCallsWithinEachOther(t *testing.T) {
	var i *image
	var lib *linker.Library
	depth, most := 0, 0
	var deepest error
	rt := hostCall(t, func(ctx context.Context, g *linker.Group) {
		depth++
		most = max(most, depth)
		if _, err := g.Call(ctx, lib, "recurse"); err != nil && deepest == nil {
			deepest = err
		}
		depth--
	})
	i = newImageIn(t, rt, "main-pie", "threads", func(c *linker.Config) *linker.Config {
		return c.WithMaxCalls(500)
	})
	lib = i.openBytes("recurses", callsHost(t, "recurse"))
	for range 2 {
		most, deepest = 0, nil
		i.call(lib, "recurse")
		var limit *linker.LimitError
		if !errors.As(deepest, &limit) || limit.Max != 500 || most != 500 {
			t.Errorf("%d calls within each other, then %v", most, deepest)
		}
	}
	i.want(42, linker.Default, "main_twice", 21)
}

// again is a library whose destructor registers itself again, by atexit or for its thread.
func again(t testing.TB, register string) []byte {
	return library(t, dylink.Info{TableSize: 1}, func(b *wasm.Builder) {
		three := []wasm.ValType{wasm.I32, wasm.I32, wasm.I32}
		atexit := b.ImportFunc("env", register, b.Type(three, i32))
		count := b.ImportFunc("env", "host_call", b.Type(nil, nil))
		base := b.ImportGlobal("env", "__table_base", wasm.GlobalType{Type: wasm.I32})
		functions := b.ImportTable("env", "__indirect_function_table", table(1))
		add := func() *wasm.Code {
			return new(wasm.Code).GlobalGet(base).I32Const(0).I32Const(0).Call(atexit).Drop()
		}
		b.ActiveFuncs(functions, wasm.ConstGlobal(base),
			b.Func(b.Type(i32, nil), nil, add().Call(count)))
		b.ExportFunc("__wasm_call_ctors", b.Func(b.Type(nil, nil), nil, add()))
	})
}

// A destructor that registers itself again comes to an end, when its library is closed, its group,
// or the image.
func TestDestructorsRegisterThemselves(t *testing.T) {
	const limit = 100
	for _, register := range []string{"__cxa_atexit", "__cxa_thread_atexit"} {
		for _, end := range []string{"library", "group", "image"} {
			t.Run(register+"/"+end, func(t *testing.T) {
				calls := 0
				rt := hostCall(t, func(context.Context, *linker.Group) { calls++ })
				i := newImageIn(t, rt, "main-pie", "threads",
					func(c *linker.Config) *linker.Config {
						return c.WithMaxLateDestructors(limit)
					})
				other := i.spawn()
				lib := other.openBytes("again", again(t, register))
				watchdog(t, "the end of the "+end, func() {
					var err error
					switch {
					case end == "library":
						err = other.g.CloseLibrary(i.ctx, lib)
					case end == "group" && register == "__cxa_thread_atexit":
						err = other.g.Close(i.ctx)
					default:
						err = i.l.Close(i.ctx)
					}
					if err != nil {
						t.Error(err)
					}
				})
				if calls != 1+limit {
					t.Errorf("%d calls", calls)
				}
			})
		}
	}
}
