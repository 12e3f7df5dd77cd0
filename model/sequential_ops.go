package model

import (
	"fmt"
	"strings"
)

// Op is a user operation of the linker.
type Op uint8

const (
	// OpOpen opens Input.Library.
	OpOpen Op = iota
	// OpClose gives up one opening of Input.Handle.
	OpClose
	// OpSymbol looks Input.Name up through Input.Handle, or in the global scope, or behind one of
	// these (Input.Next).
	OpSymbol
	// OpCall looks Input.Name up likewise and calls it with Input.Args.
	OpCall
	// OpCallPointer calls the function at table index Input.Pointer with Input.Args.
	OpCallPointer
	// OpAllocateClosure takes Input.Count table slots.
	OpAllocateClosure
	// OpFreeClosure gives the slot Input.Pointer back.
	OpFreeClosure
	// OpSpawn makes a new instance group out of Input.Group.
	OpSpawn
	// OpLeave ends Input.Group.
	OpLeave
	// OpSetClosure puts a function, found as OpCall finds it, into the closure at Input.Pointer.
	OpSetClosure
	opCount
)

var opNames = []string{"open", "close", "symbol", "call", "call-pointer", "allocate-closure",
	"free-closure", "spawn", "leave", "set-closure"}

// Known reports whether there is such an operation.
func (o Op) Known() bool { return o < opCount }

// String returns the name that stands in files.
func (o Op) String() string { return enumName(opNames, int(o)) }

// MarshalText writes the name.
func (o Op) MarshalText() ([]byte, error) { return enumText(opNames, int(o)) }

// UnmarshalText reads the name; any other text is an error.
func (o *Op) UnmarshalText(text []byte) error {
	n, err := enumParse("operation", opNames, text)
	*o = Op(n)
	return err
}

// Handle is what opening a library returns. 0 stands for the global scope: the main module, and
// then the libraries that were opened as global, with what they need, in the order in which they
// became part of it.
type Handle uint64

// Input is what a client asked for. Only the fields that Op speaks of count.
type Input struct {
	Op Op `json:"op"`
	// Group is the instance group the operation ran in.
	Group   int    `json:"group,omitempty"`
	Library string `json:"library,omitempty"`
	// Now asks OpOpen to fail if any function import has no definition.
	Now bool `json:"now,omitempty"`
	// Local asks OpOpen to leave the global scope as it is. Otherwise the library becomes part of
	// it, with all that it needs, even if it was loaded before; and it stays so until it is
	// unloaded.
	Local bool `json:"local,omitempty"`
	// NoLoad asks OpOpen for what is loaded, or else to fail with ClassNotLoaded.
	NoLoad bool `json:"no_load,omitempty"`
	// Next asks OpSymbol and OpCall for what comes behind the library of Handle: in the rest of the
	// global scope if it is part of that, else in what it needs. Behind handle 0, which is then the
	// main module's, is all of the global scope but that.
	Next   bool    `json:"next,omitempty"`
	Handle Handle  `json:"handle,omitempty"`
	Name   string  `json:"name,omitempty"`
	Args   []int32 `json:"args,omitempty"`
	// Pointer is a table index.
	Pointer uint32 `json:"pointer,omitempty"`
	// Count is a number of slots, at least 1.
	Count int `json:"count,omitempty"`
}

// An Output is what came of it. Exactly one of these holds: Unknown is set; Err is not empty; Trap
// is not empty; the operation succeeded and the fields that its Op speaks of count.
type Output struct {
	// Unknown marks an operation that was cancelled or crashed, so that its effect is unknown.
	Unknown bool `json:"unknown,omitempty"`
	// Err is the class of the error, Trap that of the trap in which a call ended.
	Err  ErrorClass `json:"err,omitempty"`
	Trap TrapClass  `json:"trap,omitempty"`
	// Handle is the result of OpOpen.
	Handle Handle `json:"handle,omitempty"`
	// Kind and Pointer are the result of OpSymbol: a table index, or an address in the memory.
	Kind    SymbolKind `json:"kind,omitempty"`
	Pointer uint32     `json:"pointer,omitempty"`
	// Result is the result of OpCall and OpCallPointer.
	Result int32 `json:"result,omitempty"`
	// Slots are the result of OpAllocateClosure, in any order.
	Slots []uint32 `json:"slots,omitempty"`
	// Group is the result of OpSpawn.
	Group int `json:"group,omitempty"`
	// Commit is the number of the commit that made the operation visible, and 0 if it changed
	// nothing that all groups must agree on.
	Commit uint64 `json:"commit,omitempty"`
	// Read is the number of the last commit that the operation has seen, and 0 if it does not know.
	// A linker that wants every operation to know counts its construction as commit 1.
	Read uint64 `json:"read,omitempty"`
}

// Number is the place of the operation in the commit order: its own commit, else the one it read
// at, else 0.
func (o *Output) Number() uint64 {
	if o.Commit != 0 {
		return o.Commit
	}
	return o.Read
}

// ErrorClass is a kind of failure, independent of the judged linker's error types and texts.
type ErrorClass string

// The classes that the model expects, and (the last three) those it can only tolerate.
const (
	ClassMissingFile   ErrorClass = "missing-file"   // no such library
	ClassNotLoaded     ErrorClass = "not-loaded"     // what was not to be loaded is not loaded
	ClassMissingNeeded ErrorClass = "missing-needed" // a needed library is not there
	ClassBadModule     ErrorClass = "bad-module"     // it, or something it needs, is not a library
	ClassMissingSymbol ErrorClass = "missing-symbol" // the symbol is undefined
	ClassSignature     ErrorClass = "signature"      // another number of parameters
	ClassNotFunction   ErrorClass = "not-function"   // a call of a data symbol
	ClassBadHandle     ErrorClass = "bad-handle"     // not open, or not open any more
	ClassBadSlot       ErrorClass = "bad-slot"       // not an allocated closure slot
	ClassBadCount      ErrorClass = "bad-count"      // fewer than one slot asked for
	ClassGroupClosed   ErrorClass = "group-closed"   // the group is gone
	ClassCancelled     ErrorClass = "cancelled"      // withdrawn before it took effect
	ClassNoSpace       ErrorClass = "no-space"       // the table or the memory cannot grow
	ClassPoisoned      ErrorClass = "poisoned"       // the process image is unusable, for good
)

// TrapClass is a kind of trap.
type TrapClass string

// The classes of traps.
const (
	TrapBadPointer TrapClass = "bad-pointer" // a null pointer or an unused slot was called
	// called through a pointer with another number of arguments
	TrapSignature   TrapClass = "signature"
	TrapMissing     TrapClass = "missing"     // an undefined import was called
	TrapUnreachable TrapClass = "unreachable" // the function itself trapped
	TrapStack       TrapClass = "stack"       // endless recursion
)

// ReadOnly says whether the operation can only look, never change anything, whatever its outcome
// was. (OpSymbol may give a function its slot, but if its outcome is unknown, so is the slot.)
func (in *Input) ReadOnly() bool {
	return in.Op == OpSymbol || in.Op == OpCall || in.Op == OpCallPointer
}

// String is the operation in one short line, as in "g1 symbol(#3, add)".
func (in Input) String() string {
	var args string
	switch in.Op {
	case OpOpen:
		args = in.Library
		for _, option := range []struct {
			set  bool
			name string
		}{{in.Now, "now"}, {in.Local, "local"}, {in.NoLoad, "no-load"}} {
			if option.set {
				args += ", " + option.name
			}
		}
	case OpClose:
		args = fmt.Sprintf("#%d", in.Handle)
	case OpSymbol:
		args = in.scopeName() + in.Name
	case OpCall:
		args = in.scopeName() + in.Name + " " + argsString(in.Args)
	case OpCallPointer:
		args = fmt.Sprintf("%d %s", in.Pointer, argsString(in.Args))
	case OpAllocateClosure:
		args = fmt.Sprint(in.Count)
	case OpFreeClosure:
		args = fmt.Sprint(in.Pointer)
	case OpSetClosure:
		args = fmt.Sprintf("%d, %s%s", in.Pointer, in.scopeName(), in.Name)
	}
	return fmt.Sprintf("g%d %s(%s)", in.Group, in.Op, args)
}

// scopeName is where a look-up looks, as in "next to #3, ".
func (in *Input) scopeName() string {
	switch {
	case in.Handle == 0 && in.Next:
		return "next to main, "
	case in.Handle == 0:
		return ""
	case in.Next:
		return fmt.Sprintf("next to #%d, ", in.Handle)
	}
	return fmt.Sprintf("#%d, ", in.Handle)
}

func argsString(args []int32) string {
	return "(" + strings.Trim(strings.ReplaceAll(fmt.Sprint(args), " ", ", "), "[]") + ")"
}

// Describe is an operation with its outcome in one short line, as in "g1 symbol(#3, add) = function
// 17 @5". After @ stands the commit number, in parentheses if the operation only read at it.
func Describe(in Input, out Output) string {
	result := "ok"
	switch {
	case out.Unknown:
		return in.String() + " = ?"
	case out.Err != "":
		result = "error " + string(out.Err)
	case out.Trap != "":
		result = "trap " + string(out.Trap)
	case in.Op == OpOpen:
		result = fmt.Sprintf("#%d", out.Handle)
	case in.Op == OpSymbol:
		result = fmt.Sprintf("%s %d", out.Kind, out.Pointer)
	case in.Op == OpCall, in.Op == OpCallPointer:
		result = fmt.Sprint(out.Result)
	case in.Op == OpAllocateClosure:
		result = "slots " + fmt.Sprint(out.Slots)
	case in.Op == OpSpawn:
		result = fmt.Sprintf("g%d", out.Group)
	}
	switch {
	case out.Commit != 0:
		result += fmt.Sprintf(" @%d", out.Commit)
	case out.Read != 0:
		result += fmt.Sprintf(" (@%d)", out.Read)
	}
	return in.String() + " = " + result
}
