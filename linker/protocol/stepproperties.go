package protocol

// StepProperty is a property of every step. Its name is that of the formula in
// tla/LinkerProperties.tla; spec/invariants.md explains it.
type StepProperty struct {
	Name  string
	Holds func(from *State, t Step, to *State) bool
}

// StepProperties lists the properties of steps that the explorer of package model checks, in the
// order of the specification.
func StepProperties() []StepProperty {
	return []StepProperty{
		{
			"PoisonIsForEver",
			func(from *State, _ Step, _ *State) bool { return !from.Poisoned },
		},
		{"LogGrows", logGrows},
		{"CommitAfterAll", commitAfterAll},
		{"EpochTwo", epochTwo},
		{"TokenMoves", tokenMoves},
		{"StateInTurn", stateInTurn},
		{"ClaimedSleeps", claimedSleeps},
	}
}

// everyGroup tells whether p holds for every slot.
func everyGroup(s *State, p func(g Group) bool) bool {
	for g := range Group(s.Config.Groups) {
		if !p(g) {
			return false
		}
	}
	return true
}

// logGrows: the log only grows, by the leader's operation, or is forgotten as a whole when it is
// full.
func logGrows(from *State, _ Step, to *State) bool {
	switch n := from.Log.Len(); {
	case to.Log == from.Log:
		return true
	case to.Log.Len() == 0:
		return n == int(from.Config.MaxLog)
	default:
		if to.Log.Len() != n+1 || from.Leader == NoGroup || to.Log.At(n) != from.Op {
			return false
		}
		for i := range n {
			if to.Log.At(i) != from.Log.At(i) {
				return false
			}
		}
		return true
	}
}

// commitAfterAll: the log grows only after every participant has applied.
func commitAfterAll(from *State, _ Step, to *State) bool {
	return to.Log.Len() <= from.Log.Len() || everyGroup(from, func(g Group) bool {
		return from.Part[g] == NoPart || from.Part[g] == Applied
	})
}

// epochTwo: a group goes on only when the operation is over, or when the group is gone.
func epochTwo(from *State, _ Step, to *State) bool {
	return everyGroup(from, func(g Group) bool {
		return from.Part[g] == NoPart || to.Part[g] != NoPart ||
			to.Leader == NoGroup || to.Mode[g] == Gone
	})
}

// tokenMoves: the token is given to the group that waits longest, and goes back or to the holder's
// new child.
func tokenMoves(from *State, _ Step, to *State) bool {
	switch a, b := from.Holder, to.Holder; {
	case a == b, a != NoGroup && b == NoGroup:
		return true
	case a == NoGroup:
		return b == from.LeaseQueue.Head()
	default:
		return from.Mode[b] == Gone && to.Mode[b] == Building &&
			from.Stage[a] == Leased && to.Stage[a] == Idle
	}
}

// stateInTurn: the state lock is given to the group that waits longest.
func stateInTurn(from *State, _ Step, to *State) bool {
	return to.Writer == from.Writer || to.Writer == NoGroup ||
		from.Writer == NoGroup && to.Writer == from.StateQueue.Head()
}

// claimedSleeps: a group that was claimed sleeps until the operation is over.
func claimedSleeps(from *State, _ Step, to *State) bool {
	return everyGroup(from, func(g Group) bool {
		return !from.Asleep(g) || to.Mode[g] != Running ||
			from.Part[g] == NoPart || to.Part[g] == NoPart
	})
}
