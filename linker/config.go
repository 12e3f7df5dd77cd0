package linker

import (
	"io"
	"io/fs"
	"log/slog"
	"runtime"
	"slices"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/lockstep-wasm/lockstep/linker/coord"
	"github.com/lockstep-wasm/lockstep/linker/internal/failpoint"
	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// Config is how a linker is set up. It is immutable: every With… method returns a changed copy, so
// a Config may be shared. The zero value is not usable; start with [NewConfig].
type Config struct {
	fsys           fs.FS
	searchPath     []string
	envModule      string
	hostConfig     wazero.ModuleConfig
	stdio          stdio
	mainName       string
	stackSize      uint32
	minPages       uint32
	maxPages       uint32
	now            bool
	preload        []string
	defined        []definition
	data           DataAllocator
	trapCloses     bool
	loopSafepoints bool
	maxModules     int
	maxTable       uint32
	quarantine     uint32
	maxGroups      int
	allocator      experimental.MemoryAllocator
	observer       coord.Observer
	waiting        coord.Waiting
	codeCache      int
	maxDepth       int
	parallel       bool
	maxNesting     int
	maxCalls       int
	maxLate        int
	logger         *slog.Logger

	compilations int
	workers      int
	maxFile      int64
	maxAbandoned int
	maxFolders   int
	maxNames     int
	maxImports   int
	maxElements  uint32

	maxCost         time.Duration
	maxFunctionCost time.Duration
	maxOwnTables    uint32
	maxStartData    uint32
	maxString       uint32
	maxHandles      int
	maxDestructors  int
	maxSignatures   int
	maxTrampolines  int
	hostModules     []string
	hostFunctions   HostFunctions
	inject          failpoint.Inject
}

// Limits and sizes of [NewConfig].
const (
	DefaultStackSize  = 1 << 20  // bytes, one stack per group
	DefaultMaxPages   = 65536    // of 64 KiB: 4 GiB, of which only what is used takes memory
	DefaultMaxModules = 1024     // libraries at once
	DefaultMaxDepth   = 256      // libraries that need each other in a chain
	DefaultMaxCalls   = 2000     // calls of a group's guest within each other
	DefaultMaxNesting = 16       // constructors that open libraries within each other
	DefaultMaxTable   = 10000000 // function table entries, what browsers allow
	// function table entries that rest before they are another function's
	DefaultQuarantine = 1024
	DefaultMaxGroups  = 64 // instance groups at once
	// bytes, estimated, of code of unloaded libraries that stays compiled
	DefaultCodeCache = 256 << 20
	closureBatch     = 100 // slots that one AllocateFunctionTable operation adds
)

// NewConfig returns the default configuration: no file system to search, host functions from the
// module "env", functions bound when they are first called.
func NewConfig() *Config {
	return &Config{
		envModule:  "env",
		mainName:   "main",
		stackSize:  DefaultStackSize,
		maxPages:   DefaultMaxPages,
		maxModules: DefaultMaxModules,
		maxTable:   DefaultMaxTable,
		quarantine: DefaultQuarantine,
		maxGroups:  DefaultMaxGroups,
		codeCache:  DefaultCodeCache,
		maxDepth:   DefaultMaxDepth,
		maxNesting: DefaultMaxNesting,
		maxCalls:   DefaultMaxCalls,
		maxLate:    DefaultMaxLateDestructors,

		compilations: DefaultCompilations,
		workers:      defaultWorkers(),
		maxFile:      DefaultMaxFile,
		maxAbandoned: DefaultMaxAbandoned,
		maxFolders:   DefaultMaxFolders,
		maxNames:     DefaultMaxNames,
		maxImports:   DefaultMaxImports,
		maxElements:  DefaultMaxElements,

		maxCost:         DefaultMaxCompileCost,
		maxFunctionCost: DefaultMaxFunctionCost,
		maxOwnTables:    DefaultMaxOwnTables,
		maxStartData:    DefaultMaxStartData,
		maxString:       DefaultMaxString,
		maxHandles:      DefaultMaxHandles,
		maxDestructors:  DefaultMaxDestructors,
		maxSignatures:   DefaultMaxSignatures,
		maxTrampolines:  DefaultMaxTrampolines,
		hostModules:     DefaultHostModules(),
	}
}

func (c *Config) with(change func(*Config)) *Config {
	d := *c
	change(&d)
	return &d
}

// WithFS sets the file system in which libraries are looked for, by [Group.Open] and for the
// libraries that libraries need.
func (c *Config) WithFS(fsys fs.FS) *Config {
	return c.with(func(c *Config) { c.fsys = fsys })
}

// WithSearchPath sets the folders of the file system in which libraries are looked for, in order;
// "." is its root, and what is searched by default. A library's own run-time path (RUNTIME_PATH,
// where $ORIGIN is the folder of the library itself) comes before them.
func (c *Config) WithSearchPath(dirs ...string) *Config {
	return c.with(func(c *Config) { c.searchPath = slices.Clone(dirs) })
}

// WithEnvModule names the host module, instantiated in the runtime before [New], that defines the
// functions which no guest module defines. The default is "env".
func (c *Config) WithEnvModule(name string) *Config {
	return c.with(func(c *Config) { c.envModule = name })
}

// WithModuleConfig sets what host modules such as WASI see of the guest: arguments, environment,
// standard streams, file systems, clocks. Its name and its start functions are not used. Streams
// are used by all groups at once, so they have to be safe for that; see [Config.WithStdio].
func (c *Config) WithModuleConfig(config wazero.ModuleConfig) *Config {
	return c.with(func(c *Config) { c.hostConfig = config })
}

// WithMainName sets the name of the main module in errors. The default is "main".
func (c *Config) WithMainName(name string) *Config {
	return c.with(func(c *Config) { c.mainName = name })
}

// WithStackSize sets the size, in bytes, of the stack of each group that the linker makes. A main
// module that is an ordinary executable brings the first group's stack itself.
func (c *Config) WithStackSize(bytes uint32) *Config {
	return c.with(func(c *Config) { c.stackSize = max(bytes, 1024) })
}

// WithMemoryPages sets the size of the linear memory, in pages of 64 KiB: at least min at first, at
// most max. The main module's own limits hold besides. The memory of one image is reserved at its
// maximum, so that it never moves; only what is in use takes memory, where the platform can do
// that.
func (c *Config) WithMemoryPages(minimum, maximum uint32) *Config {
	return c.with(func(c *Config) {
		c.minPages, c.maxPages = minimum, min(maximum, DefaultMaxPages)
	})
}

// WithNow refuses libraries that import an undefined function. By default such a library loads, and
// calling the function is an [UndefinedSymbolError] unless it has been loaded by then.
func (c *Config) WithNow(now bool) *Config {
	return c.with(func(c *Config) { c.now = now })
}

// WithPreload names libraries that New loads besides the main module: as LD_PRELOAD does, they come
// right behind it in the order in which symbols are searched, so their definitions win over those
// of every other library and of the host. They are found as [Group.Open] finds them, their
// constructors run before those of the main module, and they stay loaded.
//
// In an ordinary executable, which was linked without them, their data is in pages that are added
// to its memory before its allocator has run. The allocators of wasi-libc leave such pages alone;
// one that takes all memory above __heap_base for its own must not be used with this.
func (c *Config) WithPreload(names ...string) *Config {
	return c.with(func(c *Config) { c.preload = slices.Clone(names) })
}

// DataAllocator is where the memory of libraries comes from: their data, stacks and thread-local
// storage.
type DataAllocator uint8

// The allocators.
const (
	// GuestHeap is the malloc (aligned_alloc, free) that the main module exports; without one, it
	// is OwnPages.
	GuestHeap DataAllocator = iota
	// OwnPages makes the memory larger, by pages of 64 KiB, and uses again what unloading has
	// freed. A guest's heap must allow that the memory grows without it, as those of wasi-libc do;
	// one that takes all memory from __heap_base to the end for its own must not be used with this.
	// A library that is loaded again has its data where it was, if that memory is still free.
	OwnPages
)

// WithDataAllocator sets where the memory of libraries comes from. The default is GuestHeap.
func (c *Config) WithDataAllocator(a DataAllocator) *Config {
	return c.with(func(c *Config) { c.data = a })
}

// WithTrapClosesGroup sets whether a trap in a call closes the group, as an exit always does. By
// default the group lives on, as a wazero module does: nothing in it is damaged from the engine's
// point of view, but the guest may have been stopped half-way, holding its own locks.
func (c *Config) WithTrapClosesGroup(closes bool) *Config {
	return c.with(func(c *Config) { c.trapCloses = closes })
}

// WithMaxModules sets how many modules may be loaded at once, the main module not counted.
func (c *Config) WithMaxModules(n int) *Config {
	return c.with(func(c *Config) { c.maxModules = n })
}

// WithMaxDepth sets how long a chain of libraries may be of which each is loaded because the one
// before needs it; the library that is opened, or the main module, has depth 0.
func (c *Config) WithMaxDepth(n int) *Config {
	return c.with(func(c *Config) { c.maxDepth = n })
}

// WithMaxNesting sets how deep constructors that call the linker, to open libraries or to look
// symbols up, may be nested. 0 lets no constructor do so.
func (c *Config) WithMaxNesting(n int) *Config {
	return c.with(func(c *Config) { c.maxNesting = n })
}

// WithMaxCalls sets how many calls of a group's guest may be under way within each other: calls
// from Go, and from host functions that the guest has called, the linker's among them. The next one
// is a [*LimitError]. Go's stack grows with each, by some kilobytes, and Go ends the process when
// its stack is too large. The default is [DefaultMaxCalls]; the minimum is 1.
func (c *Config) WithMaxCalls(n int) *Config {
	return c.with(func(c *Config) { c.maxCalls = max(n, 1) })
}

// WithMaxTable sets how many entries the function table may have.
func (c *Config) WithMaxTable(n uint32) *Config {
	return c.with(func(c *Config) { c.maxTable = n })
}

// QuarantineForever keeps every entry of the function table for the function that it was made for;
// see [Config.WithPointerQuarantine].
const QuarantineForever = 1<<32 - 1

// WithPointerQuarantine sets how long the function pointers of what was unloaded, and freed
// closures, are kept from becoming another function's: until at least so many other entries of the
// function table have been given back after them. Meanwhile calling one traps. They come to others
// in the order in which they were given back, the entries of one library's own segment all at once;
// closures have a quarantine of their own, of the same size. A library that is loaded again, the
// same bytes from the same place, gets the pointers that it had first of all, whatever the number,
// unless other functions have them by then.
//
// The default is [DefaultQuarantine], 0 is no quarantine. When the function table cannot grow
// ([Config.WithMaxTable]), what is longest in quarantine is used before its time; under
// [QuarantineForever] that is a [*LimitError] instead. The table of every group is longer by what
// rests, 8 bytes an entry.
func (c *Config) WithPointerQuarantine(slots uint32) *Config {
	return c.with(func(c *Config) { c.quarantine = slots })
}

// WithMaxGroups sets how many instance groups there may be at once, at most [DefaultMaxGroups].
func (c *Config) WithMaxGroups(n int) *Config {
	return c.with(func(c *Config) { c.maxGroups = min(n, DefaultMaxGroups) })
}

// WithCodeCache sets how much code of libraries that were unloaded stays compiled for the case that
// they are loaded again: in bytes of machine code, which are estimated, because the engine does not
// tell. Code in use is compiled once in any case. 0 keeps nothing.
func (c *Config) WithCodeCache(bytes int) *Config {
	return c.with(func(c *Config) { c.codeCache = max(bytes, 0) })
}

// WithAllocator sets what backs the linear memory. It is asked once, for the maximum, because a
// memory that several groups share cannot move; see [Config.WithMemoryPages]. The default reserves
// address space, where the platform can do that.
func (c *Config) WithAllocator(allocator experimental.MemoryAllocator) *Config {
	return c.with(func(c *Config) { c.allocator = allocator })
}

// WithObserver sets who sees every action of the protocol, with its sequence number.
func (c *Config) WithObserver(observer coord.Observer) *Config {
	return c.with(func(c *Config) { c.observer = observer })
}

// WithWaiting sets how goroutines wait for each other: coord.Notified, the default, or
// coord.Polling.
func (c *Config) WithWaiting(waiting coord.Waiting) *Config {
	return c.with(func(c *Config) { c.waiting = waiting })
}

// HostFunctions finds the Go function for an import of a guest: the namespace that it imports from,
// "env" or a system interface's, the name, and the signature that it imports it with. nil means
// that there is none.
type HostFunctions func(namespace, name string, params,
	results []api.ValueType) api.GoModuleFunction

// definition is a symbol that is no function and that Go code defines.
type definition struct {
	name  string
	kind  image.Kind // data, a global or a tag; it decides which of the next fields counts
	typ   wasm.GlobalType
	value uint64         // the bits of a value of typ
	tag   []wasm.ValType // its parameters
	data  []byte         // not empty
	align uint32
}

// stdio is the guest's standard streams, if the linker has them to itself.
type stdio struct {
	in       io.Reader
	out, err io.Writer
}

// defaultWorkers leaves one processor to work other than compiling; the engine ends a compilation
// of two workers, and not of one.
func defaultWorkers() int { return max(runtime.GOMAXPROCS(0)-1, 2) }

// DefaultHostModules returns the host modules, besides env, from which guests may import functions:
// WASI, its threads, and WASIX.
func DefaultHostModules() []string {
	return []string{"wasi_snapshot_preview1", "wasi_unstable", "wasi", "wasix_32v1"}
}

// DefaultMaxLateDestructors is how many destructors may be registered while destructors run; see
// [Config.WithMaxLateDestructors].
const DefaultMaxLateDestructors = 4096
