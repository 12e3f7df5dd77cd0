package image

import (
	"sync/atomic"

	"github.com/lockstep-wasm/lockstep/linker/internal/persist"
)

// Pointers maps functions to the slots that were made for them, and back. Values are immutable;
// With and Without return changed ones.
type Pointers struct {
	slots     persist.Map[*Function, uint32]
	functions persist.Map[uint32, *Function]
}

// Get returns the slot that was made for a function.
func (p Pointers) Get(fn *Function) (uint32, bool) { return p.slots.Get(fn) }

// At returns the function that a slot was made for, or nil.
func (p Pointers) At(slot uint32) *Function { return p.functions.At(slot) }

// With adds the slot of a function.
func (p Pointers) With(fn *Function, slot uint32) Pointers {
	return Pointers{p.slots.With(fn, slot), p.functions.With(slot, fn)}
}

// Without takes the slot of a function away.
func (p Pointers) Without(fn *Function) Pointers {
	if slot, ok := p.slots.Get(fn); ok {
		return Pointers{p.slots.Without(fn), p.functions.Without(slot)}
	}
	return p
}

// All visits every pointer, in no particular order.
func (p Pointers) All(yield func(*Function, uint32) bool) { p.slots.All(yield) }

// Pointer returns the function pointer of a function that has one.
func (s *Snapshot) Pointer(fn *Function) (uint32, bool) {
	if fn.Slot != 0 {
		return fn.Slot, true
	}
	return s.Pointers.Get(fn)
}

// known is the pointer of a function as some look-up has found it. A pointer that was committed
// stays for as long as the function does.
type known struct {
	commit  atomic.Uint64 // one more than that of the snapshot; 0 while it is not known
	pointer atomic.Uint32 // stored before commit is
}

// CommittedPointer is [Snapshot.Pointer] of a snapshot that is committed. It keeps what it finds
// for itself and for later snapshots.
func (s *Snapshot) CommittedPointer(fn *Function) (uint32, bool) {
	if at := fn.known.commit.Load(); at != 0 && s.Commit >= at-1 {
		return fn.known.pointer.Load(), true
	}
	pointer, ok := s.Pointer(fn)
	if ok {
		fn.known.pointer.Store(pointer)
		fn.known.commit.Store(s.Commit + 1)
	}
	return pointer, ok
}

// FunctionAt returns the function for which a table entry was made, or nil.
func (s *Snapshot) FunctionAt(pointer uint32) *Function {
	if fn := s.Pointers.At(pointer); fn != nil {
		return fn
	}
	return s.Closures.At(pointer)
}

// ExitOwner returns the module that a handler belongs to: whose handle it names or, since a library
// without data has none, whose function it is. A handler without an owner is the main module's.
func (s *Snapshot) ExitOwner(main *Module, pointer, dso uint32) *Module {
	for _, m := range s.Search {
		if m.Src != nil && !m.Fixed && m.Memory.Size > 0 && m.Memory.Base == dso {
			return m
		}
	}
	if m := s.ownerOf(pointer); m != nil {
		return m
	}
	return main
}
