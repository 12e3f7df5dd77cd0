package wasm

// Module is what [Decode] found. It is not changed after that, so goroutines may share it.
//
// All indices count imports first, then definitions, as in the binary format.
type Module struct {
	Types        []FuncType
	Imports      []Import
	Funcs        []uint32 // index in Types of each defined function
	Tables       []Table
	Memories     []MemoryType
	Tags         []uint32 // index in Types of each defined tag
	Globals      []Global
	Exports      []Export
	Start        uint32 // function index; meaningful only with HasStart
	HasStart     bool
	Elements     []Element
	DataCount    uint32 // meaningful only with HasDataCount
	HasDataCount bool
	Data         []Data
	Customs      []Custom
	Sections     []Section // in the order of the file

	// OlderExceptions says that a body has try, catch, rethrow or delegate, which the engine does
	// not know.
	OlderExceptions bool
	// Handlers says that a body has a try_table that catches something.
	Handlers bool

	work     uint64
	code     traits
	cost     CompileCost
	imported [kinds][]int   // positions in Imports, by kind
	exports  map[string]int // positions in Exports, by name
}

// Section says where one section lies in the file.
type Section struct {
	ID      SectionID
	Offset  int // of the section's first byte, its id
	Payload int // offset of its payload, behind id and size
	End     int // offset behind its last byte
}

// SectionID is the code of a section in the binary format.
type SectionID byte

// The sections.
const (
	SectionCustom    SectionID = 0
	SectionType      SectionID = 1
	SectionImport    SectionID = 2
	SectionFunction  SectionID = 3
	SectionTable     SectionID = 4
	SectionMemory    SectionID = 5
	SectionGlobal    SectionID = 6
	SectionExport    SectionID = 7
	SectionStart     SectionID = 8
	SectionElement   SectionID = 9
	SectionCode      SectionID = 10
	SectionData      SectionID = 11
	SectionDataCount SectionID = 12
	SectionTag       SectionID = 13
)

// sections holds the name of each section and its place in the prescribed order, which is
// not the order of the ids: tags come behind memories, the data count before the code.
var sections = [...]struct {
	name string
	rank int
}{
	SectionCustom:    {"custom", 0},
	SectionType:      {"type", 1},
	SectionImport:    {"import", 2},
	SectionFunction:  {"function", 3},
	SectionTable:     {"table", 4},
	SectionMemory:    {"memory", 5},
	SectionTag:       {"tag", 6},
	SectionGlobal:    {"global", 7},
	SectionExport:    {"export", 8},
	SectionStart:     {"start", 9},
	SectionElement:   {"element", 10},
	SectionDataCount: {"data count", 11},
	SectionCode:      {"code", 12},
	SectionData:      {"data", 13},
}

// String returns the name of the section.
func (id SectionID) String() string {
	if int(id) < len(sections) {
		return sections[id].name
	}
	return "unknown"
}

// Work returns how many steps decoding took: elements and instructions read, values moved, steps up
// a tree. It is what tests of linear work count.
func (m *Module) Work() uint64 { return m.work }

// Imported returns how many imports of a kind there are: the index of the first definition.
func (m *Module) Imported(k Kind) int {
	if int(k) >= kinds {
		return 0
	}
	return len(m.imported[k])
}

// Count returns how many things of a kind there are, imported or defined.
func (m *Module) Count(k Kind) int {
	n := m.Imported(k)
	switch k {
	case KindFunc:
		n += len(m.Funcs)
	case KindTable:
		n += len(m.Tables)
	case KindMemory:
		n += len(m.Memories)
	case KindGlobal:
		n += len(m.Globals)
	case KindTag:
		n += len(m.Tags)
	}
	return n
}

// ImportOf returns the import behind an index, or false when the index is that of a
// definition or out of range.
func (m *Module) ImportOf(k Kind, index uint32) (*Import, bool) {
	if int64(index) >= int64(m.Imported(k)) {
		return nil, false
	}
	return &m.Imports[m.imported[k][index]], true
}

// defined returns the position of a definition of the given kind, by its index.
func (m *Module) defined(k Kind, index uint32) (int, bool) {
	i := int64(index) - int64(m.Imported(k))
	return int(i), i >= 0 && int64(index) < int64(m.Count(k))
}

// FuncType returns the signature of a function, by its index.
func (m *Module) FuncType(index uint32) (FuncType, bool) {
	return m.signature(KindFunc, m.Funcs, index)
}

// TagType returns the signature of a tag, by its index.
func (m *Module) TagType(index uint32) (FuncType, bool) {
	return m.signature(KindTag, m.Tags, index)
}

// signature returns the type of a function or a tag.
func (m *Module) signature(k Kind, types []uint32, index uint32) (FuncType, bool) {
	if imp, ok := m.ImportOf(k, index); ok {
		return m.Types[imp.Type], true
	}
	if i, ok := m.defined(k, index); ok {
		return m.Types[types[i]], true
	}
	return FuncType{}, false
}

// TableType returns the type of a table, by its index.
func (m *Module) TableType(index uint32) (TableType, bool) {
	if imp, ok := m.ImportOf(KindTable, index); ok {
		return imp.Table, true
	}
	if i, ok := m.defined(KindTable, index); ok {
		return m.Tables[i].Type, true
	}
	return TableType{}, false
}

// MemoryType returns the type of a memory, by its index.
func (m *Module) MemoryType(index uint32) (MemoryType, bool) {
	if imp, ok := m.ImportOf(KindMemory, index); ok {
		return imp.Memory, true
	}
	if i, ok := m.defined(KindMemory, index); ok {
		return m.Memories[i], true
	}
	return MemoryType{}, false
}

// GlobalType returns the type of a global, by its index.
func (m *Module) GlobalType(index uint32) (GlobalType, bool) {
	if imp, ok := m.ImportOf(KindGlobal, index); ok {
		return imp.Global, true
	}
	if i, ok := m.defined(KindGlobal, index); ok {
		return m.Globals[i].Type, true
	}
	return GlobalType{}, false
}

// ExportByName returns the export of a name.
func (m *Module) ExportByName(name string) (Export, bool) {
	i, ok := m.exports[name]
	if !ok {
		return Export{}, false
	}
	return m.Exports[i], true
}

// Custom returns the first custom section of a name.
func (m *Module) Custom(name string) (Custom, bool) {
	for _, c := range m.Customs {
		if c.Name == name {
			return c, true
		}
	}
	return Custom{}, false
}

// Section returns where the section of an id lies, the first one for custom sections.
func (m *Module) Section(id SectionID) (Section, bool) {
	for _, s := range m.Sections {
		if s.ID == id {
			return s, true
		}
	}
	return Section{}, false
}
