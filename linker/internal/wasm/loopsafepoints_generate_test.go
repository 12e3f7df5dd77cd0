package wasm

import (
	"pgregory.net/rapid"

	"github.com/lockstep-wasm/lockstep/linker/internal/leb"
)

// generator draws functions that end: every loop has a counter of its own, and functions call
// earlier ones only.
type generator struct {
	t         *rapid.T
	b         *Builder
	functions []uint32
	typ       uint32 // of all functions: (i32, i32) -> i32
	unary     uint32 // i32 -> i32, of blocks
	tag       uint32
	table     uint32
	globals   [2]uint32
	size      int // statements that may still be drawn
}

// Locals: two parameters, four to compute with, one counter for each depth of nesting, a vector.
const (
	genVariables = 6
	genDepth     = 4
	genVector    = genVariables + genDepth
)

// generate returns a module that exports run, g0, g1 and a shared memory of a page.
func generate(t *rapid.T) []byte {
	var b Builder
	g := &generator{t: t, b: &b, size: 40}
	g.typ = b.Type([]ValType{I32, I32}, []ValType{I32})
	g.unary = b.Type([]ValType{I32}, []ValType{I32})
	g.tag = b.Tag(b.Type([]ValType{I32}, nil))
	b.ExportMemory("memory", b.Memory(1, 1, true))
	g.globals = [2]uint32{b.Global(I32, true, ConstI32(7)), b.Global(I32, true, ConstI32(-7))}
	b.ExportGlobal("g0", g.globals[0])
	b.ExportGlobal("g1", g.globals[1])
	locals := make([]ValType, 0, genVector-1)
	for range genVector - 2 {
		locals = append(locals, I32)
	}
	locals = append(locals, V128)
	g.functions = append(g.functions,
		b.Func(g.typ, nil, new(Code).LocalGet(0).LocalGet(1).I32Sub()))
	g.table = b.Table(TableType{Elem: FuncRef, Limits: Limits{Min: 1}})
	b.ActiveFuncs(g.table, ConstI32(0), g.functions[0])
	for range rapid.IntRange(1, 3).Draw(t, "functions") {
		var c Code
		g.loop(&c, 0) // at least one
		g.statements(&c, 0)
		c.LocalGet(g.variable())
		g.functions = append(g.functions, b.Func(g.typ, locals, &c))
	}
	b.ExportFunc("run", g.functions[len(g.functions)-1])
	bytes, err := b.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return bytes
}

func (g *generator) int(limit int, what string) int {
	return rapid.IntRange(0, limit-1).Draw(g.t, what)
}

func (g *generator) variable() uint32 { return uint32(g.int(genVariables, "variable")) }

// value pushes an i32.
func (g *generator) value(c *Code) {
	switch g.int(5, "value") {
	case 0:
		c.I32Const(int32(g.int(1000, "constant") - 500))
	case 1:
		c.LocalGet(g.variable())
	case 2:
		c.GlobalGet(g.globals[g.int(2, "global")])
	case 3:
		c.LocalGet(g.variable()).LocalGet(g.variable()).I32Add()
	case 4:
		g.address(c)
		c.I32Load(0)
	}
}

// address pushes an aligned address below 64.
func (g *generator) address(c *Code) { c.LocalGet(g.variable()).I32Const(15 << 2).Raw(0x71) }

func (g *generator) statements(c *Code, depth int) {
	for n := g.int(4, "statements"); n > 0 && g.size > 0; n-- {
		g.size--
		g.statement(c, depth)
	}
}

func (g *generator) statement(c *Code, depth int) {
	kind := g.int(16, "statement")
	if depth >= genDepth && kind >= 7 {
		kind -= 7
	}
	switch kind {
	case 0:
		g.value(c)
		c.LocalSet(g.variable())
	case 1:
		g.value(c)
		c.GlobalSet(g.globals[g.int(2, "global")])
	case 2:
		g.address(c)
		g.value(c)
		c.I32Store(0)
	case 3:
		g.value(c)
		g.value(c)
		c.Call(g.functions[g.int(len(g.functions), "function")]).LocalSet(g.variable())
	case 4:
		g.value(c)
		g.value(c)
		c.I32Const(0).CallIndirect(g.typ, g.table).LocalSet(g.variable())
	case 5: // vectors
		g.value(c)
		c.Raw(opVector, 0x11).LocalTee(genVector).LocalGet(genVector).Raw(opVector, 0xae,
			0x01).Raw(opVector, 0x1b, 2).LocalSet(g.variable())
	case 6: // atomics
		g.address(c)
		g.value(c)
		c.Raw(opAtomicPrefix, 0x1e, 2, 0).LocalSet(g.variable())
	case 7, 8:
		g.loop(c, depth)
	case 9:
		g.value(c)
		c.If()
		g.statements(c, depth+1)
		c.Else()
		g.statements(c, depth+1)
		c.End()
	case 10: // a jump out of the middle, perhaps with dead code behind
		c.Block()
		g.statements(c, depth+1)
		g.value(c)
		c.BrIf(0)
		g.statements(c, depth+1)
		if g.int(2, "dead") == 1 {
			c.Br(0)
			g.loop(c, depth+1)
		}
		c.End()
	case 11: // a table of jumps
		c.Block().Block().Block()
		g.value(c)
		c.I32Const(3).Raw(0x71).Raw(0x0e, 2, 0, 1, 2).End()
		g.statements(c, depth+1)
		c.Br(1).End()
		g.statements(c, depth+1)
		c.End()
	case 12: // a loop that has something on the stack in every round
		counter := uint32(genVariables + depth)
		c.I32Const(int32(g.int(5, "rounds") + 1)).LocalSet(counter)
		g.value(c)
		c.Raw(leb.AppendS64([]byte{opLoop}, int64(g.unary))...)
		c.I32Const(3).I32Add()
		g.down(c, counter)
		c.BrIf(0).Raw(opEnd).LocalSet(g.variable())
	case 13: // what is thrown is caught around a loop
		c.Block(I32).Raw(0x1f, 0x40, 1, 0, byte(g.tag), 0)
		g.loop(c, depth)
		g.value(c)
		c.Throw(g.tag).Raw(opEnd).Unreachable().End().LocalSet(g.variable())
	case 14: // what may be thrown in the middle, or by a function, is caught
		c.Block(I32).Raw(0x1f, 0x40, 1, 0, byte(g.tag), 0)
		g.statements(c, depth+1)
		g.throw(c)
		g.statements(c, depth+1)
		c.Raw(opEnd)
		g.value(c)
		c.End().LocalSet(g.variable())
	case 15:
		g.throw(c)
	}
}

// throw throws something in one of four cases.
func (g *generator) throw(c *Code) {
	g.value(c)
	c.I32Const(3).Raw(0x71).I32Eqz().If()
	g.value(c)
	c.Throw(g.tag).End()
}

// loop is a few rounds of something.
func (g *generator) loop(c *Code, depth int) {
	if depth >= genDepth {
		return
	}
	counter := uint32(genVariables + depth)
	c.I32Const(int32(g.int(5, "rounds") + 1)).LocalSet(counter).Loop()
	g.statements(c, depth+1)
	g.down(c, counter)
	c.BrIf(0).End()
}

// down decreases a counter and pushes it.
func (g *generator) down(c *Code, counter uint32) {
	c.LocalGet(counter).I32Const(1).I32Sub().LocalTee(counter)
}
