package linker

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/lockstep-wasm/lockstep/linker/coord"
	"github.com/lockstep-wasm/lockstep/linker/internal/failpoint"
	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/space"
	"github.com/lockstep-wasm/lockstep/linker/internal/spans"
)

// unload is the link operation that unloads what is not used any more. Unlike others it does
// nothing to any group before it is sure to be committed, for a module that is taken out cannot be
// put back. While there are destructors to run it only takes the modules out of the snapshot; see
// closing.
type unload struct {
	linkOp
	lib     *Library       // whose handle is given up; nil if none is
	closing *image.Closing // the one that it is a step of; nil while there is none
	last    bool           // destructors that are left are not run any more
	hidden  []*image.Module
	step    *space.UnloadStep
	err     error // of what is cleared in the groups' tables
}

// Do implements coord.Work. It runs no code of the guest.
func (u *unload) Do(ctx context.Context) (coord.Operation, bool, error) {
	if err := u.l.config.inject.At(ctx, u.g, failpoint.Unload); err != nil {
		return coord.Operation{}, false, err
	}
	u.saved = u.l.state.clone()
	if u.lib != nil && !u.lib.given.CompareAndSwap(false, true) {
		return coord.Operation{}, false, ErrLibraryClosed
	}
	if u.lib != nil {
		u.lib.mod.Handles.Add(-1)
	}
	var steps []space.Step
	gone := u.l.state.snapshot.Unused(u.l.dtors.HeldBesides(u.g), u.closing)
	switch {
	case len(gone) == 0:
	case !u.last && u.l.dtors.Any(u.g, gone):
		if err := ctx.Err(); err != nil { // destructors do not begin then
			return coord.Operation{}, false, errors.Join(err, u.Undo(ctx))
		}
		u.hidden = gone
		if u.hide(gone) {
			steps = append(steps, space.SnapshotStep{})
		}
	default:
		u.step = &space.UnloadStep{Modules: gone}
		steps = append(steps, u.step)
		u.forget(gone)
	}
	if len(steps) == 0 {
		u.showHandles(u.saved.snapshot.Commit)
	}
	return coord.Operation{Kind: u.kind, Payload: replayed{steps: steps}, Finish: u.finish},
		len(steps) > 0, nil
}

// showHandles makes what the operation has done to handles visible.
func (u *unload) showHandles(number uint64) {
	if u.lib != nil {
		u.lib.close(number)
		u.lib.mod.Shown.Store(u.lib.mod.Handles.Load())
	}
	u.linkOp.showHandles(number)
}

// reopen takes back that the handle was given up.
func (u *unload) reopen() {
	if u.lib == nil {
		return
	}
	u.lib.mod.Handles.Add(1)
	u.lib.given.Store(false)
}

// forget takes modules out of the shared state.
func (u *unload) forget(gone []*image.Module) {
	u.l.logUnloaded(gone)
	l := u.l
	dead, now := image.Set(gone), l.state.snapshot
	tables := spansOf(gone)
	var alone []space.Fill // made for functions of theirs
	u.step.Keep = map[*image.Module][]uint32{}
	for _, m := range gone {
		for _, fn := range m.Functions {
			if slot, ok := now.Pointers.Get(fn); ok && !tables.Has(slot) {
				alone = append(alone, space.Fill{Fn: fn, Slot: slot})
			}
		}
		for k := range m.Table.Size {
			slot := m.Table.Base + k
			if fn := now.Pointers.At(slot); fn != nil && !dead[fn.Mod] {
				// others have it: it lives as long as its function
				u.step.Keep[m] = append(u.step.Keep[m], slot)
			}
		}
	}
	for _, m := range gone {
		if parts := m.Table.Without(u.step.Keep[m]); len(parts) == 1 {
			l.state.slots.Retire(m.Table, m.Segment)
		} else {
			for _, part := range parts { // no owner can have these back as a whole
				l.state.slots.Retire(part, spans.Owner{})
			}
		}
		for _, k := range m.PLT {
			l.state.plt.Give(spans.Span{Base: k.Index, Size: 1})
		}
	}
	slices.SortFunc(alone, func(a, b space.Fill) int { return cmp.Compare(a.Slot, b.Slot) })
	for _, f := range alone {
		u.step.Slots = append(u.step.Slots, f.Slot)
		l.state.slots.Retire(spans.Span{Base: f.Slot, Size: 1}, f.Fn.Owner())
	}
	var closures []uint32
	for _, m := range gone {
		for slot := range now.Closures.Of(m).All {
			closures = append(closures, slot) // null, but still owned
		}
	}
	slices.Sort(closures)
	u.step.Slots = append(u.step.Slots, closures...)
	u.change(func(s *image.Snapshot) { s.Forget(gone, dead, closures) })
}

// spansOf returns the modules' own entries of the function table.
func spansOf(modules []*image.Module) (all spans.Set) {
	for _, m := range modules {
		all.Give(m.Table)
	}
	return all
}

// Undo implements coord.Work.
func (u *unload) Undo(ctx context.Context) error {
	u.reopen()
	return u.linkOp.Undo(ctx)
}

// Commit implements coord.Work.
func (u *unload) Commit(number uint64) {
	if u.step != nil {
		// another goroutine completes the operation of a leader that has died
		if !u.g.member.Gone() {
			_ = u.step.Apply(context.Background(), &u.g.space)
		}
		u.err = u.step.Commit(context.Background(), u.l.groups.spaces())
		for _, base := range u.step.TLS {
			u.l.heap.Give(base)
		}
	}
	u.showHandles(number)
	u.linkOp.Commit(number)
}

// finish gives back what no group can reach any more. Closing an instance may call what the
// embedder has asked wazero to call, and that may call the linker, so no lock is held.
func (u *unload) finish(ctx context.Context) {
	if u.step == nil {
		return
	}
	for _, mod := range u.step.Closed {
		// What it can report is an error of a file system that it alone uses, and instances made
		// here have none.
		_ = mod.Close(ctx)
	}
	for _, m := range u.step.Modules {
		u.l.heap.GiveHome(m.Memory.Base, m.Owner("data"))
		u.l.abi.Forget(m)
		u.l.dtors.Drop(m)
		space.CodeOf(m).Close(ctx)
	}
}

// hide takes modules out of the snapshot, and reports whether they were in it.
func (u *unload) hide(gone []*image.Module) (changed bool) {
	hidden := make(map[*image.Module]bool, len(gone))
	for _, m := range gone {
		m.Closing.Store(u.closing)
		hidden[m] = true
		changed = changed || u.l.state.snapshot.Has(m)
	}
	if !changed { // another call has begun with them
		return false
	}
	dead := func(m *image.Module) bool { return hidden[m] }
	u.change(func(s *image.Snapshot) {
		s.Global = s.Global.Without(dead)
		for _, m := range gone {
			s.Unname(m)
		}
	})
	return true
}
