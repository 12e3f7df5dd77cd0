package dtor

import (
	"errors"
	"sync"
)

// Registry keeps what modules have registered to be called when they are unloaded: destructors and
// static objects, for which compilers call __cxa_atexit, and atexit's functions; and the
// destructors of thread-local data, which are a thread's and a module's. Guests register at any
// time, in a constructor or when a function is first called, so it has a lock of its own. M is a
// module, T a thread; the zero value of each is none. A destructor leaves the registry before it is
// called, so each is called once; while it runs, the registry knows whose it is. tla/Handles.tla
// says what this is for.
type Registry[M, T comparable] struct {
	most int // destructors of one module, and of one thread; never changed

	mu      sync.Mutex // guards what follows
	of      map[M][]Handler
	threads map[T]*threadList[M]
	running map[T][]M // whose destructors a thread runs, the innermost last
	// A registration counts in both, between BeginLate and its end.
	lateOf map[M]*Late[M, T]
	lateIn map[T]*Late[M, T]
	failed error // what was the matter with those that ran when the program ended
}

// New returns a registry of at most so many destructors for a module, and for a thread.
func New[M, T comparable](most int) *Registry[M, T] {
	return &Registry[M, T]{most: most, of: map[M][]Handler{}, threads: map[T]*threadList[M]{},
		running: map[T][]M{}, lateOf: map[M]*Late[M, T]{}, lateIn: map[T]*Late[M, T]{}}
}

// Late bounds the registrations that are made while destructors run.
type Late[M, T comparable] struct {
	left    int // guarded by Registry.mu
	modules []M
	threads []T
}

// Handler is a function pointer of a guest.
type Handler struct {
	Pointer  uint32
	Argument uint32
	Plain    bool // atexit's, which takes no argument
}

// ThreadHandler is a destructor of thread-local data, of a thread and of a module.
type ThreadHandler[M comparable] struct {
	Handler
	Mod M
}

// Add registers a handler of a module, and reports whether it may be.
func (x *Registry[M, T]) Add(m M, h Handler) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.of[m]) >= x.most || !x.lateOf[m].take() {
		return false
	}
	x.of[m] = append(x.of[m], h)
	return true
}

// Pop takes the handler of a module that was registered last, for a thread that calls it: until
// Done, the module is held.
func (x *Registry[M, T]) Pop(g T, m M) (Handler, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	list := x.of[m]
	if len(list) == 0 {
		delete(x.of, m)
		return Handler{}, false
	}
	x.running[g] = append(x.running[g], m)
	x.of[m] = list[:len(list)-1]
	return list[len(list)-1], true
}

// Done says that a thread has come back from the destructor that it took last.
func (x *Registry[M, T]) Done(g T) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if n := len(x.running[g]); n > 1 {
		x.running[g] = x.running[g][:n-1]
	} else {
		delete(x.running, g)
	}
}

// Drop forgets a module's handlers.
func (x *Registry[M, T]) Drop(m M) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.of, m)
}

// First returns the first of some modules that has handlers, or nil.
func (x *Registry[M, T]) First(modules []M) M {
	x.mu.Lock()
	defer x.mu.Unlock()
	var none M
	for _, m := range modules {
		if len(x.of[m]) > 0 {
			return m
		}
	}
	return none
}

// Fail keeps the error of destructors that ran when the program ended, for the call that ends it.
func (x *Registry[M, T]) Fail(err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.failed = errors.Join(x.failed, err)
}

// Failure returns what was kept, once.
func (x *Registry[M, T]) Failure() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	err := x.failed
	x.failed = nil
	return err
}

// AddThread registers a destructor in a group, unless that is dead, and reports whether it may be.
func (x *Registry[M, T]) AddThread(g T, h ThreadHandler[M], ended func() bool) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if ended() {
		return true
	}
	t := x.threads[g]
	if t != nil && t.live >= x.most || x.most == 0 || !x.lateIn[g].take() {
		return false
	}
	if t == nil {
		t = &threadList[M]{of: map[M][]numbered{}}
		x.threads[g] = t
	}
	t.add(h)
	return true
}

// PopThread takes the destructor that was registered last in a group, which calls it: of some
// modules, or of all if modules is nil. Until Done, its module is held.
func (x *Registry[M, T]) PopThread(g T, modules []M) (ThreadHandler[M], bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	t := x.threads[g]
	if t == nil {
		return ThreadHandler[M]{}, false
	}
	m, ok := t.lastOf(modules)
	if !ok {
		return ThreadHandler[M]{}, false
	}
	x.running[g] = append(x.running[g], m)
	return t.pop(m), true
}

// HasThread reports whether something is registered in a group: of some modules, or of any if
// modules is nil.
func (x *Registry[M, T]) HasThread(g T, modules []M) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	t := x.threads[g]
	if t == nil {
		return false
	}
	_, ok := t.lastOf(modules)
	return ok
}

// DropThread forgets what is registered in a group: of one module, or all if m is nil. A group that
// dies has it done at once, and not when its instances are closed: an unload that it leads would go
// on looking for what it cannot call any more.
func (x *Registry[M, T]) DropThread(g T, m M) {
	x.mu.Lock()
	defer x.mu.Unlock()
	var all M
	if m == all { // what it was running ends with it
		delete(x.running, g)
	}
	t := x.threads[g]
	if t == nil {
		return
	}
	if t.drop(m); m == all || t.live == 0 {
		delete(x.threads, g)
	}
}

// HeldBesides returns the modules of which something is registered in other groups than g, or is
// running in any group. Only those groups can run it, so the modules have to stay loaded; see "Why
// does a thread-local destructor keep its library loaded?" in spec/rationale.md.
func (x *Registry[M, T]) HeldBesides(g T) map[M]bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	held := map[M]bool{}
	for other, t := range x.threads {
		for m := range t.of {
			held[m] = held[m] || other != g
		}
	}
	for _, modules := range x.running {
		for _, m := range modules {
			held[m] = true
		}
	}
	return held
}

// Any reports whether there is something to be run for modules in a group.
func (x *Registry[M, T]) Any(g T, modules []M) bool {
	var none M
	return x.HasThread(g, modules) || x.First(modules) != none
}

// BeginLate begins to count what is registered for modules, and in groups, until the result is
// called.
func (x *Registry[M, T]) BeginLate(limit int) (late *Late[M, T], end func()) {
	late = &Late[M, T]{left: limit}
	return late, func() {
		x.mu.Lock()
		defer x.mu.Unlock()
		for _, m := range late.modules {
			delete(x.lateOf, m)
		}
		for _, g := range late.threads {
			delete(x.lateIn, g)
		}
	}
}

// Count has registrations for more modules and groups counted. Of two who do so the first one
// counts.
func (x *Registry[M, T]) Count(late *Late[M, T], modules []M, threads ...T) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, m := range modules {
		if x.lateOf[m] == nil {
			x.lateOf[m] = late
			late.modules = append(late.modules, m)
		}
	}
	for _, g := range threads {
		if x.lateIn[g] == nil {
			x.lateIn[g] = late
			late.threads = append(late.threads, g)
		}
	}
}

// take counts a registration, and reports whether it may be. It is called with the registry's lock.
func (late *Late[M, T]) take() bool {
	switch {
	case late == nil:
		return true
	case late.left == 0:
		return false
	}
	late.left--
	return true
}
