package wasm

import (
	"math"
	"time"
)

// ModuleLimits bound what a module may hold. A module says how many it has of something in a few
// bytes, and the linker and the engine keep a record of each; so what a small file can make them
// spend has to be bounded by something else than the file. Each limit is inclusive.
//
// The defaults of the counts are those that browsers have agreed on: no toolchain comes near them.
//
// Source: WebAssembly JavaScript Interface, "Implementation-defined limits"; of some, an earlier
// and lower version.
type ModuleLimits struct {
	Types     int // function types
	Functions int // defined functions
	Imports   int
	Exports   int
	Globals   int // defined globals
	Tables    int // defined tables
	Memories  int // defined memories
	Tags      int // defined tags
	Elements  int // element segments
	Data      int // data segments

	Values    int // parameters, or results, of one type
	Locals    int // of one function, without its parameters
	AllLocals int // of all functions together: the engine keeps a record of each
	Entries   int // of all element segments together
	BodySize  int // bytes of one function body
	Nesting   int // blocks within blocks in one function
	Operands  int // values on the operand stack of one function at once
	// least size of all defined tables together: an instance allocates them
	TableEntries int
	FunctionCost time.Duration // estimated time to compile one function: see [CompileCost]
	ModuleCost   time.Duration // the same, of all functions together
}

// DefaultLimits returns the limits that [Decode] has.
func DefaultLimits() ModuleLimits {
	return ModuleLimits{
		Types: 1_000_000, Functions: 1_000_000, Imports: 100_000, Exports: 100_000,
		Globals: 1_000_000,
		Tables:  100_000, Memories: 100_000, Tags: 100_000, Elements: 100_000, Data: 100_000,
		Values: 1_000, Locals: 50_000, AllLocals: 5_000_000, Entries: 10_000_000,
		BodySize: 7_654_321, Nesting: 10_000, Operands: 1_000_000, TableEntries: 10_000_000,
		FunctionCost: 10 * time.Second, ModuleCost: 20 * time.Second,
	}
}

// AnyCost returns the limits without those of the time to compile: for modules that are trusted.
func (l ModuleLimits) AnyCost() ModuleLimits {
	l.FunctionCost, l.ModuleCost = math.MaxInt64, math.MaxInt64
	return l
}
