package coord_test

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"testing/synctest"

	"github.com/lockstep-wasm/lockstep/lincheck/explore"
	"github.com/lockstep-wasm/lockstep/linker/coord"
	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// requests are the methods of a Member that ask the coordinator for something. Each returns the
// error that a group which has ended gets, nil if the method has none.
var requests = map[string]func(context.Context, *coord.Member) error{
	"Enter":     func(ctx context.Context, m *coord.Member) error { return m.Enter(ctx) },
	"Safepoint": func(ctx context.Context, m *coord.Member) error { return m.Safepoint(ctx) },
	"Detach":    func(ctx context.Context, m *coord.Member) error { return m.Detach(ctx) },
	"Lease": func(ctx context.Context, m *coord.Member) error {
		_, err := m.Lease(ctx)
		return err
	},
	"Spawn": func(ctx context.Context, m *coord.Member) error {
		_, err := m.Spawn(ctx)
		return err
	},
	"Link": func(ctx context.Context, m *coord.Member) error {
		_, err := m.Link(ctx, &work{payload: "x", own: &table{}})
		return err
	},
	"CommitEarly": func(ctx context.Context, m *coord.Member) error {
		_, err := m.CommitEarly(ctx, &work{own: &table{}}, coord.Operation{})
		return err
	},
	"WithState": func(ctx context.Context, m *coord.Member) error {
		return m.WithState(ctx, func() error { return nil })
	},
	"AllocateClosure": func(_ context.Context, m *coord.Member) error {
		_, err := m.AllocateClosure()
		return err
	},
	"FreeClosure": func(_ context.Context, m *coord.Member) error {
		_, err := m.FreeClosure()
		return err
	},
	"TryLease": func(_ context.Context, m *coord.Member) error {
		if _, got := m.TryLease(); got {
			return errors.New("the lease was granted")
		}
		return coord.ErrGroupClosed
	},
	"TryWithState": func(_ context.Context, m *coord.Member) error {
		if got, err := m.TryWithState(func() error { return nil }); got || err != nil {
			return errors.Join(errors.New("the state lock was granted"), err)
		}
		return coord.ErrGroupClosed
	},
	"Park":  func(_ context.Context, m *coord.Member) error { m.Park(); return nil },
	"Crash": func(_ context.Context, m *coord.Member) error { m.Crash(errKilled); return nil },
	"AwaitOut": func(ctx context.Context, m *coord.Member) error {
		return m.AwaitOut(ctx)
	},
}

// silent are the requests of a group that has ended which are no errors.
var silent = map[string]bool{"Park": true, "Crash": true, "AwaitOut": true}

// TestRequestsAreAll holds that requests has every method but those that read, and those of the
// hold, which is not part of the protocol.
func TestRequestsAreAll(t *testing.T) {
	others := map[string]bool{"ID": true, "Gone": true, "Wanted": true, "Held": true,
		"HoldWanted": true, "Hold": true, "TryHold": true, "Drop": true, "In": true, "Out": true,
		"IsIn": true, "Renew": true}
	member := reflect.TypeFor[*coord.Member]()
	for i := range member.NumMethod() {
		method := member.Method(i)
		if _, ok := requests[method.Name]; ok == others[method.Name] {
			t.Errorf("%s is in one of both lists, want exactly one", method.Name)
		}
	}
}

// A group that has ended changes nothing of the group that has its slot now, whatever that one is
// in the middle of.
func TestSlotIsTheNextGroups(t *testing.T) {
	ends := map[string]func(t *testing.T, m *coord.Member){
		"crashed": func(_ *testing.T, m *coord.Member) { m.Crash(errKilled) },
		"detached": func(t *testing.T, m *coord.Member) {
			if err := m.Detach(t.Context()); err != nil {
				t.Error(err)
			}
		},
	}
	for how, end := range ends {
		for name, request := range requests {
			t.Run(how+" "+name, func(t *testing.T) {
				eachSuccessor(t, end, func(old *coord.Member) {
					err := request(t.Context(), old)
					if name == "CommitEarly" && how == "detached" || silent[name] {
						return
					}
					if !errors.Is(err, coord.ErrGroupClosed) {
						t.Errorf("error %v", err)
					}
				})
			})
		}
	}
}

// eachSuccessor ends group 1, spawns another one in its slot, brings that into each of several
// states, and wants them unchanged by f.
func eachSuccessor(t *testing.T, end func(*testing.T, *coord.Member), f func(old *coord.Member)) {
	want := func(t *testing.T, im *image, mode protocol.Mode, stage protocol.Stage) {
		s := im.State()
		if s.Mode[1] != mode || s.Stage[1] != stage {
			t.Errorf("the group is %s and %s, want %s and %s", s.Mode[1], s.Stage[1], mode, stage)
		}
		f(im.members[1])
		if after := im.State(); after != s {
			t.Errorf("a group that has ended has changed\n%swhich is now\n%s", &s, &after)
		}
	}
	states := map[string]func(t *testing.T, im *image, m *coord.Member){
		"parked": func(t *testing.T, im *image, _ *coord.Member) {
			want(t, im, protocol.Parked, protocol.Idle)
		},
		"running": func(t *testing.T, im *image, m *coord.Member) {
			enter(t, m)
			want(t, im, protocol.Running, protocol.Idle)
			m.Park() // through the gate, which the other group must not have made wrong
		},
		"with the lease": func(t *testing.T, im *image, m *coord.Member) {
			enter(t, m)
			token, err := m.Lease(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			want(t, im, protocol.Running, protocol.Leased)
			if err := token.Release(); err != nil {
				t.Error(err)
			}
			m.Park()
		},
		"with the state lock": func(t *testing.T, im *image, m *coord.Member) {
			enter(t, m)
			if err := m.WithState(t.Context(), func() error {
				want(t, im, protocol.Running, protocol.Locked)
				return nil
			}); err != nil {
				t.Error(err)
			}
			m.Park()
		},
		"at the door": func(t *testing.T, im *image, m *coord.Member) {
			im.tables[2].onApply = func() {
				im.tables[2].onApply = nil
				go func() {
					if err := m.Enter(t.Context()); err != nil {
						t.Error(err)
					}
					m.Park()
				}()
				synctest.Wait()
				want(t, im, protocol.Waking, protocol.Idle)
			}
			if _, err := im.link(t.Context(), 0, &work{payload: "y"}); err != nil {
				t.Error(err)
			}
		},
	}
	for name, in := range states {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				im := newImage(t, 2, coord.Config{})
				enter(t, im.members[1])
				end(t, im.members[1])
				next := im.spawn(t, im.members[0])
				if next.ID() != im.members[1].ID() {
					t.Fatalf("the next group is %d", next.ID())
				}
				in(t, im, next)
				synctest.Wait()
				if s := im.State(); s.Mode[1] != protocol.Parked {
					t.Errorf("at the end the group is %s", s.Mode[1])
				}
			})
		})
	}
}

// In every schedule a group that is killed and another one that is spawned meanwhile, mostly in the
// same slot, go in and out, and the one that lives has applied what a third one does.
func TestSlotExplored(t *testing.T) {
	ctx := context.Background()
	inOut := func(r *explore.Run, m *coord.Member) {
		if err := m.Enter(ctx); err != nil && !errors.Is(err, coord.ErrGroupClosed) {
			r.Failf("enter: %v", err)
			return
		}
		m.Park()
	}
	for name, lead := range map[string]bool{"alone": false, "against a leader": true} {
		t.Run(name, func(t *testing.T) {
			explore.Check(t, func(r *explore.Run) {
				groups, sides, err := plainImage(coord.Config{})
				if err != nil {
					r.Failf("%v", err)
					return
				}
				waits := []func(){
					r.Go("old", func() { inOut(r, groups[1]) }),
					r.Go("next", func() {
						groups[1].Crash(nil)
						next, err := spawnIn(ctx, groups[0])
						if errors.Is(err, coord.ErrReentrant) { // the leader is inside
							return
						}
						if err != nil {
							r.Failf("spawn: %v", err)
							return
						}
						inOut(r, next)
						inOut(r, next)
					}),
				}
				if lead {
					waits = append(waits, r.Go("leader", func() {
						if err := linkIn(groups[0], sides[0]); err != nil &&
							!errors.Is(err, coord.ErrReentrant) {
							r.Failf("link: %v", err)
						}
					}))
				}
				for _, wait := range waits {
					wait()
				}
			})
		})
	}
}

// spawnIn spawns a group from one that is parked before and after.
func spawnIn(ctx context.Context, parent *coord.Member) (*coord.Member, error) {
	if err := parent.Enter(ctx); err != nil {
		return nil, err
	}
	defer parent.Park()
	child, err := parent.Spawn(ctx)
	if err != nil {
		return nil, err
	}
	return child.Attach(ctx,
		func(context.Context, int) (coord.Participant, error) { return &plain{}, nil })
}
