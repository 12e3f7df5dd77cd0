package protocol

// Spawn: p hands its token over to the child c, which is nobody's participant yet.
func (s *State) Spawn(p, c Group) Refusal {
	switch {
	case s.frozen():
		return refusedPoisoned
	case !s.has(FeatureSpawn):
		return `"Spawn" \in Features`
	case s.Stage[p] != Leased:
		return `stage[p] = "Leased"`
	case s.Mode[p] != Running:
		return `mode[p] = "Running"`
	case s.Mode[c] != Gone:
		return `mode[c] = "Gone"`
	case s.Stage[c] != Idle:
		return `stage[c] = "Idle"`
	}
	s.Holder = c
	if s.off(OffAttachLease) {
		s.Holder = NoGroup
	}
	s.Mode[c] = Building
	s.Stage[p] = Idle
	s.Stage[c] = Leased
	return Done
}

// Build: the child makes its instances from the records, which cannot change while it has the
// lease.
func (s *State) Build(c Group) Refusal {
	switch {
	case s.frozen():
		return refusedPoisoned
	case s.Stage[c] != Leased:
		return `stage[c] = "Leased"`
	case s.Mode[c] != Building:
		return `mode[c] = "Building"`
	}
	s.View[c] = s.Log
	s.Stage[c] = Built
	return Done
}

// Attach: the child is one of the groups from now on.
func (s *State) Attach(c Group) Refusal {
	switch {
	case s.frozen():
		return refusedPoisoned
	case s.Stage[c] != Locked:
		return `stage[c] = "Locked"`
	case s.Mode[c] != Building:
		return `mode[c] = "Building"`
	}
	s.Mode[c] = Running
	s.Writer = NoGroup
	s.dropHolder(c)
	s.Stage[c] = Idle
	return Done
}

// Detach: g leaves, through the state lock: whatever is pending, it took part in.
func (s *State) Detach(g Group) Refusal {
	switch {
	case s.frozen():
		return refusedPoisoned
	case !s.has(FeatureDetach):
		return `"Detach" \in Features`
	case s.Mode[g] != Running:
		return `mode[g] = "Running"`
	case s.Stage[g] == Locked && s.Holder != g:
	case s.Stage[g] == Idle && !s.AtRendezvous(g) && s.off(OffLeaveTakesPart):
	default:
		return `stage[g] = "Locked" /\ holder # g`
	}
	s.Mode[g] = Gone
	s.dropWriter(g)
	s.View[g] = Log{}
	s.Stage[g] = Idle
	return Done
}

// Park: nobody is in g any more, or it blocks in a host call that does not touch the linker.
func (s *State) Park(g Group) Refusal {
	switch {
	case s.frozen():
		return refusedPoisoned
	case !s.has(FeaturePark):
		return `"Park" \in Features`
	case !s.RunsGuest(g):
		return "RunsGuest(g)"
	}
	s.Mode[g] = Parked
	return Done
}

// Unpark: somebody goes into g, but not in the middle of an operation that counts on it.
func (s *State) Unpark(g Group) Refusal {
	switch {
	case s.frozen():
		return refusedPoisoned
	case s.Mode[g] != Parked:
		return `mode[g] = "Parked"`
	case s.Part[g] != NoPart && !s.off(OffUnparkGuard):
		return `part[g] = "None"`
	}
	s.Mode[g] = Running
	return Done
}

// Wake: in the middle of such an operation, whoever wants to go into g waits for its end, which
// lets it in.
func (s *State) Wake(g Group) Refusal {
	switch {
	case s.frozen():
		return refusedPoisoned
	case s.Mode[g] != Parked:
		return `mode[g] = "Parked"`
	case s.Part[g] == NoPart:
		return `part[g] # "None"`
	case s.off(OffWake):
		return `"Wake" \notin Off`
	}
	s.Mode[g] = Waking
	return Done
}

// CancelWake: whoever wanted to go into g wants that no more.
func (s *State) CancelWake(g Group) Refusal {
	switch {
	case s.frozen():
		return refusedPoisoned
	case !s.has(FeatureCancel):
		return `"Cancel" \in Features`
	case s.Mode[g] != Waking:
		return `mode[g] = "Waking"`
	}
	s.Mode[g] = Parked
	return Done
}
