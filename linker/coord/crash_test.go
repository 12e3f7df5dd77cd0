package coord_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/lockstep-wasm/lockstep/linker/coord"
	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

var errKilled = errors.New("killed")

// crashed reports whether the protocol knows of a group's death.
func (im *image) crashed(i int) bool {
	return im.State().Mode[im.members[i].ID()] == protocol.Gone
}

// A leader that is killed from outside keeps the lease and the state lock until its goroutine has
// taken its work back, wherever the kill finds it before the broadcast.
func TestKilledLeaderKeepsItsLocksWhileItWorks(t *testing.T) {
	for _, c := range []struct {
		name string
		w    func(kill func()) *work
	}{
		{"in Do", func(kill func()) *work { return &work{payload: "x", before: kill} }},
		{"in Do, which finds nothing to do",
			func(kill func()) *work { return &work{unchanged: true, before: kill} }},
		{"in Do, which fails",
			func(kill func()) *work { return &work{err: errApply, before: kill} }},
	} {
		t.Run(c.name, func(t *testing.T) {
			im := newImage(t, 2, coord.Config{})
			enter(t, im.members[1])
			w := c.w(func() {
				im.members[0].Crash(errKilled)
				if !im.members[0].Gone() || im.crashed(0) {
					t.Error("the group is not gone, or its death has been performed under its " +
						"goroutine's hands")
				}
				s := im.State()
				if s.Holder != 0 || s.Writer != 0 {
					t.Errorf("a group that works has lost its locks:\n%s", &s)
				}
				if ok, _ := im.members[1].TryWithState(func() error { return nil }); ok {
					t.Error("another group has the state lock meanwhile")
				}
			})
			if commit, err := im.link(t.Context(), 0, w); commit != 0 ||
				!errors.Is(err, errKilled) || !errors.Is(err, coord.ErrGroupClosed) {
				t.Errorf("commit %d, error %v", commit, err)
			}
			if entries := im.tables[0].snapshot(); len(entries) > 0 {
				t.Errorf("the work is still there: %v", entries)
			}
			if !im.crashed(0) {
				t.Error("its death has not been performed")
			}
			if err := im.members[0].AwaitOut(t.Context()); err != nil {
				t.Error(err)
			}
			im.members[1].Park()
			second := &work{payload: "y"}
			if commit, err := im.link(t.Context(), 1, second); commit != 1 || err != nil {
				t.Errorf("the next operation: commit %d, error %v", commit, err)
			}
			settled(t, im)
		})
	}
}

// A leader that is killed while it waits for the others to arrive takes its work back with both
// locks in hand.
func TestKilledLeaderWithdrawsBeforeItLetsGo(t *testing.T) {
	eachStrategy(t, "killed while published", func(t *testing.T, waiting coord.Waiting) {
		im := newImage(t, 3, coord.Config{Waiting: waiting})
		release := holdUp(t, im)
		done := make(chan error, 1)
		w := &checkedUndo{work: work{own: im.tables[0], payload: "x"}}
		w.undo = func() {
			if s := im.State(); s.Holder != 0 || s.Writer != 0 {
				t.Errorf("the work is taken back without the locks:\n%s", &s)
			}
		}
		enter(t, im.members[0])
		go func() {
			_, err := im.members[0].Link(t.Context(), w)
			done <- err
		}()
		synctest.Wait()
		im.members[0].Crash(errKilled)
		if err := <-done; !errors.Is(err, errKilled) {
			t.Errorf("%v, want the cause of death", err)
		}
		if w.undone != 1 || !im.crashed(0) {
			t.Errorf("undone %d times; dead: %v", w.undone, im.crashed(0))
		}
		release()
		settled(t, im)
	})
}

type checkedUndo struct {
	work
	undo func()
}

func (w *checkedUndo) Undo(ctx context.Context) error {
	w.undo()
	return w.work.Undo(ctx)
}

// A group that is killed while another goroutine replays an operation for it dies when that
// goroutine is done with it.
func TestKilledSleeperDiesAfterItsReplay(t *testing.T) {
	im := newImage(t, 3, coord.Config{})
	im.tables[1].onApply = func() {
		im.members[1].Crash(errKilled)
		if im.crashed(1) {
			t.Error("the group has died under the leader's hands")
		}
	}
	if commit, err := im.link(t.Context(), 0, &work{payload: "x"}); commit != 1 || err != nil {
		t.Errorf("commit %d, error %v", commit, err)
	}
	if !im.crashed(1) {
		t.Error("its death has not been performed")
	}
	want := []protocol.Action{protocol.ActCrash, protocol.ActCommit}
	var got []protocol.Action
	for _, s := range im.events {
		if slices.Contains(want, s.Action) {
			got = append(got, s.Action)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// The state lock is kept, too, by a group that is killed while it has that alone.
func TestKilledWithState(t *testing.T) {
	im := newImage(t, 2, coord.Config{})
	enter(t, im.members[0])
	enter(t, im.members[1])
	err := im.members[0].WithState(t.Context(), func() error {
		im.members[0].Crash(errKilled)
		if ok, _ := im.members[1].TryWithState(func() error { return nil }); ok {
			t.Error("another group has the state lock meanwhile")
		}
		return nil
	})
	if err != nil {
		t.Errorf("what was done under the lock is done: %v", err)
	}
	if ok, err := im.members[1].TryWithState(func() error { return nil }); !ok || err != nil {
		t.Errorf("afterwards the lock is not free: %v, %v", ok, err)
	}
	settled(t, im)
}

// A child that is killed while it is built is not attached, and keeps the lease until its goroutine
// has stopped building.
func TestKilledWhileBuilt(t *testing.T) {
	im := newImage(t, 2, coord.Config{})
	enter(t, im.members[0])
	child, err := im.members[0].Spawn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	m, err := child.Attach(t.Context(), func(context.Context, int) (coord.Participant, error) {
		child.Member().Crash(errKilled)
		if s := im.State(); s.Holder != protocol.Group(child.ID()) {
			t.Errorf("the child has lost the lease:\n%s", &s)
		}
		return &table{}, nil
	})
	if m != nil || !errors.Is(err, errKilled) || !errors.Is(err, coord.ErrGroupClosed) {
		t.Errorf("%v, %v, want the cause of death", m, err)
	}
	if err := child.Member().AwaitOut(t.Context()); err != nil {
		t.Error(err)
	}
	settled(t, im)
}

// What a group has is its closer's only when no goroutine works for it any more.
func TestAwaitOut(t *testing.T) {
	eachStrategy(t, "await out", func(t *testing.T, waiting coord.Waiting) {
		im := newImage(t, 2, coord.Config{Waiting: waiting})
		replaying, goOn := make(chan struct{}), make(chan struct{})
		im.tables[1].onApply = func() { close(replaying); <-goOn }
		linked := make(chan error, 1)
		go func() {
			_, err := im.link(t.Context(), 0, &work{payload: "x"})
			linked <- err
		}()
		<-replaying
		im.members[1].Crash(errKilled)
		out := make(chan struct{})
		go func() { _ = im.members[1].AwaitOut(t.Context()); close(out) }()
		synctest.Wait()
		select {
		case <-out:
			t.Error("the group is out while the leader works in it")
		default:
		}
		cancelled, cancel := context.WithCancel(t.Context())
		cancel()
		if err := im.members[1].AwaitOut(cancelled); !errors.Is(err, context.Canceled) {
			t.Errorf("%v, want the context's error", err)
		}
		close(goOn)
		<-out
		if err := <-linked; err != nil {
			t.Error(err)
		}
	})
}

// A leader whose goroutine panics after the broadcast is out only when another goroutine has kept
// its promise.
func TestAwaitOutOfALeaderThatPanicked(t *testing.T) {
	im := newImage(t, 2, coord.Config{})
	w := &panicsOnCommit{work: work{own: im.tables[0], payload: "x"}}
	enter(t, im.members[0])
	func() {
		defer func() { _ = recover() }()
		_, _ = im.members[0].Link(t.Context(), w)
	}()
	if err := im.members[0].AwaitOut(t.Context()); err != nil {
		t.Error(err)
	}
	if w.committed == 0 {
		t.Error("the promise has not been kept")
	}
	settled(t, im)
}

type panicsOnCommit struct {
	work
	panicked bool
}

func (w *panicsOnCommit) Commit(number uint64) {
	if !w.panicked {
		w.panicked = true
		panic("commit")
	}
	w.work.Commit(number)
}

// What an operation is numbered with is read only when the operation can be seen.
func TestCommitsAreCountedWhenSeen(t *testing.T) {
	im := newImage(t, 2, coord.Config{})
	for number := range uint64(3) {
		w := &looksAtTheCount{work: work{own: im.tables[0], payload: number}, c: im.Coordinator}
		enter(t, im.members[0])
		commit, err := im.members[0].Link(t.Context(), w)
		im.members[0].Park()
		if err != nil || commit != number+1 || w.before != number || im.Commits() != number+1 {
			t.Errorf("commit %d, error %v; %d are counted before it is seen, %d afterwards", commit,
				err, w.before, im.Commits())
		}
	}
}

type looksAtTheCount struct {
	work
	c      *coord.Coordinator
	before uint64
}

func (w *looksAtTheCount) Commit(number uint64) {
	w.before = w.c.Commits()
	w.work.Commit(number)
}
