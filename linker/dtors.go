package linker

import "errors"

// add registers a handler of a module, and reports whether it may be.
func (x *exits) add(m *module, h exitHandler) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.of[m]) >= x.most || !x.lateOf[m].take() {
		return false
	}
	if x.of == nil {
		x.of = map[*module][]exitHandler{}
	}
	x.of[m] = append(x.of[m], h)
	return true
}

// pop takes the handler that was registered last.
func (x *exits) pop(m *module) (exitHandler, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	list := x.of[m]
	if len(list) == 0 {
		delete(x.of, m)
		return exitHandler{}, false
	}
	x.of[m] = list[:len(list)-1]
	return list[len(list)-1], true
}

// drop forgets a module's handlers.
func (x *exits) drop(m *module) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.of, m)
}

// first returns the first of some modules that has handlers, or nil.
func (x *exits) first(modules []*module) *module {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, m := range modules {
		if len(x.of[m]) > 0 {
			return m
		}
	}
	return nil
}

// fail keeps the error of destructors that ran when the program ended, for whoever ends it.
func (x *exits) fail(err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.failed = errors.Join(x.failed, err)
}

// failure returns what was kept, once.
func (x *exits) failure() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	err := x.failed
	x.failed = nil
	return err
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

// any reports whether there is something to be run for modules in a group.
func (x *exits) any(g *Group, modules []*module) bool {
	return x.hasThread(g, modules) || x.first(modules) != nil
}

// beginLate begins to count what is registered for modules, and in groups, until the result is
// called.
func (x *exits) beginLate(limit int) (late *lateExits, end func()) {
	late = &lateExits{left: limit}
	return late, func() {
		x.mu.Lock()
		defer x.mu.Unlock()
		for _, m := range late.modules {
			delete(x.lateOf, m)
		}
		for _, g := range late.groups {
			delete(x.lateIn, g)
		}
	}
}

// count has registrations for more modules and groups counted. Of two who do so the first one
// counts.
func (x *exits) count(late *lateExits, modules []*module, groups ...*Group) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.lateOf == nil {
		x.lateOf, x.lateIn = map[*module]*lateExits{}, map[*Group]*lateExits{}
	}
	for _, m := range modules {
		if x.lateOf[m] == nil {
			x.lateOf[m] = late
			late.modules = append(late.modules, m)
		}
	}
	for _, g := range groups {
		if x.lateIn[g] == nil {
			x.lateIn[g] = late
			late.groups = append(late.groups, g)
		}
	}
}

// take counts a registration, and reports whether it may be. It is called with the lock of exits.
func (late *lateExits) take() bool {
	switch {
	case late == nil:
		return true
	case late.left == 0:
		return false
	}
	late.left--
	return true
}
