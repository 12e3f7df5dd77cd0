package coord

import (
	"sync/atomic"

	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// gate lets a goroutine into its group and out of it without the coordinator's mutex: each of the
// actions Unpark and Park is then one compare-and-swap. It is the fast path of [Member.Enter] and
// [Member.Park]; the slow path performs the actions with the mutex held.
//
// The gate of a group is open only while no operation counts on the group and the group asks for
// nothing, so that the guards of Unpark and Park hold but for the mode. Before the coordinator
// looks at the mode of a group, or changes anything of the group, it shuts the gate, and performs
// the actions that went through the gate: see [Member.shut]. A leader shuts all gates before it
// publishes its operation. The word that shuts a gate also tells who is inside, so no passage is
// missed: it comes before the shut, and is seen, or it finds the gate shut and takes the slow path.
//
// The specification is tla/Gate.tla. There the group's mode is what the word says while the gate is
// open, a passage is the action itself, and shutting and opening change nothing.
//
// Two other designs were rejected. A flag of the group beside a flag of the leader, as in Dekker's
// algorithm, takes a full fence on each side and two words to reason about. A read-write lock with
// a slot for each group gives the leader no list of passages, so that a trace would not be exact.
type gate struct {
	// word is gateOpen, two bits that say who holds the group (see hold), and above them the number
	// of passages since the gate was opened: a group starts at 0 when it is parked and at 1 when it
	// runs, so that an odd number means Running. The goroutine that goes in or out changes it while
	// the gate is open; gateOpen and the number are otherwise changed with the coordinator's mutex
	// held. The bits above gateHolder are the number of the holder that may come in at once.
	word atomic.Uint64
	// seen is how many of the passages have been performed as actions. Guarded by the mutex.
	seen uint64

	_ [48]byte // groups that run on different processors do not share a cache line
}

const (
	gateOpen    = 1
	gateHeld    = 2 // by a goroutine that came in at once
	gateWanted  = 4 // by another one, that has the lock of the hold
	gatePassage = 8
	gateHolder  = 1 << 24
	// gatePassages is after how many passages the slow path is taken once, so that what an
	// observer is told at a time is bounded, and the number does not overflow. It is even.
	gatePassages = 1 << 12
)

// passages is how many passages a word counts.
func passages(word uint64) uint64 { return word % gateHolder / gatePassage }

// in goes through the gate into a parked group. False means that the slow path has to be taken.
func (g *gate) in() bool { return g.pass(gateOpen) }

// out goes through the gate out of a running group. False means that the slow path has to be taken.
func (g *gate) out() bool { return g.pass(gateOpen | gatePassage) }

// pass adds a passage if the gate is open and the group is in the mode that from says.
func (g *gate) pass(from uint64) bool {
	w := g.word.Load()
	return w&(gateOpen|gatePassage) == from && passages(w) < gatePassages &&
		g.word.CompareAndSwap(w, w+gatePassage)
}

// shut closes the gate, and performs what went through it. From then on the state has the group's
// mode, until open is called. The mutex is held.
func (m *Member) shut() { m.catchUp(m.gate.word.And(^uint64(gateOpen))) }

// publish shuts the gates of all groups, and performs Publish, which counts on the groups. The
// mutex is held.
func (m *Member) publish() {
	for _, h := range m.c.members {
		if h != nil {
			h.shut()
		}
	}
	m.must(protocol.ActPublish)
}

// catchUpAll performs what went through the gates of all groups, and leaves them open. The mutex is
// held.
func (c *Coordinator) catchUpAll() {
	for _, m := range c.members {
		if m != nil {
			m.catchUp(m.gate.word.Load())
		}
	}
}

// catchUp performs the passages that a word counts and that have not been performed. Without an
// observer a goroutine that went in and out again leaves nothing to perform.
func (m *Member) catchUp(word uint64) {
	n := passages(word)
	if m.c.observer == nil {
		m.gate.seen += (n - m.gate.seen) &^ 1
	}
	for ; m.gate.seen < n; m.gate.seen++ {
		if m.gate.seen%2 == 0 {
			m.must(protocol.ActUnpark)
		} else {
			m.must(protocol.ActPark)
		}
	}
}

// open opens the gate of a group that has just performed Unpark or Park, unless an operation is
// published, which counts on the group. Such a group asks for nothing, and it is alive. A poisoned
// image has a published operation for ever. The mutex is held.
func (m *Member) open() {
	c := m.c
	if !c.gates || c.state.Leader != protocol.NoGroup {
		return
	}
	m.gate.seen = 0
	if m.mode() == protocol.Running {
		m.gate.seen = 1
	}
	for { // who holds the group may change meanwhile
		w := m.gate.word.Load()
		rest := w&^(gateHolder-1) | w&(gateHeld|gateWanted)
		if m.gate.word.CompareAndSwap(w, rest|gateOpen|m.gate.seen*gatePassage) {
			return
		}
	}
}

// lock takes the coordinator's mutex for a request of the group, whose gate is shut until it next
// enters or parks. unlock is the reverse.
func (m *Member) lock() {
	m.c.mu.Lock()
	m.shut()
}

func (m *Member) unlock() { m.c.mu.Unlock() }
