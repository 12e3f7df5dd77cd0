package image

import (
	"github.com/lockstep-wasm/lockstep/linker/internal/persist"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// ClosureContents are the functions that closures hold, by entry of the function table and by
// module. Values are immutable; with and without return changed ones.
type ClosureContents struct {
	functions persist.Map[uint32, *Function]
	modules   persist.Map[*Module, persist.Map[uint32, bool]]
}

// At returns the function of an entry, or nil.
func (c ClosureContents) At(slot uint32) *Function { return c.functions.At(slot) }

// All visits every entry, in no particular order.
func (c ClosureContents) All(yield func(uint32, *Function) bool) { c.functions.All(yield) }

// Of returns the entries that hold functions of a module.
func (c ClosureContents) Of(m *Module) persist.Map[uint32, bool] { return c.modules.At(m) }

func (c ClosureContents) with(slot uint32, fn *Function) ClosureContents {
	c = c.without(slot)
	c.functions = c.functions.With(slot, fn)
	c.modules = c.modules.With(fn.Mod, c.modules.At(fn.Mod).With(slot, true))
	return c
}

func (c ClosureContents) without(slot uint32) ClosureContents {
	fn, ok := c.functions.Get(slot)
	if !ok {
		return c
	}
	c.functions = c.functions.Without(slot)
	if left := c.modules.At(fn.Mod).Without(slot); left.Len() > 0 {
		c.modules = c.modules.With(fn.Mod, left)
	} else {
		c.modules = c.modules.Without(fn.Mod)
	}
	return c
}

// WithClosure returns a copy of the snapshot in which a closure holds a function, a trampoline, or
// nothing.
func (s *Snapshot) WithClosure(slot uint32, fn *Function, tr *Trampoline) *Snapshot {
	next := *s
	next.Closures, next.Trampolines = s.Closures.without(slot), s.Trampolines.Without(slot)
	switch {
	case fn != nil:
		next.Closures = next.Closures.with(slot, fn)
	case tr != nil:
		next.Trampolines = next.Trampolines.With(slot, tr)
	}
	return &next
}

// Trampoline is what a prepared closure does: a function of any signature, which puts its arguments
// into memory and calls one of a fixed signature, the backing function, with three pointers:
// arguments, results, data. It is how a guest makes functions of signatures that it knows only at
// run time.
//
// Arguments lie on the stack one behind the other, without gaps, each as large as its type; so do
// results.
type Trampoline struct {
	Type    wasm.FuncType
	Backing uint32 // function pointer
	Data    uint32 // what is passed on to it
	// What the records only keep, for others: the compiled code of the signature, and the Go
	// function that the trampoline leads to, nil for a function of a guest.
	Code, Callback any
}

// TrampolineKey names an instance of a trampoline in a group. One serves every trampoline of its
// signature that the entry ever has, because the table would keep all of them in memory.
type TrampolineKey struct {
	Slot uint32
	Type string // its signature, see [wasm.FuncType.Key]
}
