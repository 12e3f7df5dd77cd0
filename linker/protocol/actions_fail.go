package protocol

// FailApply: h cannot apply the operation, and has undone whatever it had begun.
func (s *State) FailApply(h Group) Refusal {
	switch {
	case s.frozen():
		return refusedPoisoned
	case !s.has(FeatureFailApply):
		return `"FailApply" \in Features`
	case s.Mail[h].Len() == 0:
		return "mail[h] # <<>>"
	}
	s.Mail[h].tail()
	s.Part[h] = Failed
	s.Failed = true
	return Done
}

// Undo: everybody has tried, somebody failed: h takes the operation back.
func (s *State) Undo(h Group) Refusal {
	if r := s.mustUndo(h); r != Done {
		return r
	}
	s.View[h].front()
	s.Part[h] = Undone
	return Done
}

// FailUndo: h cannot take it back. The tables differ now, and nobody can mend that.
func (s *State) FailUndo(h Group) Refusal {
	if r := s.mustUndo(h); r != Done {
		return r
	}
	if !s.has(FeatureFailUndo) {
		return `"FailUndo" \in Features`
	}
	s.Poisoned = true
	return Done
}

func (s *State) mustUndo(h Group) Refusal {
	switch {
	case s.frozen():
		return refusedPoisoned
	case !s.Failed:
		return "failed"
	case s.Part[h] != Applied:
		return `part[h] = "Applied"`
	case !s.Everybody():
		return `\A k \in Participants : part[k] # "Arrived"`
	}
	return Done
}

// Rollback: everybody has failed or undone, and the leader undoes its own work: all is as before.
func (s *State) Rollback(g Group) Refusal {
	if r := s.mustRollback(g); r != Done {
		return r
	}
	if s.Mode[g] != Gone {
		s.View[g].front()
	}
	s.Failed = false
	s.endOperation(g)
	return Done
}

// FailRollback: the leader cannot take its own work back.
func (s *State) FailRollback(g Group) Refusal {
	if r := s.mustRollback(g); r != Done {
		return r
	}
	switch {
	case !s.has(FeatureFailUndo):
		return `"FailUndo" \in Features`
	case s.Mode[g] != Running:
		return `mode[g] = "Running"`
	}
	s.Poisoned = true
	return Done
}

func (s *State) mustRollback(g Group) Refusal {
	switch {
	case s.frozen():
		return refusedPoisoned
	case s.Stage[g] != Replaying:
		return `stage[g] = "Replaying"`
	case !s.Failed:
		return "failed"
	case !s.Every(Failed, Undone):
		return `\A h \in Participants : part[h] \in {"Failed", "Undone"}`
	}
	return Done
}

// Cancel: g's request is cancelled, at any time before the broadcast, and
// leaves no trace. A child that cannot be built ends the same way.
func (s *State) Cancel(g Group) Refusal {
	switch {
	case s.frozen():
		return refusedPoisoned
	case !s.has(FeatureCancel):
		return `"Cancel" \in Features`
	case s.Stage[g] == Idle || s.Stage[g] == Replaying:
		return `stage[g] \in {"WaitLease", "Leased", "Built", "WaitState", "Locked", "Worked", "Published"}`
	case s.AtRendezvous(g):
		return "~AtRendezvous(g)"
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

// Crash: g dies where it stands, and nobody waits for it. A leader that dies
// after the broadcast has promised: its goroutine still finishes the operation.
func (s *State) Crash(g Group) Refusal {
	switch {
	case s.frozen():
		return refusedPoisoned
	case !s.has(FeatureCrash):
		return `"Crash" \in Features`
	case s.Mode[g] == Gone:
		return `mode[g] # "Gone"`
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

// withdraw is what Cancel and Crash have in common: g is taken out of the
// queues, lets go of what it holds, and its operation is withdrawn.
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

// Checkpoint: the log is full and everybody has all of it, so it becomes the
// new base image and is forgotten. Nothing in the linker happens then; it keeps
// the state finite.
func (s *State) Checkpoint() Refusal {
	switch {
	case s.frozen():
		return refusedPoisoned
	case s.Log.Len() != int(s.Config.MaxLog):
		return "Len(log) = MaxLog"
	}
	for g := range Group(s.Config.Groups) {
		if s.Ahead(g) {
			return `\A g \in Groups : ~Ahead(g)`
		}
	}
	s.Log = Log{}
	s.View = [MaxGroups]Log{}
	return Done
}
