package wasm

// Entries of the table that is added for [RewriteOptions.Waits], with the types of the functions
// that belong there. The last parameter is the instruction's constant offset, which is to be added
// to the address, the first parameter, as integers of any size. As long as the table is empty, the
// instructions do what they did.
const (
	HookWait32 = iota // (address, expected i32, timeout i64, offset) -> i32
	HookWait64        // (address, expected i64, timeout i64, offset) -> i32
	HookNotify        // (address, count i32, offset) -> i32
	hooks
)

// HookTypes are the signatures of the functions in the table that is added for waits.
func HookTypes() []FuncType {
	r := []ValType{I32}
	return []FuncType{
		HookWait32: {[]ValType{I32, I32, I64, I32}, r},
		HookWait64: {[]ValType{I32, I64, I64, I32}, r},
		HookNotify: {[]ValType{I32, I32, I32}, r},
	}
}

// wantsWaits reports whether a module waits, in a memory that others see.
func (opt RewriteOptions) wantsWaits(m *Module) bool {
	memory, ok := m.MemoryType(0)
	return opt.Waits != "" && m.code.waits && ok && memory.Shared
}

// waits makes the instructions that wait and notify call functions.
type waits struct {
	first uint32 // index of the function of hook 0; those of the others follow
}

func (w *waits) edit(edits []edit, i instruction) []edit {
	if i.opcode != opAtomicPrefix || i.sub > opWait64 {
		return edits
	}
	hook := [...]uint32{opNotify: HookNotify, opWait32: HookWait32, opWait64: HookWait64}[i.sub]
	call := new(Code).I32Const(int32(i.offset)).Call(w.first + hook)
	return append(edits, edit{i.start, i.end, call.b})
}

// waitBody is a function that calls an entry of the table or, when that is null, does what the
// instruction does.
func waitBody(entry, typeIndex, table uint32) []byte {
	t := HookTypes()[entry]
	last := uint32(len(t.Params) - 1)
	var c Code
	c.I32Const(int32(entry)).TableGet(table).RefIsNull().If(I32)
	c.LocalGet(0).LocalGet(last).I32Add().LocalTee(0).LocalGet(
		last).I32LtU().If().Unreachable().End()
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
