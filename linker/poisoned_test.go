package linker_test

import (
	"context"
	"errors"
	"testing"

	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker"
)

// In a poisoned image every operation gives the error, with its cause, also one that would find
// what it asks for without a lock: what it found could be another function in another group. Looks
// go on, for the diagnosis, and closing does.
func TestPoisonedImage(t *testing.T) {
	i := newImage(t, "main-pie", "threads", nil)
	lib, fails := i.open("counter"), i.spawn()
	i.spawn()
	i32 := []api.ValueType{api.ValueTypeI32}
	pointer := i.symbol(lib, "counter_next")
	word := i.symbol(linker.Default, "main_value")
	twice, err := i.g.Func(i.ctx, linker.Default, "main_twice")
	if err != nil {
		t.Fatal(err)
	}
	slot, err := i.g.AllocateClosure(i.ctx)
	if err != nil {
		t.Fatal(err)
	}
	callback, err := i.g.NewCallback(i.ctx, api.GoModuleFunc(
		func(context.Context, api.Module, []uint64) {}), i32, i32)
	if err != nil {
		t.Fatal(err)
	}
	commits := i.l.Commits()
	cause := errors.New("the cause")
	if err := i.g.Poison(i.ctx, fails.g, cause); !errors.Is(err, linker.ErrPoisoned) {
		t.Fatalf("poisoning: %v", err)
	}
	operations := map[string]func(g *linker.Group) error{
		"Open": func(g *linker.Group) error {
			_, err :=
				g.Open(i.ctx, "libdata.wasm")
			return err
		},
		"Open loaded": func(g *linker.Group) error {
			_, err :=
				g.Open(i.ctx, "libcounter.wasm")
			return err
		},
		"OpenBytes": func(g *linker.Group) error {
			_, err := g.OpenBytes(i.ctx, "other", readFixture(t, "threads/libother.wasm"))
			return err
		},
		"OpenAll": func(g *linker.Group) error {
			_, err := g.OpenAll(i.ctx, []string{"libcounter.wasm"})
			return err
		},
		"Symbol of data": func(g *linker.Group) error {
			_, err := g.Symbol(i.ctx, linker.Default, "main_value")
			return err
		},
		"Symbol with a pointer": func(g *linker.Group) error {
			_, err := g.Symbol(i.ctx, lib, "counter_next")
			return err
		},
		"Symbol without one": func(g *linker.Group) error {
			_, err := g.Symbol(i.ctx, linker.Default, "main_triple")
			return err
		},
		"Call": func(g *linker.Group) error {
			_, err := g.Call(i.ctx, linker.Default, "main_twice", 1)
			return err
		},
		"CallPointer": func(g *linker.Group) error {
			_, err := g.CallPointer(i.ctx, pointer, nil, i32)
			return err
		},
		"Func": func(g *linker.Group) error {
			_, err := g.Func(i.ctx, linker.Default, "main_twice")
			return err
		},
		"Func.Call": func(*linker.Group) error {
			_, err :=
				twice.Call(i.ctx, 1)
			return err
		},
		"Func.CallWithStack": func(*linker.Group) error {
			return twice.CallWithStack(i.ctx,
				[]uint64{1})
		},
		"NewCallback": func(g *linker.Group) error {
			_, err := g.NewCallback(i.ctx, api.GoModuleFunc(
				func(context.Context, api.Module, []uint64) {}), i32, i32)
			return err
		},
		"FreeCallback": func(g *linker.Group) error { return g.FreeCallback(i.ctx, callback) },
		"AllocateClosure": func(g *linker.Group) error {
			_, err :=
				g.AllocateClosure(i.ctx)
			return err
		},
		"SetClosure": func(g *linker.Group) error {
			return g.SetClosure(i.ctx, slot, linker.Default, "main_twice")
		},
		"FreeClosure":  func(g *linker.Group) error { return g.FreeClosure(i.ctx, slot) },
		"Spawn":        func(g *linker.Group) error { _, err := g.Spawn(i.ctx); return err },
		"CloseLibrary": func(g *linker.Group) error { return g.CloseLibrary(i.ctx, lib) },
		"Close":        func(g *linker.Group) error { return g.Close(i.ctx) },
		"Err":          func(*linker.Group) error { return i.l.Err() },
	}
	for name, operation := range operations {
		for _, g := range []*linker.Group{i.g, fails.g} {
			err := operation(g)
			if !errors.Is(err, linker.ErrPoisoned) || !errors.Is(err, cause) {
				t.Errorf("%s in group %d: %v", name, g.ID(), err)
			}
		}
	}
	if got := i.l.Libraries(); len(got) != 1 || got[0] != "libcounter.wasm" {
		t.Errorf("Libraries: %v", got)
	}
	if got := i.l.Modules(); len(got) != 2 {
		t.Errorf("Modules: %v", got)
	}
	if info, ok := i.l.Addr(pointer, linker.Function); !ok || info.Module != "libcounter.wasm" {
		t.Errorf("Addr: %+v, %v", info, ok)
	}
	if len(i.l.Symbols()) == 0 || len(lib.Symbols()) == 0 || lib.Name() != "libcounter.wasm" {
		t.Error("symbols are not listed any more")
	}
	if _, ok := i.l.View(word, 4); !ok || i.l.Commits() != commits {
		t.Errorf("View: %v; Commits: %d, want %d", ok, i.l.Commits(), commits)
	}
	if err := i.l.Wait(i.ctx); err != nil {
		t.Errorf("Wait: %v", err)
	}
	if err := i.l.Close(i.ctx); err != nil {
		t.Errorf("closing the linker: %v", err)
	}
	if n := len(i.l.Groups()); n > 0 {
		t.Errorf("%d groups are left", n)
	}
	if err := fails.g.Close(i.ctx); err != nil {
		t.Errorf("closing a group afterwards: %v", err)
	}
}
