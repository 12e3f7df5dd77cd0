package wasm

// Stubs makes functions that a module exports, and that can do nothing, call entries of a table,
// for the linker to fill: see [Module.ReturnsNull].
type Stubs struct {
	Export string     // the name under which the table is exported
	Names  []string   // of the functions; an entry of the table is for each
	Types  []FuncType // and their types
}

// ReturnsNull reports whether a function that module b exports, and of which m is the decoded form,
// does nothing but return 0, perhaps after it has written something down: it neither calls nor
// chooses. wasi-libc's dlopen is such a function, which is to be replaced by a better one.
func (m *Module) ReturnsNull(b []byte, name string, t FuncType) bool {
	i, ok := m.definedExport(name, t)
	bodies := m.bodies(b)
	if !ok || i >= len(bodies) {
		return false
	}
	straight := true
	var last [2]instruction
	err := walk(bodies[i], func(x instruction) {
		straight = straight && (x.opcode == opEnd || x.opcode > opReturnCallIndirect)
		last[0], last[1] = last[1], x
	})
	zero := last[0].opcode == opI32Const && bodies[i][last[0].start+1] == 0
	return err == nil && straight && zero && last[1].opcode == opEnd
}

// definedExport finds the body of a function by its name and type.
func (m *Module) definedExport(name string, t FuncType) (body int, ok bool) {
	x, ok := m.ExportByName(name)
	if !ok || x.Kind != KindFunc {
		return 0, false
	}
	if has, _ := m.FuncType(x.Index); !has.Equal(t) {
		return 0, false
	}
	return m.defined(KindFunc, x.Index)
}

// planStubs says which bodies are replaced by a call of which function, of those that are added
// from first on.
func (w *rewriter) planStubs(first uint32) {
	w.stubs = map[int]uint32{}
	for k, name := range w.opt.Stubs.Names {
		if body, ok := w.m.definedExport(name, w.opt.Stubs.Types[k]); ok {
			w.stubs[body] = first + uint32(k)
		}
	}
}

// stub is a body that calls a function with its own parameters.
func stub(t FuncType, function uint32) []byte {
	var c Code
	for p := range t.Params {
		c.LocalGet(uint32(p))
	}
	return append(append([]byte{0}, c.Call(function).b...), opEnd)
}

func (s *Stubs) stubBody(entry, typeIndex, table uint32) []byte {
	var c Code
	for p := range s.Types[entry].Params {
		c.LocalGet(uint32(p))
	}
	c.I32Const(int32(entry)).CallIndirect(typeIndex, table)
	return append(append([]byte{0}, c.b...), opEnd)
}
