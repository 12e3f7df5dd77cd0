package wasm

import (
	"fmt"

	"github.com/lockstep-wasm/lockstep/linker/internal/leb"
)

// BuildError says why a [Builder] cannot write its module.
type BuildError struct {
	Item   string // what was added, for instance `import "env" "memory"`
	Reason string
}

// Error returns item and reason.
func (e *BuildError) Error() string {
	return fmt.Sprintf("wasm: builder: %s: %s", e.Item, e.Reason)
}

// Builder collects the parts of a module. Its zero value is an empty module. Methods that
// add something return its index; indices count imports first, so everything imported of a
// kind must be added before the first definition of that kind: [Builder.Bytes] reports the
// first mistake. A Builder must not be used by two goroutines at once.
type Builder struct {
	types    []FuncType
	typeKeys map[string]uint32
	imports  []Import
	funcs    []uint32
	bodies   [][]byte
	tables   []Table
	memories []MemoryType
	tags     []uint32
	globals  []Global
	exports  []Export
	start    *uint32
	elements []Element
	data     []Data
	first    []Custom
	last     []Custom

	imported  [kinds]uint32
	defined   [kinds]uint32
	dataCount bool // some body names a data segment
	err       *BuildError
}

// fail keeps the first mistake.
func (b *Builder) fail(item, format string, args ...any) {
	if b.err == nil {
		b.err = &BuildError{Item: item, Reason: fmt.Sprintf(format, args...)}
	}
}

// Type adds a signature, unless it is there already.
func (b *Builder) Type(params, results []ValType) uint32 {
	t := FuncType{Params: params, Results: results}
	if i, ok := b.typeKeys[t.Key()]; ok {
		return i
	}
	if b.typeKeys == nil {
		b.typeKeys = map[string]uint32{}
	}
	i := uint32(len(b.types))
	b.typeKeys[t.Key()] = i
	b.types = append(b.types, t)
	return i
}

// Import adds an import of any kind; only the fields of its kind are used.
func (b *Builder) Import(imp Import) uint32 {
	item := fmt.Sprintf("import %q %q", imp.Module, imp.Name)
	if imp.Kind >= kinds {
		b.fail(item, "%v is unknown", imp.Kind)
		return 0
	}
	if b.defined[imp.Kind] > 0 {
		b.fail(item, "a %v is defined already, so this import would renumber it", imp.Kind)
	}
	b.imports = append(b.imports, imp)
	b.imported[imp.Kind]++
	return b.imported[imp.Kind] - 1
}

// ImportFunc adds an import of a function, whose type is an index from Type.
func (b *Builder) ImportFunc(module, name string, typeIndex uint32) uint32 {
	return b.Import(Import{Module: module, Name: name, Kind: KindFunc, Type: typeIndex})
}

// ImportTable adds an import of a table.
func (b *Builder) ImportTable(module, name string, t TableType) uint32 {
	return b.Import(Import{Module: module, Name: name, Kind: KindTable, Table: t})
}

// ImportMemory adds an import of a memory.
func (b *Builder) ImportMemory(module, name string, t MemoryType) uint32 {
	return b.Import(Import{Module: module, Name: name, Kind: KindMemory, Memory: t})
}

// ImportGlobal adds an import of a global.
func (b *Builder) ImportGlobal(module, name string, t GlobalType) uint32 {
	return b.Import(Import{Module: module, Name: name, Kind: KindGlobal, Global: t})
}

// ImportTag adds an import of a tag, whose type is an index from Type.
func (b *Builder) ImportTag(module, name string, typeIndex uint32) uint32 {
	return b.Import(Import{Module: module, Name: name, Kind: KindTag, Type: typeIndex})
}

// define counts a definition and returns its index.
func (b *Builder) define(k Kind) uint32 {
	b.defined[k]++
	return b.imported[k] + b.defined[k] - 1
}

// Func adds a function whose type is an index from Type. locals are those behind the
// parameters. body is written without its closing end; nil is an empty body.
func (b *Builder) Func(typeIndex uint32, locals []ValType, body *Code) uint32 {
	index := b.define(KindFunc)
	b.funcs = append(b.funcs, typeIndex)
	var groups, code []byte // locals are written as runs of equal types
	runs := uint32(0)
	for i := 0; i < len(locals); runs++ {
		start := i
		for i < len(locals) && locals[i] == locals[start] {
			i++
		}
		groups = append(leb.AppendU32(groups, uint32(i-start)), byte(locals[start]))
	}
	code = append(leb.AppendU32(code, runs), groups...)
	if body != nil {
		if err := body.check(); err != "" {
			b.fail(fmt.Sprintf("func %d", index), "%s", err)
		}
		b.dataCount = b.dataCount || body.dataCount
		code = append(code, body.b...)
	}
	b.bodies = append(b.bodies, append(code, opEnd))
	return index
}

// Table adds a table of nulls.
func (b *Builder) Table(t TableType) uint32 {
	b.tables = append(b.tables, Table{Type: t})
	return b.define(KindTable)
}

// Memory adds a memory of min to max pages of 64 KiB.
func (b *Builder) Memory(min, max uint32, shared bool) uint32 {
	t := MemoryType{Limits: Limits{Min: min, Max: max, HasMax: true}, Shared: shared}
	b.memories = append(b.memories, t)
	return b.define(KindMemory)
}

// Tag adds a tag, whose type is an index from Type.
func (b *Builder) Tag(typeIndex uint32) uint32 {
	b.tags = append(b.tags, typeIndex)
	return b.define(KindTag)
}

// Global adds a global variable.
func (b *Builder) Global(t ValType, mutable bool, init ConstExpr) uint32 {
	b.globals = append(b.globals, Global{Type: GlobalType{Type: t, Mutable: mutable}, Init: init})
	return b.define(KindGlobal)
}

// Export adds an export of any kind.
func (b *Builder) Export(name string, k Kind, index uint32) {
	b.exports = append(b.exports, Export{Name: name, Kind: k, Index: index})
}

// ExportFunc exports a function.
func (b *Builder) ExportFunc(name string, index uint32) { b.Export(name, KindFunc, index) }

// ExportTable exports a table.
func (b *Builder) ExportTable(name string, index uint32) { b.Export(name, KindTable, index) }

// ExportMemory exports a memory.
func (b *Builder) ExportMemory(name string, index uint32) { b.Export(name, KindMemory, index) }

// ExportGlobal exports a global.
func (b *Builder) ExportGlobal(name string, index uint32) { b.Export(name, KindGlobal, index) }

// ExportTag exports a tag.
func (b *Builder) ExportTag(name string, index uint32) { b.Export(name, KindTag, index) }

// Start makes a function run at instantiation.
func (b *Builder) Start(index uint32) { b.start = &index }

// Element adds an element segment of any form and returns its index. A segment whose Type
// is zero holds functions.
func (b *Builder) Element(e Element) uint32 {
	if e.Type == 0 {
		e.Type = FuncRef
	}
	if e.Funcs != nil && e.Exprs != nil {
		b.fail(fmt.Sprintf("element segment %d", len(b.elements)),
			"it has both functions and expressions")
	}
	b.elements = append(b.elements, e)
	return uint32(len(b.elements) - 1)
}

// PassiveFuncs adds a segment of functions for table.init and returns its index.
func (b *Builder) PassiveFuncs(indices ...uint32) uint32 {
	return b.Element(Element{Mode: Passive, Funcs: indices})
}

// ActiveFuncs adds a segment of functions that is put in a table at instantiation.
func (b *Builder) ActiveFuncs(table uint32, offset ConstExpr, indices ...uint32) uint32 {
	return b.Element(Element{Mode: Active, Table: table, Offset: offset, Funcs: indices})
}

// DeclareFuncs adds a declarative segment: it lets bodies use ref.func for the functions.
func (b *Builder) DeclareFuncs(indices ...uint32) uint32 {
	return b.Element(Element{Mode: Declarative, Funcs: indices})
}

// PassiveData adds a segment for memory.init and returns its index.
func (b *Builder) PassiveData(p []byte) uint32 {
	b.data = append(b.data, Data{Mode: Passive, Bytes: p})
	return uint32(len(b.data) - 1)
}

// ActiveData adds a segment that is put in memory 0 at instantiation.
func (b *Builder) ActiveData(offset ConstExpr, p []byte) uint32 {
	b.data = append(b.data, Data{Mode: Active, Offset: offset, Bytes: p})
	return uint32(len(b.data) - 1)
}

// Custom adds a custom section behind all others.
func (b *Builder) Custom(name string, payload []byte) {
	b.last = append(b.last, Custom{Name: name, Payload: payload})
}

// CustomFirst adds a custom section before all others, as dylink.0 has to be.
func (b *Builder) CustomFirst(name string, payload []byte) {
	b.first = append(b.first, Custom{Name: name, Payload: payload})
}

// Bytes returns the module. It is validated as [Decode] does, so indices that do not exist are
// found here. The error is a *[BuildError] or a *[FormatError]. The Builder may be used on.
func (b *Builder) Bytes() ([]byte, error) {
	if b.err != nil {
		return nil, b.err
	}
	out := b.Encode()
	if _, err := DecodeWithin(out, DefaultLimits().AnyCost()); err != nil {
		return nil, err
	}
	return out, nil
}

// Encode returns the module as it is, valid or not: what tests of a validator need.
func (b *Builder) Encode() []byte {
	out := appendHeader(nil)
	out = appendCustoms(out, b.first)
	out = appendList(out, SectionType, b.types, appendFuncType)
	out = appendList(out, SectionImport, b.imports, appendImport)
	out = appendList(out, SectionFunction, b.funcs, leb.AppendU32)
	out = appendList(out, SectionTable, b.tables, appendTable)
	out = appendList(out, SectionMemory, b.memories, appendMemoryType)
	out = appendList(out, SectionTag, b.tags, appendTag)
	out = appendList(out, SectionGlobal, b.globals, appendGlobal)
	out = appendList(out, SectionExport, b.exports, appendExport)
	if b.start != nil {
		out = appendSection(out, SectionStart, leb.AppendU32(nil, *b.start))
	}
	out = appendList(out, SectionElement, b.elements, appendElement)
	if b.dataCount {
		out = appendSection(out, SectionDataCount, leb.AppendU32(nil, uint32(len(b.data))))
	}
	out = appendList(out, SectionCode, b.bodies, leb.AppendBytes)
	out = appendList(out, SectionData, b.data, appendData)
	return appendCustoms(out, b.last)
}

// appendCustoms appends custom sections.
func appendCustoms(b []byte, list []Custom) []byte {
	for _, c := range list {
		b = appendSection(b, SectionCustom, append(leb.AppendName(nil, c.Name), c.Payload...))
	}
	return b
}
