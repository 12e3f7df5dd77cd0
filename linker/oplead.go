package linker

import (
	"context"

	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// run makes g lead an operation, or, within one that g leads already, makes this a part of it: a
// constructor that loads a library, for instance.
func (act *activation) run(ctx context.Context, kind protocol.OpKind,
	do func(ctx context.Context, op *linkOp) error) error {
	if act.op != nil {
		return act.op.nested(ctx, do)
	}
	op := &linkOp{l: act.group.l, g: act.group, kind: kind, do: do}
	commit, err := act.group.member.Link(ctx, op)
	if err == nil || op.refused {
		receive(ctx, commit, op.saved.snapshot.Commit)
	}
	op.l.heap.Drain(ctx, heapGuest{act.group})
	if err == nil || op.early {
		op.settle(ctx, act)
	}
	return err
}

// settle does what an operation has put off until it is committed.
func (op *linkOp) settle(ctx context.Context, act *activation) {
	op.startThreads(ctx)
	if len(op.released) > 0 {
		// What the destructors fail with, dlclose cannot tell any more: it has returned.
		_ = op.g.unload(ctx, act, nil)
	}
}
