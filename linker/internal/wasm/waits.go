package wasm

import "bytes"

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
	first := uint32(m.Count(KindFunc))
	bodies, found, err := editBodies(b[code.Payload:code.End], func(body []byte) ([]edit, error) { return hookWaits(body, first) })
	if err != nil {
		return nil, false, &RewriteError{err.Error()}
	}
	if !found {
		return b, false, nil
	}
	w := rewriter{b: b, m: m, out: appendHeader(make([]byte, 0, len(b)+256))}
	if err := w.hook(bodies, hookTable{export, HookTypes(), waitBody}); err != nil {
		return nil, false, err
	}
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

// hookWaits makes the instructions of a body calls of functions from index first on.
func hookWaits(body []byte, first uint32) (edits []edit, err error) {
	err = walk(body, func(i instruction) {
		if i.opcode != opAtomicPrefix || i.sub > opWait64 {
			return
		}
		hook := map[uint32]uint32{opWait32: HookWait32, opWait64: HookWait64, opNotify: HookNotify}[i.sub]
		edits = append(edits, edit{i.start, i.end, new(Code).I32Const(int32(i.offset)).Call(first + hook).b})
	})
	return edits, err
}

// waitBody is a function that calls an entry of the table or, when that is null, does what the instruction does.
func waitBody(entry, typeIndex, table uint32) []byte {
	t := HookTypes()[entry]
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
