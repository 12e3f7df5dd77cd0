package linker

import (
	"context"
	"errors"
	"slices"

	"github.com/tetratelabs/wazero/api"
)

// threadExit is a destructor of thread-local data, of a group and of a module.
type threadExit struct {
	exitHandler
	mod *module
}

// addThread registers a destructor in a group, unless that is dead, and reports whether it may be.
func (x *exits) addThread(g *Group, h threadExit) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if g.cause.Load() != nil {
		return true
	}
	if len(x.threads[g]) >= x.most || !x.lateIn[g].take() {
		return false
	}
	if x.threads == nil {
		x.threads = map[*Group][]threadExit{}
	}
	x.threads[g] = append(x.threads[g], h)
	return true
}

// popThread takes the destructor that was registered last in a group: of some modules, or of all if
// modules is nil.
func (x *exits) popThread(g *Group, modules []*module) (threadExit, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	list := x.threads[g]
	for i, h := range slices.Backward(list) {
		if modules == nil || slices.Contains(modules, h.mod) {
			x.threads[g] = slices.Delete(list, i, i+1)
			return h, true
		}
	}
	return threadExit{}, false
}

// hasThread reports whether something is registered in a group: of some modules, or of any if
// modules is nil.
func (x *exits) hasThread(g *Group, modules []*module) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.ContainsFunc(x.threads[g],
		func(h threadExit) bool { return modules == nil || slices.Contains(modules, h.mod) })
}

// dropThread forgets what is registered in a group: of one module, or all if m is nil. A group that
// dies has it done at once, and not when its instances are closed: an unload that it leads would go
// on looking for what it cannot call any more.
func (x *exits) dropThread(g *Group, m *module) {
	x.mu.Lock()
	defer x.mu.Unlock()
	list := slices.DeleteFunc(x.threads[g],
		func(h threadExit) bool { return m == nil || h.mod == m })
	if len(list) == 0 {
		delete(x.threads, g)
		return
	}
	x.threads[g] = list
}

// heldBesides returns the modules of which something is registered in other groups than g. Only
// those groups can run it, so the modules have to stay loaded; see "Why does a thread-local
// destructor keep its library loaded?" in spec/rationale.md.
func (x *exits) heldBesides(g *Group) map[*module]bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	held := map[*module]bool{}
	for other, list := range x.threads {
		for _, h := range list {
			held[h.mod] = held[h.mod] || other != g
		}
	}
	return held
}

// threadExitFunction is a function of C++ (destructor, object, dso) that registers a destructor of
// thread-local data.
func (l *Linker) threadExitFunction(name string) hostFunction {
	i32 := api.ValueTypeI32
	return hostFunction{providedPrefix + name, []api.ValueType{i32, i32, i32}, []api.ValueType{i32},
		func(ctx context.Context, _ api.Module, stack []uint64) {
			h := exitHandler{pointer: uint32(stack[0]), argument: uint32(stack[1])}
			stack[0] = api.EncodeI32(l.registerThreadExit(ctx, h, uint32(stack[2])))
		}}
}

// registerThreadExit is what guests call as __cxa_thread_atexit and __cxa_thread_atexit_impl. It
// returns 0, or -1 if there is no group to register in. Unlike what belongs to a module, this is
// registered by every group for itself, in a replay too.
func (l *Linker) registerThreadExit(ctx context.Context, h exitHandler, dso uint32) int32 {
	e := entryOf(ctx)
	if e == nil {
		return -1
	}
	if !l.exits.addThread(e.group, threadExit{h, e.scope().exitOwner(l.main, h, dso)}) {
		return -1
	}
	return 0
}

// destroyThread calls the destructors that are registered in this group, of some modules or of all
// if modules is nil, the last one first, also those that are registered meanwhile. One that traps
// does not keep the others from being called; a guest that exits does, and so does the end of the
// group.
func (g *Group) destroyThread(ctx context.Context, modules []*module) error {
	late, end := g.l.exits.beginLate(g.l.config.maxLate)
	defer end()
	g.l.exits.count(late, nil, g)
	var errs []error
	for g.cause.Load() == nil {
		h, ok := g.l.exits.popThread(g, modules)
		if !ok {
			break
		}
		err := g.callExit(ctx, h.exitHandler)
		if err == nil {
			continue
		}
		errs = append(errs, &DestructorError{Module: h.mod.name, Pointer: h.pointer, Err: err})
		if isExit(err) {
			break
		}
	}
	return errors.Join(errs...)
}

// endThread does what the normal end of a group demands: its destructors run, and then libraries
// are unloaded that stayed loaded for them alone. A guest that exits in one has ended the group.
func (g *Group) endThread(ctx context.Context, e *entry) error {
	if !g.l.exits.hasThread(g, nil) {
		return nil
	}
	destroyed := g.destroyThread(ctx, nil)
	if isExit(destroyed) {
		return g.judge(e, destroyed)
	}
	if len(g.l.committed.Load().unused(g.l.exits.heldBesides(g), nil)) == 0 {
		return destroyed
	}
	return errors.Join(destroyed, g.unload(ctx, e, nil))
}

// endThreadsOf ends groups that Go has spawned, as the closing of the linker does with all of them:
// those of guests' threads are cut short. Groups that cannot be entered are passed over.
func (l *Linker) endThreadsOf(ctx context.Context, groups []*Group) (err error) {
	for _, g := range groups {
		if g.thread != 0 || !l.exits.hasThread(g, nil) {
			continue
		}
		_ = g.inside(ctx, func(ctx context.Context, e *entry) error {
			destroyed := g.destroyThread(ctx, nil)
			err = errors.Join(err, destroyed)
			if isExit(destroyed) {
				return g.judge(e, destroyed)
			}
			return nil
		})
		if isExit(err) {
			break
		}
	}
	return err
}
