package linker

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker/coord"
	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// CloseLibrary gives up a handle. When it was the last one of its library, and no other module is bound to that,
// the library and whatever only it used are unloaded: in every group their instances are closed and their table
// entries become null, and their memory, entries and records can be used again. Function pointers and addresses
// into them must not be used any more: an entry is null, so that calling it traps, until the same library is loaded again or
// the quarantine of [Config.WithPointerQuarantine] is over.
//
// Before that, the destructors of these libraries run, in this group and in reverse order of their registration; those
// of a library run before those of the libraries that it needs. They are what compilers register with __cxa_atexit,
// and what a library registers with atexit. A destructor that traps does not keep the others from being run nor the
// library from being unloaded; the error says so, a [*DestructorError]. A guest that exits in one ends its group. Those of this
// group's thread-local data run before them; a library of which another group has such data stays loaded until that group has
// closed, and whatever it needs with it. From
// the first destructor on, the context cannot cancel the call.
//
// A function that another module bound when first calling it does not keep its library loaded; it is looked for
// again at the next call. wazero keeps a closed instance of an unloaded module, some kilobytes, for as long as
// the group's function table lives; its compiled code is kept for the next time, up to [Config.WithCodeCache].
func (g *Group) CloseLibrary(ctx context.Context, lib *Library) error {
	if err := g.l.closable(lib); err != nil {
		return err
	}
	return g.inside(ctx, func(ctx context.Context, e *entry) error {
		if e.tx != nil {
			return ErrInOperation
		}
		return g.unload(ctx, e, lib)
	})
}

// unload gives up a handle, none if lib is nil, and unloads what is not used any more.
func (g *Group) unload(ctx context.Context, e *entry, lib *Library) error {
	cancel := &holdable{Context: ctx}
	u := &unload{tx: tx{l: g.l, g: g, kind: protocol.UnloadModules}, lib: lib, cancel: cancel}
	commit, err := g.member.Link(cancel, u)
	if err == nil {
		receive(ctx, commit, u.saved.scope.commit)
		err = u.err
	}
	g.l.areas.drain(ctx, g)
	if u.destroyed != nil {
		err = errors.Join(err, g.judge(e, u.destroyed))
	}
	return err
}

// unload is the link operation of CloseLibrary. Unlike others it does nothing to any group before it is
// sure to be committed, for a module that is taken out cannot be put back.
type unload struct {
	tx
	lib  *Library // nil if no handle is given up
	step *unloadStep
	ctx  context.Context // of the destructors
	err  error           // of what is cleared in the groups' tables

	cancel    *holdable
	destroyed error // what destructors failed with
}

// Do implements coord.Work.
func (u *unload) Do(ctx context.Context) (coord.Operation, bool, error) {
	if err := u.l.at(ctx, u.g, pointUnload); err != nil {
		return coord.Operation{}, false, err
	}
	if u.lib != nil && !u.lib.closed.CompareAndSwap(false, true) {
		return coord.Operation{}, false, ErrLibraryClosed
	}
	u.saved = u.l.state.clone()
	if u.lib != nil {
		u.lib.mod.handles.Add(-1)
	}
	var end func()
	u.ctx, end = u.enter(context.WithoutCancel(ctx))
	defer end()
	returned := false
	defer func() {
		if !returned {
			u.abandon(ctx)
			u.reopen()
		}
	}()
	gone, err := u.destroy()
	returned = true
	if err != nil {
		return coord.Operation{}, false, errors.Join(err, u.Undo(ctx))
	}
	steps := slices.Clone(u.steps) // of what destructors have loaded
	if len(gone) > 0 {
		u.step = &unloadStep{modules: gone}
		steps = append(steps, u.step)
		u.forget(gone)
	}
	if len(steps) == 0 {
		u.showHandles()
	}
	return coord.Operation{Kind: u.kind, Payload: steps, Finish: u.finish}, len(steps) > 0, nil
}

// showHandles makes what the operation has done to handles visible.
func (u *unload) showHandles() {
	if u.lib != nil {
		u.lib.mod.shown.Store(u.lib.mod.handles.Load())
	}
	u.tx.showHandles()
}

// destroy runs the destructors of the modules that nobody uses any more, of those that use others first, and returns
// these modules. They run in this group, within the operation, so whatever they look up, load or call is there
// still. From the first one on, the operation cannot be cancelled.
func (u *unload) destroy() ([]*module, error) {
	for {
		gone := u.l.state.scope.unused(u.l.exits.heldBesides(u.g)) // a destructor may have opened one of them
		thread, m := u.l.exits.hasThread(u.g, gone) && len(gone) > 0, u.l.exits.first(gone)
		if !thread && m == nil || isExit(u.destroyed) {
			return gone, u.broken
		}
		if err := u.cancel.hold(); err != nil {
			return nil, err
		}
		if thread {
			u.destroyed = errors.Join(u.destroyed, u.g.destroyThread(u.ctx, gone))
		} else {
			u.destroyed = errors.Join(u.destroyed, u.g.destroy(u.ctx, m))
		}
	}
}

// reopen takes back that the handle was given up.
func (u *unload) reopen() {
	if u.lib == nil {
		return
	}
	u.lib.mod.handles.Add(1)
	u.lib.closed.Store(false)
}

// forget takes modules out of the shared state.
func (u *unload) forget(gone []*module) {
	u.l.logUnloaded(gone)
	l := u.l
	dead := func(m *module) bool { return slices.Contains(gone, m) }
	own := func(slot uint32) bool {
		return slices.ContainsFunc(gone, func(m *module) bool { return slot >= m.table.base && uint64(slot) < m.table.end() })
	}
	var alone []fill // made for functions of theirs
	for fn, slot := range l.state.scope.pointers.all {
		switch {
		case dead(fn.mod) && !own(slot):
			alone = append(alone, fill{fn, slot})
		case !dead(fn.mod) && own(slot): // others have it: it lives as long as its function
			u.step.keep = append(u.step.keep, slot)
		}
	}
	for _, m := range gone {
		if parts := m.table.without(u.step.keep); len(parts) == 1 {
			l.state.slots.retire(m.table, m.segment)
		} else {
			for _, part := range parts { // nobody can have these back as a whole
				l.state.slots.retire(part, owner{})
			}
		}
		for _, k := range m.links {
			l.state.links.give(span{k.index, 1})
		}
	}
	slices.SortFunc(alone, func(a, b fill) int { return cmp.Compare(a.slot, b.slot) })
	for _, f := range alone {
		u.step.slots = append(u.step.slots, f.slot)
		l.state.slots.retire(span{f.slot, 1}, f.fn.owner())
	}
	for slot, fn := range l.state.scope.closures {
		if dead(fn.mod) {
			u.step.slots = append(u.step.slots, slot) // null, but still somebody's
		}
	}
	u.change(func(s *scope) {
		s.search = slices.DeleteFunc(slices.Clone(s.search), dead)
		s.global = slices.DeleteFunc(slices.Clone(s.global), dead)
		s.order = slices.DeleteFunc(slices.Clone(s.order), dead)
		s.names, s.files, s.closures = maps.Clone(s.names), maps.Clone(s.files), maps.Clone(s.closures)
		maps.DeleteFunc(s.names, func(_ string, m *module) bool { return dead(m) })
		maps.DeleteFunc(s.files, func(_ string, m *module) bool { return dead(m) })
		maps.DeleteFunc(s.closures, func(_ uint32, fn *function) bool { return dead(fn.mod) })
		s.pointers = s.pointers.without(func(fn *function) bool { return dead(fn.mod) })
	})
}

// unused returns the loaded modules that no handle leads to, nor one of those that are held, in reverse order of
// instantiation.
func (s *scope) unused(held map[*module]bool) []*module {
	used := map[*module]bool{}
	var mark func(m *module)
	mark = func(m *module) {
		if used[m] {
			return
		}
		used[m] = true
		for _, n := range m.uses {
			mark(n)
		}
	}
	for i, m := range s.search {
		if i == 0 || m.handles.Load() > 0 || held[m] {
			mark(m)
		}
	}
	for _, m := range s.pinned {
		mark(m)
	}
	var gone []*module
	for _, m := range slices.Backward(s.order) {
		if !used[m] {
			gone = append(gone, m)
		}
	}
	return gone
}

// Undo implements coord.Work. Destructors that have run are not run again.
func (u *unload) Undo(ctx context.Context) error {
	u.reopen()
	return u.tx.Undo(ctx)
}

// Commit implements coord.Work.
func (u *unload) Commit(number uint64) {
	if u.step != nil {
		if !u.g.member.Gone() { // another goroutine completes the operation of a leader that has died
			_ = u.step.apply(context.Background(), u.g)
		}
		u.err = u.step.commit(context.Background())
	}
	u.showHandles()
	u.tx.Commit(number)
}

// finish gives back what no group can reach any more. Closing an instance may call what the embedder has asked wazero to call,
// and that may call the linker, so no lock is held.
func (u *unload) finish(ctx context.Context) {
	if u.step == nil {
		return
	}
	for _, mod := range u.step.closed {
		// What it can report is an error of a file system that it alone uses, and instances made here have none.
		_ = mod.Close(ctx)
	}
	for _, m := range u.step.modules {
		u.l.areas.giveHome(m.memory.base, m.owner("data"))
		u.l.names.forget(u.l, m)
		u.l.exits.drop(m)
		m.close(ctx)
	}
}

// unloadStep takes modules out of a group. What is taken out cannot be put back, so applying it only notes the group: the
// rest is done for all groups at once, by the leader, when nobody can refuse any more. See "Why can an unload not be
// taken back?" in spec/rationale.md.
type unloadStep struct {
	modules []*module // what is used comes last
	slots   []uint32  // entries outside of their own element segments
	keep    []uint32  // entries in these that are the pointers of functions of other modules

	mu     sync.Mutex
	groups []*Group     // that have applied it
	closed []api.Module // what was taken out of them, to be closed by whoever commits
}

// apply implements step. It does not fail.
func (s *unloadStep) apply(_ context.Context, g *Group) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.groups = append(s.groups, g)
	return nil
}

// undo implements step. It does not fail.
func (s *unloadStep) undo(_ context.Context, g *Group) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.groups = slices.DeleteFunc(s.groups, func(x *Group) bool { return x == g })
	return nil
}

// commit takes the modules out of every group that has applied the step. These wait at the rendezvous, or are asleep.
func (s *unloadStep) commit(ctx context.Context) error {
	var errs []error
	for _, g := range s.groups {
		if g.cause.Load() == nil && !g.forgotten.Load() { // what a dead group has is closed with it
			errs = append(errs, s.takeOut(ctx, g))
		}
	}
	return errors.Join(errs...)
}

// takeOut takes the modules out of one group, all of them whatever fails. Their instances are closed later.
func (s *unloadStep) takeOut(ctx context.Context, g *Group) error {
	var errs []error
	for _, slot := range s.slots {
		errs = append(errs, g.clearSlots(ctx, span{slot, 1}))
	}
	for _, m := range s.modules {
		if inst := g.instances[m]; inst != nil && inst.tls != 0 {
			g.l.areas.giveLater(inst.tls)
		}
		instances, err := g.takeOut(ctx, m, s.keep...)
		s.closed = append(s.closed, instances...)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
