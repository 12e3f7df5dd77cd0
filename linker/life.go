package linker

import (
	"context"
	"fmt"

	"github.com/lockstep-wasm/lockstep/linker/internal/space"
)

// The life of a group: reserved, building, live, dying, released. spec/lifetimes.md has the states,
// what moves a group from one to the next, and who may touch what in each.

// alive returns why the group cannot be entered.
func (g *Group) alive() error {
	if g.l.closed.Load() {
		return ErrClosed
	}
	if cause := g.cause.Load(); cause != nil {
		return *cause
	}
	return nil
}

// die makes a group a dying one because of its guest: an exit, mostly. Any goroutine may call it,
// in every state from building on. What the group has is given back by the last goroutine that has
// to do with it.
func (g *Group) die(cause error) {
	err := fmt.Errorf("%w: %w", ErrGroupClosed, cause)
	if g.cause.CompareAndSwap(nil, &err) {
		g.l.dtors.DropThread(g, nil)
		g.member.Crash(cause)
		g.l.attention.raise()
		g.space.Preempt.Hold()
		g.l.futexes.Interrupt(g, err)
	}
}

// releaseDying releases a dying group: it gives back all that the group has. The caller has the
// group's lock. It waits until no other goroutine replays an operation for the group. Only then the
// group leaves the list, so that a Close of the linker waits for it. A second time it does nothing.
func (g *Group) releaseDying(ctx context.Context) {
	_ = g.member.AwaitOut(context.WithoutCancel(ctx))
	g.discard(ctx)
}

// discard is releaseDying for a goroutine that works for the group itself, or has waited for the
// others.
func (g *Group) discard(ctx context.Context) {
	g.forget()
	g.spare.Drop()
	g.recent = nil
	g.space.CloseInstances(ctx)
	g.l.groups.remove(g)
}

// forget gives back what a group that is gone had in memory.
func (g *Group) forget() {
	g.forgotten.Store(true)
	g.l.dtors.DropThread(g, nil)
	g.l.heap.GiveOwned(heapGuest{g})
}

// died is called when the group's replay of an operation panicked, by the goroutine that replayed
// it. If another one is inside, that releases the group on its way out.
func (g *Group) died(ctx context.Context) {
	g.forget()
	g.l.futexes.Interrupt(g, ErrGroupClosed)
	if g.member.TryHold() {
		g.discard(ctx)
		g.member.Drop()
	}
}

func (l *groupList) add(g *Group) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.groups = append(l.groups, g)
}

func (l *groupList) remove(g *Group) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, x := range l.groups {
		if x == g {
			l.groups = append(l.groups[:i:i], l.groups[i+1:]...)
			return
		}
	}
}

// list returns a copy, which its caller may go through without the lock.
func (l *groupList) list() []*Group {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]*Group(nil), l.groups...)
}

// spaces returns those of the groups that are not dying.
func (l *groupList) spaces() map[*space.Space]bool {
	alive := map[*space.Space]bool{}
	for _, g := range l.list() {
		if g.cause.Load() == nil && !g.forgotten.Load() {
			alive[&g.space] = true
		}
	}
	return alive
}
