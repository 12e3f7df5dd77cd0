package corrupt

import (
	"github.com/lockstep-wasm/lockstep/lincheck/trace"
	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// The kinds of events that several kinds of corruption are about.
var (
	arrivals  = []protocol.Action{protocol.ActArrive, protocol.ActClaim}
	broadcast = []protocol.Action{protocol.ActBroadcast}
	applying  = []protocol.Action{protocol.ActApply}
	commit    = []protocol.Action{protocol.ActCommit}
)

// Kinds lists all kinds of corruption.
func Kinds() []Kind {
	var kinds []Kind
	for _, some := range [][]Kind{missing(), misplaced(), misdone(), uncalledFor(), misseen()} {
		kinds = append(kinds, some...)
	}
	return kinds
}

// missing are events that the recorder lost, or that did not happen.
func missing() []Kind {
	return []Kind{
		{"lost-beginning", "the recording began late",
			func(w *walk, i int) bool { return i == 0 && len(w.events) > 1 }, dropping},
		{"lost-grant", "a group goes on as if it had the lease", followed(protocol.ActGrantLease),
			dropping},
		{"lost-lock", "a group goes on as if it had the state lock",
			followed(protocol.ActLockState), dropping},
		{"lost-publish", "groups arrive for an operation that nobody has published",
			followed(protocol.ActPublish), dropping},
		{"lost-arrival", "an operation is broadcast although somebody has not arrived",
			pair(arrivals, broadcast), dropping},
		{"lost-apply", "an operation is committed although somebody has not applied it",
			pair(applying, commit), dropping},
		{"lost-build", "a child attaches without having been built",
			own(protocol.ActBuild, protocol.ActRequestState), dropping},
		{"lost-commit", "an operation never ends", followed(protocol.ActCommit), dropping},
	}
}

// misplaced are events in the wrong order, or twice.
func misplaced() []Kind {
	return []Kind{
		{"grant-before-request", "a group is granted what it has not asked for",
			own(protocol.ActRequestLease, protocol.ActGrantLease), swapping},
		{"publish-before-work", "an operation is published before it is done",
			own(protocol.ActWork, protocol.ActPublish), swapping},
		{"broadcast-before-arrival", "the first epoch ends too early", pair(arrivals, broadcast),
			swapping},
		{"apply-before-broadcast", "a group applies what it has not been told",
			pair(broadcast, applying), swapping},
		{"commit-before-apply", "the second epoch ends too early", pair(applying, commit),
			swapping},
		{"second-grant", "the lease is given away twice", at(protocol.ActGrantLease), repeating},
		{"second-publish", "an operation is published twice", at(protocol.ActPublish), repeating},
		{"second-apply", "a group applies an operation twice", at(protocol.ActApply), repeating},
		{"second-commit", "an operation is committed twice", at(protocol.ActCommit), repeating},
	}
}

// misdone are events that are not what should have been done.
func misdone() []Kind {
	return []Kind{
		{"lease-to-second", "the lease goes to the second in the queue",
			func(w *walk, i int) bool {
				return w.is(i, protocol.ActGrantLease) && w.before[i].LeaseQueue.Len() > 1
			},
			func(w *walk, t *trace.Trace, i int) int {
				t.Events[i].Step.Group = w.before[i].LeaseQueue.At(1)
				return i
			}},
		{"lock-to-second", "the state lock goes to the second in the queue",
			func(w *walk, i int) bool {
				return w.is(i, protocol.ActLockState) && w.before[i].StateQueue.Len() > 1
			},
			func(w *walk, t *trace.Trace, i int) int {
				t.Events[i].Step.Group = w.before[i].StateQueue.At(1)
				return i
			}},
		{"other-group", "another group commits than the leader",
			func(w *walk, i int) bool {
				return w.is(i, protocol.ActCommit) && w.find(i, participant) != protocol.NoGroup
			},
			func(w *walk, t *trace.Trace, i int) int {
				t.Events[i].Step.Group = w.find(i, participant)
				return i
			}},
		{"other-operation", "another operation is done than is published", at(protocol.ActWork),
			func(_ *walk, t *trace.Trace, i int) int {
				t.Events[i].Step.Op.Tag ^= 0x80
				return i
			}},
		{"operation-again", "what was done is done again: there was no second look",
			func(w *walk, i int) bool {
				return w.is(i, protocol.ActWork) && committed(&w.before[i]) != protocol.Op{}
			},
			func(w *walk, t *trace.Trace, i int) int {
				t.Events[i].Step.Op = committed(&w.before[i])
				return i
			}},
		{"sleeper-arrives", "a group that sleeps comes to the rendezvous by itself",
			at(protocol.ActClaim), instead(protocol.ActArrive)},
		{"claim-of-the-wakeful", "the leader acts for a group that runs", at(protocol.ActArrive),
			instead(protocol.ActClaim)},
		{"attach-before-build", "a child joins without instances", at(protocol.ActBuild),
			instead(protocol.ActAttach)},
		{"spawn-into-taken-slot", "a child takes the slot of its parent", at(protocol.ActSpawn),
			func(_ *walk, t *trace.Trace, i int) int {
				t.Events[i].Step.Child = t.Events[i].Step.Group
				return i
			}},
	}
}

// participant: g has a part in the leader's operation.
func participant(s *protocol.State, g protocol.Group) bool { return s.Part[g] != protocol.NoPart }

// committed is an operation in the log that may be there only once, or none.
func committed(s *protocol.State) protocol.Op {
	for i := range s.Log.Len() {
		if o := s.Log.At(i); o.Kind != protocol.AllocateFunctionTable {
			return o
		}
	}
	return protocol.Op{}
}

// uncalledFor are events that should not have happened.
func uncalledFor() []Kind {
	dead := func(s *protocol.State, g protocol.Group) bool {
		return s.Mode[g] == protocol.Gone && int(g) < 4 // a slot like those that the trace uses
	}
	claimed := func(s *protocol.State, g protocol.Group) bool {
		return s.Mode[g] == protocol.Parked && s.AtRendezvous(g)
	}
	whileWriting := func(s *protocol.State, g protocol.Group) bool {
		return s.Stage[g] == protocol.WaitState && s.StateQueue.Head() == g &&
			s.Writer != protocol.NoGroup
	}
	whileReading := func(s *protocol.State, g protocol.Group) bool {
		return s.Stage[g] == protocol.WaitState && s.StateQueue.Head() == g && s.Readers != 0
	}
	whileHeld := func(s *protocol.State, g protocol.Group) bool {
		return s.Stage[g] == protocol.WaitLease && s.LeaseQueue.Head() == g &&
			s.Holder != protocol.NoGroup
	}
	withLease := func(s *protocol.State, g protocol.Group) bool {
		return s.Stage[g] == protocol.Locked && s.Mode[g] == protocol.Running && s.Holder == g
	}
	replaying := func(s *protocol.State, g protocol.Group) bool {
		return s.Stage[g] == protocol.Replaying
	}
	applied := func(s *protocol.State, g protocol.Group) bool {
		return s.Part[g] == protocol.Applied
	}
	arrived := func(s *protocol.State, g protocol.Group) bool {
		return s.Part[g] == protocol.Arrived && s.Mode[g] == protocol.Running
	}
	empty := func(s *protocol.State, g protocol.Group) bool {
		return s.Stage[g] == protocol.Locked && s.Mode[g] == protocol.Running && s.Free == 0
	}
	untaken := func(s *protocol.State, g protocol.Group) bool {
		return s.Stage[g] == protocol.Locked && s.Mode[g] == protocol.Running && s.Taken == 0
	}
	insertion := func(name, shows string, a protocol.Action,
		p func(*protocol.State, protocol.Group) bool) Kind {
		return Kind{name, shows, some(p), inserting(a, p)}
	}
	return []Kind{
		insertion("dead-group-acts", "a group that is gone asks for the lease",
			protocol.ActRequestLease, dead),
		insertion("wakes-in-the-middle", "a sleeper wakes up in the middle of an operation",
			protocol.ActUnpark, claimed),
		insertion("sleeps-at-the-rendezvous", "a group falls asleep in the middle of an operation",
			protocol.ActPark, arrived),
		insertion("lock-while-written", "the state lock has two writers", protocol.ActLockState,
			whileWriting),
		insertion("lock-while-read", "the state lock has a writer together with readers",
			protocol.ActLockState, whileReading),
		insertion("lease-while-held", "the lease has two holders", protocol.ActGrantLease,
			whileHeld),
		insertion("leaves-with-the-lease", "a group leaves and takes the lease with it",
			protocol.ActDetach, withLease),
		insertion("late-cancel", "an operation is withdrawn after it was broadcast",
			protocol.ActCancel, replaying),
		insertion("needless-undo", "an operation is taken back that nobody failed to apply",
			protocol.ActUndo, applied),
		insertion("closure-from-nothing", "a closure slot is handed out that does not exist",
			protocol.ActAllocateClosure, empty),
		insertion("closure-of-nobody", "a closure slot comes back that nobody has",
			protocol.ActFreeClosure, untaken),
		{"early-checkpoint", "the log is forgotten before it is full",
			func(w *walk, i int) bool {
				return i > 0 && w.before[i].Log.Len() < int(w.before[i].Config.MaxLog)
			},
			func(_ *walk, t *trace.Trace, i int) int {
				return insert(t, i, protocol.Step{Action: protocol.ActCheckpoint})
			}},
	}
}

// misseen are actions after which the linker was in another state than it should have been.
func misseen() []Kind {
	return []Kind{
		{"seen-holder", "the lease is free although it was granted", at(protocol.ActGrantLease),
			seeing(func(s *trace.Seen) { s.Holder = protocol.NoGroup })},
		{"seen-stage", "a group has not moved", at(protocol.ActLockState),
			seeing(func(s *trace.Seen) { s.Stage = protocol.WaitState })},
		{"seen-part", "a group has not arrived", at(arrivals...),
			seeing(func(s *trace.Seen) { s.Part = protocol.Expected })},
		{"seen-readers", "the state lock falls at the broadcast", at(protocol.ActBroadcast),
			seeing(func(s *trace.Seen) { s.Readers = 0 })},
		{"seen-log", "a committed operation is not in the log", at(protocol.ActCommit),
			seeing(func(s *trace.Seen) { s.Log-- })},
		{"seen-mode", "a child that has attached is still being built", at(protocol.ActAttach),
			seeing(func(s *trace.Seen) { s.Mode = protocol.Building })},
		{"seen-free", "an operation makes no closure slots", func(w *walk, i int) bool {
			return w.is(i, protocol.ActCommit) &&
				w.before[i].Op.Kind == protocol.AllocateFunctionTable
		}, seeing(func(s *trace.Seen) { s.Free = 0 })},
	}
}
