package coord_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/lockstep-wasm/lockstep/linker/coord"
	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// earlyWork commits in the middle of Do what it has done by then.
type earlyWork struct {
	work
	m    *coord.Member
	rest func(commit uint64, err error) error // what Do does afterwards, and returns
}

func (w *earlyWork) Do(ctx context.Context) (coord.Operation, bool, error) {
	op := coord.Operation{Kind: protocol.LoadModules, Payload: w.payload}
	if err := w.own.Apply(ctx, op); err != nil {
		return op, false, err
	}
	commit, err := w.m.CommitEarly(ctx, w, op)
	if err != nil {
		_ = w.own.Undo(ctx, op)
	}
	if w.rest != nil {
		err = w.rest(commit, err)
	}
	return op, err == nil, err
}

func (im *image) early(payload any, rest func(commit uint64, err error) error) *earlyWork {
	return &earlyWork{work{own: im.tables[0], payload: payload}, im.members[0], rest}
}

// next has group 1 lead an operation, whose number is to be commit.
func (im *image) next(t *testing.T, commit uint64, payload any) {
	t.Helper()
	got, err := im.link(t.Context(), 1, &work{own: im.tables[1], payload: payload})
	if got != commit || err != nil {
		t.Errorf("the next operation: commit %d, error %v, want commit %d", got, err, commit)
	}
}

// What was committed early is over: the locks are free, the rest of Do may lead another operation
// and take part in others', and its error is Link's, without anything being taken back.
func TestCommitEarly(t *testing.T) {
	im := newImage(t, 2, coord.Config{})
	failed := errors.New("the rest failed")
	w := im.early("x", func(commit uint64, err error) error {
		if commit != 1 || err != nil {
			t.Fatalf("commit %d, error %v", commit, err)
		}
		settled(t, im)
		if got := im.tables[1].snapshot(); len(got) != 1 {
			t.Errorf("the other group has %v", got)
		}
		_, err = im.members[0].CommitEarly(t.Context(), nil, coord.Operation{})
		if !errors.Is(err, coord.ErrNotLocked) {
			t.Errorf("a second time: %v", err)
		}
		inner := &work{own: im.tables[0], payload: "y"}
		if commit, err := im.members[0].Link(t.Context(), inner); commit != 2 || err != nil {
			t.Errorf("an operation of the rest: commit %d, error %v", commit, err)
		}
		im.members[0].Park()
		im.next(t, 3, "z")
		enter(t, im.members[0])
		return failed
	})
	if commit, err := im.link(t.Context(), 0, w); commit != 1 || !errors.Is(err, failed) {
		t.Errorf("commit %d, error %v", commit, err)
	}
	for i, own := range im.tables {
		if got := own.snapshot(); len(got) != 3 {
			t.Errorf("group %d has %v", i, got)
		}
	}
	if _, err := im.members[0].CommitEarly(t.Context(), w, coord.Operation{}); err == nil {
		t.Error("an early commit outside of an operation")
	}
	settled(t, im)
}

// When another group cannot follow, all hold still until Do has taken its work back.
func TestCommitEarlyIsTakenBack(t *testing.T) {
	for name, change := range map[string]func(err error) error{
		"Do returns the error": func(err error) error { return err },
		"Do forgets the error": func(error) error { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			im := newImage(t, 3, coord.Config{})
			im.tables[2].failOn = "x"
			w := im.early("x", func(commit uint64, err error) error {
				replay := (*coord.ReplayError)(nil)
				if commit != 0 || !errors.As(err, &replay) || replay.Group != 2 {
					t.Errorf("commit %d, error %v", commit, err)
				}
				if s := im.State(); s.Stage[0] != protocol.Replaying || s.Holder != 0 {
					t.Errorf("the locks are free, and the work is not taken back:\n%s", &s)
				}
				if change(err) == nil { // what Undo takes back then
					_ = im.tables[0].Apply(t.Context(), coord.Operation{Payload: "x"})
				}
				return change(err)
			})
			if commit, err := im.link(t.Context(), 0, w); commit != 0 || !errors.Is(err, errApply) {
				t.Errorf("commit %d, error %v", commit, err)
			}
			settled(t, im)
			for i, own := range im.tables {
				if got := own.snapshot(); len(got) > 0 {
					t.Errorf("group %d has %v", i, got)
				}
			}
			im.next(t, 1, "y")
		})
	}
}

// Before the broadcast the context ends an early commit, and so does the death of the group.
func TestCommitEarlyEnds(t *testing.T) {
	for name, end := range map[string]func(im *image, cancel func()) error{
		"by its context": func(_ *image, cancel func()) error { cancel(); return context.Canceled },
		"by a death": func(im *image, _ func()) error {
			im.members[0].Crash(errKilled)
			return errKilled
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				im := newImage(t, 3, coord.Config{})
				release := holdUp(t, im)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				done := make(chan error, 1)
				w := im.early("x", nil)
				go func() {
					_, err := im.link(ctx, 0, w)
					done <- err
				}()
				synctest.Wait()
				want := end(im, cancel)
				if err := <-done; !errors.Is(err, want) {
					t.Errorf("%v, want %v", err, want)
				}
				release()
				settled(t, im)
				if got := im.tables[0].snapshot(); len(got) > 0 {
					t.Errorf("the group has %v", got)
				}
				im.next(t, 1, "y")
			})
		})
	}
}

// A group that is killed in the rest of Do dies at once, as any group that runs: it has no lock.
func TestKilledAfterEarlyCommit(t *testing.T) {
	im := newImage(t, 2, coord.Config{})
	w := im.early("x", func(uint64, error) error {
		im.members[0].Crash(errKilled)
		if !im.crashed(0) {
			t.Error("its death has not been performed")
		}
		im.next(t, 2, "y")
		return nil
	})
	if commit, err := im.link(t.Context(), 0, w); commit != 1 || err != nil {
		t.Errorf("commit %d, error %v", commit, err)
	}
	if err := im.members[0].AwaitOut(t.Context()); err != nil {
		t.Error(err)
	}
	settled(t, im)
}

// Who has the locks hears that another group wants them.
func TestWanted(t *testing.T) {
	for name, request := range map[string]func(m *coord.Member) error{
		"the lease": func(m *coord.Member) error {
			_, err := m.Lease(context.Background())
			return err
		},
		"the state lock": func(m *coord.Member) error {
			return m.WithState(context.Background(), func() error { return nil })
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				told := make(chan struct{}, 1)
				im := newImage(t, 2, coord.Config{OnWanted: func() { told <- struct{}{} }})
				enter(t, im.members[1])
				done := make(chan error, 1)
				w := &work{own: im.tables[0], payload: "x", err: errApply, before: func() {
					if im.members[0].Wanted() {
						t.Error("wanted, and no other group has asked")
					}
					go func() { done <- request(im.members[1]) }()
					<-told
					if !im.members[0].Wanted() {
						t.Error("another group has asked")
					}
				}}
				if _, err := im.link(t.Context(), 0, w); !errors.Is(err, errApply) {
					t.Error(err)
				}
				if err := <-done; err != nil {
					t.Error(err)
				}
			})
		})
	}
}
