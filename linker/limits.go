package linker

import (
	"math"
	"time"
)

// What limits are called in a [LimitError], with their units.
const (
	limitModules     = "modules"
	limitDepth       = "depth of needed libraries"
	limitNesting     = "constructors that call the linker within each other"
	limitTable       = "function table (entries)"
	limitMemory      = "memory (pages)"
	limitFile        = "file of a library (bytes)"
	limitAbandoned   = "abandoned reads of files"
	limitImports     = "imports"
	limitElements    = "elements of a library"
	limitFolders     = "folders to search for one library"
	limitCost        = "estimated time to compile a library (microseconds)"
	limitFunction    = "estimated time to compile a function (microseconds)"
	limitOwnTables   = "tables of its own (entries)"
	limitStart       = "data area of a module with a start function (bytes)"
	limitString      = "string of a guest (bytes)"
	limitHandles     = "handles that guests have open"
	limitSignatures  = "signatures of function pointers"
	limitTrampolines = "prepared closures"
	limitCalls       = "calls of a guest within each other"
)

// More limits of [NewConfig].
const (
	DefaultCompilations   = 4         // libraries that are compiled at once
	DefaultMaxFile        = 128 << 20 // bytes of a library
	DefaultMaxAbandoned   = 64        // reads of files that no caller waits for any more
	DefaultMaxFolders     = 1024      // of run-time paths, for one library
	DefaultMaxNames       = 16        // of one library, besides its own
	DefaultMaxImports     = 1 << 17   // of one module
	DefaultMaxElements    = 1 << 20   // entries of a library's element segments
	DefaultMaxOwnTables   = 1 << 17   // entries of a library's own tables
	DefaultMaxStartData   = 64 << 20  // bytes
	DefaultMaxString      = 1 << 16   // bytes
	DefaultMaxHandles     = 1 << 16
	DefaultMaxDestructors = 1 << 16
	DefaultMaxSignatures  = 1024
	DefaultMaxTrampolines = 1 << 14

	DefaultMaxCompileCost  = 20 * time.Second // of a library
	DefaultMaxFunctionCost = 4 * time.Second  // of one function
)

// Limit is a limit of a configuration: see [Config.Limits].
type Limit struct {
	Name    string // what it is called in a [LimitError]; empty if going beyond it is no error
	What    string // what is limited
	Option  string // the method of Config that sets it
	Default uint64
	Value   uint64
}

// Limits lists all limits of what guests can make the linker spend, with their values in this
// configuration.
func (c *Config) Limits() []Limit {
	limit := func(name, what, option string, get func(*Config) uint64) Limit {
		return Limit{name, what, option, get(NewConfig()), get(c)}
	}
	return []Limit{
		limit(limitMemory, "linear memory, in pages of 64 KiB", "WithMemoryPages",
			func(c *Config) uint64 { return uint64(c.maxPages) }),
		limit(limitTable, "entries of the function table", "WithMaxTable",
			func(c *Config) uint64 { return uint64(c.maxTable) }),
		limit(limitModules, "libraries that are loaded at once", "WithMaxModules",
			func(c *Config) uint64 { return uint64(c.maxModules) }),
		limit(limitDepth, "libraries that need each other in a chain", "WithMaxDepth",
			func(c *Config) uint64 { return uint64(c.maxDepth) }),
		limit(limitNesting, "constructors within each other that call the linker", "WithMaxNesting",
			func(c *Config) uint64 { return uint64(c.maxNesting) }),
		limit("", "instance groups at once", "WithMaxGroups",
			func(c *Config) uint64 { return uint64(c.maxGroups) }),
		limit(limitFile, "bytes of a library", "WithMaxFile",
			func(c *Config) uint64 { return uint64(c.maxFile) }),
		limit(limitCost, "estimated microseconds to compile a library", "WithMaxCompileCost",
			func(c *Config) uint64 { return uint64(c.maxCost.Microseconds()) }),
		limit(limitFunction, "estimated microseconds to compile one function of a library",
			"WithMaxFunctionCost",
			func(c *Config) uint64 { return uint64(c.maxFunctionCost.Microseconds()) }),
		limit("", "libraries that are compiled at once", "WithCompilers",
			func(c *Config) uint64 { return uint64(c.compilations) }),
		limit("", "bytes, about, of code of unloaded libraries that is kept", "WithCodeCache",
			func(c *Config) uint64 { return uint64(c.codeCache) }),
		limit(limitAbandoned, "reads of files that go on after their caller has left",
			"WithMaxAbandoned",
			func(c *Config) uint64 { return uint64(c.maxAbandoned) }),
		limit(limitImports, "imports of a module", "WithMaxImports",
			func(c *Config) uint64 { return uint64(c.maxImports) }),
		limit(limitElements, "entries of the element segments of a library", "WithMaxElements",
			func(c *Config) uint64 { return uint64(c.maxElements) }),
		limit(limitFolders, "folders of run-time paths in which one library is looked for",
			"WithMaxFolders", func(c *Config) uint64 { return uint64(c.maxFolders) }),
		limit("", "names by which a library is remembered, besides its own", "WithMaxNames",
			func(c *Config) uint64 { return uint64(c.maxNames) }),
		limit(limitOwnTables, "entries of a library's own tables, all at first and each ever",
			"WithMaxOwnTables", func(c *Config) uint64 { return uint64(c.maxOwnTables) }),
		limit(limitStart, "bytes of data that each group copies for a start function",
			"WithMaxStartData", func(c *Config) uint64 { return uint64(c.maxStartData) }),
		limit(limitString, "bytes of a name that a guest hands over", "WithMaxString",
			func(c *Config) uint64 { return uint64(c.maxString) }),
		limit(limitHandles, "handles that guests have open", "WithMaxHandles",
			func(c *Config) uint64 { return uint64(c.maxHandles) }),
		limit("", "destructors that are registered, of one library or in one group",
			"WithMaxDestructors", func(c *Config) uint64 { return uint64(c.maxDestructors) }),
		limit(limitSignatures,
			"signatures of function pointers that Go calls, and of prepared closures",
			"WithMaxSignatures", func(c *Config) uint64 { return uint64(c.maxSignatures) }),
		limit(limitTrampolines, "closures that guests have prepared, by entry and signature",
			"WithMaxTrampolines", func(c *Config) uint64 { return uint64(c.maxTrampolines) }),
		limit("", "entries of the function table in quarantine",
			"WithPointerQuarantine", func(c *Config) uint64 { return uint64(c.quarantine) }),
		limit(limitCalls, "calls of a group's guest within each other", "WithMaxCalls",
			func(c *Config) uint64 { return uint64(c.maxCalls) }),
	}
}

// WithMaxFolders sets in how many folders of run-time paths, or of the search path that a guest
// hands to WASIX's dlopen, one library may be looked for.
func (c *Config) WithMaxFolders(n int) *Config {
	return c.with(func(c *Config) { c.maxFolders = max(n, 0) })
}

// WithMaxNames sets by how many names, besides its own, a library is remembered that was asked for
// by several. By further ones it is found as well, through its file.
func (c *Config) WithMaxNames(n int) *Config {
	return c.with(func(c *Config) { c.maxNames = max(n, 0) })
}

// WithMaxImports sets how many imports a module may have. Each takes about 6 µs when it is loaded,
// and memory in every group.
func (c *Config) WithMaxImports(n int) *Config {
	return c.with(func(c *Config) { c.maxImports = max(n, 0) })
}

// WithMaxElements sets how many entries the element segments of a library may have together. The
// engine keeps several copies of each, of up to a hundred bytes in all while it loads the library.
func (c *Config) WithMaxElements(entries uint32) *Config {
	return c.with(func(c *Config) { c.maxElements = entries })
}

// WithMaxCompileCost sets how long compiling a library may take, as it is estimated before: the
// number is that of one core of an ordinary machine, and right within a factor of a few. The main
// module is compiled whatever it takes.
func (c *Config) WithMaxCompileCost(d time.Duration) *Config {
	return c.with(func(c *Config) { c.maxCost = max(d, 0) })
}

// WithMaxFunctionCost sets how long compiling one function of a library may take, as it is
// estimated before. The engine cannot be stopped within a function, so a compilation that all
// callers have given up goes on for as long, and [Linker.Close] waits for that.
func (c *Config) WithMaxFunctionCost(d time.Duration) *Config {
	return c.with(func(c *Config) { c.maxFunctionCost = max(d, 0) })
}

// WithMaxOwnTables sets how many entries the tables that a library defines may have together when
// it is loaded, and how many each of them may get (table.grow fails then); every group has them.
func (c *Config) WithMaxOwnTables(entries uint32) *Config {
	return c.with(func(c *Config) { c.maxOwnTables = entries })
}

// WithMaxStartData sets how large the data of a library may be that has a start function and was
// not built for threads: every group copies it for as long as the function runs.
func (c *Config) WithMaxStartData(bytes uint32) *Config {
	return c.with(func(c *Config) { c.maxStartData = bytes })
}

// WithMaxString sets how many bytes a string may have that a guest hands over: the names of
// libraries and symbols, and WASIX's search path. To the guest a longer one is an error of dlerror,
// or EINVAL.
func (c *Config) WithMaxString(bytes uint32) *Config {
	return c.with(func(c *Config) { c.maxString = min(bytes, math.MaxInt32) })
}

// WithMaxHandles sets how many handles guests may have open, of all libraries and groups together.
func (c *Config) WithMaxHandles(n int) *Config {
	return c.with(func(c *Config) { c.maxHandles = max(n, 0) })
}

// WithMaxDestructors sets how many destructors may be registered of one library (__cxa_atexit,
// atexit), and how many in one group (__cxa_thread_atexit). To the guest the next one is an error,
// -1.
func (c *Config) WithMaxDestructors(n int) *Config {
	return c.with(func(c *Config) { c.maxDestructors = max(n, 0) })
}

// WithMaxSignatures sets for how many signatures there may be code that calls function pointers
// ([Group.CallPointer]), and code of prepared closures. That of destructors is not counted.
func (c *Config) WithMaxSignatures(n int) *Config {
	return c.with(func(c *Config) { c.maxSignatures = max(n, 0) })
}

// WithMaxTrampolines sets how many closures guests may have prepared; one entry that is prepared
// for two signatures counts twice, for good. Every group has an instance of a small module for
// each.
func (c *Config) WithMaxTrampolines(n int) *Config {
	return c.with(func(c *Config) { c.maxTrampolines = max(n, 0) })
}

// WithCompilers sets how many libraries are compiled at once, and how many goroutines work at each
// of them. More wait for their turn. With two or more workers, a compilation whose callers have all
// given up ends at the next function; the engine ends one of a single worker by itself only, and
// the code is then kept as that of a library that was unloaded. The defaults are
// [DefaultCompilations] and one worker less than there are processors, at least two: so most
// processors are left to the guests of other groups, and a compilation that no caller waits for
// ends soon. Values below 1 are 1. BenchmarkOthersWhileCompiling measures what the others notice.
func (c *Config) WithCompilers(compilations, workers int) *Config {
	return c.with(func(c *Config) {
		c.compilations, c.workers = max(compilations, 1), max(workers, 1)
	})
}

// WithMaxLateDestructors sets how many destructors may be registered, by atexit, __cxa_atexit and
// the like, while those of a library that is closed run, or those of a group or an image that ends.
// The next one is refused: atexit returns -1. So destructors that register each other come to an
// end, as those of POSIX threads do after PTHREAD_DESTRUCTOR_ITERATIONS rounds. The default is
// [DefaultMaxLateDestructors].
func (c *Config) WithMaxLateDestructors(n int) *Config {
	return c.with(func(c *Config) { c.maxLate = max(n, 0) })
}
