package wasm

import "slices"

// instruction is called behind the opcode.
func (v *validator) instruction(at int, op byte) {
	switch {
	case op >= 0x45 && op <= 0xc4:
		v.simple(at, numeric(op))
	case op >= 0x28 && op <= 0x3e:
		a := accesses[op-0x28]
		v.access(at, a, a.align, false)
	case op >= 0x20 && op <= 0x22:
		v.localInstruction(at, op)
	case op == opI32Const:
		v.r.S32("i32.const")
		v.push(I32)
	case op <= opReturnCallIndirect || op == opDelegate || op == opCatchAll || op == opTryTable:
		v.control(at, op)
	default:
		v.other(at, op)
	}
}

// simple validates an instruction without immediates.
func (v *validator) simple(at int, s signature) {
	for range s.n {
		v.want(at, s.in)
	}
	if s.out != 0 {
		v.push(s.out)
	}
}

func (v *validator) localInstruction(at int, op byte) {
	t := v.local(op != 0x20)
	if op != 0x20 {
		v.want(at, t)
	}
	if op != 0x21 {
		v.push(t)
	}
}

// access validates a memory access; exact says that it must have its natural alignment.
func (v *validator) access(at int, a access, natural uint8, exact bool) {
	v.memarg(at, natural, exact)
	if a.store {
		v.want(at, a.typ)
	}
	v.want(at, I32)
	if !a.store {
		v.push(a.typ)
	}
}

func (v *validator) memarg(at int, natural uint8, exact bool) {
	v.wantMemory(at)
	v.cost.cached()
	v.spend(costAccess)
	alignAt := v.r.Offset()
	align := v.r.U32("alignment")
	switch {
	case align&0x40 != 0:
		v.r.Fail(alignAt, ErrUnsupported, "%v: access of a memory by its index", ErrUnsupported)
	case align > uint32(natural) || exact && align != uint32(natural):
		v.r.Fail(alignAt, nil, "alignment 2^%d of an access to %d bytes", align, 1<<natural)
	}
	v.r.U32("offset")
}

func (v *validator) wantMemory(at int) {
	if !v.memory {
		v.r.Fail(at, nil, "memory 0 of 0")
	}
}

// zeroByte reads the index of the only memory, of which the engine expects one byte.
func (v *validator) zeroByte(at int) {
	v.wantMemory(at)
	byteAt := v.r.Offset()
	if b := v.r.Byte("memory"); b != 0 {
		v.r.Fail(byteAt, ErrUnsupported, "%v: index of a memory is %#x", ErrUnsupported, b)
	}
}

func (v *validator) index(what string, n int) uint32 {
	at := v.r.Offset()
	i := v.r.U32(what)
	if int64(i) >= int64(n) {
		v.r.Fail(at, nil, "%s %d of %d", what, i, n)
		return 0
	}
	return i
}

// table reads the index of a table and returns its type.
func (v *validator) table() ValType {
	t, _ := v.m.TableType(v.index("table", v.m.Count(KindTable)))
	return t.Elem
}

// changedTable is table for an instruction that changes it.
func (v *validator) changedTable(at int, instruction string) ValType {
	i := v.index("table", v.m.Count(KindTable))
	if _, ok := v.m.code.tables[i]; !ok {
		if v.m.code.tables == nil {
			v.m.code.tables = map[uint32]TableChange{}
		}
		v.m.code.tables[i] = TableChange{instruction, at}
	}
	t, _ := v.m.TableType(i)
	return t.Elem
}

// control validates what moves from one block to another.
func (v *validator) control(at int, op byte) {
	switch op {
	case 0x00:
		v.unreachable()
	case 0x01:
	case opBlock, opLoop, opTry:
		v.m.OlderExceptions = v.m.OlderExceptions || op == opTry
		v.m.code.loops = v.m.code.loops || op == opLoop
		params, results := v.blockType()
		v.wantAll(at, params)
		v.pushFrame(op, params, results)
	case opIf:
		params, results := v.blockType()
		v.want(at, I32)
		v.wantAll(at, params)
		v.cost.fork()
		v.pushFrame(op, params, results)
	case opElse:
		if f := &v.frames[len(v.frames)-1]; f.op != opIf {
			v.r.Fail(at, nil, "else without if")
			return
		}
		f := v.popFrame(at)
		v.reopen(opElse, f)
	case opCatch, opCatchAll:
		v.catch(at, op)
	case opDelegate:
		v.delegate(at)
	case opEnd:
		f := v.popFrame(at)
		if f.op == opIf && !slices.Equal(f.params, f.results) {
			v.r.Fail(at, nil, "if without else gives %v", FuncType{f.params, f.results})
		}
		v.cost.close(&f, v.variables())
		if len(v.frames) > 0 {
			v.pushAll(f.results)
		}
	case opThrow:
		tag, _ := v.m.TagType(v.index("tag", v.m.Count(KindTag)))
		v.wantAll(at, tag.Params)
		v.unreachable()
	case opRethrow:
		labelAt := v.r.Offset()
		f := v.label(labelAt, v.r.U32("label"))
		if f != nil && f.op != opCatch && f.op != opCatchAll {
			v.r.Fail(labelAt, nil, "rethrow outside of a catch")
		}
		v.unreachable()
	case opThrowRef:
		v.want(at, ExnRef)
		v.unreachable()
	case opBr, opBrIf:
		labelAt := v.r.Offset()
		depth := v.r.U32("label")
		if op == opBrIf {
			v.want(at, I32)
			v.cost.fork()
		}
		f := v.label(labelAt, depth)
		if f == nil {
			return
		}
		v.wantAll(at, f.labels())
		v.branch(f)
		if op == opBrIf {
			v.pushAll(f.labels())
		} else {
			v.unreachable()
		}
	case opBrTable:
		v.branchTable(at)
	case opReturn:
		v.wantAll(at, v.typ.Results)
		v.unreachable()
	case opTryTable:
		v.tryTable(at)
	case opCall, opReturnCall:
		i := v.index("function", v.m.Count(KindFunc))
		t, _ := v.m.FuncType(i)
		v.cost.call(i)
		v.call(at, t, op == opReturnCall)
	case opCallIndirect, opReturnCallIndirect:
		i := v.index("type", len(v.m.Types))
		if t := v.table(); t != FuncRef && !v.r.Failed() {
			v.r.Fail(at, nil, "indirect call through a table of %v", t)
		}
		if v.r.Failed() {
			return
		}
		v.want(at, I32)
		v.cost.call(noImport)
		v.call(at, v.m.Types[i], op == opReturnCallIndirect)
	default:
		v.unknown(at, op)
	}
}

// reopen begins the other branch of a block that was closed: else, catch.
func (v *validator) reopen(op byte, f frame) {
	if v.r.Failed() {
		return
	}
	f.op, f.unreachable = op, false
	v.frames = append(v.frames, f)
	v.cost.again(&v.frames[len(v.frames)-1])
	if op == opElse {
		v.pushAll(f.params)
	}
}

// noImport stands for a callee that is not known.
const noImport = 1<<32 - 1

// call validates a call; a tail call gives what its caller gives.
func (v *validator) call(at int, t FuncType, tail bool) {
	v.m.code.calls = true
	v.wantAll(at, t.Params)
	if !tail {
		v.pushAll(t.Results)
		return
	}
	if !slices.Equal(t.Results, v.typ.Results) {
		v.r.Fail(at, nil, "tail call of %v by %v", t, v.typ)
	}
	v.unreachable()
}

// branchTable validates br_table: all labels take the same number of values.
func (v *validator) branchTable(at int) {
	v.want(at, I32)
	n := v.r.Count(1, "labels")
	v.cost.fork()
	arity, checked := -1, []ValType(nil)
	for k := 0; k <= n && !v.r.Failed(); k++ { // the last one is the default
		v.m.work++
		labelAt := v.r.Offset()
		f := v.label(labelAt, v.r.U32("label"))
		if f == nil {
			return
		}
		list := f.labels()
		v.entry(f)
		if len(list) != arity && arity >= 0 {
			v.r.Fail(labelAt, nil, "label takes %d values, another one %d", len(list), arity)
			return
		}
		if arity < 0 || len(list) > 0 && &list[0] != &checked[0] {
			v.peek(at, list)
		}
		arity, checked = len(list), list
	}
	v.unreachable()
}

// entry counts an entry of a br_table: a block of its own, from which a branch leads on.
func (v *validator) entry(f *frame) {
	v.spend(costLabel + uint64(len(f.labels()))*4*costValue)
	if f.op != opLoop && !v.frames[len(v.frames)-1].unreachable {
		v.cost.entry(&f.join)
	}
}

// peek checks that the operands of a list are there, and leaves them.
func (v *validator) peek(at int, list []ValType) {
	f := &v.frames[len(v.frames)-1]
	v.spend(uint64(len(list)) * costValue)
	top := len(v.values)
	for i := len(list) - 1; i >= 0; i-- {
		v.m.work++
		if top == f.height {
			if !f.unreachable {
				v.r.Fail(at, nil, "operand is missing")
			}
			return
		}
		top--
		if got := v.values[top]; got != list[i] && got != unknown {
			v.r.Fail(at, nil, "operand is %v, not %v", got, list[i])
			return
		}
	}
}

func (v *validator) unknown(at int, op byte) {
	switch op {
	case 0x14, 0x15, 0xd3, 0xd4, 0xd5, 0xd6, 0xfb:
		v.r.Fail(at, ErrUnsupported, "instruction %#x: %v: typed references", op, ErrUnsupported)
	default:
		v.r.Fail(at, nil, "instruction %#x is unknown", op)
	}
}
