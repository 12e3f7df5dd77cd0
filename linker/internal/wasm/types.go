package wasm

import (
	"fmt"
	"slices"
	"strings"
)

// ValType is the type of a value, by its code in the binary format.
type ValType byte

// The value types.
const (
	I32       ValType = 0x7f
	I64       ValType = 0x7e
	F32       ValType = 0x7d
	F64       ValType = 0x7c
	V128      ValType = 0x7b
	FuncRef   ValType = 0x70
	ExternRef ValType = 0x6f
	ExnRef    ValType = 0x69
)

// valTypes are all types of values; they are not changed.
var valTypes = [...]ValType{I32, I64, F32, F64, V128, FuncRef, ExternRef, ExnRef}

func (t ValType) known() bool { return slices.Contains(valTypes[:], t) }

// IsRef reports whether t is a reference type.
func (t ValType) IsRef() bool { return t == FuncRef || t == ExternRef || t == ExnRef }

// String returns the name in the text format.
func (t ValType) String() string {
	switch t {
	case I32:
		return "i32"
	case I64:
		return "i64"
	case F32:
		return "f32"
	case F64:
		return "f64"
	case V128:
		return "v128"
	case FuncRef:
		return "funcref"
	case ExternRef:
		return "externref"
	case ExnRef:
		return "exnref"
	}
	return fmt.Sprintf("type %#x", byte(t))
}

// Kind is what an import or an export is, by its code in the binary format.
type Kind byte

// The kinds.
const (
	KindFunc   Kind = 0
	KindTable  Kind = 1
	KindMemory Kind = 2
	KindGlobal Kind = 3
	KindTag    Kind = 4

	kinds = 5 // how many there are
)

// String returns the name in the text format.
func (k Kind) String() string {
	switch k {
	case KindFunc:
		return "func"
	case KindTable:
		return "table"
	case KindMemory:
		return "memory"
	case KindGlobal:
		return "global"
	case KindTag:
		return "tag"
	}
	return fmt.Sprintf("kind %d", byte(k))
}

// FuncType is the signature of a function, or of a tag (without results).
type FuncType struct {
	Params, Results []ValType
}

// Key returns a short string that is equal for equal signatures only: a map key.
func (t FuncType) Key() string {
	b := make([]byte, 0, len(t.Params)+len(t.Results)+1)
	for _, p := range t.Params {
		b = append(b, byte(p))
	}
	b = append(b, 0) // no value type has the code 0
	for _, r := range t.Results {
		b = append(b, byte(r))
	}
	return string(b)
}

// Equal reports whether two signatures are the same.
func (t FuncType) Equal(u FuncType) bool { return t.Key() == u.Key() }

// String returns, for instance, "(i32, i64) -> (f32)".
func (t FuncType) String() string {
	var s strings.Builder
	list := func(types []ValType) {
		s.WriteByte('(')
		for i, v := range types {
			if i > 0 {
				s.WriteString(", ")
			}
			s.WriteString(v.String())
		}
		s.WriteByte(')')
	}
	list(t.Params)
	s.WriteString(" -> ")
	list(t.Results)
	return s.String()
}

// MaxPages is the largest number of 64 KiB pages that a memory can have.
const MaxPages = 65536

// MaxTable is the largest least size of a table that the engine accepts.
const MaxTable = 1 << 27

// Limits bound the size of a table (in entries) or of a memory (in pages of 64 KiB).
type Limits struct {
	Min    uint32
	Max    uint32 // meaningful only with HasMax
	HasMax bool
}

// String returns "min 1" or "min 1, max 2".
func (l Limits) String() string {
	if l.HasMax {
		return fmt.Sprintf("min %d, max %d", l.Min, l.Max)
	}
	return fmt.Sprintf("min %d", l.Min)
}

// TableType is the type of a table.
type TableType struct {
	Elem ValType // a reference type
	Limits
}

// String returns, for instance, "funcref, min 1".
func (t TableType) String() string { return t.Elem.String() + ", " + t.Limits.String() }

// MemoryType is the type of a memory. A shared memory always has a maximum.
type MemoryType struct {
	Limits
	Shared bool
}

// String returns, for instance, "min 1, max 2, shared".
func (t MemoryType) String() string {
	if t.Shared {
		return t.Limits.String() + ", shared"
	}
	return t.Limits.String()
}

// GlobalType is the type of a global variable.
type GlobalType struct {
	Type    ValType
	Mutable bool
}

// String returns, for instance, "mut i32".
func (t GlobalType) String() string {
	if t.Mutable {
		return "mut " + t.Type.String()
	}
	return t.Type.String()
}

// Import is one thing that a module needs. Only the fields of its Kind are meaningful.
type Import struct {
	Module, Name string
	Kind         Kind
	Type         uint32 // index in Module.Types, of a function or a tag
	Table        TableType
	Memory       MemoryType
	Global       GlobalType
}

// Export is one thing that a module offers: Index counts imports first.
type Export struct {
	Name  string
	Kind  Kind
	Index uint32
}

// Table is a table defined by a module.
type Table struct {
	Type TableType
	Init ConstExpr // value of every entry; the zero ConstExpr stands for null
}

// Global is a global variable defined by a module.
type Global struct {
	Type GlobalType
	Init ConstExpr
}

// SegmentMode says when a segment is used.
type SegmentMode byte

const (
	// Active segments are written at instantiation.
	Active SegmentMode = iota
	// Passive segments wait for memory.init or table.init.
	Passive
	// Declarative segments only allow ref.func for their functions; elements only.
	Declarative
)

// String returns the mode in lower case.
func (m SegmentMode) String() string {
	switch m {
	case Active:
		return "active"
	case Passive:
		return "passive"
	case Declarative:
		return "declarative"
	}
	return fmt.Sprintf("mode %d", byte(m))
}

// Element is an element segment. It holds either function indices (Funcs) or constant
// expressions (Exprs), as the file has it; [Element.Len] and [Element.Func] hide the
// difference.
type Element struct {
	Mode   SegmentMode
	Table  uint32    // active only
	Offset ConstExpr // active only: an i32, in entries
	Type   ValType
	Funcs  []uint32
	Exprs  []ConstExpr
}

// Len returns the number of entries.
func (e *Element) Len() int { return len(e.Funcs) + len(e.Exprs) }

// Func returns the function index of entry i (0 ≤ i < Len), or false when the entry is null
// or comes from a global.
func (e *Element) Func(i int) (index uint32, ok bool) {
	if i < 0 || i >= e.Len() {
		return 0, false
	}
	if e.Exprs == nil {
		return e.Funcs[i], true
	}
	return e.Exprs[i].AsFunc()
}

// Data is a data segment. Bytes shares memory with the decoded file.
type Data struct {
	Mode   SegmentMode
	Memory uint32    // active only
	Offset ConstExpr // active only: an i32, in bytes
	Bytes  []byte
}

// Custom is a custom section. Payload shares memory with the decoded file; Offset is where
// the payload, without the name, starts in it.
type Custom struct {
	Name    string
	Payload []byte
	Offset  int
}
