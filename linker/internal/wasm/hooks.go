package wasm

import (
	"fmt"

	"github.com/lockstep-wasm/lockstep/linker/internal/leb"
)

// edit replaces a part of a function body.
type edit struct {
	start, end int
	code       []byte
}

// editBodies returns the bodies of a code section with the edits that a function wants, in their order, and whether
// there were any.
func editBodies(section []byte, edits func(body []byte) ([]edit, error)) (bodies [][]byte, found bool, err error) {
	r := leb.NewReader(section)
	for n := r.U32("functions"); n > 0 && r.Err() == nil; n-- {
		body := r.Bytes(r.U32("size"), "body")
		if r.Err() != nil {
			break
		}
		list, err := edits(body)
		if err != nil {
			return nil, false, &RewriteError{fmt.Sprintf("function body %d: %v", len(bodies), err)}
		}
		if len(list) > 0 {
			body, found = splice(body, list), true
		}
		bodies = append(bodies, body)
	}
	return bodies, found, r.Err()
}

func splice(body []byte, edits []edit) []byte {
	out, done := make([]byte, 0, len(body)+16*len(edits)), 0
	for _, e := range edits {
		out = append(append(out, body[done:e.start]...), e.code...)
		done = e.end
	}
	return append(out, body[done:]...)
}

// hookTable is a table of functions that a module is given, for somebody else to fill. Each of its entries has a
// function in the module, behind those that there were, which calls it.
type hookTable struct {
	export string
	types  []FuncType
	// body returns that function; typeIndex is its type, and that of the entry.
	body func(entry, typeIndex, table uint32) []byte
}

// hook writes the module with new bodies and a table of what they call. Types, functions and table come behind those that
// there were.
func (w *rewriter) hook(bodies [][]byte, h hookTable) error {
	if _, taken := w.m.ExportByName(h.export); taken {
		return &RewriteError{fmt.Sprintf("export %q is taken", h.export)}
	}
	table, n := uint32(w.m.Count(KindTable)), uint32(len(h.types))
	var indices []uint32
	for k := range n {
		index := uint32(len(w.m.Types)) + k
		indices = append(indices, index)
		bodies = append(bodies, h.body(k, index, table))
	}
	w.addTable = []Table{{Type: TableType{Elem: FuncRef, Limits: Limits{Min: n, Max: n, HasMax: true}}}}
	w.addExport = []Export{{Name: h.export, Kind: KindTable, Index: table}}
	for _, s := range w.m.Sections {
		w.insertBefore(sections[s.ID].rank)
		switch s.ID {
		case SectionType:
			w.extend(s, appendVector(nil, h.types, appendFuncType))
		case SectionImport:
			w.extend(s, appendVector(nil, w.addImport, appendImport))
			w.addImport = nil
		case SectionFunction:
			w.extend(s, appendVector(nil, indices, leb.AppendU32))
		case SectionTable:
			w.extend(s, appendVector(nil, w.addTable, appendTable))
			w.addTable = nil
		case SectionExport:
			w.extend(s, appendVector(nil, w.addExport, appendExport))
			w.addExport = nil
		case SectionCode:
			w.out = appendList(w.out, SectionCode, bodies, leb.AppendBytes)
		default:
			w.copy(s)
		}
	}
	return nil
}

// copy writes a section that nothing is added to.
func (w *rewriter) copy(s Section) {
	p, changed := w.replaced[s.ID]
	if s.ID == SectionCustom && w.custom != nil {
		r := leb.NewReader(w.b[s.Payload:s.End])
		name := r.Name("name")
		rest := r.Bytes(uint32(r.Len()), "payload")
		if rest, changed = w.custom(name, rest); rest == nil {
			return
		}
		p = append(leb.AppendName(nil, name), rest...)
	}
	if changed {
		w.out = appendSection(w.out, s.ID, p)
		return
	}
	w.out = append(w.out, w.b[s.Offset:s.End]...)
}
