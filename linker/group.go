package linker

import (
	"sync"
	"sync/atomic"

	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker/coord"
	"github.com/lockstep-wasm/lockstep/linker/internal/ctxlock"
	"github.com/lockstep-wasm/lockstep/linker/internal/loops"
)

// Group is an instance group: one thread of the guest. It has its own instance of every module, its
// own function table, globals and stack; all groups share the memory. All methods are safe for
// concurrent use, but one goroutine at a time is inside a group, and the others wait.
type Group struct {
	// Set before another goroutine can reach the group.
	l      *Linker
	member *coord.Member
	id     int
	thread int32 // its number, if the guest has started it
	// the group's own lock: held while a goroutine builds it, is inside, or releases it
	lock  *ctxlock.Lock
	stack uint32 // its data area, 0 if the main module brought it

	// Safe for concurrent use by themselves.
	cause     atomic.Pointer[error] // why it is dying; set once
	preempt   loops.Flag            // what its code looks at
	closing   atomic.Int32          // how many want it to stop
	forgotten atomic.Bool           // what it had in memory was given back
	stale     staleSlots            // entries of its function table that it has to clear

	// What follows belongs to the goroutine that has the lock, and, while the coordinator holds the
	// group still, to the one that replays an operation for it. When the group is dying, it belongs
	// to the goroutine that has the lock after AwaitOut.
	base      api.Module // link table, stack pointer, perhaps the function table
	table     api.Module // changes the function table
	slots     uint32     // length of the function table
	linkSlots uint32     // length of the link table
	stackSize uint32
	spare     *entry // a stay that has ended, to be used again
	// stackPointer is that of its modules.
	stackPointer api.MutableGlobal
	instances    map[*module]*instance
	spaces       map[string]api.Module       // what generated modules import from
	links        map[uint32]*link            // entries of the link table
	linked       map[uint32]*function        // and what they hold
	linkedTo     map[*module]map[uint32]bool // the same, by the modules of the functions
	// that are to hold functions of modules which are not there yet
	awaited    map[*module][]*link
	functions  map[*function]*functionPool
	callers    map[string]*functionPool // of function pointers, by signature
	dlError    dlError
	calls      int  // of its functions that are under way
	allocating bool // one of them is the guest's allocator
	// trampolines are the closures that guests prepared.
	trampolines map[trampolineKey]api.Module
}

// ID returns the group's number. That of the first group is 0; numbers of closed groups are used
// again.
func (g *Group) ID() int { return g.id }

// Linker returns the linker that the group belongs to.
func (g *Group) Linker() *Linker { return g.l }

// instance is a module in one group. It belongs to whom the group belongs: see Group.
type instance struct {
	mod     api.Module
	bridges []api.Module
	fillers []api.Module               // of its hook tables
	put     map[uint32]*putterInstance // by batch, from when a function of it is put into a table
	tls     uint32                     // its thread-local storage; 0 for none
}

// putterInstance is a module's putter in one group. Its functions do not call out, so one of each
// serves all calls.
type putterInstance struct {
	mod       api.Module
	put, link api.Function
}

// functionPool keeps api.Functions of one exported function: making one is costly, and each serves
// one call at a time, which matters when a function is called again from within itself, through the
// host.
type functionPool struct {
	group *Group
	mod   api.Module
	name  string
	// They belong to whom the group belongs: see Group.
	free []api.Function
	gone bool // the module was taken out of the group
}

// dlError is what dlerror has to say in one group. It belongs to whoever is inside the group.
type dlError struct {
	err  error
	area uint32 // where the text of the last one is; 0 before there was any
	size uint32
}

// staleSlots are entries of freed closures that a group has to clear before it goes on. It is safe
// for concurrent use.
type staleSlots struct {
	any   atomic.Bool     // there are some: asked at every safepoint
	mu    sync.Mutex      // guards slots, and any when it is changed
	slots map[uint32]bool // a group that sleeps has each at most once
}
