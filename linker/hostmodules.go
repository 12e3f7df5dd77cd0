package linker

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/shim"
	"github.com/lockstep-wasm/lockstep/linker/internal/text"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// WithHostModules sets from which modules of the runtime guests may import functions, besides env
// ([Config.WithEnvModule]); the default is [DefaultHostModules]. A runtime may have modules that
// are meant for others: an import from any that is not named here is a [*HostModuleError], whether
// or not there is such a module.
func (c *Config) WithHostModules(names ...string) *Config {
	return c.with(func(c *Config) { c.hostModules = slices.Clone(names) })
}

// HostModuleError says that a module imports from a module of the host that guests may not import
// from: see [Config.WithHostModules].
type HostModuleError struct {
	Module    string // the module that imports
	Namespace string // the module of the host
	Name      string // what it imports
}

// Error implements the error interface.
func (e *HostModuleError) Error() string {
	return fmt.Sprintf(
		"linker: module %s: import %s.%s: guests may not import from this module of the host",
		text.Name(e.Module), text.Name(e.Namespace), text.Name(e.Name))
}

// checkImports refuses imports that have no place in any image, before anything else is done for a
// module.
func (l *Linker) checkImports(m *image.Module) error {
	if n, limit := len(m.Src.Imports), l.config.maxImports; n > limit {
		return &LimitError{Limit: limitImports, Value: uint64(n), Max: uint64(limit)}
	}
	for i := range m.Src.Imports {
		imp := &m.Src.Imports[i]
		if strings.HasPrefix(imp.Module, shim.ReservedPrefix) {
			return importError(m, imp, "the namespace is the linker's own")
		}
		if imp.Kind == wasm.KindFunc && imp.Module != "env" &&
			!slices.Contains(l.config.hostModules, imp.Module) {
			return &HostModuleError{Module: m.Name, Namespace: imp.Module, Name: imp.Name}
		}
	}
	return nil
}
