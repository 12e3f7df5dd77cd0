package resolve

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/shim"
	"github.com/lockstep-wasm/lockstep/linker/internal/spans"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// SameImport reports whether two imports of one name, by module m, are of one type.
func SameImport(m *image.Module, a, b *wasm.Import) bool {
	if a.Kind != b.Kind {
		return false
	}
	switch a.Kind {
	case wasm.KindFunc, wasm.KindTag:
		return m.Src.Types[a.Type].Equal(m.Src.Types[b.Type])
	case wasm.KindGlobal:
		return a.Global == b.Global
	}
	return true
}

// ImportedFunctions returns how each imported function is satisfied, by its index; nil for one that
// is imported twice, the second time.
func ImportedFunctions(m *image.Module, bindings []shim.Binding) []*shim.Binding {
	of := make(map[*wasm.Import]*shim.Binding, len(bindings))
	for i := range bindings {
		of[bindings[i].Imp] = &bindings[i]
	}
	functions := make([]*shim.Binding, 0, m.Src.Imported(wasm.KindFunc))
	for i := range m.Src.Imports {
		if imp := &m.Src.Imports[i]; imp.Kind == wasm.KindFunc {
			functions = append(functions, of[imp])
		}
	}
	return functions
}

// SegmentOwner returns that of a module's own entries. They may hold functions of other modules,
// and what these are is decided anew at each load.
func SegmentOwner(m *image.Module, bindings []shim.Binding) spans.Owner {
	imported := ImportedFunctions(m, bindings)
	sums := make([][sha256.Size]byte, len(imported))
	for i, x := range imported {
		if x != nil && x.Fn != nil {
			o := x.Fn.Owner()
			sums[i] = sha256.Sum256(fmt.Appendf(nil, "%q %q %v %x", o.What, o.File, o.Found,
				o.Code))
		}
	}
	what := sha256.New()
	var entry [16 + sha256.Size]byte
	for i := range m.Src.Elements {
		seg := &m.Src.Elements[i]
		for k := range seg.Len() {
			index, ok := seg.Func(k)
			if !ok || int(index) >= len(imported) {
				continue
			}
			binary.LittleEndian.PutUint64(entry[:], uint64(i))
			binary.LittleEndian.PutUint64(entry[8:], uint64(k))
			copy(entry[16:], sums[index][:])
			what.Write(entry[:])
		}
	}
	return m.Owner("segment " + string(what.Sum(nil)))
}
