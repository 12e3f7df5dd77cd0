package linker

import (
	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/shim"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// importKey names an import.
type importKey struct{ module, name string }

// importedFunctions returns how each imported function is satisfied, by its index; nil for one that
// is imported twice, the second time.
func importedFunctions(m *image.Module, bindings []shim.Binding) []*shim.Binding {
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

func importError(m *image.Module, imp *wasm.Import, reason string) error {
	return &ImportError{Module: m.Name, Namespace: imp.Module, Name: imp.Name, Reason: reason}
}
