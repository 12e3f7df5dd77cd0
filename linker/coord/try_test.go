package coord_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lockstep-wasm/lockstep/linker/coord"
	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// The fast paths take what is free, and otherwise wait for nothing and change nothing: no action
// happens.
func TestTriesDoNotWait(t *testing.T) {
	nothing := func(*testing.T, *image) func() { return func() {} }
	running := func(t *testing.T, im *image) { enter(t, im.members[1]) }
	for _, tt := range []struct {
		name         string
		prepare      func(t *testing.T, im *image)
		block        func(t *testing.T, im *image) (release func())
		lease, state bool // can be had
	}{
		{"free", running, nothing, true, true},
		{"somebody has the lease", running, holdLease, false, true},
		{"somebody has the state lock", running, holdState, true, false},
		{"an operation is published", running, leadUntil, false, false},
		{"the group sleeps", func(*testing.T, *image) {}, nothing, false, false},
		{"the group is dead",
			func(t *testing.T, im *image) { im.members[1].Crash(errors.New("killed")) }, nothing,
			false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				im := newImage(t, 3, coord.Config{})
				tt.prepare(t, im)
				release := tt.block(t, im)
				before := len(im.events)
				ran := false
				took, err := im.members[1].TryWithState(func() error {
					ran = true
					return errApply
				})
				if took != tt.state || ran != took || errors.Is(err, errApply) != took {
					t.Errorf("the state lock: %v, %v, the function ran: %v; want %v", took, err,
						ran, tt.state)
				}
				token, leased := im.members[1].TryLease()
				if leased != tt.lease || (token != nil) != leased {
					t.Errorf("the lease: %v, want %v", leased, tt.lease)
				}
				if !tt.state && !tt.lease && len(im.events) > before {
					t.Errorf("what was not to be had led to %v", im.events[before:])
				}
				if leased {
					if err := token.Release(); err != nil {
						t.Error(err)
					}
				}
				im.members[1].Park() // so that an operation that counts on it goes on
				release()
				settled(t, im)
			})
		})
	}
}

// A try does not overtake who waits already, even while the lock is free because they have not
// noticed yet: that would be a way to starve them.
func TestTriesDoNotJumpTheQueue(t *testing.T) {
	for name, tt := range map[string]struct {
		block func(t *testing.T, im *image) (release func())
		wait  func(ctx context.Context, im *image) error
		try   func(m *coord.Member) bool
	}{
		"lease": {holdLease, linkInOne,
			func(m *coord.Member) bool { _, took := m.TryLease(); return took }},
		"state lock": {holdState, linkInOne, func(m *coord.Member) bool {
			took, _ := m.TryWithState(func() error { return nil })
			return took
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				slow := coord.Polling(coord.Backoff{InitialSleep: time.Hour, MaxSleep: time.Hour})
				im := newImage(t, 3, coord.Config{Waiting: slow})
				enter(t, im.members[1])
				enter(t, im.members[2])
				release := tt.block(t, im)
				waiting := make(chan error, 1)
				go func() { waiting <- tt.wait(t.Context(), im) }()
				synctest.Wait() // it stands in the queue, and looks again in an hour
				release()
				if tt.try(im.members[2]) {
					t.Error("it was taken while somebody waited for it")
				}
				im.members[2].Park()
				if err := <-waiting; err != nil {
					t.Error(err)
				}
				settled(t, im)
			})
		})
	}
}

// The bootstrap exception: an image begins with exactly one group, asleep, and nothing is held or
// was done.
func TestImageBeginsWithOneGroup(t *testing.T) {
	c, first, err := coord.New(coord.Config{MaxGroups: 3}, &table{})
	if err != nil {
		t.Fatal(err)
	}
	s := c.State()
	if live := s.Live(); !live.Has(0) || live.Len() != 1 || first.ID() != 0 ||
		s.Mode[0] != protocol.Parked || c.Commits() != 0 {
		t.Errorf("it begins with %d groups and %d commits, the first is %d:\n%s", live.Len(),
			c.Commits(), first.ID(), &s)
	}
	settled(t, &image{Coordinator: c})
	for _, n := range []int{-1, protocol.MaxGroups + 1} {
		if _, _, err := coord.New(coord.Config{MaxGroups: n}, &table{}); !errors.Is(err,
			protocol.ErrConfig) {
			t.Errorf("at most %d groups: %v", n, err)
		}
	}
}
