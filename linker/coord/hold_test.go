package coord_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"

	"github.com/lockstep-wasm/lockstep/lincheck/explore"
	"github.com/lockstep-wasm/lockstep/linker/coord"
)

// visits is what goroutines do in a group that one at a time is to hold.
type visits struct {
	m      *coord.Member
	holder uint64
	inside plain // touched by who holds the group: the race detector and the explorer watch it
}

// newVisits makes a group that may be entered at once.
func newVisits(cfg coord.Config) (*visits, error) {
	groups, _, err := plainImage(cfg)
	if err != nil {
		return nil, err
	}
	v := &visits{m: groups[0]}
	if err := v.m.Hold(context.Background()); err != nil {
		return nil, err
	}
	v.holder = v.m.Renew()
	v.m.Drop()
	return v, nil
}

// visit goes in, at once or by the slow path, and out again as the linker does.
func (v *visits) visit(ctx context.Context) error {
	if !v.m.In(v.holder) {
		if err := v.m.Hold(ctx); err != nil {
			return err
		}
		if err := v.m.Enter(ctx); err != nil {
			v.m.Drop()
			return err
		}
	}
	v.inside.applied++
	if !v.m.Out() {
		v.m.Park()
		v.m.Drop()
	}
	return nil
}

// Every schedule of goroutines that visit one group, one of them with a context that ends: no two
// are inside at once, and none waits for ever.
func TestHoldExplored(t *testing.T) {
	for name, c := range map[string]struct {
		visitors int
		crash    bool
		cancel   bool
		lead     bool
	}{
		"two":                  {visitors: 2},
		"three":                {visitors: 3},
		"two against a leader": {visitors: 2, lead: true},
		"two against a crash":  {visitors: 2, crash: true},
		"two, one gives up":    {visitors: 2, cancel: true},
	} {
		t.Run(name, func(t *testing.T) {
			explore.Check(t, func(r *explore.Run) {
				groups, sides, err := plainImage(coord.Config{})
				if err != nil {
					r.Failf("%v", err)
					return
				}
				v := &visits{m: groups[0]}
				_ = v.m.Hold(context.Background())
				v.holder = v.m.Renew()
				v.m.Drop()
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				made := make([]error, c.visitors)
				var waits []func()
				for k := range made {
					mine := context.Background()
					if c.cancel && k == 0 {
						mine = ctx
					}
					waits = append(waits, r.Go("", func() { made[k] = v.visit(mine) }))
				}
				if c.cancel {
					waits = append(waits, r.Go("", cancel))
				}
				if c.crash {
					waits = append(waits, r.Go("", func() { v.m.Crash(nil) }))
				}
				if c.lead {
					waits = append(waits, r.Go("", func() {
						if err := linkIn(groups[1], sides[1]); err != nil {
							r.Failf("link: %v", err)
						}
					}))
				}
				for _, wait := range waits {
					wait()
				}
				visited := 0
				for _, err := range made {
					switch {
					case err == nil:
						visited++
					case c.cancel && errors.Is(err, context.Canceled):
					case c.crash && errors.Is(err, coord.ErrGroupClosed):
					default:
						r.Failf("visit: %v", err)
					}
				}
				if v.inside.applied != visited {
					r.Failf("%d visits, %d counted", visited, v.inside.applied)
				}
				if v.m.Held() || !v.m.TryHold() {
					r.Failf("the group is held by no goroutine")
				}
			})
		})
	}
}

// A group that is free is entered and left at once, and one that another goroutine holds, or that
// was renewed, is not.
func TestHold(t *testing.T) {
	ctx := context.Background()
	v, err := newVisits(coord.Config{})
	if err != nil {
		t.Fatal(err)
	}
	m := v.m
	if !m.In(v.holder) || !m.IsIn(v.holder) || m.In(v.holder) || m.TryHold() || !m.Held() {
		t.Error("a goroutine goes in at once, and is the only one")
	}
	m.Park() // it blocks: the group is held still
	if m.In(v.holder) || !m.IsIn(v.holder) || m.TryHold() {
		t.Error("a group is entered whose goroutine blocks")
	}
	enter(t, m)
	if !m.Out() || m.Out() || m.IsIn(v.holder) || m.Held() {
		t.Error("a goroutine goes out at once, and once")
	}
	old := v.holder
	if err := m.Hold(ctx); err != nil {
		t.Fatal(err)
	}
	v.holder = m.Renew()
	if m.In(v.holder) {
		t.Error("a group is entered that is held")
	}
	m.Drop()
	if m.In(old) || m.IsIn(old) || !m.In(v.holder) {
		t.Error("a number counts that is not the last one")
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	if err := m.Hold(gone); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if !m.Out() {
		t.Error("who has given up is given way")
	}
}

// A goroutine that waits for a group is next, also when another one comes at once.
func TestHoldIsHandedOver(t *testing.T) {
	v, err := newVisits(coord.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if !v.m.In(v.holder) {
		t.Fatal("the group is not free")
	}
	held := make(chan error)
	go func() { held <- v.m.Hold(context.Background()) }()
	for !v.m.HoldWanted() {
		runtime.Gosched()
	}
	if v.m.Out() {
		t.Error("the group was left at once, and another one waits for it")
	}
	v.m.Park()
	v.m.Drop()
	if v.m.In(v.holder) {
		t.Error("a goroutine came first that had not waited")
	}
	if err := <-held; err != nil {
		t.Fatal(err)
	}
	v.m.Drop()
	if !v.m.In(v.holder) {
		t.Error("the group is not free")
	}
}

// Many goroutines visit a group while others link.
func TestHoldUnderLoad(t *testing.T) {
	groups, sides, err := plainImage(coord.Config{})
	if err != nil {
		t.Fatal(err)
	}
	v := &visits{m: groups[0]}
	if err := v.m.Hold(context.Background()); err != nil {
		t.Fatal(err)
	}
	v.holder = v.m.Renew()
	v.m.Drop()
	const visitors, rounds = 4, 500
	var all sync.WaitGroup
	for range visitors {
		all.Go(func() {
			for range rounds {
				if err := v.visit(context.Background()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Go(func() {
		for range rounds / 10 {
			if err := linkIn(groups[1], sides[1]); err != nil {
				t.Error(err)
			}
		}
	})
	all.Wait()
	if v.inside.applied != visitors*rounds {
		t.Errorf("%d visits, want %d", v.inside.applied, visitors*rounds)
	}
}
