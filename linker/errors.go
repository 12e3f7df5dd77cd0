package linker

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/lockstep-wasm/lockstep/linker/coord"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/heap"
	"github.com/lockstep-wasm/lockstep/linker/internal/presence"
	"github.com/lockstep-wasm/lockstep/linker/internal/text"
)

// The errors that carry no detail of their own. Test for them with errors.Is.
var (
	// ErrClosed means that the linker was closed.
	ErrClosed = errors.New("linker: closed")
	// ErrCompiling means that the linker is closed, but that the engine still compiles a library
	// whose load was given up. The runtime must not be closed yet: call [Linker.Close] again.
	ErrCompiling = errors.New("linker: a library is still being compiled that nobody waits for")
	// ErrGroupClosed means that the instance group was closed, or that its guest exited.
	ErrGroupClosed = coord.ErrGroupClosed
	// ErrPoisoned means that an operation could be neither completed nor taken back, so that the
	// groups no longer agree. Every later operation returns an error that wraps it and the first
	// cause, Symbol of what is known already too, and [Group.Close], which leaves the group to
	// [Linker.Close]. What only looks goes on, for the diagnosis (Libraries, Modules, Addr,
	// Symbols, Commits, View), and so do Wait and [Linker.Close].
	ErrPoisoned = coord.ErrPoisoned
	// ErrNotLibrary means that a module has no dylink.0 (or dylink) section.
	ErrNotLibrary = dylink.ErrNotLibrary
	// ErrLibraryClosed means that the library handle was closed.
	ErrLibraryClosed = errors.New("linker: library closed")
	// ErrNotLoaded means that a library is not loaded, and that the caller did not want it to be
	// (see [NoLoad]).
	ErrNotLoaded = errors.New("linker: library not loaded")
	// ErrForeignLibrary means that the library handle belongs to another linker.
	ErrForeignLibrary = errors.New("linker: library of another linker")
	// ErrNoLibrary means that a handle stands for no library: it is nil, or a zero Library.
	ErrNoLibrary = errors.New("linker: a nil or zero handle is no library")
	// ErrPseudoHandle means that a handle stands for a scope, as [Default] and those of [Next] do,
	// and not for an opening that could be given up.
	ErrPseudoHandle = errors.New("linker: a pseudo-handle (Default, Next) cannot be closed")
	// ErrReplay means that guest code called the linker while an operation of another group was
	// being replayed in its own. A replay repeats what was decided already; it cannot decide.
	ErrReplay = presence.ErrReplay
	// ErrInOperation means that a constructor asked for what cannot be done within a link
	// operation: closing or spawning a group, closing the linker.
	ErrInOperation = presence.ErrInOperation
	// ErrBusyContext means that a context was used to enter a group while the call it belongs to
	// was inside the group already, deeper in. Each goroutine has to use a context of its own.
	ErrBusyContext = presence.ErrBusy
	// ErrStaleContext means that a context was kept beyond the call that it belongs to, and used
	// again.
	ErrStaleContext = presence.ErrStale
	// ErrForeignContext means that a goroutine used the context of a call that another goroutine is
	// in. A host function gives goroutines that it starts [WithoutGroup] of its context.
	ErrForeignContext = presence.ErrForeign
	// ErrNoMemory means that the guest's allocator had no memory for a data area or a stack.
	ErrNoMemory = heap.ErrNoMemory
	// ErrInAllocator means that the guest's allocator, which the linker has called, called the
	// linker, and that this needs memory of the allocator itself.
	ErrInAllocator = heap.ErrInAllocator
	// ErrThreadPending means that a constructor of the initial image, which New runs, waits for a
	// thread that it has started: threads begin when New has made the image.
	ErrThreadPending = errors.New(
		"linker: a constructor waits for its own thread, which begins when the image is made")
	// ErrBadBlock means that the guest's allocator returned a block that is not in the memory.
	ErrBadBlock = heap.ErrBadBlock
	// ErrAborted ends the call of a guest that calls abort.
	ErrAborted = errors.New("linker: the guest aborted")
	// ErrUnaligned and ErrOutOfBounds end the call of a guest that waits at, or notifies, an
	// address where it cannot, as the engine's traps of these instructions do.
	ErrUnaligned   = errors.New("linker: unaligned atomic")
	ErrOutOfBounds = errors.New("linker: atomic access out of bounds of the memory")
	// ErrNoGroup means that a context does not come from a call into a group.
	ErrNoGroup = errors.New("linker: no instance group in this context")
	// ErrOneGroup means that the image cannot have a second group. The error around it says why.
	ErrOneGroup = errors.New("linker: the process image can have one instance group only")
)

// LoadError says which module could not be loaded. It wraps the reason: another error of this
// package, a *wasm.FormatError with a byte offset, an error of the file system, of wazero, or a
// trap.
type LoadError struct {
	File   string // the file as found; for a module given as bytes, its name
	Module string // the name by which modules refer to it
	Err    error
}

// Error implements the error interface.
func (e *LoadError) Error() string {
	if e.File != "" && e.File != e.Module {
		return fmt.Sprintf("linker: load %s (%s): %s", text.Name(e.Module), text.Name(e.File),
			inner(e.Err))
	}
	return fmt.Sprintf("linker: load %s: %s", text.Name(e.Module), inner(e.Err))
}

// Unwrap returns the reason.
func (e *LoadError) Unwrap() error { return e.Err }

// NotFoundError says that no file of a name is on the search path.
type NotFoundError struct {
	Name     string
	Searched []string // every path that was tried, in order
	Outside  []string // every path that was not, because it leads out of the file system
}

// Error implements the error interface.
func (e *NotFoundError) Error() string {
	switch {
	case len(e.Searched)+len(e.Outside) == 0:
		return fmt.Sprintf("linker: library %s not found: there is no file system to search "+
			"(Config.WithFS)", text.Quote(e.Name))
	case len(e.Searched) == 0:
		return fmt.Sprintf("linker: library %s not found: %s leads out of the file system",
			text.Quote(e.Name), text.Name(e.Outside[0]))
	}
	tried := make([]string, len(e.Searched))
	for i, file := range e.Searched {
		tried[i] = text.Name(file)
	}
	return fmt.Sprintf("linker: library %s not found: tried %s (%s)", text.Quote(e.Name),
		text.Clip(strings.Join(tried, ", "), text.MaxReason), hintPath)
}

// UndefinedSymbolError says that a symbol is undefined. Data and function pointers are reported by
// a load. A function is reported when it is called, unless everything is bound at once: see
// [Config.WithNow].
type UndefinedSymbolError struct {
	Module string // the module that needs it; empty for a look-up from outside
	Symbol string
	// Searched is the library in which a look-up from outside has looked, with what that needs;
	// empty for the global scope. Next says that it was [Next] to that library, or to the main
	// module.
	Searched string
	Next     bool

	hidden bool // the library in which it looked exports nothing at all
}

// Error implements the error interface.
func (e *UndefinedSymbolError) Error() string {
	switch {
	case e.Searched != "" && e.Next:
		return fmt.Sprintf("linker: undefined symbol %s after %s", text.Quote(e.Symbol),
			text.Name(e.Searched))
	case e.Searched != "":
		return fmt.Sprintf("linker: undefined symbol %s in %s%s", text.Quote(e.Symbol),
			text.Name(e.Searched), cmp.Or(hint("", e.hidden), " ("+hintName+")"))
	case e.Module == "":
		return fmt.Sprintf("linker: undefined symbol %s", text.Quote(e.Symbol))
	}
	return fmt.Sprintf("linker: module %s: undefined symbol %s%s", text.Name(e.Module),
		text.Quote(e.Symbol), hint(e.Symbol, false))
}

// SymbolError says that a symbol exists, but is not what a module or a caller takes it for.
type SymbolError struct {
	Module  string // the module that needs it; empty for a look-up from outside
	Symbol  string
	Definer string // the module that defines it
	// for a function, the signature that is wanted; for a call, the one that the function has
	Want  string
	Found string // what there is instead; for a call, how many arguments it was given
}

// Error implements the error interface.
func (e *SymbolError) Error() string {
	var by string
	if e.Module != "" {
		by = "module " + text.Name(e.Module) + ": "
	}
	return fmt.Sprintf("linker: %ssymbol %s of %s: want %s, found %s", by, text.Quote(e.Symbol),
		text.Name(e.Definer), text.Clip(e.Want, text.MaxName), text.Clip(e.Found, text.MaxName))
}

// ImportError says that a module imports something that the linker cannot give it.
type ImportError struct {
	Module    string
	Namespace string // the module name of the import
	Name      string
	Reason    string
}

// Error implements the error interface.
func (e *ImportError) Error() string {
	return fmt.Sprintf("linker: module %s: import %s.%s: %s", text.Name(e.Module),
		text.Name(e.Namespace), text.Name(e.Name), text.Clip(e.Reason, text.MaxReason))
}

// LimitError says that something would grow beyond its maximum.
type LimitError struct {
	Limit string // what is limited, with its unit, for instance "memory (bytes)"
	Value uint64 // what was needed
	Max   uint64
}

// Error implements the error interface.
func (e *LimitError) Error() string {
	return fmt.Sprintf("linker: %s: %d needed, at most %d possible",
		text.Clip(e.Limit, text.MaxReason), e.Value, e.Max)
}

// SegmentError says that a module would write outside of what it was given: its data area, or its
// part of the function table.
type SegmentError struct {
	Module    string
	Segment   string // for instance "data segment 0"
	From, To  uint64 // the addresses, or table entries, that it would write
	Low, High uint64 // those that are the module's
}

// Error implements the error interface.
func (e *SegmentError) Error() string {
	return fmt.Sprintf("linker: module %s: %s writes to %#x..%#x, outside of %#x..%#x",
		text.Name(e.Module), e.Segment, e.From, e.To, e.Low, e.High)
}

// FeatureError says which WebAssembly feature has to be enabled in the runtime's configuration;
// [NewRuntimeConfig] enables all that the linker uses.
type FeatureError struct {
	Feature string
	Err     error // what wazero says
}

// Error implements the error interface.
func (e *FeatureError) Error() string {
	return fmt.Sprintf("linker: the runtime lacks the feature %q (see linker.NewRuntimeConfig): %v",
		e.Feature, e.Err)
}

// Unwrap returns what wazero says.
func (e *FeatureError) Unwrap() error { return e.Err }

// PointerError says that a function pointer cannot be called.
type PointerError struct {
	Pointer uint32
	Reason  string
	Err     error // what wazero says
}

// Error implements the error interface.
func (e *PointerError) Error() string {
	return fmt.Sprintf("linker: function pointer %d: %s", e.Pointer, e.Reason)
}

// Unwrap returns what wazero says.
func (e *PointerError) Unwrap() error { return e.Err }

// TableError says that a module has an instruction that changes the function table (table.set,
// table.grow, table.fill, table.copy, table.init). Each group has a table of its own, and what one
// of them changed by itself would make function pointers mean something else there than in all
// others. Tables that a module defines for itself it may change.
type TableError struct {
	Module      string
	Instruction string
	Offset      int // in the module, in bytes
}

// Error implements the error interface.
func (e *TableError) Error() string {
	return fmt.Sprintf(
		"linker: module %s: %s at offset %#x changes the function table, which is the linker's"+
			" (closures are the way to have entries)", text.Name(e.Module), e.Instruction, e.Offset)
}
