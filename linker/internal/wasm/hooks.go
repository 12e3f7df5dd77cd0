package wasm

import (
	"fmt"

	"github.com/lockstep-wasm/lockstep/linker/internal/leb"
)

// mostAdded is how many functions are added to a module at most.
const mostAdded = 1 + hooks + 3

// hookTable is a table of functions that is added to a module, for the linker to fill. Each of its
// entries has a function in the module, behind those that there were, which calls it.
type hookTable struct {
	export string
	types  []FuncType
	// body returns that function; typeIndex is its type, and that of the entry.
	body func(entry, typeIndex, table uint32) []byte
}

// plan decides what is added to the module, and edits the bodies.
func (w *rewriter) plan() error {
	var tables []hookTable
	first := uint32(w.m.Count(KindFunc)) // the index of the next function that is added
	if w.opt.Safepoints.wanted(w.m) {
		w.polls = &polls{count: uint32(w.m.Imported(KindGlobal)), look: first}
		w.addImport = append(w.addImport, w.opt.Safepoints.count())
		tables = append(tables, hookTable{w.opt.Safepoints.Export,
			[]FuncType{SafepointType()}, pollBody})
		first++
	}
	if w.opt.wantsWaits(w.m) {
		w.waits = &waits{first: first}
		tables = append(tables, hookTable{w.opt.Waits, HookTypes(), waitBody})
		first += hooks
	}
	if s := w.opt.Stubs; s != nil {
		w.planStubs(first)
		tables = append(tables, hookTable{s.Export, s.Types, s.stubBody})
		first += uint32(len(s.Types))
	}
	if tables == nil {
		return nil
	}
	if w.polls != nil && w.m.code.bulk {
		_, memory := w.m.MemoryType(0)
		w.polls.bulk = &bulk{first: first, memory: memory}
	}
	if err := w.editBodies(); err != nil {
		return err
	}
	for _, h := range tables {
		w.hook(h)
	}
	if w.polls != nil && w.polls.bulk != nil {
		for _, f := range w.polls.bulk.functions(w.polls) {
			w.function(f.typ, f.body)
		}
	}
	return nil
}

// editBodies makes bodies of the code section with the edits that they want.
func (w *rewriter) editBodies() error {
	s, _ := w.m.Section(SectionCode)
	r := leb.NewReader(w.b[s.Payload:s.End])
	w.bodies = make([][]byte, 0, len(w.m.Funcs)+mostAdded)
	for range r.U32("functions") {
		body := r.Bytes(r.U32("size"), "body")
		if function, ok := w.stubs[len(w.bodies)]; ok {
			t, _ := w.m.FuncType(uint32(w.m.Imported(KindFunc) + len(w.bodies)))
			w.bodies = append(w.bodies, stub(t, function))
			continue
		}
		edits, err := w.edits(body)
		if err != nil {
			return &RewriteError{fmt.Sprintf("function body %d: %v", len(w.bodies), err)}
		}
		if len(edits) > 0 {
			body = splice(body, edits)
			w.work += len(body) + len(edits)
		}
		w.bodies = append(w.bodies, body)
	}
	return nil
}

// edits returns the changes of a body, in order.
func (w *rewriter) edits(body []byte) (edits []edit, err error) {
	first, calls := -1, false
	if w.polls != nil {
		w.polls.begin()
	}
	err = walk(body, func(i instruction) {
		w.work++
		if first < 0 {
			first = i.start
		}
		calls = calls || i.calls()
		if w.polls != nil {
			edits = w.polls.edit(edits, body, i)
		}
		if w.waits != nil {
			edits = w.waits.edit(edits, i)
		}
	})
	if w.polls != nil && calls {
		edits = append([]edit{{first, first, w.polls.poll()}}, edits...)
	}
	return edits, err
}

func splice(body []byte, edits []edit) []byte {
	n := len(body)
	for _, e := range edits {
		n += len(e.code)
	}
	out, done := make([]byte, 0, n), 0
	for _, e := range edits {
		out = append(append(out, body[done:e.start]...), e.code...)
		done = e.end
	}
	return append(out, body[done:]...)
}

// hook adds a table, and a function for each of its entries. Types, functions and tables come
// behind those that there were.
func (w *rewriter) hook(h hookTable) {
	table := uint32(w.m.Count(KindTable) + len(w.addTable))
	for entry, t := range h.types {
		index := uint32(len(w.m.Types) + len(w.addType))
		w.function(t, h.body(uint32(entry), index, table))
	}
	n := uint32(len(h.types))
	limits := Limits{Min: n, Max: n, HasMax: true}
	w.addTable = append(w.addTable, Table{Type: TableType{Elem: FuncRef, Limits: limits}})
	w.addExport = append(w.addExport, Export{h.export, KindTable, table})
}

func (w *rewriter) function(t FuncType, body []byte) {
	w.addFunc = append(w.addFunc, uint32(len(w.m.Types)+len(w.addType)))
	w.addType = append(w.addType, t)
	w.bodies = append(w.bodies, body)
}
