package linker

import (
	"sync"
	"sync/atomic"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker/coord"
	"github.com/lockstep-wasm/lockstep/linker/internal/dtor"
	"github.com/lockstep-wasm/lockstep/linker/internal/fdlock"
	"github.com/lockstep-wasm/lockstep/linker/internal/futex"
	"github.com/lockstep-wasm/lockstep/linker/internal/guestabi"
	"github.com/lockstep-wasm/lockstep/linker/internal/heap"
	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/space"
)

// Linker is a process image: a main module and the libraries loaded into it, one linear memory, and
// one or more instance groups. It is safe for concurrent use.
type Linker struct {
	// Decided once, by New, and only read afterwards.
	shared         space.Shared
	config         *Config
	coord          *coord.Coordinator
	first          *Group
	memoryRoot     api.Module
	memoryCode     wazero.CompiledModule
	maxPages       uint32
	tableMax       uint32
	tableName      string            // under which the main module exports the function table
	noSharedMemory error             // why the memory is not shared; nil when it is
	linkerSymbols  map[string]uint32 // addresses that the linker decides: __heap_base and the like
	alloc          allocator
	host           *image.Module // the linker's own functions
	sums           image.Sums    // secret seeds, by which equal bytes are known

	// committed is what readers see without a lock. It is stored under the state lock alone.
	committed atomic.Pointer[image.Snapshot]

	// Each has a lock of its own, or is atomic.
	closed       atomic.Bool
	ending       atomic.Int32  // calls of Close that make guests stop
	openings     atomic.Uint64 // of several libraries at once
	groups       groupList
	turn         *turn
	attention    attention
	heap         *heap.Heap[heapGuest]
	dtors        *dtor.Registry[*image.Module, *Group]
	program      program
	files        files
	fds          fdlock.Locks // a group locks a WASI descriptor for each system call on it
	dlHandles    guestabi.Handles[guestLibrary]
	abi          *guestabi.ABI
	guestThreads guestThreads
	futexes      futex.Queues[*Group]
	wanted       signal // a group waits for a lock that another one has
	waitHooks    space.HookTable
	stubHooks    space.HookTable
	stubs        bool // the main module's dlopen can do nothing
	loopHooks    space.HookTable

	callersMu sync.Mutex
	callers   map[string]wazero.CompiledModule // guarded by callersMu

	// Guarded by the state lock.
	state state
	// of modules; never used again, whatever is taken back
	lastID      uint32
	hostShims   map[string]*image.Module         // by the name of the host module
	asked       map[askedKey]*image.Function     // what was asked for; nil if there is none
	trampolines map[string]wazero.CompiledModule // the code of prepared closures, by signature
	// host modules of this image alone, without a name in the runtime
	hosts     []api.Module
	hostCodes []wazero.CompiledModule // one for each of hosts; closed by Close
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
	for _, m := range s.Search {
		if m != l.shared.Main && !m.Generated && !m.Joins && !s.Hides(m) {
			names = append(names, m.Name)
		}
	}
	return names
}

// Commits returns how many link operations have been committed. Each has a number, from 1, and they
// happened in that order. It is the number of the snapshot that [Linker.Libraries],
// [Linker.Modules], [Linker.Addr] and look-ups read: who sees a number sees what that operation has
// done, and every look that begins after an operation has returned sees at least its number.
func (l *Linker) Commits() uint64 { return l.committed.Load().Commit }

// Err returns the first cause when the image is poisoned; see [ErrPoisoned].
func (l *Linker) Err() error { return l.coord.Err() }

// nextID returns a number that no other module of the image has or had.
func (l *Linker) nextID() uint32 {
	l.lastID++
	return l.lastID
}

// publish makes the state visible to readers that take no lock.
func (l *Linker) publish(commit uint64) {
	next := *l.state.snapshot
	next.Commit = commit
	l.state.snapshot = &next
	l.committed.Store(&next)
}
