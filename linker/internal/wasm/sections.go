package wasm

import (
	"errors"

	"github.com/lockstep-wasm/lockstep/linker/internal/leb"
	"github.com/lockstep-wasm/lockstep/linker/internal/text"
)

func (d *decoder) valType() ValType { return readValType(d.r) }

func (d *decoder) refType() ValType {
	at := d.r.Offset()
	t := d.valType()
	if !t.IsRef() {
		d.r.Fail(at, nil, "%v is not a reference type", t)
	}
	return t
}

func (d *decoder) funcType() FuncType {
	at := d.r.Offset()
	if form := d.r.Byte("type"); form != funcTypeForm {
		if form >= gcTypeFormsMin && form < funcTypeForm {
			d.r.Fail(at, ErrUnsupported, "type form %#x: %v", form, ErrUnsupported)
		}
		d.r.Fail(at, nil, "type form %#x is unknown", form)
	}
	return FuncType{
		Params:  vector(d, 1, d.most.Values, "parameters", d.valType),
		Results: vector(d, 1, d.most.Values, "results", d.valType),
	}
}

func (d *decoder) typeIndex() uint32 {
	at := d.r.Offset()
	i := d.r.U32("type index")
	if int64(i) >= int64(len(d.m.Types)) {
		d.r.Fail(at, nil, "type %d of %d", i, len(d.m.Types))
		return 0
	}
	return i
}

// limits reads the limits of a table or a memory, whose size is at most bound.
func (d *decoder) limits(bound uint32) (l Limits, shared bool) {
	at := d.r.Offset()
	flags := d.r.Byte("limits")
	switch {
	case flags > 7:
		d.r.Fail(at, nil, "limits flags %#x are unknown", flags)
	case flags&4 != 0:
		d.r.Fail(at, ErrUnsupported, "limits: %v: 64-bit addresses", ErrUnsupported)
	}
	l.HasMax, shared = flags&1 != 0, flags&2 != 0
	l.Min = d.r.U32("minimum")
	if l.HasMax {
		l.Max = d.r.U32("maximum")
	}
	if l.Min > bound || l.HasMax && l.Max > bound {
		d.r.Fail(at, nil, "limits (%v) exceed %d", l, bound)
	}
	if l.HasMax && l.Max < l.Min {
		d.r.Fail(at, nil, "limits (%v): the maximum is below the minimum", l)
	}
	return l, shared
}

func (d *decoder) tableType() TableType {
	t := TableType{Elem: d.refType()}
	at := d.r.Offset()
	var shared bool
	if t.Limits, shared = d.limits(1<<32 - 1); shared {
		d.r.Fail(at, ErrUnsupported, "table: %v: shared", ErrUnsupported)
	}
	if t.Min > MaxTable {
		d.r.Fail(at, ErrTooMany, "%d entries in a table: %v, the largest number is %d", t.Min,
			ErrTooMany, MaxTable)
	}
	return t
}

func (d *decoder) memoryType() MemoryType {
	at := d.r.Offset()
	var t MemoryType
	if t.Limits, t.Shared = d.limits(MaxPages); t.Shared && !t.HasMax {
		d.r.Fail(at, nil, "shared memory without a maximum")
	}
	return t
}

func (d *decoder) globalType() GlobalType {
	t := GlobalType{Type: d.valType()}
	at := d.r.Offset()
	switch mut := d.r.Byte("mutability"); mut {
	case 0, 1:
		t.Mutable = mut == 1
	default:
		d.r.Fail(at, nil, "mutability %#x is unknown", mut)
	}
	return t
}

// tag reads the attribute and the type of a tag.
func (d *decoder) tag() uint32 {
	at := d.r.Offset()
	if attribute := d.r.Byte("tag attribute"); attribute != 0 {
		d.r.Fail(at, nil, "tag attribute %#x is unknown", attribute)
	}
	at = d.r.Offset()
	i := d.typeIndex()
	if !d.r.Failed() && len(d.m.Types[i].Results) > 0 {
		d.r.Fail(at, nil, "tag of type %v has results", d.m.Types[i])
	}
	return i
}

func (d *decoder) imports() {
	at := d.r.Offset()
	d.m.Imports = vector(d, 4, d.most.Imports, "imports", d.importEntry)
	for i, imp := range d.m.Imports {
		d.m.imported[imp.Kind] = append(d.m.imported[imp.Kind], i)
	}
	d.oneMemory(at)
}

// oneMemory refuses a second memory, which the engine does not have.
func (d *decoder) oneMemory(at int) {
	if n := d.m.Count(KindMemory); n > 1 {
		d.r.Fail(at, ErrUnsupported, "%d memories: %v: more than one", n, ErrUnsupported)
	}
}

func (d *decoder) importEntry() Import {
	at := d.r.Offset()
	imp := Import{Module: d.r.Name("module name"), Name: d.r.Name("import name")}
	if imp.Module == "" { // as the engine has it
		d.r.Fail(at, ErrUnsupported, "import: %v: module name is empty", ErrUnsupported)
	}
	at = d.r.Offset()
	imp.Kind = Kind(d.r.Byte("kind of import"))
	switch imp.Kind {
	case KindFunc:
		imp.Type = d.typeIndex()
	case KindTable:
		imp.Table = d.tableType()
	case KindMemory:
		imp.Memory = d.memoryType()
	case KindGlobal:
		imp.Global = d.globalType()
	case KindTag:
		imp.Type = d.tag()
	default:
		d.r.Fail(at, nil, "import %s %s: %v is unknown", text.Quote(imp.Module),
			text.Quote(imp.Name), imp.Kind)
	}
	return imp
}

// tables reads the table section. An instance allocates what its tables have at least.
func (d *decoder) tables() {
	at, total := d.r.Offset(), uint64(0)
	d.m.Tables = vector(d, 3, d.most.Tables, "tables", d.table)
	for _, t := range d.m.Tables {
		total += uint64(t.Type.Min)
	}
	if total > uint64(d.most.TableEntries) {
		d.r.Fail(at, ErrTooMany, "%d entries of tables: %v, the largest number is %d", total,
			ErrTooMany, d.most.TableEntries)
	}
}

func (d *decoder) table() Table {
	if d.r.Len() > 0 && d.r.Peek() == tableWithInit {
		at := d.r.Offset()
		d.r.Byte("table")
		if reserved := d.r.Byte("table"); reserved != 0 {
			d.r.Fail(at, nil, "table form %#x is unknown", reserved)
		}
		t := Table{Type: d.tableType()}
		t.Init = readConstExpr(d.r, d.m, t.Type.Elem)
		return t
	}
	return Table{Type: d.tableType()}
}

// globals reads the global section. An initialiser may read the globals before its own.
func (d *decoder) globals() {
	vector(d, 4, d.most.Globals, "globals", func() struct{} {
		g := Global{Type: d.globalType()}
		g.Init = readConstExpr(d.r, d.m, g.Type.Type)
		d.m.Globals = append(d.m.Globals, g)
		return struct{}{}
	})
}

func (d *decoder) export() Export {
	nameAt := d.r.Offset()
	e := Export{Name: d.r.Name("export name")}
	at := d.r.Offset()
	e.Kind = Kind(d.r.Byte("kind of export"))
	e.Index = d.r.U32("export index")
	if e.Kind >= kinds {
		d.r.Fail(at, nil, "export %s: %v is unknown", text.Quote(e.Name), e.Kind)
	} else if n := d.m.Count(e.Kind); int64(e.Index) >= int64(n) {
		d.r.Fail(at, nil, "export %s: %v %d of %d", text.Quote(e.Name), e.Kind, e.Index, n)
	}
	if _, dup := d.m.exports[e.Name]; dup {
		d.r.Fail(nameAt, nil, "export %s is repeated", text.Quote(e.Name))
	}
	d.m.exports[e.Name] = len(d.m.exports)
	return e
}

func (d *decoder) start() {
	at := d.r.Offset()
	d.m.Start, d.m.HasStart = d.r.U32("start function"), true
	t, ok := d.m.FuncType(d.m.Start)
	if !ok {
		d.r.Fail(at, nil, "start function %d of %d", d.m.Start, d.m.Count(KindFunc))
	} else if len(t.Params)+len(t.Results) > 0 {
		d.r.Fail(at, nil, "start function %d has type %v", d.m.Start, t)
	}
}

func (d *decoder) funcIndex() uint32 {
	at := d.r.Offset()
	i := d.r.U32("function index")
	if n := d.m.Count(KindFunc); int64(i) >= int64(n) {
		d.r.Fail(at, nil, "function %d of %d", i, n)
	}
	return i
}

func (d *decoder) element() Element {
	at := d.r.Offset()
	flags := d.r.U32("element segment")
	if flags > 7 {
		d.r.Fail(at, nil, "element segment flags %#x are unknown", flags)
	}
	e := Element{Type: FuncRef}
	switch flags & (elemPassive | elemExplicit) {
	case elemPassive:
		e.Mode = Passive
	case elemPassive | elemExplicit:
		e.Mode = Declarative
	case elemExplicit:
		e.Table = d.r.U32("table index")
	}
	var table TableType
	if e.Mode == Active {
		var ok bool
		if table, ok = d.m.TableType(e.Table); !ok {
			d.r.Fail(at, nil, "element segment: table %d of %d", e.Table, d.m.Count(KindTable))
		}
		e.Offset = readConstExpr(d.r, d.m, I32)
	}
	if flags&(elemPassive|elemExplicit) != 0 {
		kindAt := d.r.Offset()
		if flags&elemExprs != 0 {
			e.Type = d.refType()
		} else if kind := d.r.Byte("element kind"); kind != 0 {
			d.r.Fail(kindAt, nil, "element kind %#x is unknown", kind)
		}
	}
	if e.Mode == Active && e.Type != table.Elem {
		d.r.Fail(at, nil, "element segment of %v for a table of %v", e.Type, table.Elem)
	}
	d.entries(1 + int(flags&elemExprs)/elemExprs)
	if flags&elemExprs != 0 {
		e.Exprs = vector(d, 2, d.most.Entries, "elements", func() ConstExpr {
			return readConstExpr(d.r, d.m, e.Type)
		})
	} else {
		e.Funcs = vector(d, 1, d.most.Entries, "elements", d.funcIndex)
	}
	d.elements += e.Len()
	return e
}

// code validates the bodies. What they refer to comes before them, but for the data, of which the
// number is known.
func (d *decoder) code() {
	at := d.r.Offset()
	d.bodies = d.r.Count(2, "function bodies")
	if d.bodies != len(d.m.Funcs) {
		d.r.Fail(at, nil, "%d function bodies for %d functions", d.bodies, len(d.m.Funcs))
		return
	}
	v := newValidator(d.m, d.most)
	for i, typ := range d.m.Funcs {
		at := d.r.Offset()
		size := d.r.U32("size of a function body")
		body := d.r.Sub(size, "function body")
		if int64(size) > int64(d.most.BodySize) {
			d.r.Fail(at, ErrTooMany, "%d bytes in a function body: %v, the largest number is %d",
				size, ErrTooMany, d.most.BodySize)
		}
		if d.r.Failed() {
			return
		}
		v.function(body, i, d.m.Types[typ])
		var err *leb.Error
		if errors.As(body.Err(), &err) {
			d.r.Fail(err.Offset, err.Cause, "function %d: %s", d.m.Imported(KindFunc)+i, err.Reason)
		}
		if d.r.Failed() {
			return
		}
	}
}

func (d *decoder) data() Data {
	at := d.r.Offset()
	var s Data
	switch flags := d.r.U32("data segment"); flags {
	case 0:
	case 1:
		s.Mode = Passive
	case 2:
		s.Memory = d.r.U32("memory index")
	default:
		d.r.Fail(at, nil, "data segment flags %#x are unknown", flags)
	}
	if s.Mode == Active {
		if n := d.m.Count(KindMemory); int64(s.Memory) >= int64(n) {
			d.r.Fail(at, nil, "data segment: memory %d of %d", s.Memory, n)
		}
		s.Offset = readConstExpr(d.r, d.m, I32)
	}
	s.Bytes = d.r.Bytes(d.r.U32("size of the data"), "data")
	return s
}
