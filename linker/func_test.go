package linker_test

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker"
)

func (i *image) function(lib *linker.Library, name string) *linker.Func {
	i.Helper()
	f, err := i.g.Func(i.ctx, lib, name)
	if err != nil {
		i.Fatal(err)
	}
	return f
}

// A prepared function gives what a call by name gives.
func TestFunc(t *testing.T) {
	eachMain(t, func(t *testing.T, i *image) {
		lib := i.open("notable")
		f := i.function(lib, "notable_add")
		if f.Name() != "notable_add" || f.Group() != i.g ||
			f.Type().String() != "(i32, i32) -> (i32)" {
			t.Errorf("%s %s", f.Name(), f.Type())
		}
		if r, err := f.Call(i.ctx, 3, 4); err != nil || len(r) != 1 || r[0] != 7 {
			t.Errorf("%v, %v, want 7", r, err)
		}
		stack := []uint64{5, 6, 99}
		if err := f.CallWithStack(i.ctx, stack); err != nil || stack[0] != 11 {
			t.Errorf("%v, %v, want 11", stack, err)
		}
		symbol := (*linker.SymbolError)(nil)
		if r, err := f.Call(i.ctx, 3); r != nil || !errors.As(err, &symbol) {
			t.Errorf("one argument: %v, %v", r, err)
		}
		if err := f.CallWithStack(i.ctx, stack[:1]); !errors.As(err, &symbol) {
			t.Errorf("a stack of one: %v", err)
		}
		undefined := (*linker.UndefinedSymbolError)(nil)
		if f, err := i.g.Func(i.ctx, lib, "nothing"); f != nil || !errors.As(err, &undefined) {
			t.Errorf("%v, %v", f, err)
		}
	})
}

// A prepared function ends with its module, and with its group.
func TestFuncEnds(t *testing.T) {
	i := newImage(t, "main-pie", "threads", nil)
	other := i.spawn()
	lib := i.open("notable")
	mine, others := i.function(lib, "notable_add"), other.function(lib, "notable_add")
	if err := i.g.CloseLibrary(i.ctx, lib); err != nil {
		t.Fatal(err)
	}
	for _, f := range []*linker.Func{mine, others} {
		if r, err := f.Call(i.ctx, 1, 2); r != nil || !errors.Is(err, linker.ErrLibraryClosed) {
			t.Errorf("group %d, after the unload: %v, %v", f.Group().ID(), r, err)
		}
		if err := f.CallWithStack(i.ctx, []uint64{1, 2}); !errors.Is(err, linker.ErrLibraryClosed) {
			t.Errorf("group %d, after the unload: %v", f.Group().ID(), err)
		}
	}
	twice := other.function(linker.Default, "main_twice")
	if err := other.g.Close(i.ctx); err != nil {
		t.Fatal(err)
	}
	if r, err := twice.Call(i.ctx, 1); r != nil || !errors.Is(err, linker.ErrGroupClosed) {
		t.Errorf("after the group's end: %v, %v", r, err)
	}
}

// A host function may call a prepared function of the group that it is called from.
func TestFuncFromTheHost(t *testing.T) {
	var f *linker.Func
	rt := hostCall(t, func(ctx context.Context, _ *linker.Group) {
		if r, err := f.Call(ctx, 21); err != nil || r[0] != 42 {
			t.Errorf("%v, %v", r, err)
		}
	})
	i := newImageIn(t, rt, "main-pie", "threads", nil)
	f = i.function(linker.Default, "main_twice")
	lib, err := i.g.OpenBytes(i.ctx, "calls", callsHost(t, "run"))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		i.want0(lib, "run")
	}
}

// want0 calls a function without results.
func (i *image) want0(lib *linker.Library, name string) {
	i.Helper()
	if _, err := i.g.Call(i.ctx, lib, name); err != nil {
		i.Error(err)
	}
}

// A call from Go takes no memory of its own: what it takes is wazero's.
func TestCallsTakeNoMemory(t *testing.T) {
	i := newImage(t, "main-pie", "threads", nil)
	lib := i.open("notable")
	f := i.function(lib, "notable_add")
	stack := make([]uint64, 2)
	args := []uint64{1, 2}
	for _, c := range []struct {
		name string
		most float64
		call func() error
	}{
		{"CallWithStack", 0, func() error { return f.CallWithStack(i.ctx, stack) }},
		// the results
		{"Func.Call", 1, func() error { _, err := f.Call(i.ctx, args...); return err }},
		{"Group.Call", 1, func() error {
			_, err := i.g.Call(i.ctx, lib, "notable_add", args...)
			return err
		}},
	} {
		// The runtime counts what all goroutines allocate, so the least of several measurements is
		// the call's.
		took := math.Inf(1)
		for try := 0; try < 20 && took > c.most; try++ {
			took = min(took, testing.AllocsPerRun(100, func() {
				if err := c.call(); err != nil {
					t.Fatal(err)
				}
			}))
		}
		if took > c.most {
			t.Errorf("%s allocates %v times, want at most %v", c.name, took, c.most)
		}
	}
}
