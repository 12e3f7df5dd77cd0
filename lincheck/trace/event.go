package trace

import (
	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// Trace is what a Recorder has seen, from the linker's beginning.
type Trace struct {
	Config protocol.Config
	Events []Event
}

// Event is one action, and what was to be seen after it.
type Event struct {
	Seq  uint64 // its place in the order of all actions, from 1
	Step protocol.Step
	Seen Seen
}

// Seen is what is noted of the state after an action: what the action was about, and a digest of
// everything.
type Seen struct {
	// of the group whose step it was; of the first one for Checkpoint, which is no group's
	Mode       protocol.Mode
	Stage      protocol.Stage
	Part       protocol.Part
	Holder     protocol.Group
	Writer     protocol.Group
	Leader     protocol.Group
	Op         protocol.Op
	LeaseQueue uint8  // how many groups wait
	StateQueue uint8  // how many groups wait
	Readers    uint8  // how many groups hold the state lock for reading
	Log        uint8  // operations in the log
	Free       uint32 // closure slots that are free
	Taken      uint32 // closure slots that were handed out
	Commits    uint64 // operations that have been committed since the beginning
	Digest     uint64 // of all variables; see Digest
}

// See notes what is to be seen in a state after a step. commits is the number of operations
// committed so far, which is no part of the state.
func See(t protocol.Step, s *protocol.State, commits uint64) Seen {
	g := t.Group
	if group, _, _ := arguments(t.Action); !group {
		g = 0
	}
	return Seen{
		Mode: s.Mode[g], Stage: s.Stage[g], Part: s.Part[g],
		Holder: s.Holder, Writer: s.Writer, Leader: s.Leader, Op: s.Op,
		LeaseQueue: uint8(s.LeaseQueue.Len()), StateQueue: uint8(s.StateQueue.Len()),
		Readers: uint8(s.Readers.Len()),
		Log:     uint8(s.Log.Len()), Free: s.Free, Taken: s.Taken,
		Commits: commits, Digest: Digest(s),
	}
}

// FNV-1a, 64 bits (Fowler, Noll, Vo).
const (
	fnvOffset = 0xcbf29ce484222325
	fnvPrime  = 0x100000001b3
)

type digest uint64

func (d *digest) add(bytes ...byte) {
	h := uint64(*d)
	for _, b := range bytes {
		h = (h ^ uint64(b)) * fnvPrime
	}
	*d = digest(h)
}

func (d *digest) addWord(v uint32) { d.add(byte(v), byte(v>>8), byte(v>>16), byte(v>>24)) }

func (d *digest) addOp(o protocol.Op) { d.add(byte(o.Kind), o.Tag) }

// Digest is a hash of all variables of a state: FNV-1a over their values in the order of the
// specification. Slots in which no group is, nor anything left of one, count for nothing: the
// digest does not depend on how many slots there are.
func Digest(s *protocol.State) uint64 {
	d := digest(fnvOffset)
	for g := range protocol.Group(s.Config.Groups) {
		if s.Mode[g] == protocol.Gone && s.Stage[g] == protocol.Idle &&
			s.Part[g] == protocol.NoPart && s.Mail[g].Len() == 0 && s.View[g].Len() == 0 {
			continue
		}
		d.add(byte(g), byte(s.Mode[g]), byte(s.Stage[g]), byte(s.Part[g]), byte(s.Mail[g].Len()))
		for i := range s.Mail[g].Len() {
			d.addOp(s.Mail[g].At(i))
		}
		d.addLog(&s.View[g])
	}
	d.add(byte(s.Holder), byte(s.Writer), byte(s.Leader))
	d.addQueue(&s.LeaseQueue)
	d.addQueue(&s.StateQueue)
	d.addWord(uint32(s.Readers))
	d.addWord(uint32(s.Readers >> 32))
	d.addOp(s.Op)
	d.addLog(&s.Log)
	for _, v := range [...]uint32{s.Table, s.Free, s.Taken} {
		d.addWord(v)
	}
	d.add(bit(s.Failed), bit(s.Poisoned))
	return uint64(d)
}

func (d *digest) addLog(l *protocol.Log) {
	d.add(byte(l.Len()))
	for i := range l.Len() {
		d.addOp(l.At(i))
	}
}

func (d *digest) addQueue(q *protocol.Queue) {
	d.add(byte(q.Len()))
	for i := range q.Len() {
		d.add(byte(q.At(i)))
	}
}

func bit(b bool) byte {
	if b {
		return 1
	}
	return 0
}

// arguments says which arguments an action has besides the group.
func arguments(a protocol.Action) (group, child, op bool) {
	switch a {
	case protocol.ActCheckpoint:
		return false, false, false
	case protocol.ActSpawn:
		return true, true, false
	case protocol.ActWork:
		return true, false, true
	}
	return true, false, false
}
