package wasm

import (
	"strings"

	"github.com/lockstep-wasm/lockstep/linker/internal/leb"
)

// Opcodes that polls have to do with.
const (
	opLoop               = 0x03
	opCall               = 0x10
	opCallIndirect       = 0x11
	opReturnCall         = 0x12
	opReturnCallIndirect = 0x13
	opGlobalSet          = 0x24
)

// PollType is the signature of the function in the table that [HookPolls] adds.
func PollType() FuncType { return FuncType{} }

// HookPolls returns a copy of module b in which whatever can compute for long counts: a mutable i32 global, which is
// imported under the given names, goes down by one whenever a loop begins its next round, and whenever a function
// begins that calls others. When it is 0 or less then, the function in a new table of one entry is called, which is exported
// under a name; as long as the table is empty nothing is. What lies between two counts is therefore at most one body, and
// functions that neither loop nor call.
//
// Who sets the global from outside while the module runs may find it overwritten by a count that was under way.
//
// The global is behind the imported globals, so the numbers of the module's own globals change, everywhere, also in the
// name section; type, function and table are added behind those that there are. Custom sections that point into the code
// (DWARF, branch hints) would be wrong and are left out. A module in which nothing loops or calls is not changed: the result
// is false and b itself.
//
// The error is a *[RewriteError], or a *[FormatError] if b is no module.
func HookPolls(b []byte, count Import, export string) ([]byte, bool, error) {
	m, err := Decode(b)
	if err != nil {
		return nil, false, err
	}
	code, ok := m.Section(SectionCode)
	if !ok {
		return b, false, nil
	}
	count.Kind, count.Global = KindGlobal, GlobalType{Type: I32, Mutable: true}
	p := polls{count: uint32(m.Imported(KindGlobal)), look: uint32(m.Count(KindFunc))}
	bodies, _, err := editBodies(b[code.Payload:code.End], p.edits)
	if err != nil {
		return nil, false, &RewriteError{err.Error()}
	}
	if !p.found {
		return b, false, nil
	}
	w := rewriter{b: b, m: m, out: appendHeader(make([]byte, 0, len(b)+len(b)/8+256))}
	w.addImport = []Import{count}
	w.replaced, w.custom = p.renumber(m), p.customs
	if err := w.hook(bodies, hookTable{export, []FuncType{PollType()}, p.body}); err != nil {
		return nil, false, err
	}
	return w.out, true, nil
}

// polls makes a module count.
type polls struct {
	count uint32 // the global; those from here on move up by one
	look  uint32 // the function that calls the entry of the table
	found bool   // there is a place to count
}

// edits are the changes of a body.
func (p *polls) edits(body []byte) (edits []edit, err error) {
	first, calls := -1, false
	err = walk(body, func(i instruction) {
		if first < 0 {
			first = i.start
		}
		switch i.opcode {
		case opCall, opCallIndirect, opReturnCall, opReturnCallIndirect:
			calls = true
		case opLoop:
			edits = append(edits, edit{i.end, i.end, p.poll()})
			p.found = true
		case opGlobalGet, opGlobalSet:
			if index := leb.NewReader(body[i.start+1 : i.end]).U32("global"); index >= p.count {
				edits = append(edits, edit{i.start, i.end, new(Code).op(i.opcode, index+1).b})
			}
		}
	})
	if calls && err == nil {
		edits = append([]edit{{first, first, p.poll()}}, edits...)
		p.found = true
	}
	return edits, err
}

// poll counts. It leaves the stack as it is, whatever is on it.
func (p *polls) poll() []byte {
	const lessOrEqual = 0x4c // signed
	return new(Code).GlobalGet(p.count).I32Const(1).I32Sub().GlobalSet(p.count).
		GlobalGet(p.count).I32Const(0).Raw(lessOrEqual).If().Call(p.look).End().b
}

// body is the function that is called at the end of the count.
func (p *polls) body(entry, typeIndex, table uint32) []byte {
	var c Code
	c.I32Const(int32(entry)).TableGet(table).RefIsNull().If().Return().End()
	c.I32Const(int32(entry)).CallIndirect(typeIndex, table)
	return append(append([]byte{0}, c.b...), opEnd)
}

// renumber returns the payload of the export section, if it names globals that move. Constant expressions read imported
// globals only, which do not.
func (p *polls) renumber(m *Module) map[SectionID][]byte {
	if m.Count(KindGlobal) == int(p.count) || len(m.Exports) == 0 {
		return nil
	}
	return map[SectionID][]byte{SectionExport: appendVector(nil, m.Exports, func(b []byte, e Export) []byte {
		if e.Kind == KindGlobal {
			e.Index = p.global(e.Index)
		}
		return appendExport(b, e)
	})}
}

func (p *polls) global(index uint32) uint32 {
	if index >= p.count {
		return index + 1
	}
	return index
}

// The subsection of the name section that names globals.
const globalNames = 7

// customs decides what becomes of a custom section.
func (p *polls) customs(name string, payload []byte) ([]byte, bool) {
	switch {
	case pointsIntoCode(name):
		return nil, true
	case name == "name":
		return p.names(payload), true
	}
	return payload, false
}

// names renumbers the globals of a name section. What it cannot read it leaves as it is: names are not part of what a
// module means.
func (p *polls) names(section []byte) []byte {
	var out []byte
	for r := leb.NewReader(section); r.Len() > 0; {
		id := r.Byte("id")
		payload := r.Bytes(r.U32("size"), "names")
		if id == globalNames {
			n := leb.NewReader(payload)
			count := n.U32("count")
			list := leb.AppendU32(nil, count)
			for range min(count, uint32(len(payload))) {
				list = leb.AppendU32(list, p.global(n.U32("global")))
				list = leb.AppendName(list, n.Name("name"))
			}
			if n.Failed() || n.Len() > 0 {
				return section
			}
			payload = list
		}
		if r.Failed() {
			return section
		}
		out = leb.AppendBytes(append(out, id), payload)
	}
	return out
}

// pointsIntoCode reports whether a custom section is about places in the code.
func pointsIntoCode(name string) bool {
	return strings.HasPrefix(name, ".debug_") || strings.HasPrefix(name, "metadata.code.") || name == "sourceMappingURL" ||
		name == "external_debug_info"
}
