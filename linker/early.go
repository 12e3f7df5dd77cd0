package linker

import (
	"context"
	"errors"

	"github.com/lockstep-wasm/lockstep/linker/internal/failpoint"
	"github.com/lockstep-wasm/lockstep/linker/internal/image"
)

// A constructor may wait for another thread, and that thread may need the linker: because the
// constructor has started it, and it does not begin before the load is committed, or because it
// opens a library, and the load has the lease. So the load is committed when a constructor is about
// to wait for such a thread; see "When does a thread begin that a constructor starts?" in
// spec/rationale.md.

// givesWay reports whether the operation can be committed now: a constructor runs, and all that was
// done before it is complete. The initial image, which New makes without an operation, cannot.
func (op *linkOp) givesWay() bool {
	return op != nil && op.do != nil && op.constructs && op.broken == nil
}

// mustGiveWay reports whether a goroutine that is about to wait within an operation waits, perhaps,
// for what happens only when the operation is over.
func (act *activation) mustGiveWay() bool {
	return act.op.givesWay() && (len(act.op.threads) > 0 || act.group.member.Wanted())
}

// wanted tells when to look again whether the operation must be committed, if it can be.
func (act *activation) wanted() <-chan struct{} {
	if !act.op.givesWay() {
		return nil
	}
	return act.group.l.wanted
}

// yields is called before a wait that cannot be ended for others' sake: threads that a constructor
// has started begin before.
func (act *activation) yields(ctx context.Context) error {
	if !act.op.givesWay() || len(act.op.threads) == 0 {
		return nil
	}
	return act.giveWay(ctx)
}

// giveWay commits what the operation has done so far. From then on the activation is one outside of
// any operation, and so are those around it. An error is the end of the operation.
func (act *activation) giveWay(ctx context.Context) error {
	op := act.op
	err := op.l.config.inject.At(ctx, op.g, failpoint.Publish)
	if err == nil {
		_, err = op.g.member.CommitEarly(ctx, op, op.operation(ctx))
	}
	if err != nil {
		op.broken = errors.Join(op.broken, err)
		return err
	}
	op.early = true
	for x := act; x != nil; x = x.outer() {
		if x.op == op {
			x.op = nil
		}
	}
	op.startThreads(context.WithoutCancel(ctx))
	return nil
}

// tell does so without waiting.
func (s signal) tell() {
	select {
	case s <- struct{}{}:
	default:
	}
}

// giveUp unloads libraries of which a constructor has failed after their load was committed, unless
// others have opened them meanwhile. No destructors of them run. A group that has ended leaves that
// to the next one that unloads something.
func (op *linkOp) giveUp(ctx context.Context, roots, modules []*image.Module) {
	ctx = context.WithValue(context.WithoutCancel(ctx), receiptKey{}, (*Receipt)(nil))
	for _, m := range modules {
		op.l.dtors.Drop(m)
	}
	for _, root := range roots {
		lib := &Library{linker: op.l, mod: root}
		_ = op.g.unload(ctx, activationOf(ctx), lib) // the caller has the error of the constructor
		if !lib.given.Load() {
			root.Handles.Add(-1)
		}
	}
}
