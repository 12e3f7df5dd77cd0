package linker

import (
	"fmt"

	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// place computes addresses and slots, once the module has its data area and its part of the table.
// It returns the slots of its element segments by function index.
func (m *module) place() (map[uint32]uint32, error) {
	globals := m.placement()
	for _, x := range m.exports {
		if x.kind != exportData || x.mod != m {
			continue
		}
		reads := false
		v, err := x.init.Eval(func(i uint32) (uint64, bool) {
			reads = true
			return globals(i)
		})
		if err != nil { // an initial value that is not known yet: no usable address
			x.kind = exportGlobal
			continue
		}
		x.addr = uint32(v)
		if !m.fixed && !reads && !x.tls && !x.fixed {
			x.addr += m.memory.Base // position-independent: relative to the data area
		}
	}
	slots := map[uint32]uint32{}
	for i := range m.src.Elements {
		seg := &m.src.Elements[i]
		if seg.Mode != wasm.Active || seg.Len() == 0 || !m.sharedTable(seg.Table) {
			continue
		}
		base, err := m.segmentBase(i, globals)
		if err != nil {
			return nil, err
		}
		for k := range seg.Len() {
			index, ok := seg.Func(k)
			if _, seen := slots[index]; ok && !seen && base+uint32(k) != 0 {
				slots[index] = base + uint32(k)
			}
		}
	}
	for _, e := range m.src.Exports {
		if x := m.exports[e.Name]; x != nil && x.mod == m && x.fn != nil && x.fn.slot == 0 {
			x.fn.slot = slots[e.Index]
		}
	}
	return slots, nil
}

// sharedTable reports whether a table of the module is the function table. A module may have
// others, which concern no other module.
func (m *module) sharedTable(index uint32) bool {
	return m.fixed || int(index) < m.src.Imported(wasm.KindTable)
}

// segmentBase returns the first slot of an active element segment, which must lie in the module's
// own part of the function table.
func (m *module) segmentBase(i int, globals func(uint32) (uint64, bool)) (uint32, error) {
	seg := &m.src.Elements[i]
	v, err := seg.Offset.Eval(globals)
	if err != nil {
		return 0, fmt.Errorf("linker: offset of element segment %d: %w", i, err)
	}
	base := uint32(v)
	if base < m.table.Base || uint64(base)+uint64(seg.Len()) > m.table.End() {
		return 0, &SegmentError{Module: m.name, Segment: fmt.Sprintf("element segment %d", i),
			From: uint64(base), To: uint64(base) + uint64(seg.Len()), Low: uint64(m.table.Base),
			High: m.table.End()}
	}
	return base, nil
}

// placement returns the values of the imported globals that say where the module is.
func (m *module) placement() func(index uint32) (uint64, bool) {
	values := map[uint32]uint64{}
	index := uint32(0)
	for i := range m.src.Imports {
		imp := &m.src.Imports[i]
		if imp.Kind != wasm.KindGlobal {
			continue
		}
		if imp.Module == "env" {
			switch imp.Name {
			case "__memory_base":
				values[index] = uint64(m.memory.Base)
			case "__table_base":
				values[index] = uint64(m.table.Base)
			}
		}
		index++
	}
	return func(i uint32) (uint64, bool) {
		v, ok := values[i]
		return v, ok
	}
}
