package wasm

// What instructions take and give, for the validator. Tables instead of cases: each row is one
// row of the specification's index of instructions.
//
// Source: WebAssembly Core Specification 2.0, 5.4 and A.7; the threads proposal.

// signature is what a simple instruction takes from the stack and puts there: n operands of one
// type, and a result.
type signature struct {
	n   uint8
	in  ValType
	out ValType // 0: no result
}

// numeric returns the signature of an instruction without immediates, of 0x45 to 0xc4.
func numeric(op byte) signature {
	const i, l, f, d = I32, I64, F32, F64
	switch {
	case op == 0x45:
		return signature{1, i, i}
	case op <= 0x4f:
		return signature{2, i, i}
	case op == 0x50:
		return signature{1, l, i}
	case op <= 0x5a:
		return signature{2, l, i}
	case op <= 0x60:
		return signature{2, f, i}
	case op <= 0x66:
		return signature{2, d, i}
	case op <= 0x69:
		return signature{1, i, i}
	case op <= 0x78:
		return signature{2, i, i}
	case op <= 0x7b:
		return signature{1, l, l}
	case op <= 0x8a:
		return signature{2, l, l}
	case op <= 0x91:
		return signature{1, f, f}
	case op <= 0x98:
		return signature{2, f, f}
	case op <= 0x9f:
		return signature{1, d, d}
	case op <= 0xa6:
		return signature{2, d, d}
	case op <= 0xbf:
		return conversions[op-0xa7]
	case op <= 0xc1: // i32.extend8_s, i32.extend16_s
		return signature{1, i, i}
	}
	return signature{1, l, l}
}

// conversions are the instructions 0xa7 to 0xbf, from i32.wrap_i64 to f64.reinterpret_i64.
var conversions = [...]signature{
	{1, I64, I32}, {1, F32, I32}, {1, F32, I32}, {1, F64, I32}, {1, F64, I32}, // to i32
	// to i64
	{1, I32, I64}, {1, I32, I64}, {1, F32, I64}, {1, F32, I64}, {1, F64, I64}, {1, F64, I64},
	{1, I32, F32}, {1, I32, F32}, {1, I64, F32}, {1, I64, F32}, {1, F64, F32}, // to f32
	{1, I32, F64}, {1, I32, F64}, {1, I64, F64}, {1, I64, F64}, {1, F32, F64}, // to f64
	{1, F32, I32}, {1, F64, I64}, {1, I32, F32}, {1, I64, F64}, // reinterpret
}

// saturating are the instructions 0xfc 0 to 7.
var saturating = [...]signature{
	{1, F32, I32}, {1, F32, I32}, {1, F64, I32}, {1, F64, I32},
	{1, F32, I64}, {1, F32, I64}, {1, F64, I64}, {1, F64, I64},
}

// access is a memory access: what is read or written, and the binary logarithm of its natural
// alignment.
type access struct {
	typ   ValType
	align uint8
	store bool
}

// accesses are the instructions 0x28 to 0x3e.
var accesses = [...]access{
	{I32, 2, false}, {I64, 3, false}, {F32, 2, false}, {F64, 3, false},
	{I32, 0, false}, {I32, 0, false}, {I32, 1, false}, {I32, 1, false},
	{I64, 0, false}, {I64, 0, false}, {I64, 1, false}, {I64, 1, false}, {I64, 2, false},
	{I64, 2, false},
	{I32, 2, true}, {I64, 3, true}, {F32, 2, true}, {F64, 3, true},
	{I32, 0, true}, {I32, 1, true}, {I64, 0, true}, {I64, 1, true}, {I64, 2, true},
}

// atomicWidth returns type and alignment of an atomic instruction of 0xfe 0x10 to 0x4e. They come
// in groups of seven: of i32, i64, i32 of 8 and 16 bits, i64 of 8, 16 and 32 bits.
func atomicWidth(sub uint32) (ValType, uint8) {
	switch (sub - 0x10) % 7 {
	case 0:
		return I32, 2
	case 1:
		return I64, 3
	case 2:
		return I32, 0
	case 3:
		return I32, 1
	case 4:
		return I64, 0
	case 5:
		return I64, 1
	}
	return I64, 2
}

// laneTypes are the types of a lane, by shape: i8x16, i16x8, i32x4, i64x2, f32x4, f64x2.
var laneTypes = [...]ValType{I32, I32, I32, I64, F32, F64}

// vectorLoads are the alignments of the loads 0xfd 0 to 10.
var vectorLoads = [...]uint8{4, 3, 3, 3, 3, 3, 3, 0, 1, 2, 3}

// lanes are the instructions 0xfd 21 to 34 that read or replace a lane: shape, how many lanes,
// whether it replaces.
var lanes = [...]struct {
	shape, n uint8
	replace  bool
}{
	{0, 16, false}, {0, 16, false}, {0, 16, true}, {1, 8, false}, {1, 8, false}, {1, 8, true},
	{2, 4, false}, {2, 4, true}, {3, 2, false}, {3, 2, true}, {4, 4, false}, {4, 4, true},
	{5, 2, false}, {5, 2, true},
}

// vectorSignature returns what a vector instruction without immediates takes and gives: shifts
// take an i32 above the vector.
func vectorSignature(sub uint32) (s signature, shift, ok bool) {
	unary, binary := signature{1, V128, V128}, signature{2, V128, V128}
	switch sub {
	case 14: // i8x16.swizzle
		return binary, false, true
	case 77, 0x5e, 0x5f, 0x60, 0x61, 0x62, 0x67, 0x68, 0x69, 0x6a, 0x74, 0x75, 0x7a, 0x7c, 0x7d,
		0x7e,
		0x7f, 0x80, 0x81, 0x87, 0x88, 0x89, 0x8a, 0x94, 0xa0, 0xa1, 0xa7, 0xa8, 0xa9, 0xaa, 0xc0,
		0xc1, 0xc7, 0xc8, 0xc9, 0xca,
		0xe0, 0xe1, 0xe3, 0xec, 0xed, 0xef:
		return unary, false, true
	case 82: // v128.bitselect
		return signature{3, V128, V128}, false, true
	case 83, 0x63, 0x64, 0x83, 0x84, 0xa3, 0xa4, 0xc3, 0xc4: // any_true, all_true, bitmask
		return signature{1, V128, I32}, false, true
	case 0x6b, 0x6c, 0x6d, 0x8b, 0x8c, 0x8d, 0xab, 0xac, 0xad, 0xcb, 0xcc, 0xcd:
		return unary, true, true
	case 0x9a, 0xa2, 0xa5, 0xa6, 0xaf, 0xb0, 0xb2, 0xb3, 0xb4, 0xbb, 0xc2, 0xc5, 0xc6, 0xcf, 0xd0,
		0xd2, 0xd3, 0xd4, 0xe2, 0xee: // reserved
		return signature{}, false, false
	}
	switch {
	case sub >= 15 && sub <= 20: // splat
		return signature{1, laneTypes[sub-15], V128}, false, true
	case sub >= 0xf8 && sub <= 0xff: // conversions
		return unary, false, true
	case sub >= 35 && sub <= 81 || sub >= 0x65 && sub < 0xf8:
		return binary, false, true
	}
	return signature{}, false, false
}
