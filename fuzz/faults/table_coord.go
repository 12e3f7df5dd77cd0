package faults

const (
	await     = "linker/coord/await.go"
	backoff   = "linker/coord/backoff.go"
	coord     = "linker/coord/coord.go"
	lease     = "linker/coord/lease.go"
	link      = "linker/coord/link.go"
	member    = "linker/coord/member.go"
	spawn     = "linker/coord/spawn.go"
	stateLock = "linker/coord/statelock.go"
	waiting   = "linker/coord/waiting.go"
)

// coordFaults are mistakes in the runtime: in waiting and waking, and in what it does around the actions.
func coordFaults() []Fault {
	exhaustive := Named{"exhaustive", "TestTwoGroupsExhaustively"}
	more := Named{"exhaustive", "TestMoreGroups"}
	pairs := Named{"pairs", "TestEveryPair"}
	cancel := Named{"pairs", "TestCancelEverywhere"}
	return []Fault{
		{
			Name:  "runtime: a naive blocking lock",
			What:  "who waits for the state lock does nothing else: the deadlock that the reference warns of",
			Edits: []Edit{{await, `if c.state.Mode[m.id] == protocol.Running && c.do(ctx, m) {`, `if c.state.Mode[m.id] == protocol.Running && c.state.Stage[m.id] != protocol.WaitState && c.do(ctx, m) {`}},
			By:    []Named{exhaustive, pairs, {"unit", "TestWaitersTakePart"}},
		},
		{
			Name:  "runtime: no part while waiting for the lease",
			What:  "who waits for the lease does nothing else",
			Edits: []Edit{{await, `if c.state.Mode[m.id] == protocol.Running && c.do(ctx, m) {`, `if c.state.Mode[m.id] == protocol.Running && c.state.Stage[m.id] != protocol.WaitLease && c.do(ctx, m) {`}},
			By:    []Named{exhaustive, {"unit", "TestWaitersTakePart"}},
		},
		{
			Name:  "runtime: one waiter is woken, not all",
			What:  "Signal instead of Broadcast",
			Edits: []Edit{{coord, "			w.Wake()\n", "			w.Wake()\n			break\n"}},
			By:    []Named{more},
		},
		{
			Name:  "runtime: who waits at the rendezvous is not woken",
			What:  "a group that has applied sleeps through the commit",
			Edits: []Edit{{await, `(w.held || w.may())`, `w.may()`}},
			By:    []Named{exhaustive, pairs},
		},
		{
			Name:  "runtime: poison wakes nobody",
			What:  "who waits when the image is poisoned waits for ever",
			Edits: []Edit{{await, `if s.Poisoned || w.m.gone.Load() {`, `if w.m.gone.Load() {`}},
			By:    []Named{more},
		},
		{
			Name:  "runtime: duties in a poisoned image",
			What:  "a second group that fails to undo performs an action that is not possible any more",
			Edits: []Edit{{await, "	if s.Poisoned { // perhaps while m was working: nothing counts any more\n		return nothing\n	}\n", ""}},
			By:    []Named{{"unit", "TestFailedUndosAtTheSameTimePoisonOnce"}, {"random", "TestRandomSchedules"}},
		},
		{
			Name:  "runtime: death does not wake",
			What:  "the goroutine of a group that was killed while it waited waits for ever",
			Edits: []Edit{{await, `if s.Poisoned || w.m.gone.Load() {`, `if s.Poisoned {`}},
			By:    []Named{{"synctest", "TestWaitEndsWithItsGroup"}},
		},
		{
			Name:  "runtime: the action before the death",
			What:  "a group is gone in the protocol before its members know: the wake-up comes too early",
			Edits: []Edit{{member, "	m.leave(cause) // before the action, which wakes who must see it\n	m.c.must(m.step(protocol.ActCrash))\n", "	m.c.must(m.step(protocol.ActCrash))\n	m.leave(cause)\n"}},
			By:    []Named{{"synctest", "TestWaitEndsWithItsGroup"}},
		},
		{
			Name:  "runtime: duties do not wake",
			What:  "a waiter that the operation counts on is not told",
			Edits: []Edit{{await, `if s.Mode[w.m.id] == protocol.Running && w.m.duty() != nothing {`, `if false {`}},
			By:    []Named{exhaustive},
		},
		{
			Name:  "runtime: waiters are not forgotten",
			What:  "a wait that is over stays in the list, and is woken again and again",
			Edits: []Edit{{await, `if i := slices.Index(c.waiters, w); i >= 0 {`, `if i := slices.Index(c.waiters, w); i > len(c.waiters) {`}},
			By:    []Named{exhaustive, pairs},
		},
		{
			Name: "runtime: the context counts at the rendezvous",
			What: "a cancelled participant goes on before the operation is over",
			Edits: []Edit{{await, `		if !held {
			if done() {`, `		{
			if done() {`}},
			By: []Named{cancel},
		},
		{
			Name:  "runtime: a cancelled participant spins",
			What:  "the wait at the rendezvous ends with the context, at once and for ever",
			Edits: []Edit{{await, "	if w.held {\n		ctx = context.WithoutCancel(ctx)\n	}\n", ""}},
			By:    []Named{cancel},
		},
		{
			Name:  "runtime: cancelling leaks a place in the lease's queue",
			What:  "a cancelled waiter's turn comes, and nobody takes it",
			Edits: []Edit{{lease, "	if err != nil {\n		m.cancel()\n	}\n", ""}},
			By:    []Named{cancel, {"synctest", "TestCancelledWaiterLeavesTheQueue"}},
		},
		{
			Name:  "runtime: cancelling leaks a place in the state lock's queue",
			What:  "a cancelled waiter's turn comes, and nobody takes it",
			Edits: []Edit{{stateLock, "	if err != nil {\n		m.cancel()\n	}\n", ""}},
			By:    []Named{cancel},
		},
		{
			Name:  "runtime: a token can be released twice",
			What:  "the second release takes somebody else's lease away, or fails loudly",
			Edits: []Edit{{lease, `if !t.ended.CompareAndSwap(false, true) {`, `if t.ended.Store(true); false {`}},
			By:    []Named{{"unit", "TestTokenEndsExactlyOnce"}, pairs},
		},
		{
			Name:  "runtime: a link operation does not end its token",
			What:  "the token still seems to be in hand when its lease has been given back",
			Edits: []Edit{{link, "	if err := t.end(); err != nil {\n		return 0, err\n	}\n", ""}},
			By:    []Named{{"unit", "TestTokenEndsExactlyOnce"}, pairs},
		},
		{
			Name:  "runtime: the context counts after the broadcast",
			What:  "a cancelled leader leaves an operation that is broadcast",
			Edits: []Edit{{link, `return c.replay(context.WithoutCancel(ctx), m, w)`, `return c.replay(ctx, m, w)`}},
			By:    []Named{cancel},
		},
		{
			Name: "runtime: withdrawing does not undo",
			What: "a cancelled operation leaves the leader's own work behind",
			Edits: []Edit{{link, `	err := m.own(func() error { return w.Undo(context.WithoutCancel(ctx)) })
	if err != nil {`, `	var err error
	if err != nil {`}},
			By: []Named{{"unit", "TestCancelBeforeBroadcastLeavesNoTrace"}, cancel},
		},
		{
			Name:  "runtime: a rollback does not undo",
			What:  "a failed replay leaves the leader's own work behind",
			Edits: []Edit{{link, `m.own(func() error { return w.Undo(ctx) })`, `m.own(func() error { return nil })`}},
			By:    []Named{{"unit", "TestFailedReplayIsUndoneEverywhere"}, exhaustive},
		},
		{
			Name:  "runtime: a leader that panics is forgotten",
			What:  "lease and state lock stay with a goroutine that is gone",
			Edits: []Edit{{link, "		if !returned {\n			m.crash(ErrUnfinished)\n		}\n", "		_ = returned\n"}, {link, "		if !finished {\n			m.abandon(w)\n		}\n", "		_ = finished\n"}},
			By:    []Named{{"unit", "TestLeaderPanicIsItsDeath"}, pairs},
		},
		{
			Name:  "runtime: nobody acts for sleepers",
			What:  "the leader waits for groups in which nobody is",
			Edits: []Edit{{link, ` && h.duty() != nothing`, ` && h.duty() == toApply`}},
			By:    []Named{more, {"unit", "TestLinkReachesParkedGroups"}},
		},
		{
			Name: "runtime: the leader sleeps when all have undone",
			What: "the last undo does not wake the leader",
			Edits: []Edit{{link, ` || s.Every(protocol.Failed, protocol.Undone)
}`, `
}`}},
			By: []Named{pairs},
		},
		{
			Name:  "runtime: a panic in a replay is only an error",
			What:  "a group whose replay panicked half-way is taken to be as it was",
			Edits: []Edit{{await, "			err = &PanicError{Value: v}\n			m.crash(err)\n", "			err = &PanicError{Value: v}\n"}},
			By:    []Named{{"unit", "TestPanicInReplayIsTheDeathOfThatGroupOnly"}, pairs},
		},
		{
			Name:  "runtime: safepoints do not look",
			What:  "a group that computes and reaches safepoints never takes part",
			Edits: []Edit{{coord, `c.state.Leader != protocol.NoGroup || c.state.Poisoned`, `c.state.Poisoned`}},
			By:    []Named{{"exhaustive", "TestSafepointsAreEnough"}},
		},
		{
			Name:  "runtime: operations have the same tag",
			What:  "the second operation of a kind is taken for the first",
			Edits: []Edit{{link, "	c.tag++\n", ""}},
			By:    []Named{{"unit", "TestLinkReachesParkedGroups"}, exhaustive},
		},
		{
			Name:  "runtime: no checkpoint",
			What:  "the fifth operation is refused, because the log is full",
			Edits: []Edit{{link, "	c.perform(protocol.Step{Action: protocol.ActCheckpoint})\n", ""}},
			By:    []Named{{"unit", "TestLinkReachesParkedGroups"}},
		},
		{
			Name:  "runtime: attached before it is built",
			What:  "a child that cannot be built is one of the groups",
			Edits: []Edit{{spawn, attachOld, attachNew}},
			By:    []Named{pairs},
		},
		{
			Name:  "runtime: TryLease jumps the queue",
			What:  "the lease is tried although somebody waits for it",
			Edits: []Edit{{lease, `c.state.Holder != protocol.NoGroup || c.state.LeaseQueue.Len() > 0 || m.mayRequest() != nil`, `c.state.Holder != protocol.NoGroup || m.mayRequest() != nil`}},
			By:    []Named{pairs},
		},
		{
			Name:  "runtime: a wake-up before the wait is lost",
			What:  "the channel of a notified waiter holds nothing",
			Edits: []Edit{{waiting, `make(chan struct{}, 1)`, `make(chan struct{})`}},
			By:    []Named{{"synctest", "TestWaiterKeepsAnEarlyWakeUp"}},
		},
		{
			Name:  "runtime: back-off sleeps without a limit",
			What:  "a polling waiter looks again after seconds",
			Edits: []Edit{{backoff, `if sleep>>shift != b.InitialSleep || sleep > b.MaxSleep {`, `if sleep>>shift != b.InitialSleep {`}},
			By:    []Named{{"synctest", "TestReferenceBackoffNumbers"}},
		},
		{
			Name:  "runtime: back-off does not hear its context",
			What:  "a cancelled waiter sleeps to the end",
			Edits: []Edit{{backoff, "		case <-ctx.Done():\n			return ctx.Err()\n", ""}},
			By:    []Named{{"synctest", "TestBackoffEndsWithItsContext"}},
		},
		{
			Name:  "runtime: who falls asleep does not wake the leader",
			What:  "a group that parks while the leader waits for it is not acted for: a wake-up is missed",
			Edits: []Edit{{link, "	if c.parkedWithDuty() != nil {\n		return true\n	}\n	if s.Stage", "	if s.Stage"}},
			By:    []Named{exhaustive, pairs},
		},
		{
			Name: "runtime: a way past the protocol",
			What: "a lease that nobody has is taken by setting two variables, not by the actions for it",
			Edits: []Edit{{lease, "	c := m.c\n	c.must(m.step(protocol.ActRequestLease))\n	err := c.await", "	c := m.c\n" +
				"	if c.state.Holder == protocol.NoGroup && c.state.LeaseQueue.Len() == 0 {\n" +
				"		c.state.Holder, c.state.Stage[m.id] = m.id, protocol.Leased\n		return nil\n	}\n" +
				"	c.must(m.step(protocol.ActRequestLease))\n	err := c.await"}},
			By: []Named{{"trace", tracing}},
		},
		{
			Name:           "runtime: the flag of safepoints is a plain variable",
			What:           "a safepoint reads it while somebody else writes it",
			Edits:          []Edit{{coord, "	attention atomic.Bool\n", "	attention flag\n"}, {coord, "// Operation is a link operation", plainFlag}},
			By:             []Named{{"race", "TestStress"}},
			Unsynchronised: true,
		},
	}
}

// plainFlag is what an atomic.Bool is without being atomic.
const plainFlag = `type flag struct{ set bool }

func (f *flag) Store(set bool) { f.set = set }
func (f *flag) Load() bool     { return f.set }

func (f *flag) Swap(set bool) (had bool) {
	had, f.set = f.set, set
	return had
}

// Operation is a link operation`

const attachOld = `	err := m.own(func() (err error) {
		m.participant, err = build(ctx, int(m.id))
		return err
	})
	if err == nil {
		err = m.closed()
	}
	if err == nil {
		c.must(m.step(protocol.ActBuild))
		err = m.awaitState(ctx) // on an error it has cancelled the child
	}
	if err != nil {
		ch.abort()
		return nil, err
	}
	c.must(m.step(protocol.ActAttach))
`

const attachNew = `	c.must(m.step(protocol.ActBuild))
	err := m.awaitState(ctx)
	if err == nil {
		c.must(m.step(protocol.ActAttach))
		err = m.own(func() (err error) {
			m.participant, err = build(ctx, int(m.id))
			return err
		})
	}
	if err != nil {
		ch.abort()
		return nil, err
	}
`
