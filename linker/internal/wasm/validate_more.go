package wasm

// other validates the instructions that neither compute with numbers nor leave a block.
func (v *validator) other(at int, op byte) {
	switch op {
	case 0x1a: // drop
		v.pop(at)
	case 0x1b: // select
		v.want(at, I32)
		a := v.pop(at)
		b := v.want(at, a)
		if a.IsRef() || b.IsRef() {
			v.r.Fail(at, nil, "select of references without a type")
		}
		if a == unknown {
			a = b
		}
		v.push(a)
	case opTypedSelect:
		v.typedSelect(at)
	case opGlobalGet, opGlobalSet:
		v.global(at, op)
	case 0x25: // table.get
		t := v.table()
		v.want(at, I32)
		v.push(t)
	case 0x26: // table.set
		v.want(at, v.changedTable(at, "table.set"))
		v.want(at, I32)
	case 0x3f: // memory.size
		v.zeroByte(at)
		v.push(I32)
	case 0x40: // memory.grow
		v.zeroByte(at)
		v.want(at, I32)
		v.push(I32)
	case opI64Const:
		v.r.S64("i64.const")
		v.push(I64)
	case opF32Const:
		v.r.Bytes(4, "f32.const")
		v.push(F32)
	case opF64Const:
		v.r.Bytes(8, "f64.const")
		v.push(F64)
	case opRefNull:
		v.push(nullType(v.r))
	case 0xd1: // ref.is_null
		if t := v.pop(at); t != unknown && !t.IsRef() {
			v.r.Fail(at, nil, "operand is %v, not a reference", t)
		}
		v.push(I32)
	case opRefFunc:
		indexAt := v.r.Offset()
		i := v.index("function", v.m.Count(KindFunc))
		if !v.r.Failed() && !v.declared[i] {
			v.r.Fail(indexAt, nil,
				"function %d is named outside of the code by no export, global or element segment",
				i)
		}
		v.push(FuncRef)
	case 0xfc:
		v.bulk(at)
	case opVector:
		v.vector(at)
	case opAtomicPrefix:
		v.atomic(at)
	default:
		v.unknown(at, op)
	}
}

// typedSelect validates select with its type, which the engine expects to be one byte.
func (v *validator) typedSelect(at int) {
	nAt := v.r.Offset()
	if n := v.r.Byte("types"); n != 1 {
		v.r.Fail(nAt, nil, "select of %d types", n)
	}
	typeAt := v.r.Offset()
	t := ValType(v.r.Byte("type"))
	if !t.known() {
		v.r.Fail(typeAt, ErrUnsupported, "select: value type %#x: %v", byte(t), ErrUnsupported)
	}
	v.want(at, I32)
	v.want(at, t)
	v.want(at, t)
	v.push(t)
}

func (v *validator) global(at int, op byte) {
	i := v.index("global", v.m.Count(KindGlobal))
	t, _ := v.m.GlobalType(i)
	v.cost.cached()
	switch {
	case op == opGlobalGet:
		v.push(t.Type)
	case !t.Mutable && !v.r.Failed():
		v.r.Fail(at, nil, "global %d is not mutable", i)
	default:
		v.want(at, t.Type)
	}
}

// sub reads the opcode behind a prefix in the only encoding that the engine reads as this code
// does: the shortest.
func (v *validator) sub() uint32 {
	at := v.r.Offset()
	sub := v.r.U32("opcode")
	size := 1
	for n := sub; n >= 0x80; n >>= 7 {
		size++
	}
	if v.r.Offset() != at+size && !v.r.Failed() {
		v.r.Fail(at, ErrUnsupported, "opcode %#x: %v: encoding that is not the shortest", sub,
			ErrUnsupported)
	}
	return sub
}

// bulk validates what is behind 0xfc.
func (v *validator) bulk(at int) {
	three := func(last ValType) {
		v.want(at, I32)
		v.want(at, last)
		v.want(at, I32)
	}
	sub := v.sub()
	v.m.code.bulk = v.m.code.bulk || movesMuch(sub)
	switch sub {
	case 0, 1, 2, 3, 4, 5, 6, 7:
		v.simple(at, saturating[sub])
	case 8: // memory.init
		v.dataIndex(at)
		v.zeroByte(at)
		three(I32)
	case 9: // data.drop
		v.dataIndex(at)
	case 10: // memory.copy
		v.zeroByte(at)
		v.zeroByte(at)
		three(I32)
	case 11: // memory.fill
		v.zeroByte(at)
		three(I32)
	case 12: // table.init
		i := v.index("element segment", len(v.m.Elements))
		t := v.changedTable(at, "table.init")
		if !v.r.Failed() && v.m.Elements[i].Type != t {
			v.r.Fail(at, nil, "table.init of %v in a table of %v", v.m.Elements[i].Type, t)
		}
		three(I32)
	case 13: // elem.drop
		v.index("element segment", len(v.m.Elements))
	case 14: // table.copy
		to := v.changedTable(at, "table.copy")
		if from := v.table(); from != to && !v.r.Failed() {
			v.r.Fail(at, nil, "table.copy of %v to a table of %v", from, to)
		}
		three(I32)
	case 15: // table.grow
		t := v.changedTable(at, "table.grow")
		v.want(at, I32)
		v.want(at, t)
		v.push(I32)
	case 16: // table.size
		v.table()
		v.push(I32)
	case 17: // table.fill
		three(v.changedTable(at, "table.fill"))
	default:
		v.r.Fail(at, nil, "instruction 0xfc %#x is unknown", sub)
	}
}

// dataIndex reads the index of a data segment. The data section comes later; its count must have
// been told.
func (v *validator) dataIndex(at int) {
	if !v.m.HasDataCount {
		v.r.Fail(at, nil, "a data segment is named, but there is no data count section")
	}
	v.index("data segment", int(v.m.DataCount))
}

// vector validates what is behind 0xfd.
func (v *validator) vector(at int) {
	sub := v.sub()
	switch {
	case sub <= 10:
		v.access(at, access{typ: V128}, vectorLoads[sub], false)
	case sub == 11: // v128.store
		v.access(at, access{typ: V128, store: true}, 4, false)
	case sub == 12: // v128.const
		v.r.Bytes(16, "v128.const")
		v.push(V128)
	case sub == 13: // i8x16.shuffle
		lanesAt := v.r.Offset()
		for _, lane := range v.r.Bytes(16, "lanes") {
			v.lane(lanesAt, lane, 32)
		}
		v.simple(at, signature{2, V128, V128})
	case sub >= 21 && sub <= 34:
		l := lanes[sub-21]
		v.lane(v.r.Offset(), v.r.Byte("lane"), l.n)
		if l.replace {
			v.want(at, laneTypes[l.shape])
		}
		v.want(at, V128)
		if l.replace {
			v.push(V128)
		} else {
			v.push(laneTypes[l.shape])
		}
	case sub >= 84 && sub <= 91: // loads and stores of a lane
		width := uint8(sub-84) % 4
		v.memarg(at, width, false)
		v.lane(v.r.Offset(), v.r.Byte("lane"), 16>>width)
		v.want(at, V128)
		v.want(at, I32)
		if sub < 88 {
			v.push(V128)
		}
	case sub == 92 || sub == 93: // v128.load32_zero, v128.load64_zero
		v.access(at, access{typ: V128}, uint8(sub)-90, false)
	case sub >= 0x100 && sub <= 0x113:
		v.r.Fail(at, ErrUnsupported, "instruction 0xfd %#x: %v: relaxed vector instruction", sub,
			ErrUnsupported)
	default:
		s, shift, ok := vectorSignature(sub)
		if !ok {
			v.r.Fail(at, nil, "instruction 0xfd %#x is unknown", sub)
			return
		}
		if shift {
			v.want(at, I32)
		}
		v.simple(at, s)
	}
}

func (v *validator) lane(at int, lane, n byte) {
	if lane >= n {
		v.r.Fail(at, nil, "lane %d of %d", lane, n)
	}
}

// atomic validates what is behind 0xfe.
func (v *validator) atomic(at int) {
	sub := v.sub()
	v.m.code.waits = v.m.code.waits || sub <= opWait64
	switch {
	case sub == opNotify:
		v.memarg(at, 2, true)
		v.want(at, I32)
		v.want(at, I32)
		v.push(I32)
	case sub == opWait32 || sub == opWait64:
		expected := I32
		if sub == opWait64 {
			expected = I64
		}
		v.memarg(at, uint8(sub)+1, true)
		v.want(at, I64)
		v.want(at, expected)
		v.want(at, I32)
		v.push(I32)
	case sub == 3: // atomic.fence
		orderAt := v.r.Offset()
		if order := v.r.Byte("order"); order != 0 {
			v.r.Fail(orderAt, nil, "atomic.fence of order %#x", order)
		}
	case sub >= 0x10 && sub <= 0x4e:
		t, align := atomicWidth(sub)
		v.memarg(at, align, true)
		if sub >= 0x48 { // cmpxchg takes what to compare with, and what to write
			v.want(at, t)
		}
		if sub >= 0x17 { // all but loads
			v.want(at, t)
		}
		v.want(at, I32)
		if sub < 0x17 || sub >= 0x1e { // all but stores
			v.push(t)
		}
	default:
		v.r.Fail(at, nil, "instruction 0xfe %#x is unknown", sub)
	}
}
