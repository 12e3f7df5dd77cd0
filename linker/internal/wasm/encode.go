package wasm

import (
	"encoding/binary"

	"github.com/lockstep-wasm/lockstep/linker/internal/leb"
)

func appendHeader(b []byte) []byte {
	return binary.LittleEndian.AppendUint32(append(b, magic...), version)
}

func appendSection(b []byte, id SectionID, payload []byte) []byte {
	return leb.AppendBytes(append(b, byte(id)), payload)
}

// appendVector appends the length of a list and its elements.
func appendVector[T any](b []byte, list []T, element func(b []byte, v T) []byte) []byte {
	b = leb.AppendU32(b, uint32(len(list)))
	for _, v := range list {
		b = element(b, v)
	}
	return b
}

func appendValType(b []byte, t ValType) []byte { return append(b, byte(t)) }

func appendFuncType(b []byte, t FuncType) []byte {
	b = appendVector(append(b, funcTypeForm), t.Params, appendValType)
	return appendVector(b, t.Results, appendValType)
}

func appendLimits(b []byte, l Limits, shared bool) []byte {
	var flags byte
	if l.HasMax {
		flags |= 1
	}
	if shared {
		flags |= 2
	}
	b = leb.AppendU32(append(b, flags), l.Min)
	if l.HasMax {
		b = leb.AppendU32(b, l.Max)
	}
	return b
}

func appendTableType(b []byte, t TableType) []byte {
	return appendLimits(append(b, byte(t.Elem)), t.Limits, false)
}

func appendTable(b []byte, t Table) []byte {
	if t.Init.IsZero() {
		return appendTableType(b, t.Type)
	}
	return append(appendTableType(append(b, tableWithInit, 0), t.Type), t.Init.code...)
}

func appendMemoryType(b []byte, t MemoryType) []byte { return appendLimits(b, t.Limits, t.Shared) }

func appendGlobalType(b []byte, t GlobalType) []byte {
	b = append(b, byte(t.Type), 0)
	if t.Mutable {
		b[len(b)-1] = 1
	}
	return b
}

func appendGlobal(b []byte, g Global) []byte {
	return append(appendGlobalType(b, g.Type), g.Init.code...)
}

func appendTag(b []byte, typeIndex uint32) []byte { return leb.AppendU32(append(b, 0), typeIndex) }

func appendImport(b []byte, imp Import) []byte {
	b = leb.AppendName(leb.AppendName(b, imp.Module), imp.Name)
	b = append(b, byte(imp.Kind))
	switch imp.Kind {
	case KindFunc:
		b = leb.AppendU32(b, imp.Type)
	case KindTable:
		b = appendTableType(b, imp.Table)
	case KindMemory:
		b = appendMemoryType(b, imp.Memory)
	case KindGlobal:
		b = appendGlobalType(b, imp.Global)
	case KindTag:
		b = appendTag(b, imp.Type)
	}
	return b
}

func appendExport(b []byte, e Export) []byte {
	return leb.AppendU32(append(leb.AppendName(b, e.Name), byte(e.Kind)), e.Index)
}

// appendElement appends a segment in the shortest of the eight forms that can hold it.
func appendElement(b []byte, e Element) []byte {
	var flags uint32
	exprs := e.Exprs != nil || e.Type != FuncRef // indices can only be functions
	if exprs {
		flags |= elemExprs
	}
	switch {
	case e.Mode == Passive:
		flags |= elemPassive
	case e.Mode == Declarative:
		flags |= elemPassive | elemExplicit
	case e.Table != 0 || e.Type != FuncRef:
		flags |= elemExplicit
	}
	b = leb.AppendU32(b, flags)
	if e.Mode == Active {
		if flags&elemExplicit != 0 {
			b = leb.AppendU32(b, e.Table)
		}
		b = append(b, e.Offset.code...)
	}
	if flags&(elemPassive|elemExplicit) != 0 {
		if exprs {
			b = append(b, byte(e.Type))
		} else {
			b = append(b, 0)
		}
	}
	if exprs {
		return appendVector(b, e.Exprs,
			func(b []byte, x ConstExpr) []byte { return append(b, x.code...) })
	}
	return appendVector(b, e.Funcs, leb.AppendU32)
}

func appendData(b []byte, d Data) []byte {
	switch {
	case d.Mode == Passive:
		b = append(b, 1)
	case d.Memory != 0:
		b = append(leb.AppendU32(append(b, 2), d.Memory), d.Offset.code...)
	default:
		b = append(append(b, 0), d.Offset.code...)
	}
	return leb.AppendBytes(b, d.Bytes)
}

// appendList appends a section that is a vector, unless it is empty.
func appendList[T any](b []byte, id SectionID, list []T, element func([]byte, T) []byte) []byte {
	if len(list) == 0 {
		return b
	}
	return appendSection(b, id, appendVector(nil, list, element))
}
