package linker_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// A main module that names libraries gets them before it is instantiated.
func TestMainNeedsLibraries(t *testing.T) {
	ctx := context.Background()
	info := dylink.Info{MemorySize: 16, MemoryAlignment: 4,
		Needed: []string{"libcounter.wasm", "libnotable.wasm"}}
	main := library(t, info, func(b *wasm.Builder) {
		next := b.ImportFunc("env", "counter_next", b.Type(nil, i32))
		f := b.Func(b.Type(nil, nil), nil, new(wasm.Code).Call(next).Drop())
		b.ExportFunc("__wasm_call_ctors", f)
		b.ExportFunc("next", b.Func(b.Type(nil, i32), nil, new(wasm.Code).Call(next)))
	})
	l, err := linker.New(ctx, newRuntime(t), main,
		linker.NewConfig().WithFS(fixtures()).WithSearchPath("threads"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close(ctx)
	i := &image{TB: t, ctx: ctx, l: l, g: l.Main()}
	i.want(102, linker.Default, "next")
	i.spawn().want(103, linker.Default, "next")
	if got, want := l.Libraries(),
		[]string{"libcounter.wasm", "libnotable.wasm"}; !slices.Equal(got, want) {
		t.Errorf("libraries: %v, want %v", got, want)
	}
	i.open("bss") // the main module has no allocator: the memory grows
	i.want(0, linker.Default, "bss_sum", 0, 25000)
}

// What cannot be a main module is refused, and leaves nothing in the runtime.
func TestNewFails(t *testing.T) {
	ctx := context.Background()
	rt := newRuntime(t)
	for _, c := range []struct {
		name   string
		main   []byte
		config *linker.Config
		want   func(error) bool
	}{
		{"empty", nil, nil, func(err error) bool { return errors.Is(err, wasm.ErrNotModule) }},
		{"truncated", readFixture(t, "main-pie.wasm")[:300], nil,
			is(func(e *wasm.FormatError) bool { return e.Offset > 0 })},
		{"memory too small", readFixture(t, "main-pie.wasm"),
			linker.NewConfig().WithMemoryPages(0, 3),
			is(func(e *linker.LimitError) bool { return e.Max == 3 })},
		{"table too small", readFixture(t, "main-pie.wasm"), linker.NewConfig().WithMaxTable(1),
			is(func(e *linker.LimitError) bool { return e.Max == 1 })},
		{"missing data", built(t, importGlobal("nothing", wasm.GlobalType{Type: wasm.I32})), nil,
			is(func(e *linker.UndefinedSymbolError) bool { return e.Symbol == "nothing" })},
		{"missing library",
			library(t, dylink.Info{Needed: []string{"nothing"}}, func(*wasm.Builder) {}), nil,
			is(func(e *linker.NotFoundError) bool { return e.Name == "nothing" })},
		{"trap", built(t, func(b *wasm.Builder) {
			b.Start(b.Func(b.Type(nil, nil), nil, new(wasm.Code).Unreachable()))
		}), nil, func(err error) bool { return strings.Contains(err.Error(), "unreachable") }},
		{"allocator that gives nothing", built(t, func(*wasm.Builder) {}),
			linker.NewConfig().WithMemoryPages(1, 2).WithAllocator(stingy),
			is(func(e *linker.LimitError) bool { return e.Value == 2*65536 && e.Max == 0 })},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := linker.New(ctx, rt, c.main, c.config)
			var le *linker.LoadError
			if !errors.As(err, &le) || !c.want(err) {
				t.Errorf("error: %v", err)
			}
			if rt.Module("lockstep:host") != nil {
				t.Error("the linker's host module is still there")
			}
		})
	}
	l, err := linker.New(ctx, rt, readFixture(t, "main-exe.wasm"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(ctx); err != nil {
		t.Error(err)
	}
}

func built(t testing.TB, build func(b *wasm.Builder)) []byte {
	t.Helper()
	var b wasm.Builder
	build(&b)
	bytes, err := b.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return bytes
}

// stingy allocates no memory.
var stingy = experimental.MemoryAllocatorFunc(func(uint64, uint64) experimental.LinearMemory {
	return noMemory{}
})

type noMemory struct{}

func (noMemory) Reallocate(uint64) []byte { return nil }
func (noMemory) Free()                    {}

// A runtime without threads links ordinary executables, in one group; modules built for threads are
// refused with the name of the feature.
func TestWithoutThreads(t *testing.T) {
	ctx := context.Background()
	rt := wazero.NewRuntimeWithConfig(ctx,
		linker.NewRuntimeConfig().WithCoreFeatures(
			api.CoreFeaturesV2|experimental.CoreFeaturesExtendedConst))
	defer rt.Close(ctx)
	var fe *linker.FeatureError
	if _, err := linker.New(ctx, rt, readFixture(t, "main-pie.wasm"), nil); !errors.As(err, &fe) ||
		fe.Feature != "threads" {
		t.Errorf("main-pie: %v", err)
	}
	i := newImageIn(t, rt, "main-exe", "plain", nil)
	i.want(42, i.open("data"), "data_read_value")
	if _, err := i.g.Spawn(ctx); !errors.Is(err, linker.ErrOneGroup) || !errors.As(err, &fe) {
		t.Errorf("Spawn: %v", err)
	}
	if _, err := i.g.OpenBytes(ctx, "threads",
		readFixture(t, "threads/libcounter.wasm")); !errors.As(err, &fe) {
		t.Errorf("a library built for threads: %v", err)
	}
	i.want(101, i.open("counter"), "counter_next")
}

// Two linkers live in one runtime without seeing each other.
func TestTwoLinkers(t *testing.T) {
	rt := newRuntime(t)
	i := newImageIn(t, rt, "main-pie", "threads", nil)
	j := newImageIn(t, rt, "main-shared", "threads", nil)
	i.open("counter")
	j.open("counter")
	i.want(101, linker.Default, "counter_next")
	j.want(101, linker.Default, "counter_next")
}

// A memory given by the user's allocator is freed once, when the linker closes.
func TestAllocator(t *testing.T) {
	a := &countingAllocator{}
	i := newImage(t, "main-pie", "threads",
		func(c *linker.Config) *linker.Config { return c.WithAllocator(a) })
	i.open("bss")
	other := i.spawn()
	if err := other.g.Close(i.ctx); err != nil {
		t.Fatal(err)
	}
	i.open("align")
	i.want(65, linker.Default, "align_read")
	if a.freed != 0 {
		t.Errorf("freed %d times while in use", a.freed)
	}
	if err := i.l.Close(i.ctx); err != nil {
		t.Fatal(err)
	}
	if a.allocated != 1 || a.freed != 1 {
		t.Errorf("allocated %d times, freed %d times", a.allocated, a.freed)
	}
}

type countingAllocator struct {
	allocated, freed int
	bytes            []byte
}

func (a *countingAllocator) Allocate(_, limit uint64) experimental.LinearMemory {
	a.allocated++
	a.bytes = make([]byte, limit)
	return a
}

func (a *countingAllocator) Reallocate(size uint64) []byte { return a.bytes[:size] }
func (a *countingAllocator) Free()                         { a.freed++ }
