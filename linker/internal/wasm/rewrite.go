package wasm

import (
	"fmt"
	"unicode/utf8"

	"github.com/lockstep-wasm/lockstep/linker/internal/leb"
)

// RewriteOptions says what [Rewrite] changes besides the data segments. The zero value
// changes nothing else.
type RewriteOptions struct {
	// ImportMemory, if not nil, replaces the only memory that the module defines by an import.
	// Its index stays, so exports of it and the code stay valid.
	ImportMemory *MemoryImport
	// ExportStart, if not empty, removes the start section, if there is one, and exports the
	// start function under this name.
	ExportStart string
	// UnboundTables removes the maximum of every table that the module defines.
	UnboundTables bool
}

// MemoryImport names the memory that a rewritten module imports.
type MemoryImport struct {
	Module, Name string
	Type         MemoryType
}

// RewriteError says why a module cannot be rewritten as asked.
type RewriteError struct {
	Reason string
}

// Error returns the reason.
func (e *RewriteError) Error() string { return "wasm: rewrite: " + e.Reason }

// Rewrite returns a copy of module b, of which m is the decoded form, in which every active
// data segment is an empty passive one. That is what an active segment is after
// instantiation, so the code cannot tell; the memory, however, is left as it is, and several
// instances can share one that was filled once. A data count section is neither needed nor
// added: only code that names a data segment needs one, and it has it already.
//
// Sections without a change are copied byte for byte. The error is a *[RewriteError].
func Rewrite(b []byte, m *Module, opt RewriteOptions) ([]byte, error) {
	if err := opt.check(b, m); err != nil {
		return nil, err
	}
	w := rewriter{b: b, m: m, out: appendHeader(make([]byte, 0, len(b)+64))}
	if opt.ImportMemory != nil {
		w.addImport = append(w.addImport, Import{
			Module: opt.ImportMemory.Module, Name: opt.ImportMemory.Name,
			Kind: KindMemory, Memory: opt.ImportMemory.Type,
		})
	}
	if m.HasStart && opt.ExportStart != "" {
		w.addExport = append(w.addExport, Export{Name: opt.ExportStart, Kind: KindFunc, Index: m.Start})
	}
	for _, s := range m.Sections {
		w.insertBefore(sections[s.ID].rank)
		switch {
		case s.ID == SectionImport && len(w.addImport) > 0:
			w.extend(s, appendVector(nil, w.addImport, appendImport))
			w.addImport = nil
		case s.ID == SectionExport && len(w.addExport) > 0:
			w.extend(s, appendVector(nil, w.addExport, appendExport))
			w.addExport = nil
		case s.ID == SectionMemory && opt.ImportMemory != nil:
			// Its only memory is an import now.
		case s.ID == SectionStart && opt.ExportStart != "":
			// It is an export now.
		case s.ID == SectionTable && opt.UnboundTables && hasBoundTable(m):
			w.tables()
		case s.ID == SectionData && hasActiveData(m):
			w.data()
		default:
			w.out = append(w.out, b[s.Offset:s.End]...)
		}
	}
	w.insertBefore(len(sections))
	return w.out, nil
}

// check refuses what Rewrite cannot do.
func (opt RewriteOptions) check(b []byte, m *Module) error {
	end := HeaderSize
	for _, s := range m.Sections {
		if s.Offset != end || s.End > len(b) || SectionID(b[s.Offset]) != s.ID {
			return &RewriteError{"the bytes are not those that were decoded"}
		}
		end = s.End
	}
	if end != len(b) {
		return &RewriteError{"the bytes are not those that were decoded"}
	}
	if imp := opt.ImportMemory; imp != nil {
		if !utf8.ValidString(imp.Module) || !utf8.ValidString(imp.Name) {
			return &RewriteError{fmt.Sprintf("memory to import as %q %q: the name is not UTF-8", imp.Module, imp.Name)}
		}
		if len(m.Memories) != 1 {
			return &RewriteError{fmt.Sprintf("memory to import as %q %q: the module defines %d memories, not one",
				imp.Module, imp.Name, len(m.Memories))}
		}
		t := imp.Type
		if t.Min > MaxPages || t.HasMax && (t.Max > MaxPages || t.Max < t.Min) || t.Shared && !t.HasMax {
			return &RewriteError{fmt.Sprintf("memory to import as %q %q: impossible limits: %v", imp.Module, imp.Name, t)}
		}
	}
	if !utf8.ValidString(opt.ExportStart) {
		return &RewriteError{fmt.Sprintf("start function: export %q is not UTF-8", opt.ExportStart)}
	}
	if _, taken := m.ExportByName(opt.ExportStart); taken && m.HasStart && opt.ExportStart != "" {
		return &RewriteError{fmt.Sprintf("start function: export %q is taken", opt.ExportStart)}
	}
	return nil
}

// hasActiveData reports whether a data segment is active.
func hasActiveData(m *Module) bool {
	for _, d := range m.Data {
		if d.Mode == Active {
			return true
		}
	}
	return false
}

// hasBoundTable reports whether a defined table has a maximum.
func hasBoundTable(m *Module) bool {
	for _, t := range m.Tables {
		if t.Type.HasMax {
			return true
		}
	}
	return false
}

// rewriter copies the sections of b to out.
type rewriter struct {
	b         []byte
	m         *Module
	out       []byte
	addImport []Import // not yet written
	addTable  []Table  // not yet written
	addExport []Export // not yet written
	// replaced are payloads of sections that are not those of b.
	replaced map[SectionID][]byte
	// custom, if not nil, returns what is to become of a custom section's payload and whether it changed; nil drops the section.
	custom func(name string, payload []byte) ([]byte, bool)
}

// payload returns the payload of a section.
func (w *rewriter) payload(s Section) []byte {
	if p, ok := w.replaced[s.ID]; ok {
		return p
	}
	return w.b[s.Payload:s.End]
}

// insertBefore writes the sections that are still to be added and that come before a section
// of the given rank. Custom sections have rank 0: nothing needs to come before them.
func (w *rewriter) insertBefore(rank int) {
	if len(w.addImport) > 0 && rank > sections[SectionImport].rank {
		w.out = appendList(w.out, SectionImport, w.addImport, appendImport)
		w.addImport = nil
	}
	if len(w.addTable) > 0 && rank > sections[SectionTable].rank {
		w.out = appendList(w.out, SectionTable, w.addTable, appendTable)
		w.addTable = nil
	}
	if len(w.addExport) > 0 && rank > sections[SectionExport].rank {
		w.out = appendList(w.out, SectionExport, w.addExport, appendExport)
		w.addExport = nil
	}
}

// extend writes section s, a vector, with the elements of another vector behind its own.
func (w *rewriter) extend(s Section, more []byte) {
	old, added := leb.NewReader(w.payload(s)), leb.NewReader(more)
	count := old.U32("count") + added.U32("count")
	payload := leb.AppendU32(nil, count)
	payload = append(payload, old.Bytes(uint32(old.Len()), "elements")...)
	payload = append(payload, added.Bytes(uint32(added.Len()), "elements")...)
	w.out = appendSection(w.out, s.ID, payload)
}

// tables writes the table section without maxima.
func (w *rewriter) tables() {
	list := make([]Table, len(w.m.Tables))
	for i, t := range w.m.Tables {
		t.Type.Limits = Limits{Min: t.Type.Min}
		list[i] = t
	}
	w.out = appendList(w.out, SectionTable, list, appendTable)
}

// data writes the data section with its active segments emptied.
func (w *rewriter) data() {
	list := make([]Data, len(w.m.Data))
	for i, d := range w.m.Data {
		list[i] = Data{Mode: Passive}
		if d.Mode == Passive {
			list[i] = d
		}
	}
	w.out = appendList(w.out, SectionData, list, appendData)
}
