package faults

const (
	actions = "linker/protocol/actions.go"
	fails   = "linker/protocol/actions_fail.go"
	groups  = "linker/protocol/actions_groups.go"
)

// inExplorer is the test that a fault of the protocol must fail, unless the same states can be reached with it:
// then it is a matter of fairness.
func inExplorer() Named { return Named{"explorer", "TestExplorerAgreesWithTLC"} }

// protocolFaults are mistakes in the transition system.
func protocolFaults() []Fault {
	return []Fault{
		{
			Name:  "protocol: no arrival while waiting for the state lock",
			What:  "who waits for the state lock takes no part in operations: a naive blocking lock",
			Edits: []Edit{{actions, `s.Stage[h] != WaitLease && (s.Stage[h] != WaitState || s.off(OffCooperate))`, `s.Stage[h] != WaitLease`}},
			By:    []Named{inExplorer(), {"exhaustive", "TestTwoGroupsExhaustively"}, {"pairs", "TestEveryPair"}},
			TLC:   "NoCooperate",
		},
		{
			Name:           "protocol: attach without the lease",
			What:           "the lease falls when the child is made, so others link while it is built",
			Edits:          []Edit{{groups, "	s.Holder = c\n", "	s.Holder = NoGroup\n"}},
			By:             []Named{inExplorer(), {"pairs", "TestEveryPair"}, {"unit", "TestLinkReachesParkedGroups"}},
			TLC:            "NoAttachLease",
			Unsynchronised: true,
		},
		{
			Name:  "protocol: the child's lease falls when it is built",
			What:  "an operation can come between a child's instances and its attachment",
			Edits: []Edit{{groups, "	s.View[c] = s.Log\n", "	s.View[c] = s.Log\n	s.dropHolder(c)\n"}},
			By:    []Named{inExplorer(), {"pairs", "TestEveryPair"}},
		},
		{
			Name:  "protocol: a dead group stays a reader",
			What:  "a group that dies during a replay keeps the state lock for ever",
			Edits: []Edit{{fails, "		s.Readers = s.Readers.Without(g)\n", ""}},
			By:    []Named{inExplorer(), {"exhaustive", "TestTwoGroupsExhaustively"}},
		},
		{
			Name:  "protocol: a dead group is still waited for",
			What:  "a group that dies keeps its part in the operation",
			Edits: []Edit{{fails, "		s.Part[g] = NoPart\n", ""}},
			By:    []Named{inExplorer(), {"exhaustive", "TestTwoGroupsExhaustively"}},
			TLC:   "NoCrashEndsPart",
		},
		{
			Name:  "protocol: a dead group keeps its mail",
			What:  "a group that uses the slot again would find an old operation",
			Edits: []Edit{{fails, "	s.Mail[g] = Mailbox{}\n", ""}},
			By:    []Named{inExplorer(), {"exhaustive", "TestTwoGroupsExhaustively"}},
		},
		{
			Name:  "protocol: poison wears off",
			What:  "actions are possible after an undo has failed",
			Edits: []Edit{{actions, `return s.Poisoned && !s.off(OffStickyPoison)`, `return false`}},
			By:    []Named{inExplorer()},
			TLC:   "NoStickyPoison",
		},
		{
			Name:  "protocol: anyone may take the lease",
			What:  "the lease's queue is not first come, first served",
			Edits: []Edit{{actions, `s.LeaseQueue.Head() != g && !s.off(OffFirstCome)`, `false`}},
			By:    []Named{{"exhaustive", "TestMoreGroups"}, {"synctest", "TestWaitIsFirstComeFirstServed"}},
			TLC:   "NoFirstCome",
		},
		{
			Name:  "protocol: a gap between write lock and read locks",
			What:  "somebody can take the state lock between the broadcast and the replays",
			Edits: []Edit{{actions, "	s.Readers = readers\n", "	s.Readers = 0\n"}},
			By:    []Named{inExplorer(), {"exhaustive", "TestTwoGroupsExhaustively"}},
			TLC:   "NoDowngrade",
		},
		{
			Name:  "protocol: sleepers are no participants",
			What:  "a parked group misses the operation",
			Edits: []Edit{{actions, "		default:\n			s.Part[h] = Expected\n", "		case s.Mode[h] == Parked:\n			s.Part[h] = NoPart\n		default:\n			s.Part[h] = Expected\n"}},
			By:    []Named{inExplorer(), {"unit", "TestLinkReachesParkedGroups"}},
		},
		{
			Name:  "protocol: waking up in the middle of an operation",
			What:  "a parked group runs again although the operation counts on it",
			Edits: []Edit{{groups, `s.Part[g] != NoPart && !s.off(OffUnparkGuard)`, `false`}},
			By:    []Named{{"exhaustive", "TestTwoGroupsExhaustively"}, {"synctest", "TestWaitEndsWhenServed"}},
			TLC:   "NoUnparkGuard",
		},
		{
			Name:  "protocol: a rollback leaves the failure behind",
			What:  "the next operation counts as failed from the start",
			Edits: []Edit{{fails, "	s.Failed = false\n", ""}},
			By:    []Named{inExplorer(), {"unit", "TestFailedReplayIsUndoneEverywhere"}},
		},
		{
			Name:  "protocol: an applied operation stays in the mailbox",
			What:  "a participant replays the operation twice",
			Edits: []Edit{{actions, "	s.Mail[h].tail()\n", ""}},
			By:    []Named{inExplorer(), {"unit", "TestLinkReachesParkedGroups"}},
		},
		{
			Name:  "protocol: the checkpoint forgets the log only",
			What:  "the views keep what the log has forgotten",
			Edits: []Edit{{fails, "	s.View = [MaxGroups]Log{}\n", ""}},
			By:    []Named{inExplorer(), {"unit", "TestLinkReachesParkedGroups"}},
		},
		{
			Name: "protocol and runtime: leaving without the state lock",
			What: "a group leaves in the middle of an operation that counts on it",
			Edits: []Edit{
				{groups, `case s.Stage[g] == Idle && !s.AtRendezvous(g) && s.off(OffLeaveTakesPart):`, `case s.Stage[g] == Idle && !s.AtRendezvous(g):`},
				{member, `	if err := m.lockState(ctx); err != nil {`, `	if err := m.mayRequest(); err != nil {`},
			},
			By:  []Named{inExplorer(), {"exhaustive", "TestTwoGroupsExhaustively"}},
			TLC: "NoLeaveTakesPart",
		},
		{
			Name: "protocol and runtime: no second epoch",
			What: "the leader commits without waiting for everybody to apply",
			Edits: []Edit{
				{actions, `!s.Every(Applied, Applied) && !s.off(OffSecondEpoch)`, `false`},
				{link, "		if !c.state.Every(protocol.Applied, protocol.Applied) {\n			return false\n		}\n", ""},
			},
			By:  []Named{inExplorer(), {"exhaustive", "TestTwoGroupsExhaustively"}, {"pairs", "TestEveryPair"}},
			TLC: "NoSecondEpoch",
		},
		{
			Name:  "protocol: nobody looks again",
			What:  "an operation that somebody else has performed meanwhile is performed again",
			Edits: []Edit{{actions, `!s.Fresh(o) && !s.off(OffSecondLookup)`, `false`}},
			By:    []Named{inExplorer()},
			TLC:   "NoSecondLookup",
		},
		{
			Name:  "protocol: the lease falls at the broadcast",
			What:  "somebody else can have the lease while an operation is replayed",
			Edits: []Edit{{actions, `if s.off(OffLeaseUntilCommit) {`, `if s.Stage[g] == Published {`}},
			By:    []Named{inExplorer()},
			TLC:   "NoLeaseUntilCommit",
		},
		{
			Name:  "protocol: a participant goes on alone",
			What:  "a group runs on as soon as it has applied itself",
			Edits: []Edit{{actions, `if s.off(OffGoOnTogether) {`, `if s.Part[h] == Applied {`}},
			By:    []Named{inExplorer()},
			TLC:   "NoGoOnTogether",
		},
		{
			Name:  "protocol: cancelling does not undo",
			What:  "a group that withdraws its operation keeps its own part of it",
			Edits: []Edit{{fails, `case s.Ahead(g) && !s.off(OffCancelUndoes):`, `case false:`}},
			By:    []Named{inExplorer()},
			TLC:   "NoCancelUndoes",
		},
		{
			Name:  "protocol: sleepers are looked at once",
			What:  "who falls asleep after the operation was published is never claimed: a lost wake-up",
			Edits: []Edit{{actions, `s.off(OffLateClaim) && s.Asleep(h)`, `s.Asleep(h)`}, {actions, `case s.off(OffLateClaim):`, `case true:`}},
			By:    []Named{inExplorer(), {"exhaustive", "TestTwoGroupsExhaustively"}},
			TLC:   "NoLateClaim",
		},
		{
			Name:  "protocol: a sleeper has no door",
			What:  "who wants to get in has to find the moment between two operations",
			Edits: []Edit{{groups, `case s.off(OffWake):`, `case true:`}},
			By:    []Named{inExplorer()},
			TLC:   "NoWake",
		},
		{
			Name:  "protocol: a dead leader poisons",
			What:  "a group that is gone fails to take back what nobody has any more",
			Edits: []Edit{{fails, `case s.Mode[g] != Running:`, `case false:`}},
			By:    []Named{inExplorer()},
		},
		{
			Name:  "protocol: a sleeper has no door, in the specification, too",
			What:  "a sleeper that wants to run starves while others publish operation after operation, and everybody agrees",
			Edits: []Edit{{groups, `case s.off(OffWake):`, `case true:`}},
			TLC:   "NoWake", Specified: true,
		},
	}
}
