package wasm

import "github.com/lockstep-wasm/lockstep/linker/internal/leb"

// Polls makes whatever can compute for long count: a mutable i32 global, which is imported under
// the given names, goes down by one whenever a loop begins its next round, whenever a function
// begins that calls others, and whenever so many instructions were executed without one of these
// (see straight). An instruction that fills or copies memory or tables makes it go down by how much
// it moves, and a large one is done in pieces (see bulk). When it is 0 or less then, the function
// in a new table of one entry is called, which is exported under a name; as long as the table is
// empty nothing is. So what lies between two counts is bounded, whatever the module holds.
//
// Who sets the global from outside while the module runs may find it overwritten by a count that
// was under way.
//
// The global is behind the imported globals, so the numbers of the module's own globals change,
// everywhere; types, functions and table are added behind those that there are. A module is not
// changed in which nothing loops, calls or moves much, and no body is long.
type Safepoints struct {
	Module, Name string // of the global
	Export       string // of the table
}

// PollType is the signature of the function in the table that [Polls] adds.
func SafepointType() FuncType { return FuncType{} }

// wanted reports whether a module has a place to count.
func (p *Safepoints) wanted(m *Module) bool {
	return p != nil && (m.code.loops || m.code.calls || m.code.bulk || m.code.long)
}

func (p *Safepoints) export() string {
	if p == nil {
		return ""
	}
	return p.Export
}

// count is the import of the global.
func (p *Safepoints) count() Import {
	t := GlobalType{Type: I32, Mutable: true}
	return Import{Module: p.Module, Name: p.Name, Kind: KindGlobal, Global: t}
}

// polls makes a module count.
type polls struct {
	count    uint32   // the global; those from here on move up by one
	look     uint32   // the function that calls the entry of the table
	bulk     *bulk    // nil if nothing fills or copies
	straight straight // of the body at hand
}

func (p *polls) begin() {
	p.straight.begin()
	if p.bulk != nil {
		p.bulk.small = false
	}
}

func (p *polls) edit(edits []edit, body []byte, i instruction) []edit {
	if p.straight.next(body, i) {
		edits = append(edits, edit{i.start, i.start, p.poll()})
	}
	if p.bulk != nil {
		if e, ok := p.bulk.edit(body, i); ok {
			p.straight.counts()
			return append(edits, e)
		}
	}
	switch i.opcode {
	case opLoop:
		return append(edits, edit{i.end, i.end, p.poll()})
	case opGlobalGet, opGlobalSet:
		index := leb.NewReader(body[i.start+1 : i.end]).U32("global")
		if index >= p.count {
			return append(edits, edit{i.start, i.end, new(Code).op(i.opcode, index+1).b})
		}
	}
	return edits
}

// poll counts one. It leaves the stack as it is, whatever is on it.
func (p *polls) poll() []byte {
	c := new(Code).GlobalGet(p.count).I32Const(1).I32Sub()
	return p.counted(c).b
}

// counted takes the new count from the stack, and looks if that is due.
func (p *polls) counted(c *Code) *Code {
	const lessOrEqual = 0x4c // signed
	return c.GlobalSet(p.count).GlobalGet(p.count).I32Const(0).Raw(lessOrEqual).If().Call(
		p.look).End()
}

// pollBody is the function that is called at the end of the count.
func pollBody(entry, typeIndex, table uint32) []byte {
	var c Code
	c.I32Const(int32(entry)).TableGet(table).RefIsNull().If().Return().End()
	c.I32Const(int32(entry)).CallIndirect(typeIndex, table)
	return append(append([]byte{0}, c.b...), opEnd)
}

// global returns the index that a global has when the module counts.
func (p *polls) global(index uint32) uint32 {
	if index >= p.count {
		return index + 1
	}
	return index
}

// moved reports whether a constant expression names a global that moves.
func (w *rewriter) moved() bool { return w.polls != nil && w.m.code.own }

// constants writes a section with constant expressions in which globals have moved.
func (w *rewriter) constants(s Section) {
	p := w.polls
	switch s.ID {
	case SectionGlobal:
		w.out = appendList(w.out, s.ID, w.m.Globals, func(b []byte, g Global) []byte {
			g.Init = p.constant(g.Init)
			return appendGlobal(b, g)
		})
	case SectionElement:
		w.out = appendList(w.out, s.ID, w.m.Elements, func(b []byte, e Element) []byte {
			e.Offset = p.constant(e.Offset)
			exprs := e.Exprs
			e.Exprs = nil
			for _, x := range exprs {
				e.Exprs = append(e.Exprs, p.constant(x))
			}
			return appendElement(b, e)
		})
	case SectionData:
		w.out = appendList(w.out, s.ID, w.m.Data, func(b []byte, d Data) []byte {
			d.Offset = p.constant(d.Offset)
			return appendData(b, d)
		})
	}
}

// constant renumbers the globals of a constant expression.
func (p *polls) constant(e ConstExpr) ConstExpr {
	var out []byte
	for r := leb.NewReader(e.code); r.Len() > 0 && !r.Failed(); {
		start := r.Offset()
		in := readConstInstr(r)
		if in.op == opGlobalGet {
			out = leb.AppendU32(append(out, opGlobalGet), p.global(uint32(in.imm)))
		} else {
			out = append(out, r.Since(start)...)
		}
	}
	return ConstExpr{out}
}
