package linker

import "context"

// newGroupOf makes a group that can be entered.
func newGroupOf(l *Linker) *Group {
	g := newGroup(l)
	g.as = groupThread{g}
	return g
}

// groupThread is a group as activations see it. It implements presence.Thread.
type groupThread struct{ g *Group }

func (t groupThread) Hold(ctx context.Context) error          { return t.g.acquire(ctx) }
func (t groupThread) Release(ctx context.Context)             { t.g.release(ctx) }
func (t groupThread) Alive() error                            { return t.g.alive() }
func (t groupThread) Park()                                   { t.g.member.Park() }
func (t groupThread) Enter(ctx context.Context) error         { return t.g.member.Enter(ctx) }
func (t groupThread) Resume(ctx context.Context) error        { return t.g.resume(ctx) }
func (t groupThread) Renew() uint64                           { return t.g.member.Renew() }
func (t groupThread) IsIn(holder uint64) bool                 { return t.g.member.IsIn(holder) }
func (t groupThread) Watch(ctx context.Context) (stop func()) { return t.g.watch(ctx) }
