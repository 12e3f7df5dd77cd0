package linker

import (
	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// importKey names an import.
type importKey struct{ module, name string }

func importError(m *image.Module, imp *wasm.Import, reason string) error {
	return &ImportError{Module: m.Name, Namespace: imp.Module, Name: imp.Name, Reason: reason}
}
