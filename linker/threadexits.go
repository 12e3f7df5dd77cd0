package linker

import (
	"cmp"
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

// threadExits are the destructors of a group's thread-local data. Those of some modules are taken,
// or forgotten, without a look at those of the others.
type threadExits struct {
	of   map[*module][]numberedExit
	live int
	next uint64
	// order has every destructor once, and some that are gone.
	order []numberedModule
}

type numberedExit struct {
	exitHandler
	number uint64
}

type numberedModule struct {
	mod    *module
	number uint64
}

func (t *threadExits) add(h threadExit) {
	if len(t.order) > 2*t.live+16 { // modules come and go
		t.order = slices.DeleteFunc(t.order, func(o numberedModule) bool { return !t.has(o) })
	}
	t.next++
	t.live++
	t.of[h.mod] = append(t.of[h.mod], numberedExit{h.exitHandler, t.next})
	t.order = append(t.order, numberedModule{h.mod, t.next})
}

// has reports whether a destructor is not gone.
func (t *threadExits) has(o numberedModule) bool {
	_, found := slices.BinarySearchFunc(t.of[o.mod], o.number,
		func(h numberedExit, number uint64) int { return cmp.Compare(h.number, number) })
	return found
}

// last returns the number of the last destructor of a module, 0 if there is none.
func (t *threadExits) last(m *module) uint64 {
	if list := t.of[m]; len(list) > 0 {
		return list[len(list)-1].number
	}
	return 0
}

// lastOf returns the one of some modules, or of all if modules is nil, whose destructor was
// registered last; nil if there is none.
func (t *threadExits) lastOf(modules []*module) (last *module) {
	if modules == nil {
		for n := len(t.order); n > 0; n-- {
			if o := t.order[n-1]; t.has(o) {
				return o.mod
			}
			t.order = t.order[:n-1]
		}
		return nil
	}
	for _, m := range modules {
		if t.last(m) > t.last(last) {
			last = m
		}
	}
	return last
}

// pop takes the last destructor of a module, which has some.
func (t *threadExits) pop(m *module) threadExit {
	list := t.of[m]
	h := list[len(list)-1]
	t.live--
	if t.of[m] = list[:len(list)-1]; len(list) == 1 {
		delete(t.of, m)
	}
	return threadExit{h.exitHandler, m}
}

// drop forgets a module's.
func (t *threadExits) drop(m *module) {
	t.live -= len(t.of[m])
	delete(t.of, m)
}

// addThread registers a destructor in a group, unless that is dead, and reports whether it may be.
func (x *exits) addThread(g *Group, h threadExit) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if g.cause.Load() != nil {
		return true
	}
	t := x.threads[g]
	if t != nil && t.live >= x.most || x.most == 0 || !x.lateIn[g].take() {
		return false
	}
	if t == nil {
		t = &threadExits{of: map[*module][]numberedExit{}}
		if x.threads == nil {
			x.threads = map[*Group]*threadExits{}
		}
		x.threads[g] = t
	}
	t.add(h)
	return true
}

// popThread takes the destructor that was registered last in a group: of some modules, or of all if
// modules is nil.
func (x *exits) popThread(g *Group, modules []*module) (threadExit, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	t := x.threads[g]
	if t == nil {
		return threadExit{}, false
	}
	m := t.lastOf(modules)
	if m == nil {
		return threadExit{}, false
	}
	return t.pop(m), true
}

// hasThread reports whether something is registered in a group: of some modules, or of any if
// modules is nil.
func (x *exits) hasThread(g *Group, modules []*module) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	t := x.threads[g]
	return t != nil && t.lastOf(modules) != nil
}

// dropThread forgets what is registered in a group: of one module, or all if m is nil. A group that
// dies has it done at once, and not when its instances are closed: an unload that it leads would go
// on looking for what it cannot call any more.
func (x *exits) dropThread(g *Group, m *module) {
	x.mu.Lock()
	defer x.mu.Unlock()
	t := x.threads[g]
	if t == nil {
		return
	}
	t.drop(m)
	if m == nil || t.live == 0 {
		delete(x.threads, g)
	}
}

// heldBesides returns the modules of which something is registered in other groups than g. Only
// those groups can run it, so the modules have to stay loaded; see "Why does a thread-local
// destructor keep its library loaded?" in spec/rationale.md.
func (x *exits) heldBesides(g *Group) map[*module]bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	held := map[*module]bool{}
	for other, t := range x.threads {
		for m := range t.of {
			held[m] = held[m] || other != g
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
