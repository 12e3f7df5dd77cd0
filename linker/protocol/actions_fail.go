package protocol

// FailApply (tla/Operation.tla): h cannot apply the operation, and has undone whatever it had
// begun.
func (s *State) FailApply(h Group) Refusal {
	var c conjuncts
	c.that(s.usable(), "Usable")
	c.that(s.has(FeatureFailApply), `"FailApply" \in Features`)
	c.that(s.Mail[h].Len() > 0, "mail[h] # <<>>")
	if c.fail() {
		return c.refused
	}
	s.Mail[h].tail()
	s.Part[h] = Failed
	s.Failed = true
	return Done
}

// Undo (tla/Operation.tla): every participant has tried, one has failed: h takes the operation
// back.
func (s *State) Undo(h Group) Refusal {
	var c conjuncts
	c.that(s.usable(), "Usable")
	c.that(s.Failed, "failed")
	c.that(s.Part[h] == Applied, `part[h] = "Applied"`)
	c.that(s.AllTried(), `\A k \in Participants : part[k] # "Arrived"`)
	if c.fail() {
		return c.refused
	}
	s.View[h].front()
	s.Part[h] = Undone
	return Done
}

// FailUndo (tla/Operation.tla): h cannot take it back. The tables differ now, and no group can
// mend that.
func (s *State) FailUndo(h Group) Refusal {
	var c conjuncts
	c.that(s.usable(), "Usable")
	c.that(s.has(FeatureFailUndo), `"FailUndo" \in Features`)
	c.that(s.Failed, "failed")
	c.that(s.Part[h] == Applied, `part[h] = "Applied"`)
	c.that(s.AllTried(), `\A k \in Participants : part[k] # "Arrived"`)
	if c.fail() {
		return c.refused
	}
	s.Poisoned = true
	return Done
}

// Rollback (tla/Operation.tla): every participant has failed or undone, and the leader undoes its
// own work: all is as before.
func (s *State) Rollback(g Group) Refusal {
	var c conjuncts
	c.that(s.usable(), "Usable")
	c.that(s.Stage[g] == Replaying, `stage[g] = "Replaying"`)
	c.that(s.Failed, "failed")
	c.that(s.Every(Failed, Undone), `\A h \in Participants : part[h] \in {"Failed", "Undone"}`)
	if c.fail() {
		return c.refused
	}
	if s.Mode[g] != Gone {
		s.View[g].front()
	}
	s.Failed = false
	s.endOperation(g)
	return Done
}

// FailRollback (tla/Operation.tla): the leader cannot take its own work back.
func (s *State) FailRollback(g Group) Refusal {
	var c conjuncts
	c.that(s.usable(), "Usable")
	c.that(s.has(FeatureFailUndo), `"FailUndo" \in Features`)
	c.that(s.Stage[g] == Replaying, `stage[g] = "Replaying"`)
	c.that(s.Failed, "failed")
	c.that(s.Mode[g] == Running, `mode[g] = "Running"`)
	c.that(s.Every(Failed, Undone), `\A h \in Participants : part[h] \in {"Failed", "Undone"}`)
	if c.fail() {
		return c.refused
	}
	s.Poisoned = true
	return Done
}

// Cancel (tla/Membership.tla): g's request is cancelled, at any time before the broadcast, and
// leaves no trace. A child that cannot be built ends the same way.
func (s *State) Cancel(g Group) Refusal {
	var c conjuncts
	c.that(s.usable(), "Usable")
	c.that(s.has(FeatureCancel), `"Cancel" \in Features`)
	c.that(s.Stage[g] != Idle && s.Stage[g] != Replaying,
		`stage[g] \in {"WaitLease", "Leased", "Built", "WaitState", "Locked", "Worked", "Published"}`)
	c.that(!s.AtRendezvous(g), "~AtRendezvous(g)")
	if c.fail() {
		return c.refused
	}
	switch {
	case s.Mode[g] == Building:
		s.View[g] = Log{}
	case s.Ahead(g) && !s.off(OffCancelUndoes):
		s.View[g].front()
	}
	s.withdraw(g)
	if s.Mode[g] == Building {
		s.Mode[g] = Gone
	}
	return Done
}

// Crash (tla/Membership.tla): g dies where it stands, and no group waits for it. A leader that dies
// after the broadcast has promised: its goroutine still finishes the operation.
func (s *State) Crash(g Group) Refusal {
	var c conjuncts
	c.that(s.usable(), "Usable")
	c.that(s.has(FeatureCrash), `"Crash" \in Features`)
	c.that(s.Mode[g] != Gone, `mode[g] # "Gone"`)
	if c.fail() {
		return c.refused
	}
	if s.Stage[g] != Replaying {
		s.withdraw(g)
		s.Readers = s.Readers.Without(g)
	}
	s.Mode[g] = Gone
	if !s.off(OffCrashEndsPart) {
		s.Part[g] = NoPart
	}
	s.Mail[g] = Mailbox{}
	s.View[g] = Log{}
	return Done
}

// withdraw is what Cancel and Crash have in common: g is taken out of the queues, lets go of what
// it holds, and its operation is withdrawn.
func (s *State) withdraw(g Group) {
	s.LeaseQueue.without(g)
	s.StateQueue.without(g)
	s.dropHolder(g)
	s.dropWriter(g)
	switch s.Stage[g] {
	case Published:
		s.Leader = NoGroup
		s.letIn()
		s.Part = [MaxGroups]Part{}
		s.Op = Op{}
	case Worked:
		s.Op = Op{}
	}
	s.Stage[g] = Idle
}
