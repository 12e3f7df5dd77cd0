package coord_test

import (
	"context"
	"errors"
	"runtime"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker/coord"
	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

func TestTokenEndsExactlyOnce(t *testing.T) {
	ctx := context.Background()
	for name, use := range map[string]func(*coord.Token) error{
		"release": (*coord.Token).Release,
		"link": func(token *coord.Token) error {
			_, err := token.Link(ctx, &work{unchanged: true})
			return err
		},
		"spawn": func(token *coord.Token) error {
			child, err := token.Spawn()
			if err != nil {
				return err
			}
			if err := child.Abort(); err != nil {
				return err
			}
			if err := child.Abort(); !errors.Is(err, coord.ErrTokenReleased) {
				t.Errorf("a second Abort: %v", err)
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			im := newImage(t, 1, coord.Config{})
			m := im.members[0]
			enter(t, m)
			token, err := m.Lease(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if _, ok := m.TryLease(); ok {
				t.Error("two tokens at once")
			}
			if err := use(token); err != nil {
				t.Fatal(err)
			}
			if err := token.Release(); !errors.Is(err, coord.ErrTokenReleased) {
				t.Errorf("released twice: %v", err)
			}
			again, ok := m.TryLease()
			if !ok {
				t.Fatal("the lease was not given back")
			}
			if again.ID() <= token.ID() {
				t.Errorf("token %d after token %d", again.ID(), token.ID())
			}
			if s := im.State(); s.Holder != 0 || s.Stage[0] != protocol.Leased {
				t.Errorf("holder %s, stage %s", s.Holder, s.Stage[0])
			}
		})
	}
}

func TestTokenMovesToAnotherGoroutine(t *testing.T) {
	im := newImage(t, 2, coord.Config{})
	enter(t, im.members[0])
	token, err := im.members[0].Lease(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		_, err := token.Link(context.Background(), &work{own: im.tables[0], payload: "x"})
		done <- err
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	im.wantEntries(t, "x")
}

func TestLeakedTokenIsReported(t *testing.T) {
	leaks := make(chan uint64, 1)
	c, m, err := coord.New(coord.Config{OnLeak: func(id uint64) { leaks <- id }}, &table{})
	if err != nil {
		t.Fatal(err)
	}
	enter(t, m)
	token, err := m.Lease(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	id := token.ID()
	token = nil
	for {
		runtime.GC()
		select {
		case got := <-leaks:
			if got != id {
				t.Errorf("token %d leaked, reported %d", id, got)
			}
			runtime.KeepAlive(c)
			return
		default:
		}
	}
}

// A closure request outside of the state lock, and requests by a group that
// has one already, are refused.
func TestRequestsOutOfPlaceAreRefused(t *testing.T) {
	ctx := context.Background()
	im := newImage(t, 2, coord.Config{})
	m := im.members[0]
	enter(t, m)
	if _, err := m.AllocateClosure(); !errors.Is(err, coord.ErrNotLocked) {
		t.Errorf("AllocateClosure: %v", err)
	}
	if err := m.Enter(ctx); !errors.Is(err, coord.ErrReentrant) {
		t.Errorf("Enter: %v", err)
	}
	var inside error
	if _, err := m.Link(ctx, &work{own: im.tables[0], payload: "x", before: func() {
		_, inside = m.Link(ctx, &work{})
	}}); err != nil {
		t.Fatal(err)
	}
	if !errors.Is(inside, coord.ErrReentrant) {
		t.Errorf("Link in Do: %v", inside)
	}
	m.Park()
	enter(t, im.members[1])
	im.tables[1].onApply = func() { _, inside = im.members[1].Link(ctx, &work{}) }
	done := make(chan error)
	go func() { done <- drive(ctx, im.members[1], done) }()
	if _, err := im.link(ctx, 0, &work{payload: "y"}); err != nil {
		t.Fatal(err)
	}
	done <- nil
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if !errors.Is(inside, coord.ErrReplaying) {
		t.Errorf("Link in a replay: %v", inside)
	}
}

// drive is guest code that reaches safepoints until it is told to stop.
func drive(ctx context.Context, m *coord.Member, stop <-chan error) error {
	for {
		select {
		case <-stop:
			return nil
		default:
			if err := m.Safepoint(ctx); err != nil {
				return err
			}
			runtime.Gosched()
		}
	}
}

func TestClosuresAreCounted(t *testing.T) {
	im := newImage(t, 2, coord.Config{Batch: 2})
	m := im.members[0]
	ctx := context.Background()
	allocate := func() (ok bool) {
		t.Helper()
		enter(t, m)
		defer m.Park()
		if err := m.WithState(ctx,
			func() (err error) { ok, err = m.AllocateClosure(); return err }); err != nil {
			t.Fatal(err)
		}
		return ok
	}
	if allocate() {
		t.Error("a closure slot that does not exist was handed out")
	}
	if _, err := im.link(ctx, 1,
		&work{kind: protocol.AllocateFunctionTable, payload: "slots"}); err != nil {
		t.Fatal(err)
	}
	for i, want := range []bool{true, true, false} {
		if allocate() != want {
			t.Errorf("slot %d of two: want %v", i, want)
		}
	}
	// Slots that are free are used before new ones are made.
	enter(t, m)
	if err := m.WithState(ctx, func() error {
		if ok, err := m.FreeClosure(); err != nil || !ok {
			t.Errorf("FreeClosure: %v, %v", ok, err)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	m.Park()
	_, err := im.link(ctx, 1, &work{kind: protocol.AllocateFunctionTable, payload: "more"})
	var refused *protocol.RefusedError
	if !errors.As(err, &refused) || refused.Guard != `Fresh(o) \/ "SecondLookup" \in Off` {
		t.Errorf("allocating while slots are free: %v", err)
	}
}
