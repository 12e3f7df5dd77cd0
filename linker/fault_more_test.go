package linker_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// An operation on closures that fails anywhere leaves them as they were. A table that has grown
// stays so, hence a new image for every point.
func TestErrorAtEveryPointOfClosures(t *testing.T) {
	for _, c := range []struct {
		name    string
		prepare func(i *image) uint32
		do      func(i *image, slot uint32) error
	}{
		{"allocate", func(*image) uint32 { return 0 }, func(i *image, _ uint32) error {
			_, err := i.g.AllocateClosure(i.ctx)
			return err
		}},
		{"set", func(i *image) uint32 {
			// what puts functions of the main module into tables is made once, and stays
			i.symbol(linker.Default, "peek32")
			slot, err := i.g.AllocateClosure(i.ctx)
			if err != nil {
				i.Fatal(err)
			}
			return slot
		}, func(i *image, slot uint32) error {
			return i.g.SetClosure(i.ctx, slot, linker.Default,
				"main_triple")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for k, points := 0, 1; k < points; k++ {
				i, m, b := faultyImage(t, "main-pie", "threads")
				all := []*image{i, i.spawn(), i.spawn()}
				slot := c.prepare(i)
				before := ledger(i, b)
				if k == 0 {
					if err := m.during(-1, nil,
						func() error { return c.do(all[1], slot) }); err != nil {
						t.Fatal(err)
					}
					points = len(m.visits)
					t.Logf("%d points", points)
					i, m, b = faultyImage(t, "main-pie", "threads")
					all = []*image{i, i.spawn(), i.spawn()}
					slot = c.prepare(i)
					before = ledger(i, b)
				}
				err := m.during(k, func(visit) error { return errInjected },
					func() error { return c.do(all[1], slot) })
				if !errors.Is(err, errInjected) {
					t.Fatalf("point %d: %v", k, err)
				}
				if after := ledger(i, b); !slices.Equal(before, after) {
					t.Fatalf("error at %v: the image has changed:\n%s", m.visits[k],
						difference(before, after))
				}
				if err := c.do(all[1], slot); err != nil {
					t.Fatal(err)
				}
				if slot != 0 {
					for _, g := range all {
						if got := g.unary(slot, 5); got != 15 {
							t.Errorf("the closure of 5 = %d in group %d", got, g.g.ID())
						}
					}
				}
			}
		})
	}
}

// An unload that fails in any group, also when others have done all that is asked of them, leaves
// the library and its handle as they were in all groups: nothing is unloaded before all groups can.
// The image is never poisoned.
func TestErrorInUnload(t *testing.T) {
	i, m, b := faultyImage(t, "main-pie", "threads")
	all := []*image{i, i.spawn(), i.spawn()}
	use := func(lib *linker.Library) {
		for _, g := range all {
			g.want(1003, lib, "data_call", 2, 3)
		}
	}
	for _, leader := range all[:2] {
		lib := i.open("data")
		use(lib)
		if err := m.during(-1, nil,
			func() error { return leader.g.CloseLibrary(i.ctx, lib) }); err != nil {
			t.Fatal(err)
		}
		visits := slices.Clone(m.visits)
		if len(visits) != 1+3*(len(all)-1) {
			t.Errorf("points: %v", visits)
		}
		lib = i.open("data")
		use(lib)
		before := ledger(i, b)
		for k, v := range visits {
			err := m.during(k, func(visit) error { return errInjected },
				func() error { return leader.g.CloseLibrary(i.ctx, lib) })
			if !errors.Is(err, errInjected) || errors.Is(err, linker.ErrPoisoned) {
				t.Fatalf("error at %q: %v", v.point, err)
			}
			if after := ledger(i, b); !slices.Equal(before, after) {
				t.Fatalf("error at %q: the image has changed:\n%s", v.point,
					difference(before, after))
			}
			use(lib)
		}
		i.closeLibrary(lib)
	}
	if err := i.l.Err(); err != nil {
		t.Error(err)
	}
}

// What a destructor loads can fail in a follower when another one has replayed it: that is taken
// back, and is an error of the destructor's own. The library is unloaded all the same.
func TestErrorInDestructorsLoad(t *testing.T) {
	i, m, _ := faultyImage(t, "main-pie", "threads")
	all := []*image{i, i.spawn(), i.spawn()}
	var failed error
	host := i.rt.NewHostModuleBuilder("test").NewFunctionBuilder().WithFunc(
		func(ctx context.Context) {
			_, failed = linker.GroupFromContext(ctx).Open(ctx, "libcounter.wasm")
		}).Export("open_counter")
	if _, err := host.Instantiate(i.ctx); err != nil {
		t.Fatal(err)
	}
	lib, err := i.g.OpenBytes(i.ctx, "opens",
		library(t, dylink.Info{TableSize: 1}, func(b *wasm.Builder) {
			open := b.ImportFunc("test", "open_counter", b.Type(nil, nil))
			atexit := b.ImportFunc("env", "atexit", b.Type(i32, i32))
			base := b.ImportGlobal("env", "__table_base", wasm.GlobalType{Type: wasm.I32})
			functions := b.ImportTable("env", "__indirect_function_table",
				wasm.TableType{Elem: wasm.FuncRef, Limits: wasm.Limits{Min: 1}})
			b.ActiveFuncs(functions, wasm.ConstGlobal(base),
				b.Func(b.Type(nil, nil), nil, new(wasm.Code).Call(open)))
			b.ExportFunc("__wasm_call_ctors",
				b.Func(b.Type(nil, nil), nil, new(wasm.Code).GlobalGet(base).Call(atexit).Drop()))
			b.ExportFunc("nine", b.Func(b.Type(nil, i32), nil, new(wasm.Code).I32Const(9)))
		}))
	if err != nil {
		t.Fatal(err)
	}
	// of what takes the library out of the scope: once in each group; then of the destructor's load
	applied := 0
	err = attemptAt(m, "a step is applied", &applied, 2+3,
		func() error { return all[1].g.CloseLibrary(i.ctx, lib) })
	if err != nil || !errors.Is(failed, errInjected) {
		t.Fatalf("after %d points: %v, and in the destructor %v", applied, err, failed)
	}
	if got := i.l.Libraries(); len(got) != 0 {
		t.Errorf("libraries: %v", got)
	}
	for _, g := range all {
		if _, err := g.try(lib, "nine"); !errors.Is(err, linker.ErrLibraryClosed) {
			t.Errorf("nine: %v", err)
		}
	}
}

// attemptAt runs f, failing at the nth visit of a point.
func attemptAt(m *meddler, point string, count *int, nth int, f func() error) error {
	m.failAt = func(v visit) error {
		if v.point == point {
			if *count++; *count == nth {
				return errInjected
			}
		}
		return nil
	}
	defer func() { m.failAt = nil }()
	return m.during(-1, nil, f)
}

// While a load goes on, and when it fails after the last constructor, in the leader or in a
// follower, no group sees anything of the library.
func TestHalfLoadedIsInvisible(t *testing.T) {
	i, m, _ := faultyImage(t, "main-pie", "threads")
	other, third := i.spawn(), i.spawn()
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for _, g := range []*image{other, third} {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				var undefined *linker.UndefinedSymbolError
				if sym, err := g.g.Symbol(context.Background(), linker.Default,
					"data_value"); !errors.As(err, &undefined) {
					t.Errorf("data_value is visible: %v, %v", sym, err)
					return
				}
				if names := i.l.Libraries(); len(names) != 0 {
					t.Errorf("libraries are visible: %v", names)
					return
				}
			}
		})
	}
	for _, point := range []string{linker.Points.Constructed, linker.Points.Publish,
		linker.Points.Replay, "replayed"} {
		for range 25 {
			count := 0
			err := attemptAt(m, point, &count, 1, func() error {
				_, err := i.g.Open(i.ctx, "libdata.wasm")
				return err
			})
			if !errors.Is(err, errInjected) {
				t.Fatalf("error at %q: %v", point, err)
			}
		}
	}
	close(stop)
	readers.Wait()
	i.open("data")
	other.want(1003, linker.Default, "data_call", 2, 3)
	third.want(42, linker.Default, "data_read_value")
}

// A library that becomes global is local until the operation is committed, in the leader and in the
// followers, and stays so when that fails.
func TestLocalUntilCommitted(t *testing.T) {
	i, m, _ := faultyImage(t, "main-pie", "threads")
	other := i.spawn()
	lib := i.openAs("other", linker.Local)
	isGlobal := func() bool {
		modules := i.l.Modules()
		return modules[len(modules)-1].Global
	}
	promote := func() error {
		_, err := i.g.Open(i.ctx, "libother.wasm", linker.NoLoad, linker.Global)
		return err
	}
	for _, point := range []string{linker.Points.Publish, linker.Points.Replay, "replayed", ""} {
		visited, early := 0, 0
		m.failAt = func(v visit) error {
			if visited++; isGlobal() {
				early++
			}
			if v.point == point {
				return errInjected
			}
			return nil
		}
		err := m.during(-1, nil, promote)
		m.failAt = nil
		if visited == 0 || early > 0 {
			t.Errorf("failing at %q: global at %d of %d points of the operation", point, early,
				visited)
		}
		switch {
		case point != "" && (!errors.Is(err, errInjected) || isGlobal()):
			t.Errorf("failing at %q: %v, global: %v", point, err, isGlobal())
		case point == "" && (err != nil || !isGlobal()):
			t.Errorf("not failing: %v, global: %v", err, isGlobal())
		}
	}
	other.want(1005, linker.Default, "other_add", 5)
	i.closeLibrary(lib)
	other.want(1005, linker.Default, "other_add", 5) // the other handle is open still
}
