package protocol

import "fmt"

// Invariant is a property of every state that can be reached. Its name is that
// of the operator in tla/LinkerProperties.tla; spec/invariants.md explains it.
type Invariant struct {
	Name  string
	Holds func(s *State) bool
}

// Invariants is the list of all invariants, in the order of the specification.
func Invariants() []Invariant {
	return []Invariant{
		{"LeaseIsHeld", (*State).LeaseIsHeld},
		{"TokenIsInUse", (*State).TokenIsInUse},
		{"StateIsHeld", (*State).StateIsHeld},
		{"StateIsInUse", (*State).StateIsInUse},
		{"WriterIsAlone", (*State).WriterIsAlone},
		{"ReplayIsLocked", (*State).ReplayIsLocked},
		{"ReadersReplay", (*State).ReadersReplay},
		{"PublishHoldsBoth", (*State).PublishHoldsBoth},
		{"ParticipantsAreLive", (*State).ParticipantsAreLive},
		{"MailboxDepthOne", (*State).MailboxDepthOne},
		{"MailWhileReplaying", (*State).MailWhileReplaying},
		{"Agreement", (*State).Agreement},
		{"NothingUncommittedIsVisible", (*State).NothingUncommittedIsVisible},
		{"WorldIsStopped", (*State).WorldIsStopped},
		{"NobodyGoesOnAlone", (*State).NobodyGoesOnAlone},
		{"NothingTwice", (*State).NothingTwice},
		{"LockOrder", (*State).LockOrder},
		{"QueuesAreExact", (*State).QueuesAreExact},
		{"GoneIsGone", (*State).GoneIsGone},
		{"ParkedIsIdle", (*State).ParkedIsIdle},
		{"WakingHasPart", (*State).WakingHasPart},
		{"ChildHasToken", (*State).ChildHasToken},
		{"IdleIsClean", (*State).IdleIsClean},
		{"OpIsInUse", (*State).OpIsInUse},
		{"ClosuresAddUp", (*State).ClosuresAddUp},
	}
}

// InvariantError is the error of a state that breaks an invariant.
type InvariantError struct {
	Name  string // the invariant
	State State  // the state that breaks it
}

func (e *InvariantError) Error() string {
	return fmt.Sprintf("protocol: invariant %s is violated", e.Name)
}

var allInvariants = Invariants()

// Check tells which invariant the state breaks first: an *InvariantError, or nil.
func (s *State) Check() error {
	for i := range allInvariants {
		if !allInvariants[i].Holds(s) {
			return &InvariantError{Name: allInvariants[i].Name, State: *s}
		}
	}
	return nil
}

// forAll tells whether p holds for every slot.
func (s *State) forAll(p func(g Group) bool) bool {
	for g := range Group(s.Config.Groups) {
		if !p(g) {
			return false
		}
	}
	return true
}

func (s *State) replaying() bool { return s.Leader != NoGroup && !s.Pending() }

// LeaseIsHeld: a group in a stage that needs the lease has it.
func (s *State) LeaseIsHeld() bool {
	return s.forAll(func(g Group) bool {
		switch s.Stage[g] {
		case Leased, Built, Published, Replaying:
			return s.Holder == g
		}
		return true
	})
}

// TokenIsInUse: a token that exists is in a group's hands.
func (s *State) TokenIsInUse() bool {
	return s.Holder == NoGroup || s.Stage[s.Holder] != Idle && s.Stage[s.Holder] != WaitLease
}

// StateIsHeld: a group in a stage that needs the state lock is the writer.
func (s *State) StateIsHeld() bool {
	return s.forAll(func(g Group) bool {
		switch s.Stage[g] {
		case Locked, Worked, Published:
			return s.Writer == g
		}
		return true
	})
}

// StateIsInUse: a state lock that is held for writing is in use.
func (s *State) StateIsInUse() bool {
	if s.Writer == NoGroup {
		return true
	}
	st := s.Stage[s.Writer]
	return st == Locked || st == Worked || st == Published
}

// WriterIsAlone: no writer together with readers.
func (s *State) WriterIsAlone() bool { return s.Writer == NoGroup || s.Readers == 0 }

// ReplayIsLocked: while an operation is replayed, the leader and all
// participants hold the state lock for reading, and no other group does.
func (s *State) ReplayIsLocked() bool {
	return !s.replaying() || s.Readers == s.Participants().With(s.Leader)
}

// ReadersReplay: the state lock is held for reading only during an operation.
func (s *State) ReadersReplay() bool { return s.Readers == 0 || s.Leader != NoGroup }

// PublishHoldsBoth: only a holder of the lease and of the state lock publishes.
func (s *State) PublishHoldsBoth() bool {
	return !s.Pending() || s.Holder == s.Leader && s.Stage[s.Leader] == Published
}

// ParticipantsAreLive: the participants are exactly the live groups but the leader.
func (s *State) ParticipantsAreLive() bool {
	if s.Leader == NoGroup {
		return s.Participants() == 0
	}
	return s.Participants() == s.Live().Without(s.Leader)
}

// MailboxDepthOne: a mailbox holds at most one operation.
func (s *State) MailboxDepthOne() bool {
	return s.forAll(func(g Group) bool { return s.Mail[g].Len() <= 1 })
}

// MailWhileReplaying: there is mail only while the operation is replayed, and it is that operation.
func (s *State) MailWhileReplaying() bool {
	return s.forAll(func(g Group) bool {
		return s.Mail[g].Len() == 0 || s.replaying() && s.Part[g] == Arrived &&
			s.Mail[g].Len() == 1 && s.Mail[g].At(0) == s.Op
	})
}

// Agreement: every live group has applied exactly the committed log, in order,
// and a group with a part in the present operation that and nothing else.
func (s *State) Agreement() bool {
	live := s.Live()
	return s.forAll(func(g Group) bool {
		if !live.Has(g) && s.Stage[g] != Built {
			return true
		}
		want := s.Log
		if s.Ahead(g) {
			want.append(s.Op)
		}
		return s.View[g] == want
	})
}

// NothingUncommittedIsVisible: guest code runs on what is committed.
func (s *State) NothingUncommittedIsVisible() bool {
	return s.forAll(func(g Group) bool { return !s.RunsGuest(g) || s.View[g] == s.Log })
}

// WorldIsStopped: while any group applies an operation, no group runs guest code.
func (s *State) WorldIsStopped() bool {
	return !s.replaying() || s.forAll(func(g Group) bool { return !s.RunsGuest(g) })
}

// NobodyGoesOnAlone: no group goes on before all have applied.
func (s *State) NobodyGoesOnAlone() bool {
	live := s.Live()
	return !s.replaying() ||
		s.forAll(func(g Group) bool { return !live.Has(g) || g == s.Leader || s.Part[g] != NoPart })
}

// NothingTwice: what was done once is not done again.
func (s *State) NothingTwice() bool {
	for i := range s.Log.Len() {
		for j := range i {
			if s.Log.At(i) == s.Log.At(j) && s.Log.At(i).Kind != AllocateFunctionTable {
				return false
			}
		}
	}
	return true
}

// LockOrder: no group waits for the lease while it holds the state lock.
func (s *State) LockOrder() bool {
	return s.forAll(func(g Group) bool { return s.Stage[g] != WaitLease || s.Writer != g })
}

// QueuesAreExact: a waiting group stands in its queue exactly once, and no other does.
func (s *State) QueuesAreExact() bool {
	return s.queueIs(&s.LeaseQueue, WaitLease) && s.queueIs(&s.StateQueue, WaitState)
}

func (s *State) queueIs(q *Queue, stage Stage) bool {
	var in, want Set
	for i := range q.Len() {
		in = in.With(q.At(i))
	}
	for g := range Group(s.Config.Groups) {
		if s.Stage[g] == stage {
			want = want.With(g)
		}
	}
	return in == want && q.Len() == in.Len()
}

// GoneIsGone: a group that is gone leaves nothing behind, except a promise
// that it gave by broadcasting.
func (s *State) GoneIsGone() bool {
	return s.forAll(func(g Group) bool {
		return s.Mode[g] != Gone || (s.Stage[g] == Idle || s.Stage[g] == Replaying) &&
			s.Part[g] == NoPart && s.Mail[g].Len() == 0 && s.View[g].Len() == 0 && s.Writer != g
	})
}

// ParkedIsIdle: a group that sleeps asks for nothing and holds nothing.
func (s *State) ParkedIsIdle() bool {
	return s.forAll(func(g Group) bool { return !s.Asleep(g) || s.Stage[g] == Idle })
}

// WakingHasPart: a group that waits to get in waits for an operation that counts on the group.
func (s *State) WakingHasPart() bool {
	return s.forAll(func(g Group) bool { return s.Mode[g] != Waking || s.Part[g] != NoPart })
}

// ChildHasToken: a child has the token until it is attached, and only a child is built.
func (s *State) ChildHasToken() bool {
	return s.forAll(func(g Group) bool {
		switch s.Stage[g] {
		case Built:
			if s.Mode[g] != Building {
				return false
			}
		case Leased, WaitState, Locked:
		default:
			return s.Mode[g] != Building
		}
		return s.Mode[g] != Building || s.Holder == g
	})
}

// IdleIsClean: without an operation nothing of one is left.
func (s *State) IdleIsClean() bool {
	return s.Leader != NoGroup || !s.Failed &&
		s.forAll(func(g Group) bool { return s.Mail[g].Len() == 0 })
}

// OpIsInUse: an operation is named exactly while a group works on it.
func (s *State) OpIsInUse() bool {
	return (s.Op == Op{}) == s.forAll(func(g Group) bool {
		return s.Stage[g] != Worked && s.Stage[g] != Published && s.Stage[g] != Replaying
	})
}

// ClosuresAddUp: every closure slot that exists is free or taken.
func (s *State) ClosuresAddUp() bool { return s.Free+s.Taken == s.Table }
