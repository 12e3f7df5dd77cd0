package linker

// DefaultMaxLateDestructors is how many destructors may be registered while destructors run; see
// [Config.WithMaxLateDestructors].
const DefaultMaxLateDestructors = 4096

// WithMaxLateDestructors sets how many destructors may be registered, by atexit, __cxa_atexit and
// the like, while those of a library that is closed run, or those of a group or an image that ends.
// The next one is refused: atexit returns -1. So destructors that register each other come to an
// end, as those of POSIX threads do after PTHREAD_DESTRUCTOR_ITERATIONS rounds. The default is
// [DefaultMaxLateDestructors].
func (c *Config) WithMaxLateDestructors(n int) *Config {
	return c.with(func(c *Config) { c.maxLate = max(n, 0) })
}

// lateExits counts what is registered while destructors run.
type lateExits struct {
	left    int // guarded by exits.mu
	modules []*module
	groups  []*Group
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
