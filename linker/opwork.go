package linker

import (
	"context"
	"errors"
	"slices"

	"github.com/lockstep-wasm/lockstep/linker/coord"
	"github.com/lockstep-wasm/lockstep/linker/internal/failpoint"
	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/space"
	"github.com/lockstep-wasm/lockstep/linker/internal/spans"
	"github.com/lockstep-wasm/lockstep/linker/internal/table"
)

// Do implements coord.Work.
func (op *linkOp) Do(ctx context.Context) (coord.Operation, bool, error) {
	op.saved = op.l.state.clone()
	returned := false
	defer func() {
		if !returned && !op.early {
			op.abandon(ctx)
		}
	}()
	act := op.activation(ctx)
	inner, end := withActivation(ctx, act)
	defer end()
	err := op.do(inner, op)
	if op.early {
		returned = true
		return coord.Operation{}, false, errors.Join(err, act.Unpark(ctx))
	}
	if err == nil {
		err = op.broken
	}
	op.refused = err != nil
	if err == nil {
		err = op.l.config.inject.At(ctx, op.g, failpoint.Publish)
	}
	if err == nil {
		err = ctx.Err()
	}
	returned = true
	if err != nil {
		return coord.Operation{}, false, errors.Join(err, op.Undo(ctx))
	}
	if len(op.steps) == 0 {
		op.showHandles(op.saved.snapshot.Commit) // there is no commit to do so
	}
	return op.operation(ctx), len(op.steps) > 0, nil
}

// operation is what the other groups are told of what has been done so far.
func (op *linkOp) operation(ctx context.Context) coord.Operation {
	return coord.Operation{Kind: op.kind, Payload: replayed{op.steps, &leader{ctx, op.g}}}
}

// showHandles makes what the operation has done to handles visible.
func (op *linkOp) showHandles(number uint64) {
	for _, m := range op.opened {
		m.Shown.Store(m.Handles.Load())
	}
	for _, lib := range op.released {
		lib.mod.Shown.Store(lib.mod.Handles.Load())
		lib.close(number)
	}
}

// activation returns what makes a context by which calls from guests, constructors above all, find
// the operation.
func (op *linkOp) activation(ctx context.Context) *activation {
	act := newActivation(op.g, activationOf(ctx))
	act.op = op
	return act
}

// Undo implements coord.Work.
func (op *linkOp) Undo(ctx context.Context) error {
	return op.undoTo(ctx, savepoint{state: op.saved})
}

// undoTo takes back what was done since a savepoint.
func (op *linkOp) undoTo(ctx context.Context, m savepoint) error {
	act := op.activation(ctx)
	act.Replay = true
	ctx, end := withActivation(context.WithoutCancel(ctx), act)
	defer end()
	var errs []error
	for _, s := range slices.Backward(op.steps[m.steps:]) {
		errs = append(errs, s.Undo(ctx, &op.g.space))
	}
	op.undoShared(ctx, m)
	op.l.heap.Drain(ctx, heapGuest{op.g})
	return errors.Join(errs...)
}

// undoShared is undoTo without the leader's own instances.
func (op *linkOp) undoShared(ctx context.Context, m savepoint) {
	op.dropThreads(m.threads)
	for _, lib := range op.released[m.released:] {
		lib.mod.Handles.Add(1)
		lib.given.Store(false)
	}
	op.released = op.released[:m.released]
	for _, m := range op.opened[m.opened:] {
		m.Handles.Add(-1)
	}
	for _, lib := range op.handed[m.handed:] {
		lib.takeBack()
	}
	op.handed = op.handed[:m.handed]
	for _, region := range slices.Backward(op.regions[m.regions:]) {
		op.l.heap.Give(region)
	}
	for _, m := range slices.Backward(op.modules[m.modules:]) {
		op.l.dtors.Drop(m)
		space.CodeOf(m).Close(ctx)
	}
	op.restore(m)
	op.steps, op.regions, op.modules, op.opened = op.steps[:m.steps], op.regions[:m.regions],
		op.modules[:m.modules], op.opened[:m.opened]
}

// restore puts back the state of a savepoint. If code of the guest has run since, it may have kept
// pointers, so the entries of the function table that were taken rest as those of a library that is
// unloaded.
func (op *linkOp) restore(m savepoint) {
	slots, taken := op.l.state.slots, op.slots[m.slots:]
	op.l.state, op.slots = m.state, op.slots[:m.slots]
	op.l.state.closures.RetireAgain(op.again[m.again:])
	if op.performed == m.performed || len(taken) == 0 {
		return
	}
	for _, r := range taken {
		slots.Retire(r.Span, *r.Owner)
	}
	op.l.state.slots = slots
}

// abandon takes back the changes of work that panicked: the leader's group has died with its
// instances, and the others have seen nothing yet.
func (op *linkOp) abandon(ctx context.Context) {
	op.undoShared(context.WithoutCancel(ctx), savepoint{state: op.saved})
}

// nested does something within an operation: what a constructor asks for. If it fails, it is taken
// back by itself, for the constructor may go on without it.
func (op *linkOp) nested(ctx context.Context,
	do func(ctx context.Context, op *linkOp) error) error {
	if limit := op.l.config.maxNesting; op.depth >= limit {
		return &LimitError{Limit: limitNesting, Value: uint64(op.depth) + 1, Max: uint64(limit)}
	}
	op.depth++
	constructs := op.constructs
	op.constructs = false
	defer func() {
		op.depth--
		op.constructs = constructs && !op.early
	}()
	m := savepoint{op.l.state.clone(), len(op.steps), len(op.regions), len(op.modules),
		len(op.opened),
		len(op.handed), len(op.released), len(op.threads), len(op.slots), len(op.again),
		op.performed}
	err := do(ctx, op)
	if err != nil && !op.early {
		if failed := op.undoTo(ctx, m); failed != nil {
			op.broken = errors.Join(err, failed)
			return op.broken
		}
	}
	return err
}

// Commit implements coord.Work.
func (op *linkOp) Commit(number uint64) {
	op.showHandles(number)
	op.l.publish(number)
}

// perform makes a step in the leader's own group and notes it for the others.
func (op *linkOp) perform(ctx context.Context, s space.Step) error {
	op.performed++
	if err := s.Apply(ctx, &op.g.space); err != nil {
		return err
	}
	op.steps = append(op.steps, s)
	return op.l.config.inject.At(ctx, op.g, failpoint.Applied)
}

// region takes memory, which is given back when the operation fails.
func (op *linkOp) region(ctx context.Context, size, align uint32, who spans.Owner) (uint32, error) {
	base, err := op.l.heap.TakeFor(ctx, heapGuest{op.g}, size, align, who)
	if err == nil && base != 0 {
		op.regions = append(op.regions, base)
	}
	return base, err
}

// change replaces the snapshot by a changed copy.
func (op *linkOp) change(f func(*image.Snapshot)) {
	next := *op.l.state.snapshot
	f(&next)
	op.l.state.snapshot = &next
}

// take takes entries of the function table.
func (op *linkOp) take(n, align uint32, who spans.Owner) (uint32, error) {
	base, err := op.l.state.slots.Take(n, align, who)
	if err != nil {
		return 0, tableFull(err)
	}
	op.slots = append(op.slots, table.Owned{Owner: &who, Span: spans.Span{Base: base, Size: n}})
	return base, nil
}

// slot returns the pointer of a function. When it has none yet, one is made, and what has to be put
// there is added to fills.
func (op *linkOp) slot(fn *image.Function, fills *[]space.Fill) (uint32, error) {
	if slot, ok := op.l.state.snapshot.Pointer(fn); ok {
		return slot, nil
	}
	slot, err := op.take(1, 1, fn.Owner())
	if err != nil {
		return 0, err
	}
	op.change(func(s *image.Snapshot) { s.Pointers = s.Pointers.With(fn, slot) })
	*fills = append(*fills, space.Fill{Fn: fn, Slot: slot})
	return slot, nil
}
