package protocol

// Spawn (tla/Membership.tla): p hands its token over to the child c, which is not a participant
// yet.
func (s *State) Spawn(p, c Group) Refusal {
	var g conjuncts
	g.that(s.usable(), "Usable")
	g.that(s.has(FeatureSpawn), `"Spawn" \in Features`)
	g.that(s.Stage[p] == Leased, `stage[p] = "Leased"`)
	g.that(s.Mode[p] == Running, `mode[p] = "Running"`)
	g.that(s.Mode[c] == Gone, `mode[c] = "Gone"`)
	g.that(s.Stage[c] == Idle, `stage[c] = "Idle"`)
	if g.fail() {
		return g.refused
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

// Build (tla/Membership.tla): the child makes its instances from the records, which cannot change
// while it has the lease.
func (s *State) Build(c Group) Refusal {
	var g conjuncts
	g.that(s.usable(), "Usable")
	g.that(s.Stage[c] == Leased, `stage[c] = "Leased"`)
	g.that(s.Mode[c] == Building, `mode[c] = "Building"`)
	if g.fail() {
		return g.refused
	}
	s.View[c] = s.Log
	s.Stage[c] = Built
	return Done
}

// Attach (tla/Membership.tla): the child is one of the groups from now on.
func (s *State) Attach(c Group) Refusal {
	var g conjuncts
	g.that(s.usable(), "Usable")
	g.that(s.Stage[c] == Locked, `stage[c] = "Locked"`)
	g.that(s.Mode[c] == Building, `mode[c] = "Building"`)
	if g.fail() {
		return g.refused
	}
	s.Mode[c] = Running
	s.Writer = NoGroup
	s.dropHolder(c)
	s.Stage[c] = Idle
	return Done
}

// Detach (tla/Membership.tla): g leaves, through the state lock: whatever is pending, it took part
// in.
func (s *State) Detach(g Group) Refusal {
	var c conjuncts
	c.that(s.usable(), "Usable")
	c.that(s.has(FeatureDetach), `"Detach" \in Features`)
	c.that(s.Mode[g] == Running, `mode[g] = "Running"`)
	c.that(s.Stage[g] == Locked && s.Holder != g ||
		s.Stage[g] == Idle && !s.AtRendezvous(g) && s.off(OffLeaveTakesPart),
		`stage[g] = "Locked" /\ holder # g `+
			`\/ stage[g] = "Idle" /\ ~AtRendezvous(g) /\ "LeaveTakesPart" \in Off`)
	if c.fail() {
		return c.refused
	}
	s.Mode[g] = Gone
	s.dropWriter(g)
	s.View[g] = Log{}
	s.Stage[g] = Idle
	return Done
}

// Park (tla/Membership.tla): no goroutine is in g any more, or g blocks in a host call that does
// not touch the linker.
func (s *State) Park(g Group) Refusal {
	var c conjuncts
	c.that(s.usable(), "Usable")
	c.that(s.has(FeaturePark), `"Park" \in Features`)
	c.that(s.RunsGuest(g), "RunsGuest(g)")
	if c.fail() {
		return c.refused
	}
	s.Mode[g] = Parked
	return Done
}

// Unpark (tla/Membership.tla): a goroutine enters g, but not in the middle of an operation that
// counts on g.
func (s *State) Unpark(g Group) Refusal {
	var c conjuncts
	c.that(s.usable(), "Usable")
	c.that(s.Mode[g] == Parked, `mode[g] = "Parked"`)
	c.that(s.Part[g] == NoPart || s.off(OffUnparkGuard),
		`part[g] = "None" \/ "UnparkGuard" \in Off`)
	if c.fail() {
		return c.refused
	}
	s.Mode[g] = Running
	return Done
}

// Wake (tla/Membership.tla): in the middle of such an operation, a goroutine that wants to enter g
// waits for its end, which lets it in.
func (s *State) Wake(g Group) Refusal {
	var c conjuncts
	c.that(s.usable(), "Usable")
	c.that(s.Mode[g] == Parked, `mode[g] = "Parked"`)
	c.that(s.Part[g] != NoPart, `part[g] # "None"`)
	c.that(!s.off(OffWake), `"Wake" \notin Off`)
	if c.fail() {
		return c.refused
	}
	s.Mode[g] = Waking
	return Done
}

// CancelWake (tla/Membership.tla): the goroutine that wanted to enter g gives up.
func (s *State) CancelWake(g Group) Refusal {
	var c conjuncts
	c.that(s.usable(), "Usable")
	c.that(s.has(FeatureCancel), `"Cancel" \in Features`)
	c.that(s.Mode[g] == Waking, `mode[g] = "Waking"`)
	if c.fail() {
		return c.refused
	}
	s.Mode[g] = Parked
	return Done
}
