package synth

import (
	"fmt"

	"github.com/tetratelabs/wazero/api"
)

// Library describes a shared library. The zero value is one with nothing in it. Encode only reads
// it, so several goroutines may do so at once.
type Library struct {
	Name    string   // by which others need it; it is not written
	Needed  []string // libraries that it needs, in order
	RunPath []string // its run-time path

	Functions []Function
	Variables []Variable // static data, one i32 each
	Threads   []Variable // thread-local data, one i32 each
	Globals   []Variable // mutable WebAssembly globals, one i32 each: every group has its own
	Words     []Word     // static data that relocations fill with pointers, behind the variables

	// Table is the library's own part of the function table: first those of its own functions, by
	// index, whose addresses it takes; then functions that it imports.
	Table       []int
	TableOthers []Import

	Constructor []Op     // nil: it has none
	Weak        []string // names of symbols that may be missing

	Align  uint32 // of its data, as a power of two, at least 2
	Shared bool   // it says that its memory is shared, as a library built for threads does
}

// Function is a function of a library. With a negative depth it does nothing but return its Base,
// which serves as its identity. Otherwise it starts with its Base and what else it is given, and
// for each operation multiplies by 31 and adds the operation's value; arithmetic wraps around at 32
// bits. That is also what a constructor does, from 0, without returning the result.
type Function struct {
	Exports []string // none: it is reached through a pointer alone
	Sig     Signature
	Base    int32
	Body    []Op
}

// Variable is an i32 somewhere.
type Variable struct {
	Export string // "": it has no name outside
	Init   int32
}

// Word is a pointer in static data.
type Word struct {
	// Function says that it points to a function: to Symbol's or, if that is "", to the one that is
	// entry Index of Table. Otherwise it is an address: Symbol's, or that of the variable Index.
	Function bool
	Symbol   string
	Index    int
}

// Import is a function of another module.
type Import struct {
	Symbol string
	Sig    Signature
}

// Signature is one of those that functions can have. The first parameter is always the depth: how
// many calls of other functions may still be nested, an i32.
type Signature uint8

// The signatures.
const (
	Plain  Signature = iota // (depth i32) -> i32
	Narrow                  // (depth i32, x i32) -> i32; x is added to the base
	// (depth i32, x i64) -> i64; the low half of x is added to the base, the result is
	// sign-extended
	Wide
	// (x i32) -> (), a destructor: it has no depth, so its body calls nothing; x is added to the
	// base
	Final
	Signatures = int(Final) // how many there are that can be called
)

// Types returns a signature in wazero's terms.
func (s Signature) Types() (params, results []api.ValueType) {
	switch s {
	case Narrow:
		return []api.ValueType{api.ValueTypeI32, api.ValueTypeI32},
			[]api.ValueType{api.ValueTypeI32}
	case Wide:
		return []api.ValueType{api.ValueTypeI32, api.ValueTypeI64},
			[]api.ValueType{api.ValueTypeI64}
	case Final:
		return []api.ValueType{api.ValueTypeI32}, nil
	}
	return []api.ValueType{api.ValueTypeI32}, []api.ValueType{api.ValueTypeI32}
}

// String returns the signature's name.
func (s Signature) String() string {
	switch s {
	case Plain:
		return "plain"
	case Narrow:
		return "narrow"
	case Wide:
		return "wide"
	case Final:
		return "final"
	}
	return "no signature"
}

// Op is one operation of a body. Each has a value, an i32.
type Op struct {
	Kind   OpKind
	Symbol string    // of operations on a symbol
	Index  int       // of operations on what is the library's own
	Sig    Signature // of calls
	Value  int32
}

// OpKind is what an operation does.
type OpKind uint8

// The operations. Calls are not made at depth 0, and have the value [NotCalled] then; they pass on
// the depth less one and what has been computed so far. Operations on a null pointer have the value
// [Null].
const (
	Const       OpKind = iota // Value
	Call                      // calls Symbol, an import from env
	CallOwn                   // calls the function Index directly, whatever others define
	CallPointer               // calls Symbol through its pointer from GOT.func
	CallWord                  // calls the function that the word Index points to
	// calls the entry Index of the library's own part of the function table
	CallTable
	// reads Symbol, data or thread-local data, through its address from GOT.mem
	Load
	Add       // adds Value to Symbol, as Load reaches it; the value is the sum
	AddOwn    // adds Value to the variable Index directly
	AddThread // adds Value to the thread-local variable Index directly
	AddGlobal // adds Value to the global Index directly
	AddOther  // adds Value to the global Symbol, an import from env
	// calls Symbol, an import from env of type (i32) -> (), with Value; the value is Value
	Note
	// registers entry Index of Table, a Final function, by __cxa_atexit, to be called with Value;
	// the value is 0
	AtExit
	Trap // is unreachable
	Exit // calls WASI's proc_exit with Value
)

// The values of operations that do nothing.
const (
	NotCalled = 1
	Null      = 2
)

// VariableOffset returns where the variable i is in the library's data area, in bytes.
func (l *Library) VariableOffset(i int) uint32 { return 4 * uint32(i) }

// WordOffset returns where the word i is in the library's data area, in bytes.
func (l *Library) WordOffset(i int) uint32 { return 4 * uint32(len(l.Variables)+i) }

// DataSize returns the size of its data area in bytes. It is never 0: __dso_handle is its
// beginning.
func (l *Library) DataSize() uint32 { return max(4, 4*uint32(len(l.Variables)+len(l.Words))) }

// String describes the operation in one line.
func (op Op) String() string {
	switch op.Kind {
	case Call, CallPointer:
		return fmt.Sprintf("%v(%s %v)", op.Kind, op.Symbol, op.Sig)
	case CallOwn, CallWord, CallTable:
		return fmt.Sprintf("%v(%d %v)", op.Kind, op.Index, op.Sig)
	case Load:
		return fmt.Sprintf("%v(%s)", op.Kind, op.Symbol)
	case Add, AddOther, Note:
		return fmt.Sprintf("%v(%s, %d)", op.Kind, op.Symbol, op.Value)
	case AddOwn, AddThread, AddGlobal, AtExit:
		return fmt.Sprintf("%v(%d, %d)", op.Kind, op.Index, op.Value)
	}
	return fmt.Sprintf("%v(%d)", op.Kind, op.Value)
}

// String returns the operation's name.
func (k OpKind) String() string {
	names := []string{"Const", "Call", "CallOwn", "CallPointer", "CallWord", "CallTable", "Load",
		"Add", "AddOwn", "AddThread", "AddGlobal", "AddOther", "Note", "AtExit", "Trap", "Exit"}
	if int(k) >= len(names) {
		return fmt.Sprintf("OpKind(%d)", uint8(k))
	}
	return names[k]
}
