package coord

import (
	"context"

	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// Child is a group that is being spawned. It holds the parent's token, and may
// move with it to another goroutine. It ends by Attach or Abort, exactly once. Its fields never
// change.
type Child struct {
	m     *Member
	token *Token
}

// Spawn leases the topology and hands the token to a new child, which is no participant yet. The
// errors are those of Lease, and ErrTooManyGroups.
func (m *Member) Spawn(ctx context.Context) (*Child, error) {
	m.lock()
	defer m.unlock()
	if err := m.lease(ctx); err != nil {
		return nil, err
	}
	return m.handOver()
}

// Spawn is Member.Spawn with the lease in hand; the token goes over to the child.
func (t *Token) Spawn() (*Child, error) {
	if err := t.end(); err != nil {
		return nil, err
	}
	c := t.m.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := t.m.closed(); err != nil {
		return nil, err
	}
	return t.m.handOver()
}

func (m *Member) handOver() (*Child, error) {
	c := m.c
	for id := range protocol.Group(c.state.Config.Groups) {
		if c.members[id] == nil &&
			c.perform(protocol.Step{Action: protocol.ActSpawn, Group: m.id, Child: id}) {
			c.generation[id]++
			child := &Member{c: c, id: id, generation: c.generation[id], hold: newHold()}
			c.members[id] = child
			return &Child{m: child, token: child.token()}, nil
		}
	}
	m.cancel()
	return nil, ErrTooManyGroups
}

// Member is the group that the child becomes. Until Attach has returned, only Crash, Gone and
// AwaitOut may be called.
func (ch *Child) Member() *Member { return ch.m }

// ID is the slot that the child will have.
func (ch *Child) ID() int { return int(ch.m.id) }

// Attach makes the child one of the groups. build makes its instances from the
// committed records, which cannot change meanwhile, because the child holds the
// lease; only then does the child take the state lock, without cooperating, to
// attach. The new group is parked. When build or anything else fails, the child
// leaves no trace in the protocol; what build made is for its caller to take
// back. If build panics, so it is, and the panic goes on.
func (ch *Child) Attach(ctx context.Context,
	build func(ctx context.Context, id int) (Participant, error)) (*Member, error) {
	if err := ch.token.end(); err != nil {
		return nil, err
	}
	m, c := ch.m, ch.m.c
	c.mu.Lock()
	defer c.mu.Unlock()
	err := m.runUnlocked(func() (err error) {
		m.participant, err = build(ctx, int(m.id))
		return err
	})
	if err == nil {
		err = m.closed()
	}
	if err == nil {
		m.must(protocol.ActBuild)
		err = m.awaitState(ctx) // on an error it has cancelled the child
	}
	if err != nil {
		ch.abort()
		return nil, err
	}
	m.must(protocol.ActAttach)
	m.must(protocol.ActPark)
	return m, nil
}

// Abort gives the child up, and the lease with it. After Attach, or a second
// time, it is ErrTokenReleased.
func (ch *Child) Abort() error {
	if err := ch.token.end(); err != nil {
		return err
	}
	ch.m.c.mu.Lock()
	defer ch.m.c.mu.Unlock()
	ch.abort()
	return nil
}

func (ch *Child) abort() {
	ch.m.cancel()
	if !ch.m.gone.Load() {
		ch.m.leave()
	}
	ch.m.c.wake()
}
