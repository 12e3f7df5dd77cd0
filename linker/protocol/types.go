package protocol

import (
	"fmt"
	"math/bits"
)

// MaxGroups is the largest number of instance groups that can exist at once:
// a set of groups is one machine word.
const MaxGroups = 64

// LogCapacity is the largest Config.MaxLog.
const LogCapacity = 4

// Group is the slot of an instance group, from 0 to MaxGroups-1. A slot is used
// again when its group is gone. In the specification, group 0 is g1.
type Group uint8

// NoGroup is no group: None in the specification.
const NoGroup Group = 0xff

func (g Group) String() string {
	if g == NoGroup {
		return "None"
	}
	return fmt.Sprintf("g%d", g+1)
}

// Set is a set of groups.
type Set uint64

// Has tells whether g is in the set.
func (s Set) Has(g Group) bool { return g < MaxGroups && s&(1<<g) != 0 }

// With is the set with g.
func (s Set) With(g Group) Set { return s | 1<<g }

// Without is the set without g.
func (s Set) Without(g Group) Set { return s &^ (1 << g) }

// Len is the number of groups in the set.
func (s Set) Len() int { return bits.OnesCount64(uint64(s)) }

// Mode tells whether a group exists, and whether a goroutine is in it.
type Mode uint8

// The values of State.Mode.
const (
	Gone     Mode = iota // no group, or one that has left
	Building             // spawned, and not attached yet
	Running              // guest code or a Go caller is active in it
	// no goroutine is in it, or it blocks in a host call that does not touch the linker
	Parked
	Waking // parked, and a goroutine waits to enter until the present operation is over
)

var modeNames = [...]string{"Gone", "Building", "Running", "Parked", "Waking"}

func (m Mode) String() string { return nameOf(modeNames[:], uint8(m)) }

// Stage tells how far a group's own request has come.
type Stage uint8

// The values of State.Stage.
const (
	Idle      Stage = iota // it asks for nothing
	WaitLease              // it stands in the lease's queue
	Leased                 // it holds the lease
	Built                  // a child has made its instances
	WaitState              // it stands in the state lock's queue
	Locked                 // it holds the state lock
	Worked                 // it has done the operation in its own instances
	Published              // epoch 1 is open
	Replaying              // epoch 2 is open
)

var stageNames = [...]string{"Idle", "WaitLease", "Leased", "Built", "WaitState", "Locked",
	"Worked", "Published", "Replaying"}

func (s Stage) String() string { return nameOf(stageNames[:], uint8(s)) }

// Part is a group's part in another group's operation.
type Part uint8

// The values of State.Part.
const (
	NoPart   Part = iota // it is not a participant
	Expected             // it has not arrived yet
	Arrived              // it stands at the rendezvous, by itself or claimed by the leader
	Applied              // it has replayed the operation and waits at epoch 2
	Failed               // it could not replay the operation
	Undone               // it has taken the operation back
)

var partNames = [...]string{"None", "Expected", "Arrived", "Applied", "Failed", "Undone"}

func (p Part) String() string { return nameOf(partNames[:], uint8(p)) }

// OpKind is a kind of link operation (DlOperation of the reference, and UnloadModules).
type OpKind uint8

// The kinds of link operations. The zero value is none of them.
const (
	NoOp                  OpKind = iota
	LoadModules                  // libraries are instantiated in every group
	ResolveFunction              // a function gets a slot in every group's table
	AllocateFunctionTable        // every group's table gets more slots for closures
	UnloadModules                // libraries are taken out of every group
)

var kindNames = [...]string{"", "LoadModules", "ResolveFunction", "AllocateFunctionTable",
	"UnloadModules"}

func (k OpKind) String() string { return nameOf(kindNames[:], uint8(k)) }

// ParseOpKind finds a kind of link operation by its name in the specification.
func ParseOpKind(name string) (OpKind, error) {
	i, err := indexOf(kindNames[1:], name, "kind of operation")
	if err != nil {
		return NoOp, err
	}
	return OpKind(i + 1), nil
}

func nameOf(names []string, i uint8) string {
	if int(i) < len(names) {
		return names[i]
	}
	return fmt.Sprintf("invalid(%d)", i)
}

// Op is a link operation as far as the protocol is concerned: its kind, and a
// tag that tells operations of one kind apart.
type Op struct {
	Kind OpKind
	Tag  uint8
}

// Queue is a first come, first served queue of groups.
type Queue struct {
	n uint8
	q [MaxGroups]Group
}

// Len is the number of groups that wait.
func (q *Queue) Len() int { return int(q.n) }

// At is the i-th group that waits; the head is 0.
func (q *Queue) At(i int) Group { return q.q[i] }

// Head is the group whose turn it is, or NoGroup.
func (q *Queue) Head() Group {
	if q.n == 0 {
		return NoGroup
	}
	return q.q[0]
}

func (q *Queue) append(g Group) {
	q.q[q.n] = g
	q.n++
}

// without takes g out of the queue, if it stands there. What lies behind the
// end is kept zero, so that equal queues are equal values.
func (q *Queue) without(g Group) {
	for i := range q.n {
		if q.q[i] == g {
			copy(q.q[i:], q.q[i+1:q.n])
			q.n--
			q.q[q.n] = 0
			return
		}
	}
}

// Log is a sequence of operations.
type Log struct {
	n   uint8
	ops [LogCapacity + 1]Op // one more than a log may hold: a view can be an operation ahead
}

// Len is the number of operations in the log.
func (l *Log) Len() int { return int(l.n) }

// At is the i-th operation of the log.
func (l *Log) At(i int) Op { return l.ops[i] }

func (l *Log) append(o Op) {
	if int(l.n) < len(l.ops) { // a longer one is a broken protocol, which the invariants report
		l.ops[l.n] = o
		l.n++
	}
}

// front drops the last operation.
func (l *Log) front() {
	if l.n > 0 {
		l.n--
		l.ops[l.n] = Op{}
	}
}

func (l *Log) contains(o Op) bool {
	for i := range l.n {
		if l.ops[i] == o {
			return true
		}
	}
	return false
}

// MailboxCapacity is one more than a mailbox may hold, so that MailboxDepthOne can fail.
const mailboxCapacity = 2

// Mailbox holds the operations that a group has to replay.
type Mailbox struct {
	n   uint8
	ops [mailboxCapacity]Op
}

// Len is the number of operations in the mailbox.
func (m *Mailbox) Len() int { return int(m.n) }

// At is the i-th operation in the mailbox.
func (m *Mailbox) At(i int) Op { return m.ops[i] }

func (m *Mailbox) append(o Op) {
	if int(m.n) < len(m.ops) {
		m.ops[m.n] = o
		m.n++
	}
}

func (m *Mailbox) tail() {
	copy(m.ops[:], m.ops[1:m.n])
	m.n--
	m.ops[m.n] = Op{}
}
