package space

import (
	"context"

	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker/internal/failpoint"
	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/loops"
)

// Space is one group's part of the image: its instances of all modules, its function table, its
// PLT, and the functions that are called in it.
//
// Life cycle: Open makes what a group has before any module, Load instantiates modules, takeOut and
// remove are the reverse of Load for one module, and CloseInstances ends it all.
//
// Invariants:
//
//   - Slots and pltLength are the lengths of the two tables, which never shrink.
//   - PLT has the entries of the modules that are there, and Resolved what those hold that are not
//     null. resolvedTo is Resolved by the modules of the functions, so that a module that is taken
//     out takes its functions out of all entries.
//   - A module has an instance when its code may be called: a Load that fails half-way leaves
//     modules without one, for remove.
//
// Rejected was to give steps the group: then a replay can call the linker, which waits for that
// replay.
type Space struct {
	// Set before another goroutine can reach the group.
	shared *Shared
	// Stack is the group's data area, 0 if the main module brought it.
	Stack     uint32
	StackSize uint32
	// Inject is a test's, see package failpoint.
	Inject func(ctx context.Context, at failpoint.Point) error
	// Dropped is told that a module is not in the group any more.
	Dropped func(m *image.Module)
	// Leads reports whether a context is of the group that leads the operation.
	Leads func(ctx context.Context) bool

	// Safe for concurrent use by themselves.
	Preempt loops.Flag // the loop budget of its code
	Stale   StaleSlots // entries of its function table that it has to clear

	// What follows belongs to the goroutine that has the group's lock, and, while the coordinator
	// holds the group still, to the one that replays an operation for it. When the group is dying,
	// it belongs to the goroutine that has the lock after AwaitOut.
	base      api.Module // the PLT's table, the stack pointer, perhaps the function table
	table     api.Module // its exports grow and clear the function table
	Slots     uint32     // length of the function table
	pltLength uint32     // length of the PLT's table
	// one for all modules of the group, so that their calls share a stack
	stackPointer api.MutableGlobal
	Instances    map[*image.Module]*Instance
	Imports      map[string]api.Module             // what generated modules import from
	PLT          map[uint32]*image.PLTEntry        // PLT entries
	Resolved     map[uint32]*image.Function        // and what they hold
	resolvedTo   map[*image.Module]map[uint32]bool // the same, by the modules of the functions
	// that are to hold functions of modules which are not there yet
	awaited   map[*image.Module][]*image.PLTEntry
	functions map[*image.Function]*Pool
	callers   map[string]*Pool // of function pointers, by signature
	// by which functions are put into the function table, and into the PLT
	slotWriter, pltWriter lastWriter
	calls                 int // of its functions that are under way
	// trampolines are the closures that guests prepared.
	trampolines map[image.TrampolineKey]api.Module
}

// New returns the space of a group, with nothing in it.
func New(of *Shared) Space {
	return Space{
		shared:    of,
		Instances: map[*image.Module]*Instance{}, Imports: map[string]api.Module{},
		PLT: map[uint32]*image.PLTEntry{}, Resolved: map[uint32]*image.Function{},
		resolvedTo: map[*image.Module]map[uint32]bool{},
		awaited:    map[*image.Module][]*image.PLTEntry{},
		functions:  map[*image.Function]*Pool{}, callers: map[string]*Pool{},
		trampolines: map[image.TrampolineKey]api.Module{},
	}
}

// Load makes instances of modules, in their order: of those that an operation loads, or of all when
// a group is built. tls are the addresses of their thread-local storage; slots and plt are how long
// the tables have to be.
func (sp *Space) Load(ctx context.Context, modules []*image.Module, tls map[*image.Module]uint32,
	slots,
	plt uint32) error {
	if err := sp.growTables(ctx, slots, plt); err != nil {
		return err
	}
	for _, m := range modules {
		if err := sp.instantiate(ctx, m, tls[m]); err != nil {
			return sp.shared.Errors.Load(m, err)
		}
		if m == sp.shared.Main { // it may have brought the function table
			if err := sp.growTables(ctx, slots, plt); err != nil {
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
