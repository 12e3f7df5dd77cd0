package linker

import (
	"fmt"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// placeSymbols computes addresses and slots, once the module has its data area and its part of the
// table. It returns the slots of its element segments by function index.
func placeSymbols(m *image.Module) (map[uint32]uint32, error) {
	globals := m.Placement()
	for _, x := range m.Exports {
		if x.Kind != image.KindData || x.Mod != m {
			continue
		}
		reads := false
		v, err := x.Init.Eval(func(i uint32) (uint64, bool) {
			reads = true
			return globals(i)
		})
		if err != nil { // an initial value that is not known yet: no usable address
			x.Kind = image.KindGlobal
			continue
		}
		x.Addr = uint32(v)
		if !m.Fixed && !reads && !x.TLS && !x.Fixed {
			x.Addr += m.Memory.Base // position-independent: relative to the data area
		}
	}
	slots := map[uint32]uint32{}
	for i := range m.Src.Elements {
		seg := &m.Src.Elements[i]
		if seg.Mode != wasm.Active || seg.Len() == 0 || !m.IsSharedTable(seg.Table) {
			continue
		}
		base, err := segmentBase(m, i, globals)
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
	for _, e := range m.Src.Exports {
		if x := m.Exports[e.Name]; x != nil && x.Mod == m && x.Fn != nil && x.Fn.Slot == 0 {
			x.Fn.Slot = slots[e.Index]
		}
	}
	return slots, nil
}

// segmentBase returns the first slot of an active element segment, which must lie in the module's
// own part of the function table.
func segmentBase(m *image.Module, i int, globals func(uint32) (uint64, bool)) (uint32, error) {
	seg := &m.Src.Elements[i]
	v, err := seg.Offset.Eval(globals)
	if err != nil {
		return 0, fmt.Errorf("linker: offset of element segment %d: %w", i, err)
	}
	base := uint32(v)
	if base < m.Table.Base || uint64(base)+uint64(seg.Len()) > m.Table.End() {
		return 0, &SegmentError{Module: m.Name, Segment: fmt.Sprintf("element segment %d", i),
			From: uint64(base), To: uint64(base) + uint64(seg.Len()), Low: uint64(m.Table.Base),
			High: m.Table.End()}
	}
	return base, nil
}
