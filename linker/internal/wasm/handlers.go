package wasm

import (
	"fmt"
	"slices"

	"github.com/lockstep-wasm/lockstep/linker/internal/leb"
)

// KeepLocals returns a copy of module b, of which m is the decoded form, in which handlers of
// exceptions see local variables as they were when the exception was thrown. The engine has them
// see what the variables were when the try_table began: wazero issue 2503, in version 1.12.
//
// In a function where that makes a difference, each try_table becomes a block, and each
// instruction in it that can throw has a try_table of its own, with the same catches, the inner
// ones first. No variable is set in those. Nothing is renumbered; types are added behind those
// that there are. Bodies without a difference are copied; if that is all of them, the result is b.
//
// The error is a *[RewriteError].
func KeepLocals(b []byte, m *Module) ([]byte, error) {
	if !m.Handlers {
		return b, nil
	}
	h := handlers{m: m, types: slices.Clone(m.Types), known: map[string]int{}}
	for i, t := range h.types {
		h.known[typeKey(t)] = i
	}
	bodies := m.bodies(b)
	changed := false
	for i, body := range bodies {
		typ, _ := m.FuncType(uint32(m.Imported(KindFunc) + i))
		flow, err := readFlow(body, len(typ.Params))
		if err != nil {
			return nil, &RewriteError{fmt.Sprintf("function body %d: %v", i, err)}
		}
		if !flow.differs() {
			continue
		}
		if bodies[i], err = h.body(body, flow.start); err != nil {
			return nil, &RewriteError{fmt.Sprintf("function body %d: %v", i, err)}
		}
		changed = true
	}
	if !changed {
		return b, nil
	}
	w := rewriter{b: b, m: m, out: appendHeader(make([]byte, 0, len(b)+len(b)/8))}
	for _, s := range m.Sections {
		switch {
		case s.ID == SectionType && len(h.types) > len(m.Types):
			w.extend(s, appendVector(nil, h.types[len(m.Types):], appendFuncType))
		case s.ID == SectionCode:
			w.out = appendList(w.out, SectionCode, bodies, leb.AppendBytes)
		default:
			w.out = append(w.out, b[s.Offset:s.End]...)
		}
	}
	return w.out, nil
}

// The instructions for variables.
const (
	opLocalGet = 0x20
	opLocalSet = 0x21
	opLocalTee = 0x22
)

// A body becomes at most so many times as large, and so many bytes besides: each call is given all
// catches around it, of which a module can have any number.
const (
	handlersGrowth = 16
	handlersLeast  = 1 << 16
)

// typeKey is a signature as a key of a map.
func typeKey(t FuncType) string { return string(appendFuncType(nil, t)) }

// handlers changes the bodies of a module.
type handlers struct {
	m     *Module
	types []FuncType
	known map[string]int // where a signature is in types
}

type catchClause struct {
	kind  byte
	tag   uint32 // 0 for catch_all and catch_all_ref
	label int    // how many labels are around the one that it leads to
}

// clauses reads what follows the opcode of a try_table around which there are so many labels: how
// long the type of its block is, and its catches.
func clauses(immediates []byte, labels int) (blockType int, list []catchClause) {
	r := leb.NewReader(immediates)
	r.S64("block type")
	blockType = len(immediates) - r.Len()
	for n := r.U32("catches"); n > 0 && r.Err() == nil; n-- {
		c := catchClause{kind: r.Byte("catch")}
		if c.kind < catchAll {
			c.tag = r.U32("tag")
		}
		c.label = labels - 1 - int(r.U32("label"))
		list = append(list, c)
	}
	return blockType, list
}

// throws reports whether an instruction can throw an exception that a handler around it gets.
func (i instruction) throws() bool {
	return i.opcode == opCall || i.opcode == opCallIndirect || i.opcode == opThrow ||
		i.opcode == opThrowRef
}

// body changes one body, whose instructions begin at start.
func (h *handlers) body(code []byte, start int) ([]byte, error) {
	most := handlersGrowth*len(code) + handlersLeast
	out := slices.Clone(code[:start])
	frames := [][]catchClause{nil} // the catches of each label
	err := walk(code, func(i instruction) {
		if i.start < start {
			return
		}
		bytes := code[i.start:i.end]
		switch {
		case i.opcode == opTryTable:
			n, list := clauses(bytes[1:], len(frames))
			frames = append(frames, list)
			if len(list) > 0 {
				bytes = append([]byte{opBlock}, bytes[1:1+n]...)
			}
		case i.opcode == opBlock || i.opcode == opLoop || i.opcode == opIf:
			frames = append(frames, nil)
		case i.opcode == opEnd:
			frames = frames[:len(frames)-1]
		case i.throws() && len(out) <= most:
			bytes = h.wrap(bytes, i, frames)
		}
		if len(out) <= most {
			out = append(out, bytes...)
		}
	})
	if err == nil && len(out) > most {
		err = &RewriteError{"too many catches around too many calls"}
	}
	return out, err
}

// wrap is an instruction that can throw, in a try_table with all catches that are around it.
func (h *handlers) wrap(bytes []byte, i instruction, frames [][]catchClause) []byte {
	var list []byte
	count := uint32(0)
around:
	for _, f := range slices.Backward(frames) {
		for _, c := range f {
			if len(list) > handlersLeast {
				break around // the body is refused
			}
			if list = append(list, c.kind); c.kind < catchAll {
				list = leb.AppendU32(list, c.tag)
			}
			list = leb.AppendU32(list, uint32(len(frames)-1-c.label))
			if count++; c.kind >= catchAll {
				break around
			}
		}
	}
	if count == 0 {
		return bytes
	}
	out := leb.AppendS64([]byte{opTryTable}, int64(h.blockType(bytes, i)))
	out = append(leb.AppendU32(out, count), list...)
	out = append(append(out, bytes...), opEnd)
	if i.opcode == opThrow || i.opcode == opThrowRef {
		out = append(out, 0x00 /* unreachable */)
	}
	return out
}

// blockType is the type of a block that has one instruction in it, which takes what that takes.
func (h *handlers) blockType(bytes []byte, i instruction) int {
	var t FuncType
	index := leb.NewReader(bytes[1:]).U32
	switch i.opcode {
	case opCall:
		t, _ = h.m.FuncType(index("function"))
	case opCallIndirect:
		called := h.m.Types[index("type")]
		t = FuncType{append(slices.Clone(called.Params), I32), called.Results}
	case opThrow:
		tag, _ := h.m.TagType(index("tag"))
		t.Params = tag.Params
	case opThrowRef:
		t.Params = []ValType{ExnRef}
	}
	key := typeKey(t)
	at, ok := h.known[key]
	if !ok {
		at = len(h.types)
		h.types, h.known[key] = append(h.types, t), at
	}
	return at
}
