package wasm

import "github.com/lockstep-wasm/lockstep/linker/internal/leb"

const (
	// bulkShift is by how many bits what is moved is more than the rounds of a loop that it costs.
	bulkShift = 10
	// bulkPiece is how many bytes of memory are moved at once.
	bulkPiece = 1 << 20
	// bulkSmall is how much does not count if the instruction says it.
	bulkSmall = 256
)

// bulk makes what fills and copies count. memory.fill and memory.copy become calls of functions
// that do the same in pieces, between which they count. Segments and a library's own tables are
// bounded by other limits, so the other instructions are done at once, and a function counts
// before them.
//
// Source: WebAssembly Core Specification 2.0, 4.4.7: what does not fit traps before it writes
// anything.
type bulk struct {
	first  uint32 // the function that counts; those that fill and copy memory follow
	memory bool   // there is one
	small  bool   // the instruction before is a constant that does not count
}

// Behind the function that counts.
const (
	bulkFill = 1
	bulkCopy = 2
)

// edit returns what becomes of an instruction, and whether it becomes anything.
func (b *bulk) edit(body []byte, i instruction) (edit, bool) {
	small := b.small
	b.small = false
	switch {
	case i.opcode == opI32Const:
		n := leb.NewReader(body[i.start+1 : i.end]).S32("constant")
		b.small = n >= 0 && n <= bulkSmall
	case i.opcode != opMisc || !movesMuch(i.sub) || small:
	case i.sub == opMemoryFill:
		return edit{i.start, i.end, new(Code).Call(b.first + bulkFill).b}, true
	case i.sub == opMemoryCopy:
		return edit{i.start, i.end, new(Code).Call(b.first + bulkCopy).b}, true
	default:
		return edit{i.start, i.start, new(Code).Call(b.first).b}, true
	}
	return edit{}, false
}

// bulkFunction is added to a module, and called in place of an instruction.
type bulkFunction struct {
	typ  FuncType
	body []byte
}

// functions returns the functions that are called in place of the instructions, in order.
func (b *bulk) functions(p *polls) []bulkFunction {
	one, three := []ValType{I32}, []ValType{I32, I32, I32}
	list := []bulkFunction{{FuncType{one, one}, b.count(p)}}
	if b.memory {
		list = append(list,
			bulkFunction{FuncType{three, nil},
				b.pieces(p, func(c *Code) { c.MemoryFill() }, false)},
			bulkFunction{FuncType{three, nil}, b.pieces(p, func(c *Code) { c.MemoryCopy() }, true)})
	}
	return list
}

// Parameters of the functions; of the one that counts, the first is the size.
const (
	bulkTo    = 0
	bulkValue = 1 // or where it is copied from
	bulkSize  = 2
)

// count is a function that counts for a size, and gives it back.
func (b *bulk) count(p *polls) []byte {
	return bulkBody(p.weighed(new(Code), 0).LocalGet(0))
}

// weighed counts for a size that a local holds.
func (p *polls) weighed(c *Code, size uint32) *Code {
	const shift = 0x76 // unsigned
	c.GlobalGet(p.count).LocalGet(size).I32Const(bulkShift).Raw(shift).I32Sub().I32Const(1).I32Sub()
	return p.counted(c)
}

// pieces is a function that does what an instruction does; move is that instruction. A range that
// is within the memory is moved in pieces, and the last piece, or a range that is not, at once.
// The source of a copy may overlap its destination, so a copy upwards begins at the end.
func (b *bulk) pieces(p *polls, move func(*Code), from bool) []byte {
	var c Code
	more := func() { c.LocalGet(bulkSize).I32Const(bulkPiece).Raw(0x4b) } // greater, unsigned
	count := func() { c.I32Const(bulkPiece).Call(b.first).Drop() }
	c.Block()
	more()
	c.Raw(0x45).BrIf(0)
	outside(&c, bulkTo)
	if from {
		outside(&c, bulkValue)
		c.LocalGet(bulkTo).LocalGet(bulkValue).Raw(0x4b).If().Loop()
		count()
		c.LocalGet(bulkSize).I32Const(bulkPiece).I32Sub().LocalSet(bulkSize)
		c.LocalGet(bulkTo).LocalGet(bulkSize).I32Add().LocalGet(bulkValue).LocalGet(
			bulkSize).I32Add()
		c.I32Const(bulkPiece)
		move(&c)
		more()
		c.BrIf(0).End().Br(1).End()
	}
	c.Loop()
	count()
	c.LocalGet(bulkTo).LocalGet(bulkValue).I32Const(bulkPiece)
	move(&c)
	c.LocalGet(bulkTo).I32Const(bulkPiece).I32Add().LocalSet(bulkTo)
	if from {
		c.LocalGet(bulkValue).I32Const(bulkPiece).I32Add().LocalSet(bulkValue)
	}
	c.LocalGet(bulkSize).I32Const(bulkPiece).I32Sub().LocalSet(bulkSize)
	more()
	c.BrIf(0).End().End()
	p.weighed(&c, bulkSize).LocalGet(bulkTo).LocalGet(bulkValue).LocalGet(bulkSize)
	move(&c)
	return bulkBody(&c)
}

// outside leaves the block around it if a range is not within the memory.
func outside(c *Code, base uint32) {
	const extend, greater, shift, pageBits = 0xad, 0x56, 0x86, 16
	c.LocalGet(base).Raw(extend).LocalGet(bulkSize).Raw(extend).I64Add()
	c.MemorySize().Raw(extend).I64Const(pageBits).Raw(shift).Raw(greater).BrIf(0)
}

func bulkBody(c *Code) []byte { return append(append([]byte{0}, c.b...), opEnd) }
