package protocol

const refusedPoisoned Refusal = "Usable"

// frozen is the opposite of Usable, the first conjunct of every action: once poisoned, nothing
// changes.
func (s *State) frozen() bool { return s.Poisoned && !s.off(OffStickyPoison) }

// RequestLease (tla/LinkerSync.tla): g joins the lease's queue.
func (s *State) RequestLease(g Group) Refusal {
	switch {
	case s.frozen():
		return refusedPoisoned
	case s.Mode[g] != Running:
		return `mode[g] = "Running"`
	case s.Stage[g] != Idle && !(s.off(OffLockOrder) && s.Stage[g] == Locked && s.Holder != g):
		return `stage[g] = "Idle"`
	case s.AtRendezvous(g):
		return "~AtRendezvous(g)"
	}
	s.LeaseQueue.append(g)
	s.Stage[g] = WaitLease
	return Done
}

// GrantLease: the lease is free and g is at the head: a token exists, and g has it.
func (s *State) GrantLease(g Group) Refusal {
	switch {
	case s.frozen():
		return refusedPoisoned
	case s.Stage[g] != WaitLease:
		return `stage[g] = "WaitLease"`
	case s.Holder != NoGroup:
		return "holder = None"
	case s.LeaseQueue.Head() != g && !s.off(OffFirstCome):
		return "Head(leaseQueue) = g"
	}
	s.Holder = g
	s.LeaseQueue.without(g)
	s.Stage[g] = Leased
	return Done
}

// RequestState: g joins the state lock's queue, with the lease to link,
// without it for closures and to leave, and as a child that is about to attach.
func (s *State) RequestState(g Group) Refusal {
	switch {
	case s.frozen():
		return refusedPoisoned
	case s.Stage[g] == Idle && s.Mode[g] == Running && !s.AtRendezvous(g):
	case s.Stage[g] == Leased && s.Mode[g] == Running:
	case s.Stage[g] == Built:
	default:
		return `stage[g] is Idle and free, Leased, or Built`
	}
	s.StateQueue.append(g)
	s.Stage[g] = WaitState
	return Done
}

// LockState: no writer, no reader, and g at the head: g is the writer.
func (s *State) LockState(g Group) Refusal {
	switch {
	case s.frozen():
		return refusedPoisoned
	case s.Stage[g] != WaitState:
		return `stage[g] = "WaitState"`
	case s.Writer != NoGroup:
		return "writer = None"
	case s.Readers != 0:
		return "readers = {}"
	case s.StateQueue.Head() != g && !s.off(OffFirstCome):
		return "Head(stateQueue) = g"
	}
	s.Writer = g
	s.StateQueue.without(g)
	s.Stage[g] = Locked
	return Done
}

// UnlockState: g lets go of the state lock, and of the lease if it has it.
func (s *State) UnlockState(g Group) Refusal {
	if r := s.lockedAndRunning(g); r != Done {
		return r
	}
	s.Writer = NoGroup
	s.dropHolder(g)
	s.Stage[g] = Idle
	return Done
}

// AllocateClosure: a closure slot is handed out, under the state lock alone.
func (s *State) AllocateClosure(g Group) Refusal {
	if r := s.lockedAndRunning(g); r != Done {
		return r
	}
	if s.Free == 0 {
		return "free > 0"
	}
	s.Free--
	s.Taken++
	return Done
}

// FreeClosure: a closure slot comes back.
func (s *State) FreeClosure(g Group) Refusal {
	if r := s.lockedAndRunning(g); r != Done {
		return r
	}
	if s.Taken == 0 {
		return "taken > 0"
	}
	s.Free++
	s.Taken--
	return Done
}

func (s *State) lockedAndRunning(g Group) Refusal {
	switch {
	case s.frozen():
		return refusedPoisoned
	case s.Stage[g] != Locked:
		return `stage[g] = "Locked"`
	case s.Mode[g] != Running:
		return `mode[g] = "Running"`
	}
	return Done
}

// Work: g has done operation o in its own instances and in the shared state.
func (s *State) Work(g Group, o Op) Refusal {
	if r := s.lockedAndRunning(g); r != Done {
		return r
	}
	switch {
	case s.Holder != g && !s.off(OffPublishLease):
		return "holder = g"
	case !s.Fresh(o) && !s.off(OffSecondLookup):
		return "Fresh(o)"
	case s.Log.Len() >= int(s.Config.MaxLog):
		return "Len(log) < MaxLog"
	}
	s.Op = o
	s.View[g].append(o)
	s.Stage[g] = Worked
	return Done
}

// Publish: the participants are fixed, every live group but g. Epoch 1 opens.
func (s *State) Publish(g Group) Refusal {
	switch {
	case s.frozen():
		return refusedPoisoned
	case s.Stage[g] != Worked:
		return `stage[g] = "Worked"`
	}
	s.Leader = g
	for h := range Group(s.Config.Groups) {
		switch {
		case h == g || s.Mode[h] != Running && !s.Asleep(h):
			s.Part[h] = NoPart
		case s.off(OffLateClaim) && s.Asleep(h):
			s.Part[h] = Arrived
		default:
			s.Part[h] = Expected
		}
	}
	s.Stage[g] = Published
	return Done
}

// Arrive: h reaches a safepoint, or waits for the lease or the state lock: it takes part.
func (s *State) Arrive(h Group) Refusal {
	if r := s.expected(h); r != Done {
		return r
	}
	switch {
	case s.Mode[h] != Running:
		return `mode[h] = "Running"`
	case s.Stage[h] != Idle && s.Stage[h] != WaitLease &&
		(s.Stage[h] != WaitState || s.off(OffCooperate)):
		return `stage[h] \in {"Idle", "WaitLease", "WaitState"}`
	}
	s.Part[h] = Arrived
	return Done
}

// Claim: h sleeps, and the leader acts for it.
func (s *State) Claim(h Group) Refusal {
	if r := s.expected(h); r != Done {
		return r
	}
	switch {
	case !s.Asleep(h):
		return "Asleep(h)"
	case s.off(OffLateClaim):
		return `"LateClaim" \notin Off`
	}
	s.Part[h] = Arrived
	return Done
}

func (s *State) expected(h Group) Refusal {
	switch {
	case s.frozen():
		return refusedPoisoned
	case !s.Pending():
		return "Pending"
	case s.Part[h] != Expected:
		return `part[h] = "Expected"`
	}
	return Done
}

// Broadcast: epoch 1 is complete. The operation goes to every mailbox, and the
// write lock becomes a read lock of all in the same step.
func (s *State) Broadcast(g Group) Refusal {
	switch {
	case s.frozen():
		return refusedPoisoned
	case s.Stage[g] != Published:
		return `stage[g] = "Published"`
	case !s.Every(Arrived, Arrived):
		return `\A h \in Participants : part[h] = "Arrived"`
	}
	readers := Set(0).With(g)
	for h := range Group(s.Config.Groups) {
		if s.Part[h] != NoPart {
			s.Mail[h].append(s.Op)
			readers = readers.With(h)
		}
	}
	s.Writer = NoGroup
	s.Readers = readers
	if s.off(OffDowngrade) {
		s.Readers = 0
	}
	if s.off(OffLeaseUntilCommit) {
		s.Holder = NoGroup
	}
	s.Stage[g] = Replaying
	return Done
}

// Apply: h (or the leader for h) replays the operation, then waits at epoch 2.
func (s *State) Apply(h Group) Refusal {
	switch {
	case s.frozen():
		return refusedPoisoned
	case s.Mail[h].Len() == 0:
		return "mail[h] # <<>>"
	}
	s.View[h].append(s.Mail[h].At(0))
	s.Mail[h].tail()
	s.Part[h] = Applied
	if s.off(OffGoOnTogether) {
		s.Part[h] = NoPart
		s.Readers = s.Readers.Without(h)
	}
	return Done
}

// Commit: everybody has applied, and the operation becomes visible. This is its linearization
// point.
func (s *State) Commit(g Group) Refusal {
	switch {
	case s.frozen():
		return refusedPoisoned
	case s.Stage[g] != Replaying:
		return `stage[g] = "Replaying"`
	case s.Failed:
		return "~failed"
	case !s.Every(Applied, Applied) && !s.off(OffSecondEpoch):
		return `\A h \in Participants : part[h] = "Applied"`
	}
	s.Log.append(s.Op)
	if s.Op.Kind == AllocateFunctionTable {
		s.Table += s.Config.Batch
		s.Free += s.Config.Batch
	}
	s.endOperation(g)
	return Done
}

// endOperation is what Commit and Rollback have in common: read locks and lease
// fall, and everyone goes on.
func (s *State) endOperation(g Group) {
	s.Leader = NoGroup
	s.Op = Op{}
	s.Part = [MaxGroups]Part{}
	s.Readers = 0
	s.dropHolder(g)
	s.letIn()
	s.Stage[g] = Idle
}
