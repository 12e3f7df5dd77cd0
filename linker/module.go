package linker

import (
	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

type importKey struct{ module, name string }

func importError(m *image.Module, imp *wasm.Import, reason string) error {
	return &ImportError{Module: m.Name, Namespace: imp.Module, Name: imp.Name, Reason: reason}
}

func wrongSignature(m *image.Module, symbol string, found *image.Function,
	want wasm.FuncType) error {
	return &SymbolError{Module: m.Name, Symbol: symbol, Definer: found.Mod.Name,
		Want: want.String(), Found: found.Type.String()}
}

func wrongKind(m *image.Module, x *image.Export, want string) error {
	found := "another export"
	switch x.Kind {
	case image.KindFunction:
		found = "function " + x.Fn.Type.String()
	case image.KindData:
		found = "data"
	case image.KindGlobal:
		found = "global " + x.Global.String()
	case image.KindTag:
		found = "tag " + x.Tag.String()
	}
	return &SymbolError{Module: m.Name, Symbol: x.Name, Definer: x.Mod.Name, Want: want,
		Found: found}
}
