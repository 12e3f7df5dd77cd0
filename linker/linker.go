package linker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/lockstep-wasm/lockstep/linker/coord"
	"github.com/lockstep-wasm/lockstep/linker/internal/codecache"
)

// Linker is a process image: a main module and the libraries loaded into it, one linear memory, and
// one or more instance groups. It is safe for concurrent use.
type Linker struct {
	// Decided once, by New, and only read afterwards.
	rt           wazero.Runtime
	config       *Config
	coord        *coord.Coordinator
	first        *Group
	main         *module
	memoryRoot   api.Module
	memoryCode   wazero.CompiledModule
	maxPages     uint32
	tableMax     uint32
	ownTable     bool              // the main module brings the function table
	tableName    string            // and exports it under this name
	threads      error             // why the memory is not shared; nil when it is
	places       map[string]uint32 // addresses that the linker decides: __heap_base and the like
	dataEnd      uint32            // of an ordinary executable: where its static data ends
	stackPointer *export           // of an ordinary executable that exports it
	alloc        allocator
	host         *module // the linker's own functions
	baseCode     wazero.CompiledModule
	tableCode    wazero.CompiledModule

	// committed is what readers see without a lock. It is stored under the state lock alone.
	committed atomic.Pointer[scope]

	// Each has a lock of its own, or is atomic.
	closed       atomic.Bool
	ending       atomic.Int32  // calls of Close that make guests stop
	openings     atomic.Uint64 // of several libraries at once
	groups       groupList
	mem          imageMemory // what is in it belongs to the guest
	turn         turn
	areas        areas
	exits        exits
	program      program
	callbacks    callbacks
	codes        *codecache.Cache
	files        files
	system       system // of WASI
	guest        guestLibraries
	names        guestNames
	guestThreads guestThreads // those that the guest has started
	waits        waits
	wanted       signal // a group waits for a lock that another one has
	waitHooks    hookTable
	pollHooks    hookTable
	spaces       namespaces // what generated modules import from, the same for all groups

	callersMu sync.Mutex
	callers   map[string]wazero.CompiledModule // guarded by callersMu

	// Guarded by the state lock.
	state state
	// of modules; never used again, whatever is taken back
	lastID      uint32
	gateways    map[string]*module               // by the name of the host module
	asked       map[askedKey]*function           // what was asked for; nil if there is none
	trampolines map[string]wazero.CompiledModule // the code of prepared closures, by signature
	// host modules of this image alone, without a name in the runtime
	hosts     []api.Module
	hostCodes []wazero.CompiledModule // and their code
}

// namespaces maps import namespaces to instances.
type namespaces struct {
	mu sync.RWMutex
	m  map[string]api.Module
}

func (n *namespaces) get(name string) api.Module {
	n.mu.RLock()
	defer n.mu.RUnlock()
	if m, ok := n.m[name]; ok {
		return m
	}
	return nil
}

func (n *namespaces) set(name string, m api.Module) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.m == nil {
		n.m = map[string]api.Module{}
	}
	n.m[name] = m
}

// Main returns the first group, which New made.
func (l *Linker) Main() *Group { return l.first }

// Memory returns the linear memory of the image. It must not be used after Close. Its methods are
// not made for use while a guest makes the memory grow in another goroutine.
func (l *Linker) Memory() api.Memory { return l.memoryRoot.Memory() }

// Libraries returns the names of the loaded libraries, in the order in which they were loaded.
// [Linker.Modules] says more.
func (l *Linker) Libraries() []string {
	var names []string
	s := l.committed.Load()
	for _, m := range s.search {
		if m != l.main && !m.generated && !s.hides(m) {
			names = append(names, m.name)
		}
	}
	return names
}

// Commits returns how many link operations have been committed. Each has a number, from 1, and they
// happened in that order. It is the number of the snapshot that [Linker.Libraries],
// [Linker.Modules], [Linker.Addr] and look-ups read: who sees a number sees what that operation has
// done, and every look that begins after an operation has returned sees at least its number.
func (l *Linker) Commits() uint64 { return l.committed.Load().commit }

// Err returns the first cause when the image is poisoned; see [ErrPoisoned].
func (l *Linker) Err() error { return l.coord.Err() }

// nextID returns a number that no other module of the image has or had.
func (l *Linker) nextID() uint32 {
	l.lastID++
	return l.lastID
}

// publish makes the state visible to readers that take no lock.
func (l *Linker) publish(commit uint64) {
	next := *l.state.scope
	next.commit = commit
	l.state.scope = &next
	l.committed.Store(&next)
}

// growMemory adds pages of 64 KiB to the memory and returns the address of the first.
func (l *Linker) growMemory(pages uint64) (uint32, error) {
	have := uint64(l.mem.pages())
	if pages <= uint64(l.maxPages) {
		if old, ok := l.Memory().Grow(uint32(pages)); ok {
			return old * pageSize, nil
		}
	}
	return 0, &LimitError{Limit: limitMemory, Value: have + pages, Max: uint64(l.maxPages)}
}

// instantiateAs instantiates compiled code with a configuration.
func (l *Linker) instantiateAs(ctx context.Context, compiled wazero.CompiledModule,
	resolve func(string) api.Module, config wazero.ModuleConfig) (api.Module, error) {
	return l.rt.InstantiateModule(experimental.WithImportResolver(ctx, resolve),
		codecache.Engine(compiled), config)
}

// Close closes all groups and releases what the image has in the runtime. First it runs the
// destructors of thread-local data, in every group that Go has spawned, then, in the first group
// that there is, what is registered with the main module's C library (unless the program has
// exited), the destructors of the libraries that are still loaded, and the flush of streams;
// destructors that trap are part of the error, as [*DestructorError]. Then it waits until nobody is
// inside a group; new calls fail with ErrClosed meanwhile. With [Config.WithLoopSafepoints] it ends
// guests that compute, first of all. The runtime stays open.
//
// Last of all Close stops what is still being compiled and waits until the engine has stopped: for
// one function, or for a library if [Config.WithCompilers] allows one worker only. If its context
// ends before, the error is [ErrCompiling]: all the rest is done, and another Close waits again.
func (l *Linker) Close(ctx context.Context) error {
	switch e, err := stayOf(ctx); {
	case err != nil:
		return err
	case e != nil:
		return ErrInOperation
	}
	if l.closed.Load() {
		return l.codes.Settle(ctx)
	}
	defer l.beginClosing()()
	destroyed := l.destroyAll(finishing(ctx))
	if err := ctx.Err(); err != nil && l.undestroyed() {
		return errors.Join(err, destroyed)
	}
	if !l.closed.CompareAndSwap(false, true) {
		return destroyed
	}
	if err := l.endThreads(ctx); err != nil {
		l.closed.Store(false)
		return err
	}
	if err := l.closeAll(ctx); err != nil {
		l.closed.Store(false)
		return errors.Join(destroyed, err)
	}
	return errors.Join(destroyed, l.closeShared(ctx))
}

// closeShared releases what does not belong to any group.
func (l *Linker) closeShared(ctx context.Context) error {
	var errs []error
	modules := l.state.scope.order
	for _, m := range slices.Backward(modules) {
		m.close(ctx)
	}
	for _, m := range l.gateways {
		if m.instance != nil {
			errs = append(errs, m.instance.Close(ctx))
		}
		m.close(ctx)
	}
	for _, c := range l.callers {
		errs = append(errs, c.Close(ctx))
	}
	for _, c := range l.trampolines {
		errs = append(errs, c.Close(ctx))
	}
	for _, c := range []wazero.CompiledModule{l.baseCode, l.tableCode, l.memoryCode,
		l.waitHooks.filler, l.pollHooks.filler} {
		if c != nil {
			errs = append(errs, c.Close(ctx))
		}
	}
	if l.host != nil {
		l.host.put.close(ctx)
	}
	for _, m := range append(slices.Clone(l.hosts), l.memoryRoot) {
		if m != nil {
			errs = append(errs, m.Close(ctx))
		}
	}
	for _, c := range l.hostCodes {
		errs = append(errs, c.Close(ctx))
	}
	errs = append(errs, l.codes.Close(ctx))
	l.mem.release()
	return errors.Join(errs...)
}

// compileGenerated compiles a module that the linker wrote.
func (l *Linker) compileGenerated(ctx context.Context, what string, bytes []byte,
	err error) (wazero.CompiledModule, error) {
	if err != nil {
		return nil, fmt.Errorf("linker: %s: %w", what, err)
	}
	c, err := codecache.Compile(ctx, l.rt, bytes)
	if err != nil {
		return nil, fmt.Errorf("linker: %s: %w", what, err)
	}
	return c, nil
}
