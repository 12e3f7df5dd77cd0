package wasm

import "github.com/lockstep-wasm/lockstep/linker/internal/leb"

// magic opens every module; it is followed by the version.
const magic = "\x00asm"

// version is the only version of the format of modules.
const version = 1

// HeaderSize is the number of bytes of magic and version.
const HeaderSize = 8

// Bytes that open a type in the binary format.
const (
	funcTypeForm   = 0x60
	refNullPrefix  = 0x63 // (ref null …)
	refPrefix      = 0x64 // (ref …)
	tableWithInit  = 0x40
	gcTypeFormsMin = 0x4e // rec, sub, struct, array: 0x4e to 0x5f
)

// Flags of an element segment.
const (
	elemPassive  = 1 // or declarative
	elemExplicit = 2 // table index or, for one that is not active, declarative
	elemExprs    = 4 // expressions instead of function indices
)

func readValType(r *leb.Reader) ValType {
	at := r.Offset()
	t := ValType(r.Byte("value type"))
	switch {
	case t.known():
		return t
	case t == refNullPrefix:
		return heapType(r)
	case t == refPrefix:
		r.Fail(at, ErrUnsupported, "value type: %v: reference that cannot be null", ErrUnsupported)
	default:
		r.Fail(at, nil, "value type %#x is unknown", byte(t))
	}
	return 0
}

// heapType reads what a nullable reference refers to. Only the abstract types that were
// there before the garbage collection proposal are known; their codes are those of the
// reference types, seen as signed numbers.
func heapType(r *leb.Reader) ValType {
	at := r.Offset()
	h := r.S33("heap type")
	if t := ValType(h & 0x7f); h < 0 && h >= -64 && t.IsRef() {
		return t
	}
	r.Fail(at, ErrUnsupported, "heap type %d: %v", h, ErrUnsupported)
	return 0
}

// nullType reads the type of ref.null, which the engine expects to be one byte.
func nullType(r *leb.Reader) ValType {
	at := r.Offset()
	t := heapType(r)
	if !r.Failed() && r.Offset() != at+1 {
		r.Fail(at, ErrUnsupported, "heap type: %v: more than one byte", ErrUnsupported)
	}
	return t
}
