package guestabi

import (
	"context"
	"slices"
	"strings"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/spans"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// Process is the group that calls, as far as its guest may see and change the image.
type Process interface {
	// Open opens a library by one name, without a search in other folders, and returns the guest's
	// handle. An empty name is the image itself. caller is the module that asks, nil when that is
	// not known; its run-time path counts.
	Open(ctx context.Context, name string, mode Mode, caller *image.Module) (uint32, error)
	// Symbol returns the address or the function pointer of a symbol.
	Symbol(ctx context.Context, handle uint32, name string, caller *image.Module) (uint32, error)
	Close(ctx context.Context, handle uint32) error
	IsOpen(handle uint32) bool

	AllocateClosure(ctx context.Context) (slot uint32, err error)
	PrepareClosure(ctx context.Context, slot uint32, tr image.Trampoline) error
	FreeClosure(ctx context.Context, slot uint32) error

	// Call calls a function pointer. An exit of the guest closes its group.
	Call(ctx context.Context, t wasm.FuncType, pointer uint32, args []uint64) ([]uint64, error)
	// Caller makes what calls function pointers of a type, for many calls.
	Caller(ctx context.Context, t wasm.FuncType) (Caller, error)

	// Snapshot is what the calling goroutine sees of the image, Committed what all others see.
	Snapshot(ctx context.Context) *image.Snapshot
	Committed() *image.Snapshot
	// Locate tells what a pointer points to.
	Locate(pointer uint32) (Location, bool)

	// Take takes a region of the memory. Own has it given back when the group ends.
	Take(ctx context.Context, size, align uint32) (uint32, error)
	Own(region uint32)

	// Spawn begins a thread and returns its number.
	Spawn(ctx context.Context, argument uint32) (int32, error)
}

// Caller calls function pointers of one type: the pointer is the last argument.
type Caller interface {
	Call(ctx context.Context, args []uint64) ([]uint64, error)
}

// Location is what dladdr tells of a pointer.
type Location struct {
	Module       *image.Module
	File, Symbol string
	Pointer      uint32 // of the symbol
}

// Memory is the linear memory. Its contents belong to the guest.
type Memory interface {
	At(address, n uint32) ([]byte, bool)
	Bytes() []byte
}

// Limit is one of the limits that these functions hold.
type Limit uint8

// The limits: the bytes of a string, the folders of one search, the handles that are open.
const (
	LimitString Limit = iota
	LimitFolders
	LimitHandles
)

// Errors makes the errors that users see and tells errors of the linker apart: their types are the
// linker's.
type Errors struct {
	Limit  func(l Limit, value, most uint64) error
	Handle func(handle uint32) error // of a handle that is not open

	Missing      func(err error) bool                 // there is no such library
	Fatal        func(err error) bool                 // the guest, or the image, has ended
	Busy         func(err error) bool                 // a link operation is in the way
	NoMemory     func(err error) bool                 // a limit is reached, or the memory full
	NotSupported func(err error) bool                 // the image can have no other thread
	WrongPointer func(err error, pointer uint32) bool // the pointer itself was at fault
}

// ABI is the functions of one image. It does not change but for its strings, which have a mutex.
type ABI struct {
	Memory                Memory
	MaxString, MaxFolders int
	Errors                Errors
	// DataArea is where a module's static data is.
	DataArea func(m *image.Module) spans.Span
	// Give gives a region of the memory back.
	Give func(region uint32)

	strings interned
}

// Guest is the guest of one group. It belongs to the goroutine inside the group.
type Guest struct {
	Process
	err    error  // the last failure; nil once dlerror has told it
	region uint32 // where the text of the last error is; 0 before there was any
	size   uint32
}

// Function is one of the functions, under its name with the namespace.
type Function struct {
	Name            string
	Params, Results []wasm.ValType
	// Asks says that it matters which module calls. Otherwise caller may be nil.
	Asks bool
	Run  func(ctx context.Context, g *Guest, caller *image.Module, stack []uint64)
}

// Functions returns all of them. prefix is that of functions which guests import from env.
func (a *ABI) Functions(prefix string) []Function {
	return slices.Concat(a.dlfcn(prefix), a.wasix(), []Function{a.threadSpawn()})
}

// Mode is what a guest asks for when it opens a library: the flags of dlopen.
type Mode struct{ Now, NoLoad, Global, NoDelete bool }

// open is dlopen. A name without a slash is looked for in dirs first, then, as ld.so does it, in
// the run-time path of the library that calls.
func (a *ABI) open(ctx context.Context, g *Guest, name string, mode Mode, caller *image.Module,
	dirs []string) (uint32, error) {
	if name != "" && !strings.Contains(name, "/") {
		if n := len(dirs); n > a.MaxFolders {
			return 0, a.Errors.Limit(LimitFolders, uint64(n), uint64(a.MaxFolders))
		}
		for _, dir := range dirs {
			handle, err := g.Open(ctx, dir+"/"+name, mode, nil)
			if err == nil || !a.Errors.Missing(err) {
				return handle, err
			}
		}
	}
	return g.Open(ctx, name, mode, caller)
}

// fatal panics with errors that a guest is not to survive.
func (a *ABI) fatal(err error) {
	if a.Errors.Fatal(err) {
		panic(err)
	}
}
