package fuzz_test

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/lockstep-wasm/lockstep/counterexample"
	"github.com/lockstep-wasm/lockstep/fuzz/schedule"
	"github.com/lockstep-wasm/lockstep/linker/coord"
	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

var (
	errReplay = errors.New("the replay fails on purpose")
	errUndo   = errors.New("the undo fails on purpose")
	errWork   = errors.New("the work fails on purpose")
	errBuild  = errors.New("the build fails on purpose")
	errKilled = errors.New("killed on purpose")
)

// world is a process image whose groups' instances are lists of what was
// linked. It is used under the scheduler only: one task runs at a time.
type world struct {
	s      *schedule.Scheduler
	c      *coord.Coordinator
	log    []string // what was committed, in order; written by Commit
	slots  [protocol.MaxGroups]*instances
	coarse bool // no scheduling points in the middle of work
	seq    uint64
	steps  []protocol.Step // every action so far
	last   protocol.State  // after the last event
	poison bool            // the state was poisoned: nothing may change any more
	maker  int             // numbers the entries, so that all differ
	// changing is the name of the group in whose name the shared state is changed, or half changed;
	// empty for none.
	changing string
}

// instances is a group's own side.
type instances struct {
	w       *world
	m       *coord.Member
	name    string
	entries []string
	live    bool // attached, and not gone
	guest   bool // guest code runs in it
	busy    bool // Apply or Undo runs in it
}

// job is what an operation carries to the participants.
type job struct {
	entry    string
	failIn   protocol.Group // the replay fails in this group; NoGroup: nowhere
	failUndo bool           // no participant can undo it
	panicIn  protocol.Group // the replay panics in this group
	during   func()         // called by each replay; may be nil
}

// change notes that the shared state is changed, until the result is called. Meanwhile no other
// goroutine may change it, whatever becomes of the group.
func (w *world) change(name string) (done func()) {
	if w.changing != "" {
		w.s.Failf("%s changes the shared state, and %s is still at it", name, w.changing)
	}
	w.changing = name
	return func() { w.changing = "" }
}

// point is a scheduling point in the middle of what a group does for itself.
func (w *world) point() {
	if !w.coarse && w.s.Running() {
		w.s.Yield()
	}
}

// newWorld makes an image of n parked groups.
func newWorld(s *schedule.Scheduler, waiting coord.Waiting, n, maxGroups int, coarse bool) *world {
	w := &world{s: s, coarse: coarse}
	first := &instances{w: w, name: "g1", live: true}
	w.slots[0] = first
	c, m, err := coord.New(coord.Config{Waiting: waiting, Observer: w.observe, MaxGroups: maxGroups,
		Batch: 1, MaxTable: 3}, first)
	if err != nil {
		s.Failf("%v", err)
		return w
	}
	w.c, first.m = c, m
	ctx := context.Background()
	for range n - 1 {
		if err := m.Enter(ctx); err != nil {
			s.Failf("%v", err)
		}
		child, err := m.Spawn(ctx)
		if err != nil {
			s.Failf("%v", err)
			return w
		}
		m.Park()
		if _, err := w.attach(ctx, child, nil); err != nil {
			s.Failf("%v", err)
		}
	}
	s.WaitsFor(w.waitsFor)
	s.Describe(w.picture)
	s.StateKey(func() string { return string(w.last.AppendKey(nil)) })
	s.Finally(w.finish)
	return w
}

// shown is how many actions the picture of a failure shows.
const shown = 40

// picture is what the protocol did, as all counterexamples are shown, and the state in which it is.
func (w *world) picture() string {
	if w.seq == 0 {
		return w.last.String()
	}
	return counterexample.OfBehaviour(
		w.last.Config,
		w.steps,
		shown,
	).String() + "\n" + w.last.String()
}

// attach finishes a spawn.
func (w *world) attach(ctx context.Context, child *coord.Child, fail error) (*instances, error) {
	var in *instances
	m, err := child.Attach(ctx, func(_ context.Context, id int) (coord.Participant, error) {
		if fail != nil {
			return nil, fail
		}
		in = &instances{w: w, name: protocol.Group(id).String(), entries: slices.Clone(w.log)}
		w.slots[id] = in
		w.point()
		return in, nil
	})
	if err != nil {
		return nil, err
	}
	in.m = m
	return in, nil
}

// observe sees every action: it checks the state, and keeps the books.
func (w *world) observe(e coord.Event) {
	w.s.Logf("%s", e.Step)
	switch { // first come, first served
	case e.Step.Action == protocol.ActGrantLease && w.last.LeaseQueue.Head() != e.Step.Group,
		e.Step.Action == protocol.ActLockState && w.last.StateQueue.Head() != e.Step.Group:
		w.s.Failf("%s jumps the queue", e.Step)
	}
	w.last = *e.State
	w.steps = append(w.steps, e.Step)
	if e.Seq != w.seq+1 {
		w.s.Failf("event %d follows event %d", e.Seq, w.seq)
	}
	w.seq = e.Seq
	if err := e.State.Check(); err != nil {
		w.s.Failf("after %s: %v", e.Step, err)
	}
	if w.poison {
		w.s.Failf("%s happened in a poisoned image", e.Step)
	}
	w.poison = e.State.Poisoned
	if e.Commit != uint64(len(w.log)) {
		w.s.Failf("event %d says %d commits, and there are %d", e.Seq, e.Commit, len(w.log))
	}
	switch in := w.slots[e.Step.Group]; {
	case in == nil:
	case e.Step.Action == protocol.ActCrash || e.Step.Action == protocol.ActDetach:
		in.live = false
		w.slots[e.Step.Group] = nil
	case e.Step.Action == protocol.ActAttach:
		in.live = true
	}
}

// Apply implements coord.Participant.
func (in *instances) Apply(ctx context.Context, op coord.Operation) error {
	j := op.Payload.(*job)
	if err := in.begin(ctx, "replay"); err != nil {
		return err
	}
	defer func() { in.busy = false }()
	if j.during != nil {
		j.during()
	}
	in.w.point()
	switch {
	case in.is(j.panicIn):
		panic(errReplay)
	case in.is(j.failIn):
		return errReplay
	}
	in.entries = append(in.entries, j.entry)
	return nil
}

// Undo implements coord.Participant.
func (in *instances) Undo(ctx context.Context, op coord.Operation) error {
	j := op.Payload.(*job)
	if err := in.begin(ctx, "undo"); err != nil {
		return err
	}
	defer func() { in.busy = false }()
	if j.failUndo {
		return errUndo
	}
	in.pop(j.entry)
	return nil
}

// begin checks that the world stands still while a group replays or undoes.
func (in *instances) begin(ctx context.Context, what string) error {
	if err := ctx.Err(); err != nil {
		in.w.s.Failf("%s: the context of a %s has ended: %v", in.name, what, err)
	}
	if in.busy {
		in.w.s.Failf("%s: two goroutines %s at once", in.name, what)
	}
	in.busy = true
	for _, other := range in.w.slots {
		if other != nil && other.live && other.guest {
			in.w.s.Failf("guest code runs in %s during the %s in %s", other.name, what, in.name)
		}
	}
	return nil
}

func (in *instances) is(g protocol.Group) bool {
	return g != protocol.NoGroup && in.name == g.String()
}

// pop takes the last entry back, which must be this one.
func (in *instances) pop(entry string) {
	n := len(in.entries)
	if n == 0 || in.entries[n-1] != entry {
		in.w.s.Failf("%s undoes %s, and has %v", in.name, entry, in.entries)
		return
	}
	in.entries = in.entries[:n-1]
}

// run is guest code: a moment in which the group has exactly what is committed.
func (in *instances) run() {
	check := func() {
		if in.live && !in.w.poison && !slices.Equal(in.entries, in.w.log) {
			in.w.s.Failf("guest code of %s runs on %v, committed is %v", in.name, in.entries,
				in.w.log)
		}
	}
	in.guest = true
	check()
	in.w.s.Yield()
	check()
	in.guest = false
}

// finish is what must hold when all tasks have ended.
func (w *world) finish() {
	s := w.c.State()
	if uint64(len(w.log)) != w.c.Commits() {
		w.s.Failf("%d commits, and %d in the log", w.c.Commits(), len(w.log))
	}
	if s.Poisoned {
		if err := w.c.Err(); !errors.Is(err, coord.ErrPoisoned) {
			w.s.Failf("poisoned, and Err is %v", err)
		}
		return
	}
	if s.Holder != protocol.NoGroup || s.Writer != protocol.NoGroup || s.Readers != 0 ||
		s.Leader != protocol.NoGroup || s.LeaseQueue.Len() > 0 || s.StateQueue.Len() > 0 {
		w.s.Failf("something is held, or waited for, in the end")
	}
	for id := range protocol.Group(s.Config.Groups) {
		if s.Stage[id] != protocol.Idle || s.Mode[id] == protocol.Building {
			w.s.Failf("%s is %s in the end", id, s.Stage[id])
		}
		in := w.slots[id]
		if live := s.Live().Has(id); live != (in != nil && in.live) {
			w.s.Failf("%s: live in the protocol %v, in the world %v", id, live, !live)
		} else if live && !slices.Equal(in.entries, w.log) {
			w.s.Failf("%s has %v, committed is %v", id, in.entries, w.log)
		}
	}
}

// waitsFor reads from the state who waits for whom.
func (w *world) waitsFor() (edges []schedule.Edge) {
	s := &w.last
	add := func(from, to protocol.Group, why string) {
		if to != protocol.NoGroup && from != to {
			edges = append(edges, schedule.Edge{From: from.String(), To: to.String(), Why: why})
		}
	}
	for g := range protocol.Group(s.Config.Groups) {
		switch s.Stage[g] {
		case protocol.WaitLease:
			add(g, s.Holder, "lease")
			add(g, ahead(&s.LeaseQueue, g), "its turn for the lease")
		case protocol.WaitState:
			add(g, s.Writer, "state lock")
			add(g, ahead(&s.StateQueue, g), "its turn for the state lock")
		}
		for h := range protocol.Group(s.Config.Groups) {
			switch {
			case s.Stage[g] == protocol.WaitState && s.Readers.Has(h):
				add(g, h, "state lock, held for reading")
			case s.Leader == g && s.Part[h] == protocol.Expected:
				add(g, h, "arrival at "+fmt.Sprint(s.Op))
			case s.Leader == g && s.Mail[h].Len() > 0:
				add(g, h, "replay of "+fmt.Sprint(s.Op))
			}
		}
		if s.Part[g] != protocol.NoPart && s.Mode[g] == protocol.Running {
			add(g, s.Leader, "the end of "+fmt.Sprint(s.Op))
		}
	}
	return edges
}

// ahead is who stands before g in a queue.
func ahead(q *protocol.Queue, g protocol.Group) protocol.Group {
	before := protocol.NoGroup
	for i := range q.Len() {
		if q.At(i) == g {
			return before
		}
		before = q.At(i)
	}
	return protocol.NoGroup
}
