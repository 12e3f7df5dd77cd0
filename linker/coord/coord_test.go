package coord_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker/coord"
	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

var errApply = errors.New("apply")

// table is a group's own side: a list of what was applied.
type table struct {
	mu       sync.Mutex // not needed by the protocol: it lets a test read while others run
	entries  []any
	failOn   any // Apply fails on this payload
	panicOn  any // Apply panics on this payload
	failUndo bool
	onApply  func() // called by Apply; may be nil
}

func (t *table) Apply(_ context.Context, op coord.Operation) error {
	if t.onApply != nil {
		t.onApply()
	}
	if op.Payload == t.panicOn && t.panicOn != nil {
		panic("apply")
	}
	if op.Payload == t.failOn && t.failOn != nil {
		return errApply
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.entries = append(t.entries, op.Payload)
	return nil
}

func (t *table) Undo(context.Context, coord.Operation) error {
	if t.failUndo {
		return errors.New("undo")
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.entries = t.entries[:len(t.entries)-1]
	return nil
}

func (t *table) snapshot() []any {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]any(nil), t.entries...)
}

// work is the leader's side of an operation on a table.
type work struct {
	own       *table
	kind      protocol.OpKind
	payload   any
	before    func() // called by Do before it works; may be nil
	err       error
	unchanged bool
	undone    int
	committed uint64
}

func (w *work) Do(ctx context.Context) (coord.Operation, bool, error) {
	if w.before != nil {
		w.before()
	}
	op := coord.Operation{Kind: w.kind, Payload: w.payload}
	if w.kind == protocol.NoOp {
		op.Kind = protocol.LoadModules
	}
	if w.err != nil || w.unchanged {
		return op, false, w.err
	}
	return op, true, w.own.Apply(ctx, op)
}

func (w *work) Undo(ctx context.Context) error {
	w.undone++
	return w.own.Undo(ctx, coord.Operation{})
}

func (w *work) Commit(number uint64) { w.committed = number }

// image is a coordinator with its groups, whose every event is checked.
type image struct {
	*coord.Coordinator
	members []*coord.Member
	tables  []*table
	events  []protocol.Step
}

// newImage makes an image with n groups, all parked. Every state that it goes
// through must keep the invariants.
func newImage(t testing.TB, n int, cfg coord.Config) *image {
	t.Helper()
	im := &image{tables: []*table{{}}}
	cfg.ObserveLate = true // through the gates; package fuzz has all that is observed at once
	cfg.Observer = func(e coord.Event) {
		im.events = append(im.events, e.Step)
		if err := e.State.Check(); err != nil {
			t.Errorf("after %s: %v\n%s", e.Step, err, e.State)
		}
	}
	c, first, err := coord.New(cfg, im.tables[0])
	if err != nil {
		t.Fatal(err)
	}
	im.Coordinator, im.members = c, []*coord.Member{first}
	for range n - 1 {
		im.spawn(t, first)
	}
	return im
}

func (im *image) spawn(t testing.TB, parent *coord.Member) *coord.Member {
	t.Helper()
	ctx := context.Background()
	enter(t, parent)
	child, err := parent.Spawn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	parent.Park()
	own := &table{entries: im.tables[0].snapshot()}
	m, err := child.Attach(ctx,
		func(context.Context, int) (coord.Participant, error) { return own, nil })
	if err != nil {
		t.Fatal(err)
	}
	im.members = append(im.members, m)
	im.tables = append(im.tables, own)
	return m
}

func enter(t testing.TB, m *coord.Member) {
	t.Helper()
	if err := m.Enter(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// link runs an operation in group i, which is parked before and after.
func (im *image) link(ctx context.Context, i int, w coord.Work) (uint64, error) {
	if err := im.members[i].Enter(ctx); err != nil {
		return 0, err
	}
	defer im.members[i].Park()
	if own, ok := w.(*work); ok {
		own.own = im.tables[i]
	}
	return im.members[i].Link(ctx, w)
}

func (im *image) wantEntries(t *testing.T, want ...any) {
	t.Helper()
	for i, own := range im.tables {
		got := own.snapshot()
		if len(got) != len(want) {
			t.Errorf("group %d has %v, want %v", i, got, want)
			continue
		}
		for j := range want {
			if got[j] != want[j] {
				t.Errorf("group %d has %v, want %v", i, got, want)
			}
		}
	}
}

func TestLinkReachesParkedGroups(t *testing.T) {
	im := newImage(t, 4, coord.Config{})
	for i, payload := range []string{"a", "b", "c", "d", "e", "f"} { // more than the log holds
		w := &work{payload: payload}
		commit, err := im.link(context.Background(), i%4, w)
		if err != nil || commit != uint64(i+1) || w.committed != commit {
			t.Fatalf("commit %d (%d), error %v", commit, w.committed, err)
		}
	}
	im.wantEntries(t, "a", "b", "c", "d", "e", "f")
}

func TestLinkWithoutChangeOrWithErrorLeavesNoTrace(t *testing.T) {
	im := newImage(t, 2, coord.Config{})
	before := im.State()
	errDo := errors.New("do")
	for _, w := range []*work{{unchanged: true}, {err: errDo}} {
		if commit, err := im.link(context.Background(), 0, w); commit != 0 ||
			!errors.Is(err, w.err) {
			t.Errorf("commit %d, error %v, want 0 and %v", commit, err, w.err)
		}
	}
	if im.State() != before {
		t.Errorf("the state changed:\n%s", im.State())
	}
	im.wantEntries(t)
}

func TestFailedReplayIsUndoneEverywhere(t *testing.T) {
	im := newImage(t, 4, coord.Config{})
	im.tables[2].failOn = "bad"
	w := &work{payload: "bad"}
	commit, err := im.link(context.Background(), 0, w)
	var replay *coord.ReplayError
	if commit != 0 || !errors.As(err, &replay) || replay.Group != 2 || !errors.Is(err, errApply) {
		t.Fatalf("commit %d, error %v, want a ReplayError of group 2", commit, err)
	}
	if w.undone != 1 {
		t.Errorf("the leader has undone %d times", w.undone)
	}
	im.wantEntries(t)
	if _, err := im.link(context.Background(), 1, &work{payload: "good"}); err != nil {
		t.Fatal(err)
	}
	im.wantEntries(t, "good")
}

func TestFailedUndoPoisonsForGood(t *testing.T) {
	im := newImage(t, 3, coord.Config{})
	im.tables[1].failUndo = true
	im.tables[2].failOn = "bad"
	_, err := im.link(context.Background(), 0, &work{payload: "bad"})
	var poison *coord.PoisonError
	if !errors.Is(err, coord.ErrPoisoned) || !errors.As(err, &poison) || poison.Group != 1 ||
		!errors.Is(poison, errApply) {
		t.Fatalf("error %v, want the poison of group 1 with its first cause", err)
	}
	before := im.State()
	for i := range im.members {
		_, again := im.link(context.Background(), i, &work{payload: "later"})
		if !errors.Is(again, coord.ErrPoisoned) {
			t.Errorf("group %d: %v, want ErrPoisoned", i, again)
		}
	}
	if err := im.Err(); !errors.Is(err, poison) {
		t.Errorf("Err is %v, want the first cause", err)
	}
	if im.State() != before {
		t.Error("the poisoned state changed")
	}
}

func TestPanicInReplayIsTheDeathOfThatGroupOnly(t *testing.T) {
	im := newImage(t, 3, coord.Config{})
	im.tables[1].panicOn = "boom"
	if _, err := im.link(context.Background(), 0, &work{payload: "boom"}); err != nil {
		t.Fatal(err)
	}
	_, err := im.link(context.Background(), 1, &work{payload: "x"})
	var panicked *coord.PanicError
	if !errors.Is(err, coord.ErrGroupClosed) || !errors.As(err, &panicked) ||
		panicked.Value != "apply" {
		t.Errorf("error %v, want ErrGroupClosed with the panic", err)
	}
	if got := im.tables[2].snapshot(); len(got) != 1 {
		t.Errorf("group 2 has %v", got)
	}
}

// A leader that waits at epoch 1 for a group in guest code is cancelled.
func TestCancelBeforeBroadcastLeavesNoTrace(t *testing.T) {
	im := newImage(t, 2, coord.Config{})
	enter(t, im.members[1]) // it runs, and reaches no safepoint
	ctx, cancel := context.WithCancel(context.Background())
	w := &work{payload: "x", before: cancel}
	commit, err := im.link(ctx, 0, w)
	if commit != 0 || !errors.Is(err, context.Canceled) || w.undone != 1 {
		t.Fatalf("commit %d, error %v, undone %d", commit, err, w.undone)
	}
	im.wantEntries(t)
	if err := im.members[1].Safepoint(context.Background()); err != nil {
		t.Errorf("the safepoint after a cancelled operation: %v", err)
	}
	im.members[1].Park()
}

// After the broadcast the operation completes whatever the context says.
func TestCancelAfterBroadcastCompletes(t *testing.T) {
	im := newImage(t, 2, coord.Config{})
	ctx, cancel := context.WithCancel(context.Background())
	im.tables[1].onApply = cancel
	if commit, err := im.link(ctx, 0, &work{payload: "x"}); commit != 1 || err != nil {
		t.Fatalf("commit %d, error %v", commit, err)
	}
	im.wantEntries(t, "x")
}

// The deadlock that the reference warns of: a leader waits at the rendezvous
// for a group that waits for the state lock or for the lease.
func TestWaitersTakePart(t *testing.T) {
	for name, request := range map[string]func(ctx context.Context, m *coord.Member) error{
		"state lock": func(ctx context.Context, m *coord.Member) error {
			return m.WithState(ctx, func() error { return nil })
		},
		"lease": func(ctx context.Context, m *coord.Member) error {
			token, err := m.Lease(ctx)
			if err != nil {
				return err
			}
			return token.Release()
		},
		"leave": func(ctx context.Context, m *coord.Member) error { return m.Detach(ctx) },
	} {
		for strategy, waiting := range map[string]coord.Waiting{"notified": coord.Notified(),
			"polling": coord.Polling(coord.ReferenceBackoff())} {
			t.Run(name+"/"+strategy, func(t *testing.T) {
				im := newImage(t, 2, coord.Config{Waiting: waiting})
				enter(t, im.members[1])
				waits := make(chan struct{})
				done := make(chan error, 1)
				go func() {
					<-waits
					done <- request(context.Background(), im.members[1])
				}()
				commit, err := im.link(context.Background(), 0,
					&work{payload: "x", before: func() { close(waits) }})
				if err != nil || commit != 1 {
					t.Fatalf("commit %d, error %v", commit, err)
				}
				if err := <-done; err != nil {
					t.Fatal(err)
				}
				im.wantEntries(t, "x")
			})
		}
	}
}

func TestCrashBetweenTheEpochsReleasesTheOthers(t *testing.T) {
	im := newImage(t, 3, coord.Config{})
	enter(t, im.members[1]) // it would never reach a safepoint
	cause := errors.New("trap")
	w := &work{payload: "x", before: func() { go im.members[1].Crash(cause) }}
	if commit, err := im.link(context.Background(), 0, w); commit != 1 || err != nil {
		t.Fatalf("commit %d, error %v", commit, err)
	}
	if err := im.members[1].Safepoint(context.Background()); !errors.Is(err, cause) ||
		!errors.Is(err, coord.ErrGroupClosed) {
		t.Errorf("%v, want ErrGroupClosed because of the trap", err)
	}
}

// A leader that is killed after the broadcast still completes what it promised.
func TestLeaderKilledAfterBroadcastKeepsItsPromise(t *testing.T) {
	im := newImage(t, 3, coord.Config{})
	im.tables[1].onApply = func() { im.members[0].Crash(errors.New("killed")) }
	if commit, err := im.link(context.Background(), 0, &work{payload: "x"}); commit != 1 ||
		err != nil {
		t.Fatalf("commit %d, error %v", commit, err)
	}
	if _, err := im.link(context.Background(), 0, &work{payload: "y"}); !errors.Is(err,
		coord.ErrGroupClosed) {
		t.Errorf("the dead leader's next call: %v", err)
	}
	if _, err := im.link(context.Background(), 1, &work{payload: "z"}); err != nil {
		t.Error(err)
	}
}

// A leader whose goroutine panics in its own work has died, alone.
func TestLeaderPanicIsItsDeath(t *testing.T) {
	im := newImage(t, 2, coord.Config{})
	func() {
		defer func() {
			if v := recover(); v != "do" {
				t.Errorf("recovered %v, want the panic to go on", v)
			}
		}()
		_, err := im.link(context.Background(), 0, &work{before: func() { panic("do") }})
		t.Errorf("Link returned %v instead of panicking", err)
	}()
	if _, err := im.link(context.Background(), 0, &work{}); !errors.Is(err, coord.ErrGroupClosed) {
		t.Errorf("%v, want ErrGroupClosed", err)
	}
	if commit, err := im.link(context.Background(), 1, &work{payload: "x"}); commit != 1 ||
		err != nil {
		t.Errorf("commit %d, error %v", commit, err)
	}
}
