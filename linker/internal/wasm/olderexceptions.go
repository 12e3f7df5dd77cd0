package wasm

import (
	"fmt"
	"slices"

	"github.com/lockstep-wasm/lockstep/linker/internal/leb"
)

// TranslateExceptions returns a copy of module b, of which m is the decoded form, in which try,
// catch, rethrow and delegate of the older exception handling are try_table and throw_ref. Nothing
// is renumbered: types and locals are added behind those that there are. Bodies without such
// instructions are copied. Without any, the result is b itself.
//
// A try becomes a block around one block for each of its catches, innermost the first, and a
// try_table whose catches lead to these. A rethrow finds the exception in a local variable. A
// delegate that passes over another try leads, with the exception, to a block just inside the try,
// or the function, that is to handle it.
//
// The error is a *[RewriteError]: a try with parameters, which no toolchain writes, or a body that
// has instructions of both kinds.
//
// Source: the proposal's legacy text; binaryen's TranslateToExnref.cpp does the same.
func TranslateExceptions(b []byte, m *Module) ([]byte, error) {
	if !m.OlderExceptions {
		return b, nil
	}
	x := exceptions{m: m, types: slices.Clone(m.Types)}
	var bodies [][]byte
	for i, body := range m.bodies(b) {
		t, err := x.body(i, body)
		if err != nil {
			return nil, &RewriteError{fmt.Sprintf("function body %d: %v", i, err)}
		}
		bodies = append(bodies, t)
	}
	w := rewriter{b: b, m: m, out: appendHeader(make([]byte, 0, len(b)+len(b)/8))}
	for _, s := range m.Sections {
		switch {
		case s.ID == SectionType && len(x.types) > len(m.Types):
			w.extend(s, appendVector(nil, x.types[len(m.Types):], appendFuncType))
		case s.ID == SectionCode:
			w.out = appendList(w.out, SectionCode, bodies, leb.AppendBytes)
		default:
			w.out = append(w.out, b[s.Offset:s.End]...)
		}
	}
	return w.out, nil
}

// exceptions translates the bodies of a module.
type exceptions struct {
	m     *Module
	types []FuncType
}

// olderTry is a try of a body, as a first pass finds it.
type olderTry struct {
	catches   []olderCatch
	rethrown  bool // some rethrow in a catch of it names it
	delegates bool
	landing   bool // a delegate leads to it from inside another try
	throughs  int  // of one that delegates: the try that it leads to; -1 is the function
	plain     bool // of one that delegates: no try is in between, so nothing has to be done
	local     uint32
}

// olderCatch is a catch; tag is not used by catch_all.
type olderCatch struct {
	all bool
	tag uint32
}

// olderFrame is a label of the old body.
type olderFrame struct {
	try    int    // which try it is; -1 for another block
	clause int    // of a try: 0 in its body, else which catch
	label  uint32 // of the new body: how many labels are around it
}

// olderBody is a body under translation; the first pass (find) fills tries.
type olderBody struct {
	x       *exceptions
	code    []byte
	tries   []olderTry
	frames  []olderFrame
	next    int    // index in tries, of the next one that begins
	depth   uint32 // labels of the new body
	landing bool   // a delegate leads to the function
	older   bool
	newer   bool
	out     []byte
	err     error
}

func (x *exceptions) body(i int, code []byte) ([]byte, error) {
	o := &olderBody{x: x, code: code, frames: []olderFrame{{try: -1}}}
	if err := walk(code, o.find); err != nil || o.err != nil || !o.older {
		return code, firstOf(err, o.err)
	}
	if o.newer {
		return nil, &RewriteError{"exception handling of both kinds"}
	}
	typ, _ := x.m.FuncType(uint32(x.m.Imported(KindFunc) + i))
	start := o.locals(uint32(len(typ.Params)))
	o.frames, o.next, o.depth = []olderFrame{{try: -1}}, 0, 1
	if o.landing {
		o.block(0x02, byte(ExnRef))
	}
	if err := walk(code, func(i instruction) {
		if i.start >= start && o.err == nil {
			o.instruction(i)
		}
	}); err != nil {
		return nil, err
	}
	return o.out, o.err
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (o *olderBody) top() *olderFrame { return &o.frames[len(o.frames)-1] }

func (o *olderBody) fail(reason string) {
	if o.err == nil {
		o.err = &RewriteError{reason}
	}
}

// immediate is the first number behind an opcode.
func (o *olderBody) immediate(i instruction) uint32 {
	return leb.NewReader(o.code[i.start+1 : i.end]).U32("immediate")
}

// find is the first pass: it finds out what each try has. Bodies were validated.
func (o *olderBody) find(i instruction) {
	switch i.opcode {
	case opBlock, opLoop, opIf:
		o.frames = append(o.frames, olderFrame{try: -1})
	case opTryTable:
		o.newer = true
		o.frames = append(o.frames, olderFrame{try: -1})
	case opTry:
		o.older = true
		if t := leb.NewReader(o.code[i.start+1 : i.end]).S64("block type"); t >= 0 &&
			len(o.x.types[t].Params) > 0 {
			o.fail("a try with parameters")
		}
		o.frames = append(o.frames, olderFrame{try: len(o.tries)})
		o.tries = append(o.tries, olderTry{})
	case opCatch, opCatchAll:
		f := o.top()
		f.clause++
		c := olderCatch{all: i.opcode == opCatchAll}
		if !c.all {
			c.tag = o.immediate(i)
		}
		o.tries[f.try].catches = append(o.tries[f.try].catches, c)
	case opRethrow:
		f := o.frames[len(o.frames)-1-int(o.immediate(i))]
		o.tries[f.try].rethrown = true
	case opDelegate:
		f := *o.top()
		o.frames = o.frames[:len(o.frames)-1]
		o.delegate(&o.tries[f.try], int(o.immediate(i)))
	case opEnd:
		o.frames = o.frames[:len(o.frames)-1]
	}
}

// delegate finds the try that handles what is delegated to a label: the innermost one at, or
// around, the label whose body that is in.
func (o *olderBody) delegate(t *olderTry, label int) {
	t.delegates, t.plain, t.throughs = true, true, -1
	for k, f := range slices.Backward(o.frames) {
		if f.try < 0 || f.clause > 0 {
			continue
		}
		if k <= len(o.frames)-1-label {
			t.throughs = f.try
			break
		}
		t.plain = false // it would catch
	}
	switch {
	case t.plain:
	case t.throughs < 0:
		o.landing = true
	default:
		o.tries[t.throughs].landing = true
	}
}

// locals writes the locals, with one more for each exception that is rethrown. It returns where the
// instructions begin.
func (o *olderBody) locals(params uint32) int {
	r := leb.NewReader(o.code)
	groups := r.U32("local groups")
	first := len(o.code) - r.Len()
	n := params
	for range groups {
		n += r.U32("locals")
		r.Byte("local type")
	}
	start := len(o.code) - r.Len()
	more := uint32(0)
	for k := range o.tries {
		if o.tries[k].rethrown {
			o.tries[k].local = n + more
			more++
		}
	}
	if more == 0 {
		o.out = append(o.out, o.code[:start]...)
		return start
	}
	o.out = append(leb.AppendU32(o.out, groups+1), o.code[first:start]...)
	o.out = append(leb.AppendU32(o.out, more), byte(ExnRef))
	return start
}

// block opens a label of the new body.
func (o *olderBody) block(opcode byte, blockType ...byte) {
	o.out = append(append(o.out, opcode), blockType...)
	o.depth++
}

func (o *olderBody) end() {
	o.out = append(o.out, opEnd)
	o.depth--
}

// label is what a label of the old body is called now, at the present place.
func (o *olderBody) label(old uint32) uint32 {
	return o.depth - 1 - o.frames[len(o.frames)-1-int(old)].label
}

// instruction is the second pass.
func (o *olderBody) instruction(i instruction) {
	switch i.opcode {
	case opBlock, opLoop, opIf:
		o.frames = append(o.frames, olderFrame{try: -1, label: o.depth})
		o.block(i.opcode, o.code[i.start+1:i.end]...)
	case opTry:
		o.open(o.code[i.start+1 : i.end])
	case opCatch, opCatchAll:
		o.catch()
	case opDelegate:
		o.closeDelegate()
	case opRethrow:
		f := o.frames[len(o.frames)-1-int(o.immediate(i))]
		o.out = append(leb.AppendU32(append(o.out,
			0x20 /* local.get */), o.tries[f.try].local), opThrowRef)
	case opBr, opBrIf:
		o.out = leb.AppendU32(append(o.out, i.opcode), o.label(o.immediate(i)))
	case opBrTable:
		r := leb.NewReader(o.code[i.start+1 : i.end])
		n := r.U32("labels")
		o.out = leb.AppendU32(append(o.out, i.opcode), n)
		for range n + 1 {
			o.out = leb.AppendU32(o.out, o.label(r.U32("label")))
		}
	case opEnd:
		o.close()
	default:
		o.out = append(o.out, o.code[i.start:i.end]...)
	}
}

func (o *olderBody) open(blockType []byte) {
	t := &o.tries[o.next]
	f := olderFrame{try: o.next, label: o.depth}
	o.next++
	o.block(opBlock, blockType...)
	switch {
	case t.delegates && !t.plain:
		o.block(opBlock, byte(ExnRef))
		o.tryTable(blockType, []byte{3, 0}) // catch_all_ref, to that block
	case len(t.catches) > 0:
		for _, c := range slices.Backward(t.catches) {
			o.block(opBlock, o.caught(t, c)...)
		}
		var list []byte
		for k, c := range t.catches {
			kind := byte(0)
			if t.rethrown {
				kind = 1 // with the exception
			}
			if c.all {
				list = leb.AppendU32(append(list, kind+2), uint32(k))
			} else {
				list = leb.AppendU32(leb.AppendU32(append(list, kind), c.tag), uint32(k))
			}
		}
		o.tryTable(blockType, list, len(t.catches))
	}
	if t.landing {
		o.block(opBlock, byte(ExnRef))
	}
	o.frames = append(o.frames, f)
}

// tryTable opens a try_table with a list of catches, one unless it is said how many.
func (o *olderBody) tryTable(blockType, list []byte, n ...int) {
	count := uint32(1)
	if len(n) > 0 {
		count = uint32(n[0])
	}
	o.block(opTryTable, append(leb.AppendU32(slices.Clone(blockType), count), list...)...)
}
