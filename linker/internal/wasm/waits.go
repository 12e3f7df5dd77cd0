package wasm

import (
	"bytes"
	"fmt"

	"github.com/lockstep-wasm/lockstep/linker/internal/leb"
)

// Entries of the table that [HookWaits] adds, with the types of the functions that belong there. The last parameter is
// the instruction's constant offset, which is to be added to the address, the first parameter, as integers
// of any size.
const (
	HookWait32 = iota // (address, expected i32, timeout i64, offset) -> i32
	HookWait64        // (address, expected i64, timeout i64, offset) -> i32
	HookNotify        // (address, count i32, offset) -> i32
	hooks
)

// HookTypes are the signatures of the functions in the table that [HookWaits] adds.
func HookTypes() []FuncType {
	r := []ValType{I32}
	return []FuncType{
		HookWait32: {[]ValType{I32, I32, I64, I32}, r},
		HookWait64: {[]ValType{I32, I64, I64, I32}, r},
		HookNotify: {[]ValType{I32, I32, I32}, r},
	}
}

// The instructions, behind the prefix 0xfe.
const (
	opAtomicPrefix = 0xfe
	opNotify       = 0
	opWait32       = 1
	opWait64       = 2
)

// HookWaits returns a copy of module b in which memory.atomic.wait32, wait64 and notify call functions of a new table
// of three entries, exported under a name. As long as the table is empty they do what they did. Nothing is
// renumbered: type, functions and table are added behind those that there are. Without such instructions, or a
// shared memory, the result is false and b itself.
//
// The error is a *[RewriteError], or a *[FormatError] if b is no module.
func HookWaits(b []byte, export string) ([]byte, bool, error) {
	if !mayWait(b) {
		return b, false, nil
	}
	m, err := Decode(b)
	if err != nil {
		return nil, false, err
	}
	if mem, ok := m.MemoryType(0); !ok || !mem.Shared {
		return b, false, nil
	}
	code, ok := m.Section(SectionCode)
	if !ok {
		return b, false, nil
	}
	bodies, found, err := hookBodies(b[code.Payload:code.End], uint32(m.Count(KindFunc)))
	if err != nil {
		return nil, false, &RewriteError{err.Error()}
	}
	if !found {
		return b, false, nil
	}
	if _, taken := m.ExportByName(export); taken {
		return nil, false, &RewriteError{fmt.Sprintf("export %q is taken", export)}
	}
	w := rewriter{b: b, m: m, out: appendHeader(make([]byte, 0, len(b)+256))}
	w.hook(bodies, export)
	return w.out, true, nil
}

// mayWait reports whether the bytes of such an instruction are anywhere in a module.
func mayWait(b []byte) bool {
	for {
		i := bytes.IndexByte(b, opAtomicPrefix)
		if i < 0 || i+1 >= len(b) {
			return false
		}
		if b[i+1] <= opWait64 || b[i+1] >= 0x80 { // or a number with more bytes than it needs
			return true
		}
		b = b[i+1:]
	}
}

// hookBodies returns the bodies of a code section with the instructions replaced by calls of functions from index first
// on, and whether there were any.
func hookBodies(section []byte, first uint32) (bodies [][]byte, found bool, err error) {
	r := leb.NewReader(section)
	for n := r.U32("functions"); n > 0 && r.Err() == nil; n-- {
		body := r.Bytes(r.U32("size"), "body")
		if r.Err() != nil {
			break
		}
		var out []byte
		done := 0
		err := walk(body, func(i instruction) {
			if i.opcode != opAtomicPrefix || i.sub > opWait64 {
				return
			}
			hook := map[uint32]uint32{opWait32: HookWait32, opWait64: HookWait64, opNotify: HookNotify}[i.sub]
			out = append(out, body[done:i.start]...)
			out = append(out, new(Code).I32Const(int32(i.offset)).Call(first+hook).b...)
			done = i.end
		})
		if err != nil {
			return nil, false, fmt.Errorf("function body %d: %w", len(bodies), err)
		}
		if done > 0 {
			body, found = append(out, body[done:]...), true
		}
		bodies = append(bodies, body)
	}
	return bodies, found, r.Err()
}

// hook writes the module with new bodies and what they call.
func (w *rewriter) hook(bodies [][]byte, export string) {
	table, firstType := uint32(w.m.Count(KindTable)), uint32(len(w.m.Types))
	types := HookTypes()
	var indices []uint32
	for k := range uint32(hooks) {
		indices = append(indices, firstType+k)
		bodies = append(bodies, hookBody(types[k], k, firstType+k, table))
	}
	tables := []Table{{Type: TableType{Elem: FuncRef, Limits: Limits{Min: hooks, Max: hooks, HasMax: true}}}}
	exports := []Export{{Name: export, Kind: KindTable, Index: table}}
	add := func(rank int) { // sections that are not there
		if tables != nil && rank > sections[SectionTable].rank {
			w.out = appendList(w.out, SectionTable, tables, appendTable)
			tables = nil
		}
		if exports != nil && rank > sections[SectionExport].rank {
			w.out = appendList(w.out, SectionExport, exports, appendExport)
			exports = nil
		}
	}
	for _, s := range w.m.Sections {
		add(sections[s.ID].rank)
		switch s.ID {
		case SectionType:
			w.extend(s, appendVector(nil, types, appendFuncType))
		case SectionFunction:
			w.extend(s, appendVector(nil, indices, leb.AppendU32))
		case SectionTable:
			w.extend(s, appendVector(nil, tables, appendTable))
			tables = nil
		case SectionExport:
			w.extend(s, appendVector(nil, exports, appendExport))
			exports = nil
		case SectionCode:
			w.out = appendList(w.out, SectionCode, bodies, leb.AppendBytes)
		default:
			w.out = append(w.out, w.b[s.Offset:s.End]...)
		}
	}
}

// hookBody is a function that calls an entry of the table or, when that is null, does what the instruction does.
func hookBody(t FuncType, entry, typeIndex, table uint32) []byte {
	last := uint32(len(t.Params) - 1)
	var c Code
	c.I32Const(int32(entry)).TableGet(table).RefIsNull().If(I32)
	c.LocalGet(0).LocalGet(last).I32Add().LocalTee(0).LocalGet(last).I32LtU().If().Unreachable().End()
	for p := range last {
		c.LocalGet(p)
	}
	op, align := byte(opNotify), byte(2)
	switch entry {
	case HookWait32:
		op = opWait32
	case HookWait64:
		op, align = opWait64, 3
	}
	c.Raw(opAtomicPrefix, op, align, 0).Else()
	for p := range t.Params {
		c.LocalGet(uint32(p))
	}
	c.I32Const(int32(entry)).CallIndirect(typeIndex, table).End()
	return append(append([]byte{0}, c.b...), opEnd)
}
