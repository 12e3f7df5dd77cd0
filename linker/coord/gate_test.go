package coord_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker/coord"
	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// passages are the actions that go through the gate of a group.
func passages(g protocol.Group, n int) []protocol.Step {
	var steps []protocol.Step
	for range n {
		steps = append(steps, protocol.Step{Action: protocol.ActUnpark, Group: g},
			protocol.Step{Action: protocol.ActPark, Group: g})
	}
	return steps
}

// What goes through a gate is performed, and seen, once the coordinator looks at the group: all of
// it, in order, and before what the coordinator does then.
func TestGatePassagesAreCounted(t *testing.T) {
	ctx := context.Background()
	for name, look := range map[string]func(t *testing.T, im *image) (steps []protocol.Step){
		"state": func(t *testing.T, im *image) []protocol.Step {
			im.State()
			return nil
		},
		"crash": func(t *testing.T, im *image) []protocol.Step {
			im.members[1].Crash(nil)
			return []protocol.Step{{Action: protocol.ActCrash, Group: 1}}
		},
		"publish": func(t *testing.T, im *image) []protocol.Step {
			if _, err := im.link(ctx, 0, &work{payload: "a"}); err != nil {
				t.Fatal(err)
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			im := newImage(t, 2, coord.Config{})
			enter(t, im.members[1])
			im.members[1].Park() // opens the gate
			im.State()
			im.events = nil
			for range 3 {
				enter(t, im.members[1])
				im.members[1].Park()
			}
			if len(im.events) != 0 {
				t.Fatalf("%v took the slow path", im.events)
			}
			want := append(passages(1, 3), look(t, im)...)
			own := slices.DeleteFunc(slices.Clone(im.events),
				func(s protocol.Step) bool { return s.Group != 1 })
			if len(own) < len(want) || !slices.Equal(own[:len(want)], want) {
				t.Errorf("got %v, want %v first", own, want)
			}
		})
	}
}

// The slow path is taken now and then, so that an observer is not told too much at a time.
func TestGateIsBounded(t *testing.T) {
	im := newImage(t, 1, coord.Config{})
	const passes = 10_000
	most, before := 0, len(im.events)
	for range passes {
		enter(t, im.members[0])
		im.members[0].Park()
		most = max(most, len(im.events)-before)
		before = len(im.events)
	}
	if most > 1<<12+1 {
		t.Errorf("%d actions at a time", most)
	}
	im.State()
	if got := len(im.events); got < 2*passes {
		t.Errorf("%d actions, want %d", got, 2*passes)
	}
}

// A gate does not open again for a group that has ended, nor in a poisoned image.
func TestGateStaysShut(t *testing.T) {
	ctx := context.Background()
	t.Run("crashed", func(t *testing.T) {
		im := newImage(t, 2, coord.Config{})
		enter(t, im.members[1])
		im.members[1].Crash(nil)
		im.members[1].Park()
		if err := im.members[1].Enter(ctx); !errors.Is(err, coord.ErrGroupClosed) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("poisoned", func(t *testing.T) {
		im := newImage(t, 3, coord.Config{})
		im.tables[1].failUndo = true
		im.tables[2].failOn = "bad"
		if _, err := im.link(ctx, 0, &work{payload: "bad"}); !errors.Is(err, coord.ErrPoisoned) {
			t.Fatal(err)
		}
		for _, m := range im.members {
			m.Park()
			if err := m.Enter(ctx); !errors.Is(err, coord.ErrPoisoned) {
				t.Errorf("group %d: error %v", m.ID(), err)
			}
		}
	})
	t.Run("detached", func(t *testing.T) {
		im := newImage(t, 2, coord.Config{})
		enter(t, im.members[1])
		if err := im.members[1].Detach(ctx); err != nil {
			t.Fatal(err)
		}
		im.members[1].Park()
		if err := im.members[1].Enter(ctx); !errors.Is(err, coord.ErrGroupClosed) {
			t.Errorf("error %v", err)
		}
	})
}

// A second goroutine does not get through the gate while the first is inside.
func TestGateLetsOneIn(t *testing.T) {
	im := newImage(t, 1, coord.Config{})
	m := im.members[0]
	for range 3 { // through the slow path, and through the gate
		enter(t, m)
		if err := m.Enter(context.Background()); !errors.Is(err, coord.ErrReentrant) {
			t.Errorf("error %v", err)
		}
		m.Park()
	}
}

// plain is a group's own side that is touched by one goroutine at a time, or the race detector and
// the explorer say so: by the one that is inside the group, or by the leader.
type plain struct{ applied int }

func (p *plain) Apply(context.Context, coord.Operation) error { p.applied++; return nil }
func (p *plain) Undo(context.Context, coord.Operation) error  { p.applied--; return nil }

// plainWork is the leader's side of it.
type plainWork struct{ own *plain }

func (w plainWork) Do(context.Context) (coord.Operation, bool, error) {
	w.own.applied++
	return coord.Operation{Kind: protocol.LoadModules}, true, nil
}
func (w plainWork) Undo(context.Context) error { w.own.applied--; return nil }
func (w plainWork) Commit(uint64)              {}

// plainImage makes an image of two groups whose gates are open.
func plainImage(cfg coord.Config) (groups [2]*coord.Member, sides [2]*plain, err error) {
	_, groups, sides, err = plainCoordinator(cfg)
	return groups, sides, err
}

// plainCoordinator makes the same image, and returns its coordinator, too.
func plainCoordinator(cfg coord.Config) (c *coord.Coordinator, groups [2]*coord.Member,
	sides [2]*plain, err error) {
	ctx := context.Background()
	sides = [2]*plain{{}, {}}
	c, groups[0], err = coord.New(cfg, sides[0])
	if err != nil {
		return c, groups, sides, err
	}
	if err := groups[0].Enter(ctx); err != nil {
		return c, groups, sides, err
	}
	child, err := groups[0].Spawn(ctx)
	if err != nil {
		return c, groups, sides, err
	}
	groups[1], err = child.Attach(ctx,
		func(context.Context, int) (coord.Participant, error) { return sides[1], nil })
	if err != nil {
		return c, groups, sides, err
	}
	groups[0].Park()
	for _, m := range groups {
		if err := m.Enter(ctx); err != nil {
			return c, groups, sides, err
		}
		m.Park()
	}
	return c, groups, sides, nil
}

// linkIn runs an operation in a group that is parked before and after.
func linkIn(m *coord.Member, own *plain) error {
	ctx := context.Background()
	if err := m.Enter(ctx); err != nil {
		return err
	}
	defer m.Park()
	_, err := m.Link(ctx, plainWork{own})
	return err
}

// Many goroutines go in and out while others link: what is inside a group and what is done for it
// are never at it at once, which the race detector watches, and all groups have applied the same in
// the end.
func TestGateUnderLoad(t *testing.T) {
	groups, sides, err := plainImage(coord.Config{})
	if err != nil {
		t.Fatal(err)
	}
	rounds := 3000
	if testing.Short() {
		rounds = 300
	}
	var turn [2]sync.Mutex // one goroutine at a time wants to go into a group
	var all sync.WaitGroup
	for i, m := range groups {
		all.Go(func() {
			for range rounds {
				turn[i].Lock()
				if err := m.Enter(context.Background()); err != nil {
					t.Error(err)
				}
				_ = sides[i].applied
				m.Park()
				turn[i].Unlock()
			}
		})
		all.Go(func() {
			for range rounds / 10 {
				turn[i].Lock()
				if err := linkIn(m, sides[i]); err != nil {
					t.Error(err)
				}
				turn[i].Unlock()
			}
		})
	}
	all.Wait()
	want := 2 * (rounds / 10)
	for i, m := range groups {
		enter(t, m)
		if got := sides[i].applied; got != want {
			t.Errorf("group %d has applied %d operations, want %d", i, got, want)
		}
		m.Park()
	}
}

// While a leader works in a group, nothing comes through its gate: neither when the gate was open
// before the operation was published, nor when the group parked after that.
func TestGateIsShutWhileTheLeaderWorks(t *testing.T) {
	for _, parksLate := range []bool{false, true} {
		ok := t.Run(fmt.Sprintf("parks late %t", parksLate), func(t *testing.T) {
			ctx := context.Background()
			published := make(chan struct{})
			im := newImage(t, 2, coord.Config{OnAttention: func() { close(published) }})
			m := im.members[1]
			enter(t, m)
			m.Park()
			im.State() // the state has it as parked, and the gate is open
			if parksLate {
				enter(t, m)
			}
			gone, cancel := context.WithCancel(ctx)
			cancel()
			im.tables[1].onApply = func() {
				if err := m.Enter(gone); err == nil {
					t.Error("the group was entered while the leader worked in it")
				}
			}
			linked := make(chan error, 1)
			go func() {
				_, err := im.link(ctx, 0, &work{payload: "a"})
				linked <- err
			}()
			if parksLate {
				<-published
				m.Park()
			}
			if err := <-linked; err != nil {
				t.Fatal(err)
			}
		})
		if !ok { // the other could not end
			return
		}
	}
}
