package linker

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker/internal/codecache"
	"github.com/lockstep-wasm/lockstep/linker/internal/failpoint"
	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/linmem"
	"github.com/lockstep-wasm/lockstep/linker/internal/loops"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// shared is what the spaces of all groups have in common. It is decided while the image is built,
// by one goroutine, and only read afterwards.
type shared struct {
	rt           wazero.Runtime
	polls        bool // modules have loop safepoints
	maxCalls     int  // within each other, in one group
	main         *image.Module
	ownTable     bool          // the main module brings the function table
	dataEnd      uint32        // of an ordinary executable: where its static data ends
	stackPointer *image.Export // of an ordinary executable that exports it
	baseCode     wazero.CompiledModule
	tableCode    wazero.CompiledModule
	codes        *codecache.Cache // it has a lock of its own
	// callerCode compiles what calls function pointers of a signature, once for all groups.
	callerCode func(ctx context.Context, t wasm.FuncType) (wazero.CompiledModule, error)

	mem linmem.Memory // what is in it belongs to the guest
	// what generated modules import from, the same for all groups; it has a lock of its own
	imports namespaces
}

// space is one group's part of the image: its instances of all modules, its function table, its
// PLT, and the functions that are called in it. A step of a link operation gets the space of each
// group, and nothing else. From a space neither the linker nor its locks nor the group can be
// reached: what is needed of them are three functions, which [newGroup] sets.
//
// Life cycle: open makes what a group has before any module, load instantiates modules, takeOut and
// remove are the reverse of load for one module, and closeInstances ends it all. Rejected was to
// give steps the group: then a replay can call the linker, which waits for that replay.
type space struct {
	// Set before another goroutine can reach the group.
	image *shared
	// stack is the group's data area, 0 if the main module brought it.
	stack     uint32
	stackSize uint32
	// inject is a test's, see package failpoint; dropDtors forgets what the group's thread has
	// registered for a module.
	// leads reports whether a context is of the group that leads the operation.
	inject    func(ctx context.Context, at failpoint.Point) error
	dropDtors func(m *image.Module)
	leads     func(ctx context.Context) bool

	// Safe for concurrent use by themselves.
	preempt loops.Flag // the loop budget of its code
	stale   staleSlots // entries of its function table that it has to clear

	// What follows belongs to the goroutine that has the group's lock, and, while the coordinator
	// holds the group still, to the one that replays an operation for it. When the group is dying,
	// it belongs to the goroutine that has the lock after AwaitOut.
	base      api.Module // the PLT's table, the stack pointer, perhaps the function table
	table     api.Module // changes the function table
	slots     uint32     // length of the function table
	linkSlots uint32     // length of the PLT's table
	// stackPointer is that of its modules.
	stackPointer api.MutableGlobal
	instances    map[*image.Module]*instance
	imports      map[string]api.Module             // what generated modules import from
	links        map[uint32]*image.PLTEntry        // PLT entries
	linked       map[uint32]*image.Function        // and what they hold
	linkedTo     map[*image.Module]map[uint32]bool // the same, by the modules of the functions
	// that are to hold functions of modules which are not there yet
	awaited   map[*image.Module][]*image.PLTEntry
	functions map[*image.Function]*functionPool
	callers   map[string]*functionPool // of function pointers, by signature
	calls     int                      // of its functions that are under way
	// trampolines are the closures that guests prepared.
	trampolines map[image.TrampolineKey]api.Module
}

func newSpace(of *shared) space {
	return space{
		image:     of,
		instances: map[*image.Module]*instance{}, imports: map[string]api.Module{},
		links: map[uint32]*image.PLTEntry{}, linked: map[uint32]*image.Function{},
		linkedTo:  map[*image.Module]map[uint32]bool{},
		awaited:   map[*image.Module][]*image.PLTEntry{},
		functions: map[*image.Function]*functionPool{}, callers: map[string]*functionPool{},
		trampolines: map[image.TrampolineKey]api.Module{},
	}
}

// load makes instances of modules, in their order: of those that an operation loads, or of all when
// a group is built. tls are the addresses of their thread-local storage; slots and links are how
// long the tables have to be.
func (sp *space) load(ctx context.Context, modules []*image.Module, tls map[*image.Module]uint32,
	slots,
	links uint32) error {
	if err := sp.growTables(ctx, slots, links); err != nil {
		return err
	}
	for _, m := range modules {
		if err := sp.instantiate(ctx, m, tls[m]); err != nil {
			return &LoadError{File: m.File, Module: m.Name, Err: err}
		}
		if m == sp.image.main { // it may have brought the function table
			if err := sp.growTables(ctx, slots, links); err != nil {
				return err
			}
		}
	}
	for _, m := range modules {
		if err := sp.bindThreadLocal(m); err != nil {
			return err
		}
	}
	return nil
}

// instance is a module in one group. It belongs to whom the space belongs.
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
	space *space
	mod   api.Module
	name  string
	// They belong to whom the space belongs.
	free []api.Function
	gone bool // the module was taken out of the group
}

// staleSlots are entries of freed closures that a group has to clear before it goes on. It is safe
// for concurrent use.
type staleSlots struct {
	any   atomic.Bool     // there are some: asked at every safepoint
	mu    sync.Mutex      // guards slots, and any when it is changed
	slots map[uint32]bool // a group that sleeps has each at most once
}
