package linker

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker/coord"
	"github.com/lockstep-wasm/lockstep/linker/internal/failpoint"
	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/spans"
)

// unload is the link operation that unloads what is not used any more. Unlike others it does
// nothing to any group before it is sure to be committed, for a module that is taken out cannot be
// put back. While there are destructors to run it only takes the modules out of the scope; see
// closing.
type unload struct {
	tx
	lib     *Library       // whose handle is given up; nil if none is
	closing *image.Closing // on whose behalf
	last    bool           // destructors that are left are not run any more
	hidden  []*image.Module
	step    *unloadStep
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
	var steps []step
	gone := u.l.state.scope.Unused(u.l.dtors.HeldBesides(u.g), u.closing)
	switch {
	case len(gone) == 0:
	case !u.last && u.l.dtors.Any(u.g, gone):
		if err := ctx.Err(); err != nil { // destructors do not begin then
			return coord.Operation{}, false, errors.Join(err, u.Undo(ctx))
		}
		u.hidden = gone
		if u.hide(gone) {
			steps = append(steps, scopeStep{})
		}
	default:
		u.step = &unloadStep{modules: gone}
		steps = append(steps, u.step)
		u.forget(gone)
	}
	if len(steps) == 0 {
		u.showHandles(u.saved.scope.Commit)
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
	u.tx.showHandles(number)
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
	dead, now := image.Set(gone), l.state.scope
	tables := spansOf(gone)
	var alone []fill // made for functions of theirs
	u.step.keep = map[*image.Module][]uint32{}
	for _, m := range gone {
		for _, fn := range m.Functions {
			if slot, ok := now.Pointers.Get(fn); ok && !tables.Has(slot) {
				alone = append(alone, fill{fn, slot})
			}
		}
		for k := range m.Table.Size {
			slot := m.Table.Base + k
			if fn := now.Pointers.At(slot); fn != nil && !dead[fn.Mod] {
				// others have it: it lives as long as its function
				u.step.keep[m] = append(u.step.keep[m], slot)
			}
		}
	}
	for _, m := range gone {
		if parts := m.Table.Without(u.step.keep[m]); len(parts) == 1 {
			l.state.slots.Retire(m.Table, m.Segment)
		} else {
			for _, part := range parts { // no owner can have these back as a whole
				l.state.slots.Retire(part, spans.Owner{})
			}
		}
		for _, k := range m.PLT {
			l.state.links.Give(spans.Span{Base: k.Index, Size: 1})
		}
	}
	slices.SortFunc(alone, func(a, b fill) int { return cmp.Compare(a.slot, b.slot) })
	for _, f := range alone {
		u.step.slots = append(u.step.slots, f.slot)
		l.state.slots.Retire(spans.Span{Base: f.slot, Size: 1}, f.fn.Owner())
	}
	var closures []uint32
	for _, m := range gone {
		for slot := range now.Closures.Of(m).All {
			closures = append(closures, slot) // null, but still owned
		}
	}
	slices.Sort(closures)
	u.step.slots = append(u.step.slots, closures...)
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
	return u.tx.Undo(ctx)
}

// Commit implements coord.Work.
func (u *unload) Commit(number uint64) {
	if u.step != nil {
		// another goroutine completes the operation of a leader that has died
		if !u.g.member.Gone() {
			_ = u.step.apply(context.Background(), &u.g.space)
		}
		u.err = u.step.commit(context.Background(), u.l.groups.spaces())
		for _, base := range u.step.tls {
			u.l.areas.giveLater(base)
		}
	}
	u.showHandles(number)
	u.tx.Commit(number)
}

// finish gives back what no group can reach any more. Closing an instance may call what the
// embedder has asked wazero to call, and that may call the linker, so no lock is held.
func (u *unload) finish(ctx context.Context) {
	if u.step == nil {
		return
	}
	for _, mod := range u.step.closed {
		// What it can report is an error of a file system that it alone uses, and instances made
		// here have none.
		_ = mod.Close(ctx)
	}
	for _, m := range u.step.modules {
		u.l.areas.giveHome(m.Memory.Base, m.Owner("data"))
		u.l.names.forget(u.l, m)
		u.l.dtors.Drop(m)
		codeOf(m).close(ctx)
	}
}

// unloadStep takes modules out of a group. What is taken out cannot be put back, so applying it
// only notes the group: the rest is done for all groups at once, by the leader, when no group can
// refuse any more. See "Why can an unload not be taken back?" in spec/rationale.md.
type unloadStep struct {
	modules []*image.Module // what is used comes last
	slots   []uint32        // entries outside of their own element segments
	// keep are the entries in these that are the pointers of functions of other modules.
	keep map[*image.Module][]uint32

	// Groups apply at the same time, so mu guards what follows then. In commit all of them hold
	// still, and it belongs to the leader.
	mu     sync.Mutex
	spaces []*space     // of groups that have applied it
	closed []api.Module // what was taken out of them, to be closed by the goroutine that commits
	tls    []uint32     // and their thread-local storage, to be given back
}

// apply implements step. It does not fail.
func (s *unloadStep) apply(_ context.Context, sp *space) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.spaces = append(s.spaces, sp)
	return nil
}

// undo implements step. It does not fail.
func (s *unloadStep) undo(_ context.Context, sp *space) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.spaces = slices.DeleteFunc(s.spaces, func(x *space) bool { return x == sp })
	return nil
}

// commit takes the modules out of every group that has applied the step. These wait at the
// rendezvous, or are asleep.
func (s *unloadStep) commit(ctx context.Context, alive map[*space]bool) error {
	var errs []error
	for _, sp := range s.spaces {
		if alive[sp] { // what a dead group has is closed with it
			errs = append(errs, s.takeOut(ctx, sp))
		}
	}
	return errors.Join(errs...)
}

// takeOut takes the modules out of one group, all of them whatever fails. Their instances are
// closed later.
func (s *unloadStep) takeOut(ctx context.Context, sp *space) error {
	var errs []error
	for _, slot := range s.slots {
		errs = append(errs, sp.clearSlots(ctx, spans.Span{Base: slot, Size: 1}))
	}
	for _, m := range s.modules {
		if inst := sp.instances[m]; inst != nil && inst.tls != 0 {
			s.tls = append(s.tls, inst.tls)
		}
		instances, err := sp.takeOut(ctx, m, s.keep[m]...)
		s.closed = append(s.closed, instances...)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// hide takes modules out of the scope, and reports whether they were in it.
func (u *unload) hide(gone []*image.Module) (changed bool) {
	hidden := make(map[*image.Module]bool, len(gone))
	for _, m := range gone {
		m.Closing.Store(u.closing)
		hidden[m] = true
		changed = changed || u.l.state.scope.Has(m)
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
