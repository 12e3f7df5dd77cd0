package linker_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

func (i *image) closure(name string) uint32 {
	i.Helper()
	slot, err := i.g.AllocateClosure(i.ctx)
	if err == nil && name != "" {
		err = i.g.SetClosure(i.ctx, slot, linker.Default, name)
	}
	if err != nil {
		i.Fatal(err)
	}
	return slot
}

func (i *image) freeClosure(slot uint32) {
	i.Helper()
	if err := i.g.FreeClosure(i.ctx, slot); err != nil {
		i.Fatal(err)
	}
}

// A pointer to a closure that was freed traps in every group, whichever group freed it, and in
// groups that are spawned later.
func TestStaleClosure(t *testing.T) {
	eachImage(t, func(t *testing.T, groups []*image) {
		i, last := groups[0], groups[len(groups)-1]
		for _, freer := range groups {
			slot := i.closure("main_triple")
			for _, g := range groups {
				if got := g.unary(slot, 5); got != 15 {
					t.Errorf("the closure of 5 = %d", got)
				}
			}
			freer.freeClosure(slot)
			for _, g := range groups {
				g.wantStale("freed", slot)
			}
			if _, ok := i.l.Addr(slot, linker.Function); ok {
				t.Error("Addr knows the freed closure")
			}
			if last != i {
				child := last.spawn()
				child.wantStale("freed before", slot)
				if err := child.g.Close(i.ctx); err != nil {
					t.Fatal(err)
				}
			}
			other := last.closure("main_twice")
			if other == slot {
				t.Error("the entry was allocated again at once")
			}
			last.freeClosure(other)
		}
	})
}

// Closures come back in the order in which they were freed, when more than the quarantine holds
// have been; an entry that is set again is what was set last, in every group.
func TestClosureQuarantine(t *testing.T) {
	const slots = 120 // more than one batch of 100
	i := newImage(t, "main-pie", "threads",
		func(c *linker.Config) *linker.Config { return c.WithPointerQuarantine(slots) })
	other := i.spawn()
	var freed []uint32
	length := uint32(0)
	for k := range 3 * slots {
		slot := i.closure("main_triple")
		for n, old := range freed {
			if old == slot && len(freed)-n <= slots {
				t.Fatalf("round %d: entry %d was freed %d ago", k, slot, len(freed)-n)
			}
		}
		if got := other.unary(slot, 5); got != 15 {
			t.Fatalf("the closure of 5 = %d", got)
		}
		i.freeClosure(slot)
		freed = append(freed, slot)
		i.wantStale("freed", slot)
		if k == 2*slots {
			length = i.l.TableLength()
		}
	}
	if now := i.l.TableLength(); now != length {
		t.Errorf("the table has grown from %d to %d entries", length, now)
	}
}

// When the table is full, a closure is used before its time, or, if that is never to be, there is
// none.
func TestClosuresOfFullTable(t *testing.T) {
	for _, quarantine := range []uint32{linker.DefaultQuarantine, linker.QuarantineForever} {
		i := newImage(t, "main-pie", "threads", func(c *linker.Config) *linker.Config {
			return c.WithMaxTable(150).WithPointerQuarantine(quarantine)
		})
		other := i.spawn()
		first, taken := uint32(0), map[uint32]bool{}
		var limit *linker.LimitError
		var err error
		for k := 0; k < 250 && err == nil; k++ {
			var slot uint32
			if slot, err = i.g.AllocateClosure(i.ctx); err == nil {
				if first == 0 {
					first = slot
				}
				taken[slot] = true
				i.freeClosure(slot)
			}
		}
		switch quarantine {
		case linker.QuarantineForever:
			if !errors.As(err, &limit) || len(taken) != 100 {
				t.Errorf("%d closures: %v", len(taken), err)
			}
			i.wantStale("for ever", first)
		default:
			if err != nil || len(taken) != 100 {
				t.Errorf("%d closures: %v", len(taken), err)
			}
			slot := i.closure("main_twice")
			for _, g := range []*image{i, other} {
				if got := g.unary(slot, 5); got != 10 {
					t.Errorf("the closure of 5 = %d in group %d", got, g.g.ID())
				}
			}
		}
	}
}

// Only what is a closure can be freed, and once.
func TestFreeClosureErrors(t *testing.T) {
	eachImage(t, func(t *testing.T, groups []*image) {
		i, last := groups[0], groups[len(groups)-1]
		lib := i.open("fnptr")
		slot := i.closure("main_twice")
		last.freeClosure(slot)
		for _, wrong := range []uint32{slot, 0, 1, i.symbol(lib, "fnptr_unreferenced"), 1 << 30} {
			var ce *linker.ClosureError
			if err := i.g.FreeClosure(i.ctx, wrong); !errors.As(err, &ce) || ce.Slot != wrong {
				t.Errorf("FreeClosure(%d): %v", wrong, err)
			}
		}
	})
}

// A closure that one group frees and another one gets holds the new function everywhere, however
// the groups run.
func TestClosuresUnderConcurrency(t *testing.T) {
	i := newImage(t, "main-pie", "threads",
		func(c *linker.Config) *linker.Config { return c.WithPointerQuarantine(2) })
	names := map[string]int32{"main_twice": 2, "main_triple": 3}
	var wg sync.WaitGroup
	for name, factor := range names {
		for range 2 {
			g := i.spawn()
			wg.Go(func() {
				for range 60 {
					slot, err := g.g.AllocateClosure(g.ctx)
					if err == nil {
						err = g.g.SetClosure(g.ctx, slot, linker.Default, name)
					}
					if err != nil {
						t.Error(err)
						return
					}
					if got, err := g.tryUnary(slot, 5); err != nil || got != 5*factor {
						t.Errorf("%s of 5 = %d, %v", name, got, err)
					}
					if got, err := i.in(i.l.Main()).tryUnary(slot, 5); err != nil ||
						got != 5*factor {
						t.Errorf("%s of 5 = %d, %v in the first group", name, got, err)
					}
					if err := g.g.FreeClosure(g.ctx, slot); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	wg.Wait()
}

// A closure that a constructor takes and that was given back before rests again when the load
// fails: the guest may have kept the pointer.
func TestClosuresOfAFailedLoadRest(t *testing.T) {
	const quarantine = 2
	var act func(ctx context.Context, g *linker.Group) error
	rt := hostCall(t, func(ctx context.Context, g *linker.Group) {
		if err := act(ctx, g); err != nil {
			panic(err)
		}
	})
	i := newImageIn(t, rt, "main-pie", "threads",
		func(c *linker.Config) *linker.Config { return c.WithPointerQuarantine(quarantine) })
	lib := callsHost(t, wasm.CallCtors)
	load := func(name string, f func(ctx context.Context, g *linker.Group) error) error {
		act = f
		_, err := i.g.OpenBytes(i.ctx, name, lib)
		return err
	}
	var freed []uint32
	if err := load("frees", func(ctx context.Context, g *linker.Group) error {
		for range quarantine + 2 {
			slot, err := g.AllocateClosure(ctx)
			if err != nil {
				return err
			}
			freed = append(freed, slot)
		}
		for _, slot := range freed {
			if err := g.FreeClosure(ctx, slot); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	var kept, later uint32
	takes := func(slot *uint32) func(ctx context.Context, g *linker.Group) error {
		return func(ctx context.Context, g *linker.Group) (err error) {
			*slot, err = g.AllocateClosure(ctx)
			return err
		}
	}
	failure := errors.New("no")
	before := i.l.Details(i.ctx)
	if err := load("fails", func(ctx context.Context, g *linker.Group) error {
		return errors.Join(takes(&kept)(ctx, g), failure)
	}); !errors.Is(err, failure) {
		t.Fatalf("the load: %v", err)
	}
	if after := i.l.Details(i.ctx); !slices.Equal(before, after) {
		t.Errorf("a failed load has changed the image:\n%s", difference(before, after))
	}
	if err := load("takes", takes(&later)); err != nil {
		t.Fatal(err)
	}
	if kept != freed[0] || later != freed[1] {
		t.Errorf("%v were freed in this order; the load that failed took %d, the next one %d",
			freed, kept, later)
	}
}
