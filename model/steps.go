package model

import "github.com/lockstep-wasm/lockstep/linker/protocol"

// StepProperty is a property of every step. Its name is that of the formula in tla/LinkerSync.tla;
// spec/invariants.md explains it.
type StepProperty struct {
	Name  string
	Holds func(from *protocol.State, t protocol.Step, to *protocol.State) bool
}

// StepProperties lists the properties of steps that the explorer checks, in the order of the
// specification.
func StepProperties() []StepProperty {
	return []StepProperty{
		{
			"PoisonIsForEver",
			func(from *protocol.State, _ protocol.Step, _ *protocol.State) bool { return !from.Poisoned },
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
func everyGroup(s *protocol.State, p func(g protocol.Group) bool) bool {
	for g := range protocol.Group(s.Config.Groups) {
		if !p(g) {
			return false
		}
	}
	return true
}

// logGrows: the log only grows, by the leader's operation, or is forgotten as a whole when it is
// full.
func logGrows(from *protocol.State, _ protocol.Step, to *protocol.State) bool {
	switch n := from.Log.Len(); {
	case to.Log == from.Log:
		return true
	case to.Log.Len() == 0:
		return n == int(from.Config.MaxLog)
	default:
		if to.Log.Len() != n+1 || from.Leader == protocol.NoGroup || to.Log.At(n) != from.Op {
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
func commitAfterAll(from *protocol.State, _ protocol.Step, to *protocol.State) bool {
	return to.Log.Len() <= from.Log.Len() || everyGroup(from, func(g protocol.Group) bool {
		return from.Part[g] == protocol.NoPart || from.Part[g] == protocol.Applied
	})
}

// epochTwo: a group goes on only when the operation is over, or when the group is gone.
func epochTwo(from *protocol.State, _ protocol.Step, to *protocol.State) bool {
	return everyGroup(from, func(g protocol.Group) bool {
		return from.Part[g] == protocol.NoPart || to.Part[g] != protocol.NoPart ||
			to.Leader == protocol.NoGroup || to.Mode[g] == protocol.Gone
	})
}

// tokenMoves: the token is given to the group that waits longest, and goes back or to the holder's
// new child.
func tokenMoves(from *protocol.State, _ protocol.Step, to *protocol.State) bool {
	switch a, b := from.Holder, to.Holder; {
	case a == b, a != protocol.NoGroup && b == protocol.NoGroup:
		return true
	case a == protocol.NoGroup:
		return b == from.LeaseQueue.Head()
	default:
		return from.Mode[b] == protocol.Gone && to.Mode[b] == protocol.Building &&
			from.Stage[a] == protocol.Leased && to.Stage[a] == protocol.Idle
	}
}

// stateInTurn: the state lock is given to the group that waits longest.
func stateInTurn(from *protocol.State, _ protocol.Step, to *protocol.State) bool {
	return to.Writer == from.Writer || to.Writer == protocol.NoGroup ||
		from.Writer == protocol.NoGroup && to.Writer == from.StateQueue.Head()
}

// claimedSleeps: a group that was claimed sleeps until the operation is over.
func claimedSleeps(from *protocol.State, _ protocol.Step, to *protocol.State) bool {
	return everyGroup(from, func(g protocol.Group) bool {
		return !from.Asleep(g) || to.Mode[g] != protocol.Running ||
			from.Part[g] == protocol.NoPart || to.Part[g] == protocol.NoPart
	})
}
