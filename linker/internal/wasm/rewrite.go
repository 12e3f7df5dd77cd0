package wasm

import (
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/lockstep-wasm/lockstep/linker/internal/leb"
)

// RewriteOptions says what [Rewrite] changes. The zero value changes nothing but custom sections.
type RewriteOptions struct {
	// EmptyData makes every active data segment an empty passive one. That is what an active
	// segment is after instantiation, so the code cannot tell; the memory, however, is left as it
	// is, and several instances can share one that was filled once. A data count section is
	// neither needed nor added: only code that names a data segment needs one, and it has it.
	EmptyData bool
	// ImportMemory, if not nil, replaces the only memory that the module defines by an import.
	// Its index stays, so exports of it and the code stay valid.
	ImportMemory *MemoryImport
	// Namespace, if not nil, returns the namespace from which the module imports something instead.
	Namespace func(*Import) string
	// ExportStart, if not empty, removes the start section, if there is one, and exports the
	// start function under this name.
	ExportStart string
	// MaxTable, if not 0, is the most entries to which a table that the module defines can grow.
	MaxTable uint32
	// Polls, if not nil, makes the code count: see [Polls].
	Safepoints *Safepoints
	// Waits, if not empty, lets the instructions that wait and notify call functions of a table
	// that is exported under this name: see [HookTypes].
	Waits string
	// Stubs, if not nil, are functions to be replaced.
	Stubs *Stubs
}

// MemoryImport names the memory that a rewritten module imports.
type MemoryImport struct {
	Module, Name string
	Type         MemoryType
}

// Rewritten is what [Rewrite] made of a module.
type Rewritten struct {
	Bytes      []byte
	Safepoints bool // there is a place to count, so the module has the table of polls
	Waits      bool // there is an instruction that waits, so the module has the table of waits
	Stubs      bool // the module has the table of stubs
	Work       int  // bytes copied, instructions and names looked at: tests of linear work count it
}

// RewriteError says why a module cannot be rewritten as asked.
type RewriteError struct {
	Reason string
}

// Error returns the reason.
func (e *RewriteError) Error() string { return "wasm: rewrite: " + e.Reason }

// Rewrite returns a copy of module b, of which m is the decoded form, with changes. It reads the
// module once and writes it once, in time and memory in proportion to its size.
//
// Sections without a change are copied byte for byte, but for custom ones. What they hold does not
// matter to what a module means, and the engine reads some of it without care. So they are left
// out; the names of the module and its functions, for stack traces, are written anew as far as
// they can be understood, and what debuggers need (DWARF) is kept where the code is as it was.
//
// The error is a *[RewriteError].
func Rewrite(b []byte, m *Module, opt RewriteOptions) (*Rewritten, error) {
	if err := opt.check(b, m); err != nil {
		return nil, err
	}
	w := &rewriter{b: b, m: m, opt: opt, out: appendHeader(make([]byte, 0, len(b)+len(b)/8+256))}
	if imp := opt.ImportMemory; imp != nil {
		w.addImport = append(w.addImport, Import{
			Module: imp.Module, Name: imp.Name, Kind: KindMemory, Memory: imp.Type,
		})
	}
	if m.HasStart && opt.ExportStart != "" {
		w.addExport = append(w.addExport, Export{opt.ExportStart, KindFunc, m.Start})
	}
	if err := w.plan(); err != nil {
		return nil, err
	}
	for _, s := range m.Sections {
		w.insertBefore(sections[s.ID].rank)
		w.section(s)
	}
	w.insertBefore(len(sections))
	w.out = appendNames(w.out, m)
	w.work += len(w.out)
	return &Rewritten{Bytes: w.out, Safepoints: w.polls != nil, Waits: w.waits != nil,
		Stubs: w.stubs != nil, Work: w.work}, nil
}

// stubs is the name of the table of stubs.
func (opt RewriteOptions) stubs() string {
	if opt.Stubs == nil {
		return ""
	}
	return opt.Stubs.Export
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
	if err := opt.checkMemory(m); err != nil {
		return err
	}
	exports := []struct {
		what, name string
		wanted     bool
	}{
		{"start function", opt.ExportStart, m.HasStart && opt.ExportStart != ""},
		{"table of polls", opt.Safepoints.export(), opt.Safepoints.wanted(m)},
		{"table of waits", opt.Waits, opt.wantsWaits(m)},
		{"table of stubs", opt.stubs(), opt.Stubs != nil},
	}
	for i, e := range exports {
		_, taken := m.ExportByName(e.name)
		for _, other := range exports[:i] {
			taken = taken || other.wanted && other.name == e.name
		}
		switch {
		case !utf8.ValidString(e.name):
			return &RewriteError{fmt.Sprintf("%s: export %q is not UTF-8", e.what, e.name)}
		case e.wanted && taken:
			return &RewriteError{fmt.Sprintf("%s: export %q is taken", e.what, e.name)}
		}
	}
	return nil
}

func (opt RewriteOptions) checkMemory(m *Module) error {
	imp := opt.ImportMemory
	if imp == nil {
		return nil
	}
	wrong := func(format string, args ...any) error {
		reason := fmt.Sprintf("memory to import as %q %q: ", imp.Module, imp.Name)
		return &RewriteError{reason + fmt.Sprintf(format, args...)}
	}
	t := imp.Type
	switch {
	case !utf8.ValidString(imp.Module) || !utf8.ValidString(imp.Name):
		return wrong("the name is not UTF-8")
	case len(m.Memories) != 1:
		return wrong("the module defines %d memories, not one", len(m.Memories))
	case t.Min > MaxPages || t.HasMax && (t.Max > MaxPages || t.Max < t.Min) || t.Shared &&
		!t.HasMax:
		return wrong("impossible limits: %v", t)
	}
	return nil
}

// rewriter copies the sections of b to out.
type rewriter struct {
	b   []byte
	m   *Module
	opt RewriteOptions
	out []byte

	// Additions to the sections that are not written yet.
	addType   []FuncType
	addImport []Import
	addFunc   []uint32 // indices of types
	addTable  []Table
	addExport []Export

	polls  *polls         // nil if nothing counts
	waits  *waits         // nil if nothing waits
	stubs  map[int]uint32 // which function a body only calls; nil if there are none
	bodies [][]byte
	work   int
}

func (w *rewriter) section(s Section) {
	switch {
	case s.ID == SectionCustom:
		w.custom(s)
	case s.ID == SectionType && len(w.addType) > 0:
		w.extend(s, appendVector(nil, w.addType, appendFuncType))
	case s.ID == SectionImport && w.opt.Namespace != nil:
		w.imports()
	case s.ID == SectionImport && len(w.addImport) > 0:
		w.extend(s, appendVector(nil, w.addImport, appendImport))
		w.addImport = nil
	case s.ID == SectionFunction && len(w.addFunc) > 0:
		w.extend(s, appendVector(nil, w.addFunc, leb.AppendU32))
	case w.moved() && (s.ID == SectionGlobal || s.ID == SectionElement):
		w.constants(s)
	case s.ID == SectionTable && (len(w.addTable) > 0 || w.moved() || w.opt.MaxTable > 0):
		w.tables()
	case s.ID == SectionExport && (len(w.addExport) > 0 || w.polls != nil):
		w.exports(s)
	case s.ID == SectionMemory && w.opt.ImportMemory != nil:
		// Its only memory is an import now.
	case s.ID == SectionStart && w.opt.ExportStart != "":
		// It is an export now.
	case s.ID == SectionCode && w.bodies != nil:
		w.out = appendList(w.out, SectionCode, w.bodies, leb.AppendBytes)
	case s.ID == SectionData && w.opt.EmptyData && hasActiveData(w.m):
		w.data()
	case s.ID == SectionData && w.moved():
		w.constants(s)
	default:
		w.out = append(w.out, w.b[s.Offset:s.End]...)
	}
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
	old, added := leb.NewReader(w.b[s.Payload:s.End]), leb.NewReader(more)
	payload := make([]byte, 0, s.End-s.Payload+len(more)+4)
	payload = leb.AppendU32(payload, old.U32("count")+added.U32("count"))
	payload = append(payload, old.Bytes(uint32(old.Len()), "elements")...)
	payload = append(payload, added.Bytes(uint32(added.Len()), "elements")...)
	w.out = appendSection(w.out, s.ID, payload)
}

// imports writes the import section with other namespaces.
func (w *rewriter) imports() {
	list := slices.Clone(w.m.Imports)
	for i := range list {
		list[i].Module = w.opt.Namespace(&w.m.Imports[i])
	}
	w.out = appendList(w.out, SectionImport, append(list, w.addImport...), appendImport)
	w.addImport = nil
}

func (w *rewriter) tables() {
	list := make([]Table, 0, len(w.m.Tables)+len(w.addTable))
	for _, t := range w.m.Tables {
		most := w.opt.MaxTable
		if l := &t.Type.Limits; most > 0 && (!l.HasMax || l.Max > most) {
			l.Max, l.HasMax = max(most, l.Min), true
		}
		if w.moved() {
			t.Init = w.polls.constant(t.Init)
		}
		list = append(list, t)
	}
	w.out = appendList(w.out, SectionTable, append(list, w.addTable...), appendTable)
	w.addTable = nil
}

// exports writes the export section; globals of the module itself have moved if it counts.
func (w *rewriter) exports(s Section) {
	if w.polls == nil {
		w.extend(s, appendVector(nil, w.addExport, appendExport))
		w.addExport = nil
		return
	}
	list := make([]Export, 0, len(w.m.Exports)+len(w.addExport))
	for _, e := range w.m.Exports {
		if e.Kind == KindGlobal {
			e.Index = w.polls.global(e.Index)
		}
		list = append(list, e)
	}
	w.out = appendList(w.out, SectionExport, append(list, w.addExport...), appendExport)
	w.addExport = nil
}

// custom writes a custom section, if it is kept.
func (w *rewriter) custom(s Section) {
	r := leb.NewReader(w.b[s.Payload:s.End])
	if isDebug(r.Name("name")) && w.bodies == nil && r.Len() > 0 {
		w.out = append(w.out, w.b[s.Offset:s.End]...)
	}
}

func hasActiveData(m *Module) bool {
	for _, d := range m.Data {
		if d.Mode == Active {
			return true
		}
	}
	return false
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
