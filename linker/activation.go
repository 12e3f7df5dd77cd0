package linker

import (
	"context"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/presence"
)

// activation is one goroutine's presence in a group, with what it does there for the linker. Its
// life cycle and its invariants are those of [presence.Activation].
type activation struct {
	presence.Activation

	group   *Group
	op      *linkOp  // belongs to this goroutine until it is published; nil if it leads none
	receipt *Receipt // what the context wants filled in, or nil
	// of the operation that is being replayed, if there is one that can be ended
	by   *leader
	view *image.Snapshot // the symbols that a group is built from; nil for those of the image
}

// newActivation returns one that has not begun; parent is the one around it, nil for none.
func newActivation(g *Group, parent *activation) *activation {
	act := &activation{group: g}
	if parent == nil {
		act.Init(act, g.as, nil)
	} else {
		act.Init(act, g.as, &parent.Activation)
	}
	return act
}

// activationIn returns what embeds an activation, nil for nil.
func activationIn(a *presence.Activation) *activation {
	if a == nil {
		return nil
	}
	return a.Of.(*activation)
}

// outer returns the activation around it, nil for the outermost.
func (act *activation) outer() *activation { return activationIn(act.Parent()) }

// begin makes the activation the context of what the calling goroutine does in it.
func (act *activation) begin(ctx context.Context) {
	act.Begin(ctx)
	act.receipt, _ = ctx.Value(receiptKey{}).(*Receipt)
}

// withActivation begins an activation for what a goroutine does in a group without entering it; end
// ends it.
func withActivation(ctx context.Context, act *activation) (inner context.Context, end func()) {
	act.begin(ctx)
	return act, act.End
}

// activationOf returns the activation that a context belongs to, nil if there is none or if it has
// ended. It is for the linker's own functions that guests call: the engine calls them on the
// goroutine of the activation. What the embedder calls uses ownActivation.
func activationOf(ctx context.Context) *activation { return activationIn(presence.From(ctx)) }

// ownActivation returns the activation that a context belongs to, nil for a context that comes from
// no call into a group: see [presence.Own].
func ownActivation(ctx context.Context) (*activation, error) {
	a, err := presence.Own(ctx)
	return activationIn(a), err
}

// WithoutGroup returns a context with the values, the deadline and the cancellation of ctx that
// does not belong to any call into a group. A host function hands it to goroutines that it starts:
// they may use it for calls of their own, also when the host function has returned. From within the
// call a group that is inside it cannot be entered with such a context, and waiting for that is a
// deadlock.
func WithoutGroup(ctx context.Context) context.Context { return presence.Without(ctx) }

func (act *activation) leads() bool { return act != nil && act.op != nil }

// snapshot is what an activation sees: the committed symbols; within an operation, those of the
// operation too.
func (act *activation) snapshot() *image.Snapshot {
	switch {
	case act.view != nil:
		return act.view
	case act.op != nil || act.Replay:
		return act.group.l.state.snapshot
	}
	return act.group.l.committed.Load()
}

// GroupFromContext returns the group whose guest called a host function, by the function's context;
// nil for any other context, and for one whose call has ended.
func GroupFromContext(ctx context.Context) *Group {
	if act := activationOf(ctx); act != nil {
		return act.group
	}
	return nil
}

// parks reports whether others could wait for the group that a goroutine is inside: not while it
// leads or replays an operation.
func (act *activation) parks() bool { return act.op == nil && !act.Replay }

// leader is on whose behalf an operation is replayed. Code of the guest that a replay runs ends as
// the leader's own does: with the context, and when the group is to be closed.
type leader struct {
	ctx   context.Context
	group *Group
}
