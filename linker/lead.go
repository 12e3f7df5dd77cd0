package linker

import (
	"context"

	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// run makes g lead an operation, or, within one that g leads already, makes this a part of it: a
// constructor that loads a library, for instance.
func (e *activation) run(ctx context.Context, kind protocol.OpKind,
	do func(ctx context.Context, t *tx) error) error {
	if e.tx != nil {
		return e.tx.nested(ctx, do)
	}
	t := &tx{l: e.group.l, g: e.group, kind: kind, do: do}
	commit, err := e.group.member.Link(ctx, t)
	if err == nil || t.refused {
		receive(ctx, commit, t.saved.snapshot.Commit)
	}
	t.l.heap.Drain(ctx, heapGuest{e.group})
	if err == nil || t.early {
		t.settle(ctx, e)
	}
	return err
}

// settle does what an operation has put off until it is committed.
func (t *tx) settle(ctx context.Context, e *activation) {
	t.startThreads(ctx)
	if len(t.released) > 0 {
		// What the destructors fail with, dlclose cannot tell any more: it has returned.
		_ = t.g.unload(ctx, e, nil)
	}
}
