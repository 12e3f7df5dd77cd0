package linker_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker"
)

// An operation on closures that fails anywhere leaves them as they were. A table that has grown stays so, hence a new
// image for every point.
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
			i.symbol(linker.Default, "peek32") // what puts functions of the main module into tables is made once, and stays
			slot, err := i.g.AllocateClosure(i.ctx)
			if err != nil {
				i.Fatal(err)
			}
			return slot
		}, func(i *image, slot uint32) error { return i.g.SetClosure(i.ctx, slot, linker.Default, "main_triple") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			for k, points := 0, 1; k < points; k++ {
				i, m, b := faultyImage(t, "main-pie", "threads")
				all := []*image{i, i.spawn(), i.spawn()}
				slot := c.prepare(i)
				before := ledger(i, b)
				if k == 0 {
					if err := m.during(-1, nil, func() error { return c.do(all[1], slot) }); err != nil {
						t.Fatal(err)
					}
					points = len(m.visits)
					t.Logf("%d points", points)
					i, m, b = faultyImage(t, "main-pie", "threads")
					all = []*image{i, i.spawn(), i.spawn()}
					slot = c.prepare(i)
					before = ledger(i, b)
				}
				err := m.during(k, func(visit) error { return errInjected }, func() error { return c.do(all[1], slot) })
				if !errors.Is(err, errInjected) {
					t.Fatalf("point %d: %v", k, err)
				}
				if after := ledger(i, b); !slices.Equal(before, after) {
					t.Fatalf("error at %v: the image has changed:\n%s", m.visits[k], difference(before, after))
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

// An unload that fails before anything was unloaded leaves the library, and its handle, as they were. When one group cannot
// unload and another one has, there is no way back: that poisons the image, which every later call says, with the cause.
func TestErrorInUnload(t *testing.T) {
	i, m, b := faultyImage(t, "main-pie", "threads")
	all := []*image{i, i.spawn()}
	lib := i.open("data")
	i.want(1003, lib, "data_call", 2, 3)
	before := ledger(i, b)
	for k, point := range []string{"unload", linker.Points.Replay} {
		err := m.during(k, func(v visit) error {
			if v.point != point {
				t.Fatalf("the %dth point is %v, want %q", k, v, point)
			}
			return errInjected
		}, func() error { return all[1].g.CloseLibrary(i.ctx, lib) })
		if !errors.Is(err, errInjected) {
			t.Fatalf("error at %q: %v", point, err)
		}
		if after := ledger(i, b); !slices.Equal(before, after) {
			t.Fatalf("error at %q: the image has changed:\n%s", point, difference(before, after))
		}
		for _, g := range all {
			g.want(1003, lib, "data_call", 2, 3)
		}
	}
	i.spawn()
	replays := 0
	err := attemptAt(m, linker.Points.Replay, &replays, 1, func() error { return i.g.CloseLibrary(i.ctx, lib) })
	if !errors.Is(err, linker.ErrPoisoned) || !errors.Is(err, errInjected) {
		t.Fatalf("an error when another group has unloaded: %v", err)
	}
	if _, err := i.g.Open(i.ctx, "libcounter.wasm"); !errors.Is(err, linker.ErrPoisoned) || !errors.Is(err, errInjected) {
		t.Errorf("in a poisoned image: %v", err)
	}
	if err := i.l.Err(); !errors.Is(err, errInjected) {
		t.Errorf("Err: %v", err)
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

// While a load goes on, and when it fails after the last constructor, in the leader or in a follower, nobody sees
// anything of the library.
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
				if sym, err := g.g.Symbol(context.Background(), linker.Default, "data_value"); !errors.As(err, &undefined) {
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
	for _, point := range []string{linker.Points.Constructed, linker.Points.Publish, linker.Points.Replay, "replayed"} {
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
