package wasm

import "time"

// traits are what a validated module has in its code and its constant expressions.
type traits struct {
	loops   bool
	calls   bool
	bulk    bool // memory.fill, copy or init, table.fill, copy or init
	long    bool // a body may have more instructions than go uncounted
	waits   bool // memory.atomic.wait32, wait64 or notify
	own     bool // a constant expression reads a global that the module defines
	lookups int  // globals and functions that constant expressions name
	tables  map[uint32]TableChange
}

// TableChange is an instruction that changes a table.
type TableChange struct {
	Instruction string
	Offset      int // in the module
}

// ChangesTable returns the first instruction of the module's code that changes a table of a module
// that was validated; false if there is none.
func (m *Module) ChangesTable(index uint32) (TableChange, bool) {
	c, ok := m.code.tables[index]
	return c, ok
}

// CompileCost estimates how long the engine's compiler takes for a module: see [Module.Cost]. The
// numbers are for one core of an ordinary machine, and right within a factor of a few; what they
// are for is to tell a module that takes minutes from one that takes seconds before it is
// compiled.
//
// Most of what the compiler of wazero 1.12 does takes time in proportion to the code. What does
// not, and is counted here: it walks up the tree of dominators from each predecessor of each
// block, and up a chain of blocks for each variable that is read; it looks at all pairs of the
// variables that a block merges, for each of its predecessors; it keeps the live variables of
// each block; it declares all imports and globals for each function, and all mutable globals for
// each call.
//
// How the numbers were found: spec/rationale.md, "How is the time to compile estimated?".
type CompileCost struct {
	Total    time.Duration
	Largest  time.Duration // of one function: compiling is not interrupted within it
	Function int           // index of that function in Module.Funcs
	Locals   int           // of all functions together: each gets a few bytes of code
}

// Cost returns the estimate for the module.
func (m *Module) Cost() CompileCost { return m.cost }
