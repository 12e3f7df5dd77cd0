package protocol

// State is a state of the protocol. Its fields are the variables of
// tla/LinkerVars.tla, in the same order and with the same meaning. A State is
// comparable with ==; two states are equal when all their variables are.
type State struct {
	Config Config // the constants; they never change

	Mode       [MaxGroups]Mode  // who exists, and who sleeps
	Stage      [MaxGroups]Stage // how far each group's own request is
	LeaseQueue Queue            // the groups that wait for the lease, first come first
	Holder     Group            // the group that holds the lease, or NoGroup
	StateQueue Queue            // the groups that wait for the state lock, first come first
	Writer     Group            // the group that holds the state lock for writing, or NoGroup
	Readers    Set              // the groups that hold it for reading
	// the group whose operation is published and not yet over, or NoGroup
	Leader Group
	Op     Op                 // the operation that is being worked on
	Part   [MaxGroups]Part    // each group's part in the leader's operation
	Mail   [MaxGroups]Mailbox // the operations that each group has to replay
	Failed bool               // a participant could not apply the operation
	// what each group's instances and table reflect, since the last checkpoint
	View     [MaxGroups]Log
	Log      Log    // the committed operations, since the last checkpoint
	Table    uint32 // closure slots that exist in every table
	Free     uint32 // closure slots that are free
	Taken    uint32 // closure slots that were handed out
	Poisoned bool   // an undo failed; the image is unusable for good
}

// NewState is Init: the first c.Initial groups run, and nothing has happened.
// The configuration must be valid.
func NewState(c Config) State {
	s := State{Config: c, Holder: NoGroup, Writer: NoGroup, Leader: NoGroup}
	for g := range c.Initial {
		s.Mode[g] = Running
	}
	return s
}

// Live is the set of groups that exist: those that run and those that are parked.
func (s *State) Live() Set {
	var live Set
	for g := range Group(s.Config.Groups) {
		if s.Mode[g] == Running || s.Asleep(g) {
			live = live.With(g)
		}
	}
	return live
}

// Asleep tells whether no goroutine is in g, so that the leader of an operation acts for it.
func (s *State) Asleep(g Group) bool { return s.Mode[g] == Parked || s.Mode[g] == Waking }

// letIn is what the end of an operation does (LetIn in the specification): who waited for it gets
// in, before a group can publish the next.
func (s *State) letIn() {
	for g := range Group(s.Config.Groups) {
		if s.Mode[g] == Waking {
			s.Mode[g] = Running
		}
	}
}

// Participants is the set of groups that have a part in the leader's operation.
func (s *State) Participants() Set {
	var p Set
	for g := range Group(s.Config.Groups) {
		if s.Part[g] != NoPart {
			p = p.With(g)
		}
	}
	return p
}

// AtRendezvous tells whether g can do nothing of its own until the operation is over.
func (s *State) AtRendezvous(g Group) bool { return s.Part[g] != NoPart && s.Part[g] != Expected }

// RunsGuest tells whether g executes guest code, or host code of its own.
func (s *State) RunsGuest(g Group) bool {
	return s.Mode[g] == Running && s.Stage[g] == Idle && !s.AtRendezvous(g)
}

// Pending tells whether an operation is published and not yet broadcast: the
// flag that safepoints look at (dl_operation_pending of the reference).
func (s *State) Pending() bool { return s.Leader != NoGroup && s.Writer == s.Leader }

// Ahead tells whether the present operation is in g's view and not in the log.
func (s *State) Ahead(g Group) bool {
	st := s.Stage[g]
	return st == Worked || st == Published || st == Replaying || s.Part[g] == Applied
}

// Fresh tells whether o has still to be done. An empty free list is what makes
// another allocation necessary.
func (s *State) Fresh(o Op) bool {
	if o.Kind == AllocateFunctionTable {
		return s.Free == 0 && s.Table+s.Config.Batch <= s.Config.MaxTable
	}
	return !s.Log.contains(o)
}

func (s *State) off(g Guards) bool { return s.Config.Off&g != 0 }

func (s *State) has(f Features) bool { return s.Config.Features&f != 0 }

// Every tells whether every participant's part is a or b.
func (s *State) Every(a, b Part) bool {
	for g := range Group(s.Config.Groups) {
		if p := s.Part[g]; p != NoPart && p != a && p != b {
			return false
		}
	}
	return true
}

// AllTried tells whether every participant has tried to apply the operation.
func (s *State) AllTried() bool {
	for g := range Group(s.Config.Groups) {
		if s.Part[g] == Arrived {
			return false
		}
	}
	return true
}

func (s *State) dropHolder(g Group) {
	if s.Holder == g {
		s.Holder = NoGroup
	}
}

func (s *State) dropWriter(g Group) {
	if s.Writer == g {
		s.Writer = NoGroup
	}
}
