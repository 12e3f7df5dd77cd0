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
func (t *tx) Do(ctx context.Context) (coord.Operation, bool, error) {
	t.saved = t.l.state.clone()
	returned := false
	defer func() {
		if !returned && !t.early {
			t.abandon(ctx)
		}
	}()
	e := t.activation(ctx)
	inner, end := withActivation(ctx, e)
	defer end()
	err := t.do(inner, t)
	if t.early {
		returned = true
		return coord.Operation{}, false, errors.Join(err, e.unpark(ctx))
	}
	if err == nil {
		err = t.broken
	}
	t.refused = err != nil
	if err == nil {
		err = t.l.config.inject.At(ctx, t.g, failpoint.Publish)
	}
	if err == nil {
		err = ctx.Err()
	}
	returned = true
	if err != nil {
		return coord.Operation{}, false, errors.Join(err, t.Undo(ctx))
	}
	if len(t.steps) == 0 {
		t.showHandles(t.saved.snapshot.Commit) // there is no commit to do so
	}
	return t.operation(ctx), len(t.steps) > 0, nil
}

// operation is what the other groups are told of what has been done so far.
func (t *tx) operation(ctx context.Context) coord.Operation {
	return coord.Operation{Kind: t.kind, Payload: replayed{t.steps, &leader{ctx, t.g}}}
}

// showHandles makes what the operation has done to handles visible.
func (t *tx) showHandles(number uint64) {
	for _, m := range t.opened {
		m.Shown.Store(m.Handles.Load())
	}
	for _, lib := range t.released {
		lib.mod.Shown.Store(lib.mod.Handles.Load())
		lib.close(number)
	}
}

// activation returns what makes a context by which calls from guests, constructors above all, find
// the operation.
func (t *tx) activation(ctx context.Context) *activation {
	return &activation{group: t.g, parent: activationOf(ctx), tx: t}
}

// Undo implements coord.Work.
func (t *tx) Undo(ctx context.Context) error {
	return t.undoTo(ctx, savepoint{state: t.saved})
}

// undoTo takes back what was done since a savepoint.
func (t *tx) undoTo(ctx context.Context, m savepoint) error {
	ctx, end := withActivation(context.WithoutCancel(ctx),
		&activation{group: t.g, parent: activationOf(ctx), tx: t, replay: true})
	defer end()
	var errs []error
	for _, s := range slices.Backward(t.steps[m.steps:]) {
		errs = append(errs, s.Undo(ctx, &t.g.space))
	}
	t.undoShared(ctx, m)
	t.l.heap.Drain(ctx, heapGuest{t.g})
	return errors.Join(errs...)
}

// undoShared is undoTo without the leader's own instances.
func (t *tx) undoShared(ctx context.Context, m savepoint) {
	t.dropThreads(m.threads)
	for _, lib := range t.released[m.released:] {
		lib.mod.Handles.Add(1)
		lib.given.Store(false)
	}
	t.released = t.released[:m.released]
	for _, m := range t.opened[m.opened:] {
		m.Handles.Add(-1)
	}
	for _, lib := range t.handed[m.handed:] {
		lib.takeBack()
	}
	t.handed = t.handed[:m.handed]
	for _, region := range slices.Backward(t.regions[m.regions:]) {
		t.l.heap.Give(region)
	}
	for _, m := range slices.Backward(t.modules[m.modules:]) {
		t.l.dtors.Drop(m)
		space.CodeOf(m).Close(ctx)
	}
	t.restore(m)
	t.steps, t.regions, t.modules, t.opened = t.steps[:m.steps], t.regions[:m.regions],
		t.modules[:m.modules], t.opened[:m.opened]
}

// restore puts back the state of a savepoint. If code of the guest has run since, it may have kept
// pointers, so the entries of the function table that were taken rest as those of a library that is
// unloaded.
func (t *tx) restore(m savepoint) {
	slots, taken := t.l.state.slots, t.slots[m.slots:]
	t.l.state, t.slots = m.state, t.slots[:m.slots]
	t.l.state.closures.RetireAgain(t.again[m.again:])
	if t.performed == m.performed || len(taken) == 0 {
		return
	}
	for _, r := range taken {
		slots.Retire(r.Span, *r.Owner)
	}
	t.l.state.slots = slots
}

// abandon is what is left to do when the work panicked: the leader's group has died with its
// instances, and the others have seen nothing yet.
func (t *tx) abandon(ctx context.Context) {
	t.undoShared(context.WithoutCancel(ctx), savepoint{state: t.saved})
}

// nested does something within an operation: what a constructor asks for. If it fails, it is taken
// back by itself, for the constructor may go on without it.
func (t *tx) nested(ctx context.Context, do func(ctx context.Context, t *tx) error) error {
	if limit := t.l.config.maxNesting; t.depth >= limit {
		return &LimitError{Limit: limitNesting, Value: uint64(t.depth) + 1, Max: uint64(limit)}
	}
	t.depth++
	constructs := t.constructs
	t.constructs = false
	defer func() {
		t.depth--
		t.constructs = constructs && !t.early
	}()
	m := savepoint{t.l.state.clone(), len(t.steps), len(t.regions), len(t.modules), len(t.opened),
		len(t.handed), len(t.released), len(t.threads), len(t.slots), len(t.again),
		t.performed}
	err := do(ctx, t)
	if err != nil && !t.early {
		if failed := t.undoTo(ctx, m); failed != nil {
			t.broken = errors.Join(err, failed)
			return t.broken
		}
	}
	return err
}

// Commit implements coord.Work.
func (t *tx) Commit(number uint64) {
	t.showHandles(number)
	t.l.publish(number)
}

// perform makes a step in the leader's own group and notes it for the others.
func (t *tx) perform(ctx context.Context, s space.Step) error {
	t.performed++
	if err := s.Apply(ctx, &t.g.space); err != nil {
		return err
	}
	t.steps = append(t.steps, s)
	return t.l.config.inject.At(ctx, t.g, failpoint.Applied)
}

// region takes a data area.
func (t *tx) region(ctx context.Context, size, align uint32, who spans.Owner) (uint32, error) {
	base, err := t.l.heap.TakeFor(ctx, heapGuest{t.g}, size, align, who)
	if err == nil && base != 0 {
		t.regions = append(t.regions, base)
	}
	return base, err
}

// change replaces the scope by a changed copy.
func (t *tx) change(f func(*image.Snapshot)) {
	next := *t.l.state.snapshot
	f(&next)
	t.l.state.snapshot = &next
}

// take takes entries of the function table.
func (t *tx) take(n, align uint32, who spans.Owner) (uint32, error) {
	base, err := t.l.state.slots.Take(n, align, who)
	if err != nil {
		return 0, tableFull(err)
	}
	t.slots = append(t.slots, table.Owned{Owner: &who, Span: spans.Span{Base: base, Size: n}})
	return base, nil
}

// slot returns the pointer of a function. When it has none yet, one is made, and what has to be put
// there is added to fills.
func (t *tx) slot(fn *image.Function, fills *[]space.Fill) (uint32, error) {
	if slot, ok := t.l.state.snapshot.Pointer(fn); ok {
		return slot, nil
	}
	slot, err := t.take(1, 1, fn.Owner())
	if err != nil {
		return 0, err
	}
	t.change(func(s *image.Snapshot) { s.Pointers = s.Pointers.With(fn, slot) })
	*fills = append(*fills, space.Fill{Fn: fn, Slot: slot})
	return slot, nil
}
