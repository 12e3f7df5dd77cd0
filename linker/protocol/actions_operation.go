package protocol

// Work (tla/Operation.tla): g has done operation o in its own instances and in the shared state.
func (s *State) Work(g Group, o Op) Refusal {
	var c conjuncts
	c.that(s.usable(), "Usable")
	c.that(s.Stage[g] == Locked, `stage[g] = "Locked"`)
	c.that(s.Mode[g] == Running, `mode[g] = "Running"`)
	c.that(s.Holder == g || s.off(OffPublishLease), `holder = g \/ "PublishLease" \in Off`)
	c.that(s.Fresh(o) || s.off(OffSecondLookup), `Fresh(o) \/ "SecondLookup" \in Off`)
	c.that(s.Log.Len() < int(s.Config.MaxLog), "Len(log) < MaxLog")
	if c.fail() {
		return c.refused
	}
	s.Op = o
	s.View[g].append(o)
	s.Stage[g] = Worked
	return Done
}

// Publish (tla/Operation.tla): the participants are fixed, every live group but g. Epoch 1 opens.
func (s *State) Publish(g Group) Refusal {
	var c conjuncts
	c.that(s.usable(), "Usable")
	c.that(s.Stage[g] == Worked, `stage[g] = "Worked"`)
	if c.fail() {
		return c.refused
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

// Arrive (tla/Operation.tla): h reaches a safepoint, or waits for the lease or the state lock: it
// takes part.
func (s *State) Arrive(h Group) Refusal {
	var c conjuncts
	c.that(s.usable(), "Usable")
	c.that(s.Pending(), "Pending")
	c.that(s.Part[h] == Expected, `part[h] = "Expected"`)
	c.that(s.Mode[h] == Running, `mode[h] = "Running"`)
	c.that(s.Stage[h] == Idle || s.Stage[h] == WaitLease || s.Stage[h] == WaitState,
		`stage[h] \in {"Idle", "WaitLease", "WaitState"}`)
	c.that(!s.off(OffCooperate) || s.Stage[h] != WaitState,
		`"Cooperate" \notin Off \/ stage[h] # "WaitState"`)
	if c.fail() {
		return c.refused
	}
	s.Part[h] = Arrived
	return Done
}

// Claim (tla/Operation.tla): h sleeps, and the leader acts for it.
func (s *State) Claim(h Group) Refusal {
	var c conjuncts
	c.that(s.usable(), "Usable")
	c.that(s.Pending(), "Pending")
	c.that(s.Part[h] == Expected, `part[h] = "Expected"`)
	c.that(s.Asleep(h), "Asleep(h)")
	c.that(!s.off(OffLateClaim), `"LateClaim" \notin Off`)
	if c.fail() {
		return c.refused
	}
	s.Part[h] = Arrived
	return Done
}

// Broadcast (tla/Operation.tla): epoch 1 is complete. The operation goes to every mailbox, and the
// write lock becomes a read lock of all in the same step.
func (s *State) Broadcast(g Group) Refusal {
	var c conjuncts
	c.that(s.usable(), "Usable")
	c.that(s.Stage[g] == Published, `stage[g] = "Published"`)
	c.that(s.Every(Arrived, Arrived), `\A h \in Participants : part[h] = "Arrived"`)
	if c.fail() {
		return c.refused
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

// Apply (tla/Operation.tla): h (or the leader for h) replays the operation, then waits at epoch 2.
func (s *State) Apply(h Group) Refusal {
	var c conjuncts
	c.that(s.usable(), "Usable")
	c.that(s.Mail[h].Len() > 0, "mail[h] # <<>>")
	if c.fail() {
		return c.refused
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

// Commit (tla/Operation.tla): every participant has applied, and the operation becomes visible.
// This is its linearization point.
func (s *State) Commit(g Group) Refusal {
	var c conjuncts
	c.that(s.usable(), "Usable")
	c.that(s.Stage[g] == Replaying, `stage[g] = "Replaying"`)
	c.that(!s.Failed, "~failed")
	c.that(s.off(OffSecondEpoch) || s.Every(Applied, Applied),
		`"SecondEpoch" \in Off \/ \A h \in Participants : part[h] = "Applied"`)
	if c.fail() {
		return c.refused
	}
	s.Log.append(s.Op)
	if s.Op.Kind == AllocateFunctionTable {
		s.Table += s.Config.Batch
		s.Free += s.Config.Batch
	}
	s.endOperation(g)
	return Done
}

// endOperation is what Commit and Rollback have in common: read locks and lease fall, and every
// group goes on.
func (s *State) endOperation(g Group) {
	s.Leader = NoGroup
	s.Op = Op{}
	s.Part = [MaxGroups]Part{}
	s.Readers = 0
	s.dropHolder(g)
	s.letIn()
	s.Stage[g] = Idle
}

// Checkpoint (tla/Operation.tla): the log is full and every group has all of it, so it becomes the
// new base image and is forgotten. Nothing in the linker happens then; it keeps the state finite.
func (s *State) Checkpoint() Refusal {
	var c conjuncts
	c.that(s.usable(), "Usable")
	c.that(s.Log.Len() == int(s.Config.MaxLog), "Len(log) = MaxLog")
	c.that(s.forAll(func(g Group) bool { return !s.Ahead(g) }), `\A g \in Groups : ~Ahead(g)`)
	if c.fail() {
		return c.refused
	}
	s.Log = Log{}
	s.View = [MaxGroups]Log{}
	return Done
}
