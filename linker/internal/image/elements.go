package image

import "github.com/lockstep-wasm/lockstep/linker/internal/wasm"

// SignatureOf returns the type of the function that an entry of the function table holds: of a
// symbol, of a closure, or of a module's own element segments.
func (s *Snapshot) SignatureOf(pointer uint32) (wasm.FuncType, bool) {
	if fn := s.FunctionAt(pointer); fn != nil {
		return fn.Type, true
	}
	if t, ok := s.Trampolines.Get(pointer); ok {
		return t.Type, true
	}
	m := s.ownerOf(pointer)
	if m == nil || m.Src == nil {
		return wasm.FuncType{}, false
	}
	globals := m.Placement()
	for i := range m.Src.Elements {
		e := &m.Src.Elements[i]
		if e.Mode != wasm.Active {
			continue
		}
		base, err := e.Offset.Eval(globals)
		if err != nil || uint64(pointer) < base || uint64(pointer)-base >= uint64(e.Len()) {
			continue
		}
		if index, ok := e.Func(int(uint64(pointer) - base)); ok {
			return m.Src.FuncType(index)
		}
	}
	return wasm.FuncType{}, false
}

// IsSharedTable reports whether a table of the module is the function table. A module may have
// others, which concern no other module.
func (m *Module) IsSharedTable(index uint32) bool {
	return m.Fixed || int(index) < m.Src.Imported(wasm.KindTable)
}

// Placement returns the values of the imported globals that say where the module is.
func (m *Module) Placement() func(index uint32) (uint64, bool) {
	values := map[uint32]uint64{}
	index := uint32(0)
	for i := range m.Src.Imports {
		imp := &m.Src.Imports[i]
		if imp.Kind != wasm.KindGlobal {
			continue
		}
		if imp.Module == "env" {
			switch imp.Name {
			case "__memory_base":
				values[index] = uint64(m.Memory.Base)
			case "__table_base":
				values[index] = uint64(m.Table.Base)
			}
		}
		index++
	}
	return func(i uint32) (uint64, bool) {
		v, ok := values[i]
		return v, ok
	}
}
