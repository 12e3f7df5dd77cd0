package linker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/sys"

	"github.com/lockstep-wasm/lockstep/linker/internal/text"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// exits keeps what modules have registered to be called when they are unloaded: destructors and
// static objects, for which compilers call __cxa_atexit, and atexit's functions. Guests register
// whenever they like, in a constructor or when a function is first called, so it has a lock of its
// own.
type exits struct {
	most int // of one module, and of one group

	mu      sync.Mutex // guards what follows
	of      map[*module][]exitHandler
	threads map[*Group]*threadExits
	// lateOf and lateIn count what is registered while destructors run.
	lateOf map[*module]*lateExits
	lateIn map[*Group]*lateExits
	failed error // what was the matter with those that ran when the program ended
}

// exitHandler is a function pointer of a guest.
type exitHandler struct {
	pointer  uint32
	argument uint32
	plain    bool // atexit's, which takes no argument
}

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

// DestructorError says that a destructor of a library trapped, or that the guest exited in it.
type DestructorError struct {
	Module  string
	Pointer uint32 // the function pointer of the destructor
	Err     error
}

// Error implements the error interface.
func (e *DestructorError) Error() string {
	return fmt.Sprintf("linker: module %s: destructor %d: %s", text.Name(e.Module), e.Pointer,
		inner(e.Err))
}

// Unwrap returns the trap, or a *sys.ExitError.
func (e *DestructorError) Unwrap() error { return e.Err }

// exitFunctions are the functions of C and C++ that register destructors.
var exitFunctions = []string{"__cxa_atexit", "atexit", "__cxa_thread_atexit",
	"__cxa_thread_atexit_impl"}

// registersExit returns the linker's own function when a library imports one that registers
// destructors. Those of the main module, or of the library that is its libc, would call into a
// library that is not there any more.
func (l *Linker) registersExit(m *module, name string, typ wasm.FuncType) *export {
	if m == l.main || !slices.Contains(exitFunctions, name) {
		return nil
	}
	if x := l.host.exports[providedPrefix+name]; x.fn.typ.Equal(typ) {
		return x
	}
	return nil
}

// registerExit is what guests call as __cxa_atexit and atexit. dso is what C calls __dso_handle:
// the beginning of a module's data, as wasm-ld places it. It returns 0, or -1 if there is nobody to
// register for, or no room.
func (l *Linker) registerExit(ctx context.Context, h exitHandler, dso uint32) int32 {
	e := entryOf(ctx)
	if e == nil {
		return -1
	}
	if e.replay { // the leader has registered it
		return 0
	}
	if !l.exits.add(e.scope().exitOwner(l.main, h, dso), h) {
		return -1
	}
	return 0
}

// exitOwner returns the module that a handler belongs to: whose handle it names or, since a library
// without data has none, whose function it is. Whatever is nobody's is the main module's.
func (s *scope) exitOwner(main *module, h exitHandler, dso uint32) *module {
	for _, m := range s.search {
		if m.src != nil && !m.fixed && m.memory.size > 0 && m.memory.base == dso {
			return m
		}
	}
	if m := s.ownerOf(h.pointer); m != nil {
		return m
	}
	return main
}

// ownerOf returns the module of a function pointer, or nil.
func (s *scope) ownerOf(pointer uint32) *module {
	for _, m := range s.search {
		if m.table.has(pointer) {
			return m
		}
	}
	if fn := s.functionAt(pointer); fn != nil {
		return fn.mod
	}
	return nil
}

// functionAt returns the function for which a table entry was made, or nil.
func (s *scope) functionAt(pointer uint32) *function {
	if fn := s.pointers.at(pointer); fn != nil {
		return fn
	}
	return s.closures.at(pointer)
}

// destroy calls the handlers of a module in reverse order of registration, each once. One that
// traps does not keep the others from being called; a guest that exits does.
func (g *Group) destroy(ctx context.Context, m *module) error {
	var errs []error
	for {
		h, ok := g.l.exits.pop(m)
		if !ok {
			return errors.Join(errs...)
		}
		err := g.callExit(ctx, h)
		if err == nil {
			continue
		}
		errs = append(errs, &DestructorError{Module: m.name, Pointer: h.pointer, Err: err})
		if isExit(err) {
			return errors.Join(errs...)
		}
	}
}

func isExit(err error) bool {
	var exit *sys.ExitError
	return errors.As(err, &exit)
}

func (g *Group) callExit(ctx context.Context, h exitHandler) error {
	var params []api.ValueType
	var args []uint64
	if !h.plain {
		params, args = []api.ValueType{api.ValueTypeI32}, []uint64{uint64(h.argument)}
	}
	c, err := g.caller(ctx, params, nil)
	if err == nil {
		_, err = c.call(ctx, append(args, uint64(h.pointer)))
	}
	return asPointerError(h.pointer, err)
}

// undestroyed reports whether handlers of modules, or of groups that Go has spawned, are left.
func (l *Linker) undestroyed() bool {
	return l.exits.first(l.committed.Load().order) != nil ||
		slices.ContainsFunc(l.groups.list(),
			func(g *Group) bool { return g.thread == 0 && l.exits.hasThread(g, nil) })
}

// destroyAll calls the handlers of all groups, then those of all modules, those that were loaded
// last first, in the first group that there is. Groups that cannot be entered, because their guest
// has exited or because the context ends before, are passed over.
func (l *Linker) destroyAll(ctx context.Context) (err error) {
	if err = l.endThreadsOf(ctx, l.groups.list()); isExit(err) {
		return err
	}
	for _, g := range l.groups.list() {
		if l.exits.first(l.committed.Load().order) == nil &&
			(l.program.dtors == nil || l.program.ended.Load()) {
			break
		}
		_ = g.inside(ctx, func(ctx context.Context, e *entry) error {
			failed := g.finish(ctx, e)
			err = errors.Join(err, failed)
			if isExit(failed) {
				return g.judge(e, failed)
			}
			return nil
		})
		if isExit(err) {
			break
		}
	}
	return errors.Join(err, l.exits.failure())
}
