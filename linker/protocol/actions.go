package protocol

// RequestLease (tla/Lease.tla): g joins the lease's queue.
func (s *State) RequestLease(g Group) Refusal {
	var c conjuncts
	c.that(s.usable(), "Usable")
	c.that(s.Mode[g] == Running, `mode[g] = "Running"`)
	c.that(s.Stage[g] == Idle || s.off(OffLockOrder) && s.Stage[g] == Locked && s.Holder != g,
		`stage[g] = "Idle" \/ ("LockOrder" \in Off /\ stage[g] = "Locked" /\ holder # g)`)
	c.that(!s.AtRendezvous(g), "~AtRendezvous(g)")
	if c.fail() {
		return c.refused
	}
	s.LeaseQueue.append(g)
	s.Stage[g] = WaitLease
	return Done
}

// GrantLease (tla/Lease.tla): the lease is free and g is at the head: a token exists, and g has it.
func (s *State) GrantLease(g Group) Refusal {
	var c conjuncts
	c.that(s.usable(), "Usable")
	c.that(s.Stage[g] == WaitLease, `stage[g] = "WaitLease"`)
	c.that(s.Holder == NoGroup, "holder = None")
	c.that(s.LeaseQueue.Head() == g || s.off(OffFirstCome),
		`Head(leaseQueue) = g \/ "FirstCome" \in Off`)
	if c.fail() {
		return c.refused
	}
	s.Holder = g
	s.LeaseQueue.without(g)
	s.Stage[g] = Leased
	return Done
}

// RequestState (tla/StateLock.tla): g joins the state lock's queue, with the lease to link,
// without it for closures and to leave, and as a child that is about to attach.
func (s *State) RequestState(g Group) Refusal {
	var c conjuncts
	c.that(s.usable(), "Usable")
	c.that(s.Stage[g] == Idle && s.Mode[g] == Running && !s.AtRendezvous(g) ||
		s.Stage[g] == Leased && s.Mode[g] == Running ||
		s.Stage[g] == Built,
		`stage[g] = "Idle" /\ mode[g] = "Running" /\ ~AtRendezvous(g) `+
			`\/ stage[g] = "Leased" /\ mode[g] = "Running" `+
			`\/ stage[g] = "Built"`)
	if c.fail() {
		return c.refused
	}
	s.StateQueue.append(g)
	s.Stage[g] = WaitState
	return Done
}

// LockState (tla/StateLock.tla): no writer, no reader, and g at the head: g is the writer.
func (s *State) LockState(g Group) Refusal {
	var c conjuncts
	c.that(s.usable(), "Usable")
	c.that(s.Stage[g] == WaitState, `stage[g] = "WaitState"`)
	c.that(s.Writer == NoGroup, "writer = None")
	c.that(s.Readers == 0, "readers = {}")
	c.that(s.StateQueue.Head() == g || s.off(OffFirstCome),
		`Head(stateQueue) = g \/ "FirstCome" \in Off`)
	if c.fail() {
		return c.refused
	}
	s.Writer = g
	s.StateQueue.without(g)
	s.Stage[g] = Locked
	return Done
}

// UnlockState (tla/StateLock.tla): g releases the state lock, and the lease if it has it.
func (s *State) UnlockState(g Group) Refusal {
	var c conjuncts
	c.that(s.usable(), "Usable")
	c.that(s.Stage[g] == Locked, `stage[g] = "Locked"`)
	c.that(s.Mode[g] == Running, `mode[g] = "Running"`)
	if c.fail() {
		return c.refused
	}
	s.Writer = NoGroup
	s.dropHolder(g)
	s.Stage[g] = Idle
	return Done
}

// AllocateClosure (tla/StateLock.tla): a closure slot is handed out, under the state lock alone.
func (s *State) AllocateClosure(g Group) Refusal {
	var c conjuncts
	c.that(s.usable(), "Usable")
	c.that(s.Stage[g] == Locked, `stage[g] = "Locked"`)
	c.that(s.Mode[g] == Running, `mode[g] = "Running"`)
	c.that(s.Free > 0, "free > 0")
	if c.fail() {
		return c.refused
	}
	s.Free--
	s.Taken++
	return Done
}

// FreeClosure (tla/StateLock.tla): a closure slot comes back.
func (s *State) FreeClosure(g Group) Refusal {
	var c conjuncts
	c.that(s.usable(), "Usable")
	c.that(s.Stage[g] == Locked, `stage[g] = "Locked"`)
	c.that(s.Mode[g] == Running, `mode[g] = "Running"`)
	c.that(s.Taken > 0, "taken > 0")
	if c.fail() {
		return c.refused
	}
	s.Free++
	s.Taken--
	return Done
}
