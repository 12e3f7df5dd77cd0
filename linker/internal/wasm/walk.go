package wasm

import (
	"github.com/lockstep-wasm/lockstep/linker/internal/leb"
)

// instruction has the immediates that rewriting needs; the others are only skipped.
type instruction struct {
	opcode     byte
	sub        uint32 // behind a prefix 0xfc, 0xfd or 0xfe
	offset     uint32 // of a memory access
	start, end int    // offsets in the body, of its first byte and behind its last
}

// walk visits the instructions of a function body, behind its locals. The body is not validated;
// the error says where it has something that is no instruction.
func walk(body []byte, visit func(instruction)) error {
	r := leb.NewReader(body)
	for groups := r.U32("local groups"); groups > 0 && r.Err() == nil; groups-- {
		r.U32("locals")
		r.Byte("local type")
	}
	for r.Err() == nil && r.Len() > 0 {
		i := instruction{start: len(body) - r.Len()}
		i.opcode = r.Byte("opcode")
		if !i.immediates(r) {
			r.Fail(i.start, nil, "instruction %#x %#x is unknown", i.opcode, i.sub)
			return r.Err()
		}
		i.end = len(body) - r.Len()
		visit(i)
	}
	return r.Err()
}

// immediates reads what follows an opcode, and reports whether there is such an opcode.
//
// Source: WebAssembly Core Specification 2.0, 5.4; the proposals threads, exception handling (both
// forms), tail calls, relaxed SIMD.
func (i *instruction) immediates(r *leb.Reader) bool {
	index := func(n int) bool {
		for range n {
			r.U32("immediate")
		}
		return true
	}
	switch op := i.opcode; {
	case op == 0x02 || op == 0x03 || op == 0x04 || op == 0x06: // block, loop, if, try
		r.S64("block type")
	case op == 0x0e: // br_table
		return index(int(min(r.U32("labels"), uint32(r.Len()))) + 1)
	case op == 0x11 || op == 0x13: // call_indirect, return_call_indirect
		return index(2)
	case op == 0x1c: // select with types
		r.Bytes(r.U32("types"), "types")
	case op == 0x1f: // try_table
		r.S64("block type")
		for n := r.U32("catches"); n > 0 && r.Err() == nil; n-- {
			if kind := r.Byte("catch"); kind < 2 {
				index(2)
			} else {
				index(1)
			}
		}
	case op == 0x07 || op == 0x08 || op == 0x09 || op == 0x0c || op == 0x0d || op == 0x10 ||
		op == 0x12 || op == 0x18, op >= 0x20 && op <= 0x26, op == 0x3f || op == 0x40, op == 0xd2:
		return index(1)
	case op >= 0x28 && op <= 0x3e:
		i.access(r)
	case op == 0x41 || op == 0x42 || op == 0xd0: // i32.const, i64.const, ref.null
		r.S64("constant")
	case op == 0x43:
		r.Bytes(4, "constant")
	case op == 0x44:
		r.Bytes(8, "constant")
	case op <= 0x01 || op == 0x05 || op >= 0x0a && op <= 0x0b || op == 0x0f || op >= 0x19 &&
		op <= 0x1b, op >= 0x45 && op <= 0xc4, op == 0xd1:
	case op == 0xfc:
		i.sub = r.U32("opcode")
		counts := [...]int{8: 2, 9: 1, 10: 2, 11: 1, 12: 2, 13: 1, 14: 2, 15: 1, 16: 1, 17: 1}
		return int(i.sub) < len(counts) && index(counts[i.sub])
	case op == 0xfd:
		i.vector(r)
	case op == 0xfe:
		i.sub = r.U32("opcode")
		switch {
		case i.sub == 3: // atomic.fence
			r.Byte("order")
		case i.sub < 3 || i.sub >= 0x10 && i.sub <= 0x4e:
			i.access(r)
		default:
			return false
		}
	default:
		return false
	}
	return true
}

// vector reads what follows the prefix of vector instructions.
func (i *instruction) vector(r *leb.Reader) {
	i.sub = r.U32("opcode")
	switch {
	case i.sub <= 11 || i.sub == 92 || i.sub == 93:
		i.access(r)
	case i.sub == 12 || i.sub == 13: // v128.const, i8x16.shuffle
		r.Bytes(16, "lanes")
	case i.sub >= 21 && i.sub <= 34:
		r.Byte("lane")
	case i.sub >= 84 && i.sub <= 91:
		i.access(r)
		r.Byte("lane")
	}
}

// access reads alignment and offset of a memory access. Bit 6 of the alignment says that the memory
// is named.
func (i *instruction) access(r *leb.Reader) {
	if align := r.U32("alignment"); align&0x40 != 0 {
		r.U32("memory")
	}
	i.offset = r.U32("offset")
}

func (i instruction) calls() bool {
	return i.opcode >= opCall && i.opcode <= opReturnCallIndirect
}

// edit replaces a part of a function body.
type edit struct {
	start, end int
	code       []byte
}
