package coord

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// Operation is a link operation: what every group replays.
type Operation struct {
	Kind    protocol.OpKind
	Payload any // what the participants need to know; the coordinator does not look at it
	// Finish runs once after the operation has been committed, without the mutex, the lease or the
	// state lock, on the goroutine that has completed it: the leader's or, if that has panicked
	// after the broadcast, another one. It is for what no group needs any more. May be nil.
	Finish func(ctx context.Context)
}

// Participant is a group's own side of a link operation. Its methods are called
// by the group's own goroutine at a safepoint, or, while the group is parked,
// by the goroutine that leads the operation; never by two at once, and never
// while guest code runs in any group. They must not call the coordinator.
type Participant interface {
	// Apply replays the operation in this group. When it returns an error,
	// nothing of the operation may be left in the group: every group then takes
	// it back. A panic counts as the death of the group.
	Apply(ctx context.Context, op Operation) error
	// Undo takes back an Apply that succeeded. An error poisons the image.
	Undo(ctx context.Context, op Operation) error
}

// Work is the leader's side of a link operation.
type Work interface {
	// Do is step 4 of the protocol: a second look at the shared state, which may
	// have changed while the leader waited, and then the work in the leader's own
	// instances and in the shared state. changed is false when there is nothing
	// to do any more. On an error, Do has taken back whatever it had begun.
	Do(ctx context.Context) (op Operation, changed bool, err error)
	// Undo takes the work back: a participant failed, or the caller's context
	// ended before the broadcast.
	Undo(ctx context.Context) error
	// Commit makes the operation visible to readers that take no lock. It runs
	// in the critical section of the action Commit, so it must be short and must
	// not call the coordinator. number is the commit's place in the order of all commits.
	Commit(number uint64)
}

// DefaultBatch is how many closure slots one AllocateFunctionTable adds.
const DefaultBatch = 100

// Config configures a Coordinator. Its zero value is usable.
type Config struct {
	Waiting  Waiting  // how goroutines wait; nil: Notified()
	Observer Observer // sees every action; nil: none, at no cost
	// ObserveLate lets groups be entered and left without the mutex although there is an Observer.
	// It then sees the actions Unpark and Park late: when the coordinator next looks at the group,
	// or after some thousand of them. Their order is exact, for no action in between depends on
	// them. Without an Observer it means nothing.
	ObserveLate bool
	// groups that can exist at once, 1 to protocol.MaxGroups; 0: protocol.MaxGroups
	MaxGroups int
	Batch     uint32 // closure slots that one AllocateFunctionTable adds; 0: DefaultBatch
	MaxTable  uint32 // closure slots that may exist; 0: no limit
	// OnAttention is called, with the coordinator's mutex held, when an operation is published that
	// running groups have to arrive at, and when the image is poisoned: for groups that come to
	// their safepoints only when they are asked to. It must be quick and must not call the
	// coordinator; may be nil.
	OnAttention func()
	// OnWanted is called, with the coordinator's mutex held, when a group begins to wait for a lock
	// that another one has: for leaders that can commit early, see Member.CommitEarly. It must be
	// quick and must not call the coordinator; may be nil.
	OnWanted func()
	// called when a token was neither released nor handed over before it became garbage; may be nil
	OnLeak func(id uint64)
}

// Observer sees every action, with the coordinator's mutex held: in the order
// in which they happen. It must be quick and must not call the coordinator.
type Observer func(Event)

// Event is an action that was performed.
type Event struct {
	Seq    uint64          // its place in the order of all actions, from 1
	Step   protocol.Step   // the action
	State  *protocol.State // the state after it, valid only during the call
	Commit uint64          // how many operations have been committed
}

// Coordinator is the synchronisation of one process image: it performs the
// actions of linker/protocol under one mutex; each action inside one critical section.
// Its methods may be called by any goroutine.
type Coordinator struct {
	// Never changed.
	mu          sync.Locker
	waiting     Waiting
	observer    Observer
	onLeak      func(id uint64)
	onAttention func()
	onWanted    func()
	gates       bool // groups may be entered and left without the mutex

	// attention is set while there may be something to do at a safepoint: an
	// operation is published, or the image is poisoned.
	attention atomic.Bool
	commits   atomic.Uint64 // written with mu held

	// All below is guarded by mu.
	state   protocol.State
	members [protocol.MaxGroups]*Member
	// generation counts the groups that a slot has had, see Member.hasSlot
	generation [protocol.MaxGroups]uint64
	waiters    []*waiter
	present    Operation // zero when state has no operation
	cause      error     // why the present operation failed
	poison     *PoisonError
	seq        uint64
	tag        uint8
	tokens     uint64
}

// New makes a coordinator with exactly one group, which is parked. This is the one place where no
// lock is needed: no other goroutine knows the image yet (the bootstrap exception of the
// reference).
func New(cfg Config, first Participant) (*Coordinator, *Member, error) {
	if cfg.Waiting == nil {
		cfg.Waiting = Notified()
	}
	if cfg.MaxGroups == 0 {
		cfg.MaxGroups = protocol.MaxGroups
	}
	if cfg.Batch == 0 {
		cfg.Batch = DefaultBatch
	}
	if cfg.MaxTable == 0 {
		cfg.MaxTable = ^uint32(0) - cfg.Batch
	}
	if cfg.MaxGroups < 1 || cfg.MaxGroups > protocol.MaxGroups {
		return nil, nil, fmt.Errorf("coord: %w: at most %d groups, want 1 to %d",
			protocol.ErrConfig, cfg.MaxGroups, protocol.MaxGroups)
	}
	c := &Coordinator{
		mu: cfg.Waiting.Mutex(), waiting: cfg.Waiting, observer: cfg.Observer, onLeak: cfg.OnLeak,
		onAttention: cfg.OnAttention,
		onWanted:    cfg.OnWanted,
		gates:       cfg.Observer == nil || cfg.ObserveLate,
		state: protocol.NewState(protocol.Config{
			Groups: uint8(cfg.MaxGroups), Initial: 1, MaxLog: protocol.LogCapacity,
			Batch: cfg.Batch, MaxTable: cfg.MaxTable, Features: protocol.AllFeatures,
		}),
	}
	m := &Member{c: c, hold: newHold(), participant: first}
	c.members[0] = m
	c.mu.Lock()
	defer c.mu.Unlock()
	c.perform(protocol.Step{Action: protocol.ActPark})
	return c, m, nil
}

// Err is nil, or the *PoisonError with the first cause once the image is poisoned.
func (c *Coordinator) Err() error {
	if !c.attention.Load() { // it is set before the first caller gets the cause
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.poisoned()
}

// Pending reports whether there may be something to do at a safepoint of a group that is not gone:
// an operation is published, or the image is poisoned. It takes no lock.
func (c *Coordinator) Pending() bool { return c.attention.Load() }

// Commits is how many operations have been committed.
func (c *Coordinator) Commits() uint64 { return c.commits.Load() }

// State is a copy of the protocol's state, for tests and tools.
func (c *Coordinator) State() protocol.State {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.catchUpAll()
	return c.state
}

// poisoned is Err with the mutex held.
func (c *Coordinator) poisoned() error {
	if c.poison != nil {
		return c.poison
	}
	return nil
}

// perform performs an action, if its guard holds: all changes of the state go
// through here. The mutex is held.
func (c *Coordinator) perform(t protocol.Step) bool {
	if c.state.Try(t) != protocol.Done {
		return false
	}
	c.seq++
	if c.observer != nil {
		c.observer(Event{Seq: c.seq, Step: t, State: &c.state, Commit: c.commits.Load()})
	}
	attention := c.state.Leader != protocol.NoGroup || c.state.Poisoned
	if had := c.attention.Swap(attention); attention && !had && c.onAttention != nil {
		c.onAttention()
	}
	c.wake()
	return true
}

// wake wakes the waiters that have something to do now. The mutex is held.
func (c *Coordinator) wake() {
	for _, w := range c.waiters {
		if w.ready() {
			w.Wake()
		}
	}
}

// wanted tells who wants to know that a group waits for a lock. The mutex is held.
func (c *Coordinator) wanted() {
	if c.onWanted != nil {
		c.onWanted()
	}
}

// must performs an action whose guard holds because of what came before. That
// it does not would be an error in this package.
func (c *Coordinator) must(t protocol.Step) {
	if !c.perform(t) {
		panic(fmt.Sprintf("coord: %v", c.state.Perform(t)))
	}
}
