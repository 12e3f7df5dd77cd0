package wasm

import (
	"encoding/binary"
	"math"

	"github.com/lockstep-wasm/lockstep/linker/internal/leb"
)

// Code assembles the body of a function. Its zero value is empty; methods append one
// instruction each and return the receiver, so they chain:
//
//	new(wasm.Code).LocalGet(0).I32Const(1).I32Add()
//
// The closing end of the body is not written. Types and indices are not checked here, but
// [Builder.Func] refuses blocks that are not closed.
type Code struct {
	b         []byte
	open      int    // blocks that are not closed
	dataCount bool   // a data segment is named, so the module needs a data count section
	mistake   string // first one
}

// check returns the first mistake, or "".
func (c *Code) check() string {
	if c.mistake == "" && c.open > 0 {
		return "a block is not closed"
	}
	return c.mistake
}

// wrong keeps the first mistake.
func (c *Code) wrong(s string) *Code {
	if c.mistake == "" {
		c.mistake = s
	}
	return c
}

// op appends an opcode with indices behind it.
func (c *Code) op(opcode byte, indices ...uint32) *Code {
	c.b = append(c.b, opcode)
	for _, i := range indices {
		c.b = leb.AppendU32(c.b, i)
	}
	return c
}

// misc appends an instruction of the group with prefix 0xfc.
func (c *Code) misc(sub uint32, indices ...uint32) *Code {
	return c.op(0xfc, append([]uint32{sub}, indices...)...)
}

// block opens a block with at most one result.
func (c *Code) block(opcode byte, result []ValType) *Code {
	c.open++
	switch len(result) {
	case 0:
		c.b = append(c.b, opcode, 0x40)
	case 1:
		c.b = append(c.b, opcode, byte(result[0]))
	default:
		return c.wrong("a block has more than one result")
	}
	return c
}

// Raw appends instructions in the binary format. They must close what blocks they open.
func (c *Code) Raw(b ...byte) *Code {
	c.b = append(c.b, b...)
	return c
}

// Unreachable traps.
func (c *Code) Unreachable() *Code { return c.op(0x00) }

// Block opens a block with at most one result.
func (c *Code) Block(result ...ValType) *Code { return c.block(0x02, result) }

// Loop opens a loop with at most one result.
func (c *Code) Loop(result ...ValType) *Code { return c.block(0x03, result) }

// If opens a block that is entered when the i32 on the stack is not 0.
func (c *Code) If(result ...ValType) *Code { return c.block(0x04, result) }

// Else opens the other branch of an If.
func (c *Code) Else() *Code {
	if c.open == 0 {
		return c.wrong("else without if")
	}
	return c.op(0x05)
}

// End closes the innermost Block, Loop or If.
func (c *Code) End() *Code {
	if c.open == 0 {
		return c.wrong("end without a block")
	}
	c.open--
	return c.op(opEnd)
}

// Throw throws an exception with the given tag.
func (c *Code) Throw(tag uint32) *Code { return c.op(0x08, tag) }

// Br leaves depth+1 blocks, or repeats a loop.
func (c *Code) Br(depth uint32) *Code { return c.op(0x0c, depth) }

// BrIf is Br when the i32 on the stack is not 0.
func (c *Code) BrIf(depth uint32) *Code { return c.op(0x0d, depth) }

// Return leaves the function.
func (c *Code) Return() *Code { return c.op(0x0f) }

// Call calls a function.
func (c *Code) Call(function uint32) *Code { return c.op(0x10, function) }

// CallIndirect calls the entry of a table whose index is on the stack.
func (c *Code) CallIndirect(typeIndex, table uint32) *Code { return c.op(0x11, typeIndex, table) }

// Drop removes a value.
func (c *Code) Drop() *Code { return c.op(0x1a) }

// Select takes the first of two numbers when the i32 above them is not 0, else the second.
func (c *Code) Select() *Code { return c.op(0x1b) }

// LocalGet reads a parameter or local.
func (c *Code) LocalGet(index uint32) *Code { return c.op(0x20, index) }

// LocalSet writes a parameter or local.
func (c *Code) LocalSet(index uint32) *Code { return c.op(0x21, index) }

// LocalTee writes a parameter or local and keeps the value.
func (c *Code) LocalTee(index uint32) *Code { return c.op(0x22, index) }

// GlobalGet reads a global.
func (c *Code) GlobalGet(index uint32) *Code { return c.op(opGlobalGet, index) }

// GlobalSet writes a global.
func (c *Code) GlobalSet(index uint32) *Code { return c.op(0x24, index) }

// TableGet reads the entry of a table.
func (c *Code) TableGet(table uint32) *Code { return c.op(0x25, table) }

// TableSet writes the entry of a table.
func (c *Code) TableSet(table uint32) *Code { return c.op(0x26, table) }

// I32Load reads an aligned i32 at address + offset.
func (c *Code) I32Load(offset uint32) *Code { return c.op(0x28, 2, offset) }

// I64Load reads an aligned i64 at address + offset.
func (c *Code) I64Load(offset uint32) *Code { return c.op(0x29, 3, offset) }

// I32Load8U reads a byte at address + offset.
func (c *Code) I32Load8U(offset uint32) *Code { return c.op(0x2d, 0, offset) }

// I32Store writes an aligned i32 at address + offset.
func (c *Code) I32Store(offset uint32) *Code { return c.op(0x36, 2, offset) }

// I64Store writes an aligned i64 at address + offset.
func (c *Code) I64Store(offset uint32) *Code { return c.op(0x37, 3, offset) }

// I32Store8 writes a byte at address + offset.
func (c *Code) I32Store8(offset uint32) *Code { return c.op(0x3a, 0, offset) }

// MemorySize gives the size of memory 0 in pages.
func (c *Code) MemorySize() *Code { return c.op(0x3f, 0) }

// MemoryGrow grows memory 0 by pages and gives its old size, or -1.
func (c *Code) MemoryGrow() *Code { return c.op(0x40, 0) }

// I32Const pushes a constant.
func (c *Code) I32Const(v int32) *Code {
	c.b = leb.AppendS64(append(c.b, opI32Const), int64(v))
	return c
}

// I64Const pushes a constant.
func (c *Code) I64Const(v int64) *Code {
	c.b = leb.AppendS64(append(c.b, opI64Const), v)
	return c
}

// F32Const pushes a constant.
func (c *Code) F32Const(v float32) *Code {
	c.b = binary.LittleEndian.AppendUint32(append(c.b, opF32Const), math.Float32bits(v))
	return c
}

// F64Const pushes a constant.
func (c *Code) F64Const(v float64) *Code {
	c.b = binary.LittleEndian.AppendUint64(append(c.b, opF64Const), math.Float64bits(v))
	return c
}

// I32Eqz compares with 0.
func (c *Code) I32Eqz() *Code { return c.op(0x45) }

// I32Eq compares.
func (c *Code) I32Eq() *Code { return c.op(0x46) }

// I32Ne compares.
func (c *Code) I32Ne() *Code { return c.op(0x47) }

// I32LtU compares unsigned numbers.
func (c *Code) I32LtU() *Code { return c.op(0x49) }

// I32Add adds.
func (c *Code) I32Add() *Code { return c.op(0x6a) }

// I32Sub subtracts.
func (c *Code) I32Sub() *Code { return c.op(0x6b) }

// I32Mul multiplies.
func (c *Code) I32Mul() *Code { return c.op(0x6c) }

// I64Add adds.
func (c *Code) I64Add() *Code { return c.op(0x7c) }

// RefNull pushes a null reference of type t.
func (c *Code) RefNull(t ValType) *Code {
	c.b = append(c.b, opRefNull, byte(t))
	return c
}

// RefIsNull tests a reference.
func (c *Code) RefIsNull() *Code { return c.op(0xd1) }

// RefFunc pushes a reference to a function, which must be exported or in a segment.
func (c *Code) RefFunc(function uint32) *Code { return c.op(opRefFunc, function) }

// MemoryInit copies from a data segment to memory 0.
func (c *Code) MemoryInit(data uint32) *Code {
	c.dataCount = true
	return c.misc(8, data, 0)
}

// DataDrop empties a data segment.
func (c *Code) DataDrop(data uint32) *Code {
	c.dataCount = true
	return c.misc(9, data)
}

// MemoryCopy copies within memory 0.
func (c *Code) MemoryCopy() *Code { return c.misc(10, 0, 0) }

// MemoryFill fills memory 0.
func (c *Code) MemoryFill() *Code { return c.misc(11, 0) }

// TableInit copies from an element segment to a table.
func (c *Code) TableInit(element, table uint32) *Code { return c.misc(12, element, table) }

// ElemDrop empties an element segment.
func (c *Code) ElemDrop(element uint32) *Code { return c.misc(13, element) }

// TableCopy copies between tables.
func (c *Code) TableCopy(to, from uint32) *Code { return c.misc(14, to, from) }

// TableGrow grows a table and gives its old size, or -1.
func (c *Code) TableGrow(table uint32) *Code { return c.misc(15, table) }

// TableSize gives the size of a table.
func (c *Code) TableSize(table uint32) *Code { return c.misc(16, table) }

// TableFill fills a part of a table.
func (c *Code) TableFill(table uint32) *Code { return c.misc(17, table) }
