package wasm

// Opcodes are the numbers of instructions in the binary format. Those that only the tables of
// [Code] and of the validator name are there.
//
// Source: WebAssembly Core Specification, 5.4 (instructions).

// Structured instructions and branches.
const (
	opBlock       = 0x02
	opLoop        = 0x03
	opIf          = 0x04
	opElse        = 0x05
	opTry         = 0x06 // older exception handling
	opCatch       = 0x07 // older
	opThrow       = 0x08
	opRethrow     = 0x09 // older
	opThrowRef    = 0x0a
	opEnd         = 0x0b
	opBr          = 0x0c
	opBrIf        = 0x0d
	opBrTable     = 0x0e
	opReturn      = 0x0f
	opDelegate    = 0x18 // older
	opCatchAll    = 0x19 // older
	opTypedSelect = 0x1c
	opTryTable    = 0x1f
)

// opFunction stands for the body of a function, which is a block.
const opFunction = 0

// Clauses of try_table.
const (
	catchTag    = 0
	catchTagRef = 1
	catchAll    = 2
	catchAllRef = 3
)

// Calls. They follow each other: see instruction.calls.
const (
	opCall               = 0x10
	opCallIndirect       = 0x11
	opReturnCall         = 0x12
	opReturnCallIndirect = 0x13
)

// Globals, constants and references.
const (
	opGlobalGet = 0x23
	opGlobalSet = 0x24
	opI32Const  = 0x41
	opI64Const  = 0x42
	opF32Const  = 0x43
	opF64Const  = 0x44
	opRefNull   = 0xd0
	opRefFunc   = 0xd2
	opVector    = 0xfd
	opV128Const = 0x0c // behind opVector
)

// Instructions behind the prefix 0xfc that fill and copy.
const (
	opMisc       = 0xfc
	opMemoryInit = 8
	opMemoryCopy = 10
	opMemoryFill = 11
	opTableInit  = 12
	opTableCopy  = 14
	opTableFill  = 17
)

// movesMuch reports whether an instruction behind the prefix 0xfc fills or copies as much as its
// last operand says.
func movesMuch(sub uint32) bool {
	switch sub {
	case opMemoryInit, opMemoryCopy, opMemoryFill, opTableInit, opTableCopy, opTableFill:
		return true
	}
	return false
}

// Atomic instructions, behind the prefix 0xfe.
const (
	opAtomicPrefix = 0xfe
	opNotify       = 0
	opWait32       = 1
	opWait64       = 2
)
