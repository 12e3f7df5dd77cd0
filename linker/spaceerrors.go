package linker

import (
	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/space"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// newSpaceErrors makes what the spaces of groups say in the linker's words.
func newSpaceErrors() space.Errors {
	return space.Errors{
		Limit: func(limit string, value, most uint64) error {
			return &LimitError{Limit: limit, Value: value, Max: most}
		},
		Calls: func(most int) error {
			return &LimitError{Limit: limitCalls, Value: uint64(most) + 1, Max: uint64(most)}
		},
		Undefined: func(fn *image.Function) error {
			return &UndefinedSymbolError{Module: fn.Mod.Name, Symbol: fn.Name}
		},
		Load: func(m *image.Module, err error) error {
			return &LoadError{File: m.File, Module: m.Name, Err: err}
		},
		NoThreadLocal: func(x *image.Export) error {
			return &SymbolError{Symbol: x.Name, Definer: x.Mod.Name,
				Want: "an address in this group",
				Found: "thread-local data of a module that has no thread-local storage here " +
					"(link it with --export-if-defined=__wasm_init_tls)"}
		},
		NoGlobal: func(m *image.Module, imp *wasm.Import) error {
			return importError(m, imp, "its import shim has no mutable global of that name")
		},
	}
}
