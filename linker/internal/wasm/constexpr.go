package wasm

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/lockstep-wasm/lockstep/linker/internal/leb"
)

var (
	// ErrNotInteger means that a constant expression does not give an i32 or an i64.
	ErrNotInteger = errors.New("wasm: constant expression is not an integer")
	// ErrUnknownGlobal means that the value of a global that a constant expression reads
	// is not known.
	ErrUnknownGlobal = errors.New("wasm: value of the global is not known")
)

// ConstExpr is a constant expression: the initial value of a global, the offset of a
// segment, an entry of a table. Those of a decoded module are well typed. The zero value
// is no expression.
type ConstExpr struct {
	code []byte // instructions, with the closing end
}

// ConstOp is an arithmetic instruction that a constant expression may hold.
type ConstOp byte

// The arithmetic instructions (extended constant expressions).
const (
	ConstI32Add ConstOp = 0x6a
	ConstI32Sub ConstOp = 0x6b
	ConstI32Mul ConstOp = 0x6c
	ConstI64Add ConstOp = 0x7c
	ConstI64Sub ConstOp = 0x7d
	ConstI64Mul ConstOp = 0x7e
)

// ConstI32 returns i32.const.
func ConstI32(v int32) ConstExpr {
	return ConstExpr{append(leb.AppendS64([]byte{opI32Const}, int64(v)), opEnd)}
}

// ConstI64 returns i64.const.
func ConstI64(v int64) ConstExpr {
	return ConstExpr{append(leb.AppendS64([]byte{opI64Const}, v), opEnd)}
}

// ConstF32 returns f32.const.
func ConstF32(v float32) ConstExpr {
	b := binary.LittleEndian.AppendUint32([]byte{opF32Const}, math.Float32bits(v))
	return ConstExpr{append(b, opEnd)}
}

// ConstF64 returns f64.const.
func ConstF64(v float64) ConstExpr {
	b := binary.LittleEndian.AppendUint64([]byte{opF64Const}, math.Float64bits(v))
	return ConstExpr{append(b, opEnd)}
}

// ConstV128 returns v128.const.
func ConstV128(v [16]byte) ConstExpr {
	return ConstExpr{append(append([]byte{opVector, opV128Const}, v[:]...), opEnd)}
}

// ConstGlobal returns global.get.
func ConstGlobal(index uint32) ConstExpr {
	return ConstExpr{append(leb.AppendU32([]byte{opGlobalGet}, index), opEnd)}
}

// ConstFunc returns ref.func.
func ConstFunc(index uint32) ConstExpr {
	return ConstExpr{append(leb.AppendU32([]byte{opRefFunc}, index), opEnd)}
}

// ConstNull returns ref.null of a reference type.
func ConstNull(t ValType) ConstExpr { return ConstExpr{[]byte{opRefNull, byte(t), opEnd}} }

// Const returns op applied to a and b, which must not be the zero ConstExpr.
func Const(op ConstOp, a, b ConstExpr) ConstExpr {
	var code []byte
	for _, e := range []ConstExpr{a, b} {
		if !e.IsZero() {
			code = append(code, e.code[:len(e.code)-1]...)
		}
	}
	return ConstExpr{append(code, byte(op), opEnd)}
}

// IsZero reports whether e is no expression at all.
func (e ConstExpr) IsZero() bool { return len(e.code) == 0 }

// Bytes returns the expression in the binary format, with the closing end. The caller must
// not change it.
func (e ConstExpr) Bytes() []byte { return e.code }

// constInstr is one instruction of a constant expression.
type constInstr struct {
	op  byte
	imm uint64  // value or index; 0 for v128.const
	typ ValType // of what it leaves on the stack; 0 for global.get
}

// readConstInstr reads the next instruction. Failures stick in r.
func readConstInstr(r *leb.Reader) constInstr {
	at := r.Offset()
	in := constInstr{op: r.Byte("constant expression")}
	switch in.op {
	case opI32Const:
		in.typ, in.imm = I32, uint64(uint32(r.S32("i32.const")))
	case opI64Const:
		in.typ, in.imm = I64, uint64(r.S64("i64.const"))
	case opF32Const:
		if b := r.Bytes(4, "f32.const"); b != nil {
			in.typ, in.imm = F32, uint64(binary.LittleEndian.Uint32(b))
		}
	case opF64Const:
		if b := r.Bytes(8, "f64.const"); b != nil {
			in.typ, in.imm = F64, binary.LittleEndian.Uint64(b)
		}
	case opGlobalGet:
		in.imm = uint64(r.U32("global.get"))
	case opRefFunc:
		in.typ, in.imm = FuncRef, uint64(r.U32("ref.func"))
	case opRefNull:
		in.typ = nullType(r)
	case opVector:
		if sub := r.Byte("vector instruction"); !r.Failed() && sub != opV128Const {
			r.Fail(at, nil, "vector instruction %#x is not constant", sub)
		}
		r.Bytes(16, "v128.const")
		in.typ = V128
	case byte(ConstI32Add), byte(ConstI32Sub), byte(ConstI32Mul):
		in.typ = I32
	case byte(ConstI64Add), byte(ConstI64Sub), byte(ConstI64Mul):
		in.typ = I64
	case opEnd:
	default:
		r.Fail(at, nil, "instruction %#x is not constant", in.op)
	}
	return in
}

// arithmetic reports whether the instruction combines two values.
func (in constInstr) arithmetic() bool {
	switch ConstOp(in.op) {
	case ConstI32Add, ConstI32Sub, ConstI32Mul, ConstI64Add, ConstI64Sub, ConstI64Mul:
		return true
	}
	return false
}

// readConstExpr reads an expression that must give a value of type want. It may read the globals
// that are defined by now, as in version 3.0 of the specification.
func readConstExpr(r *leb.Reader, m *Module, want ValType) ConstExpr {
	start, globals := r.Offset(), m.Count(KindGlobal)
	var room [8]ValType
	stack := room[:0]
	for {
		at := r.Offset()
		in := readConstInstr(r)
		m.work++
		if r.Failed() {
			return ConstExpr{}
		}
		switch {
		case in.op == opEnd:
			if n := len(stack); n != 1 {
				r.Fail(start, nil, "constant expression gives %d values, not one", n)
			} else if stack[0] != want {
				r.Fail(start, nil, "constant expression gives %v, not %v", stack[0], want)
			}
			// A copy: a constant of a few bytes must not keep a whole file in memory.
			return ConstExpr{slices.Clone(r.Since(start))}
		case in.arithmetic():
			n := len(stack)
			if n < 2 || stack[n-1] != in.typ || stack[n-2] != in.typ {
				r.Fail(at, nil, "constant expression: %s lacks two operands of %v",
					constNames[in.op], in.typ)
			} else {
				stack = stack[:n-1]
			}
			continue
		case in.op == opGlobalGet:
			t, ok := m.GlobalType(uint32(in.imm))
			if !ok {
				r.Fail(at, nil, "constant expression: global %d of %d", in.imm, globals)
			} else if t.Mutable {
				r.Fail(at, nil, "constant expression: global %d is mutable", in.imm)
			}
			in.typ = t.Type
			m.code.lookups++
			m.code.own = m.code.own || in.imm >= uint64(m.Imported(KindGlobal))
		case in.op == opRefFunc:
			if n := m.Count(KindFunc); in.imm >= uint64(n) {
				r.Fail(at, nil, "constant expression: function %d of %d", in.imm, n)
			}
			m.code.lookups++
		}
		stack = append(stack, in.typ)
	}
}

// single returns the only instruction of an expression, or false when it has more.
func (e ConstExpr) single() (constInstr, bool) {
	if e.IsZero() {
		return constInstr{}, false
	}
	r := leb.NewReader(e.code)
	in := readConstInstr(r)
	return in, !r.Failed() && r.Len() == 1
}

// AsFunc returns the function index when the expression is a ref.func.
func (e ConstExpr) AsFunc() (index uint32, ok bool) {
	in, ok := e.single()
	return uint32(in.imm), ok && in.op == opRefFunc
}

// AsGlobal returns the global index when the expression is one global.get.
func (e ConstExpr) AsGlobal() (index uint32, ok bool) {
	in, ok := e.single()
	return uint32(in.imm), ok && in.op == opGlobalGet
}

// IsNull reports whether the expression is a ref.null.
func (e ConstExpr) IsNull() bool {
	in, ok := e.single()
	return ok && in.op == opRefNull
}

// Eval computes an expression of integers. globals returns the value of a global by its
// index, or false when it is not known; nil knows none. An i32 result fills the low 32 bits.
// The error is ErrUnknownGlobal, ErrNotInteger or, for an expression that was not decoded
// from a module, a *FormatError.
func (e ConstExpr) Eval(globals func(index uint32) (uint64, bool)) (uint64, error) {
	r := leb.NewReader(e.code)
	var room [8]uint64
	stack := room[:0]
	for {
		in := readConstInstr(r)
		if r.Failed() {
			return 0, formatError("", r.Err())
		}
		switch n := len(stack); {
		case in.op == opEnd:
			if n != 1 {
				return 0, &FormatError{Offset: r.Offset(),
					Reason: fmt.Sprintf("constant expression gives %d values", n)}
			}
			return stack[0], nil
		case in.arithmetic():
			if n < 2 {
				return 0, &FormatError{Offset: r.Offset(),
					Reason: "constant expression lacks an operand"}
			}
			stack[n-2] = in.compute(stack[n-2], stack[n-1])
			stack = stack[:n-1]
		case in.op == opGlobalGet:
			v, ok := uint64(0), false
			if globals != nil {
				v, ok = globals(uint32(in.imm))
			}
			if !ok {
				return 0, fmt.Errorf("%w: global %d", ErrUnknownGlobal, in.imm)
			}
			stack = append(stack, v)
		case in.typ == I32 || in.typ == I64:
			stack = append(stack, in.imm)
		default:
			return 0, fmt.Errorf("%w: it holds %v", ErrNotInteger, in.typ)
		}
	}
}

// compute applies an arithmetic instruction; arithmetic wraps around.
func (in constInstr) compute(a, b uint64) uint64 {
	switch ConstOp(in.op) {
	case ConstI32Add:
		return uint64(uint32(a) + uint32(b))
	case ConstI32Sub:
		return uint64(uint32(a) - uint32(b))
	case ConstI32Mul:
		return uint64(uint32(a) * uint32(b))
	case ConstI64Add:
		return a + b
	case ConstI64Sub:
		return a - b
	}
	return a * b
}

// constNames are the names of the instructions in the text format.
var constNames = map[byte]string{
	opGlobalGet: "global.get", opI32Const: "i32.const", opI64Const: "i64.const",
	opF32Const: "f32.const", opF64Const: "f64.const", opRefNull: "ref.null", opRefFunc: "ref.func",
	opVector: "v128.const", byte(ConstI32Add): "i32.add", byte(ConstI32Sub): "i32.sub",
	byte(ConstI32Mul): "i32.mul", byte(ConstI64Add): "i64.add", byte(ConstI64Sub): "i64.sub",
	byte(ConstI64Mul): "i64.mul",
}

// String returns the expression in the text format, for instance
// "global.get 1; i32.const 8; i32.add". Vectors are abridged.
func (e ConstExpr) String() string {
	var parts []string
	for r := leb.NewReader(e.code); r.Len() > 0; {
		in := readConstInstr(r)
		if r.Failed() {
			return fmt.Sprintf("malformed %x", e.code)
		}
		s := constNames[in.op]
		switch in.op {
		case opEnd:
			continue
		case opI32Const:
			s = fmt.Sprintf("%s %d", s, int32(in.imm))
		case opI64Const:
			s = fmt.Sprintf("%s %d", s, int64(in.imm))
		case opF32Const:
			s = fmt.Sprintf("%s %v", s, math.Float32frombits(uint32(in.imm)))
		case opF64Const:
			s = fmt.Sprintf("%s %v", s, math.Float64frombits(in.imm))
		case opGlobalGet, opRefFunc:
			s = fmt.Sprintf("%s %d", s, in.imm)
		case opRefNull:
			s = fmt.Sprintf("%s %v", s, in.typ)
		}
		parts = append(parts, s)
	}
	return strings.Join(parts, "; ")
}
