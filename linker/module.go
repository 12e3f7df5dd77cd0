package linker

import (
	"context"
	"crypto/sha256"
	"strconv"
	"strings"
	"sync"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker/internal/codecache"
	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// codeOf returns what the engine has of a module.
func codeOf(m *image.Module) *code {
	c, _ := m.Code.(*code)
	return c
}

// code is what the engine has of a module. It is made by the operation that makes the module, and
// does not change afterwards, except what is said to be guarded.
type code struct {
	compiled wazero.CompiledModule
	bridges  []*bridge
	sources  map[string]source // what each import namespace is taken from
	hooks    []*hookTable      // by which its code calls the linker
	put      putter
	// instance serves every group; nil for a module of which each group has its own.
	instance api.Module
}

// Sum implements image.Code.
func (c *code) Sum() [sha256.Size]byte { return codecache.Sum(c.compiled) }

// importKey names an import.
type importKey struct{ module, name string }

// putterImport is the namespace from which its module's putter imports a function. As with bridges,
// it does not tell which module it is.
func putterImport(fn *image.Function) string {
	if fn.Stub {
		return stubsPrefix + strconv.Itoa(codeOf(fn.Mod).sources["env"].bridge)
	}
	if fn.Mod.HostName != "" {
		return fn.Mod.HostName
	}
	return selfNamespace
}

// putterNamespace tells what a namespace of a module's putter is.
func putterNamespace(m *image.Module, name string) string {
	if name == selfNamespace {
		return importName(m)
	}
	if i, err := strconv.Atoi(strings.TrimPrefix(name, stubsPrefix)); err == nil &&
		strings.HasPrefix(name, stubsPrefix) {
		return bridgeNamespace(m.ID, i)
	}
	return name
}

// importName is the namespace under which generated modules import from m.
func importName(m *image.Module) string {
	if m.HostName != "" {
		return m.HostName
	}
	return moduleNamespace(m.ID)
}

// close releases the compiled code, once: wazero counts how often equal code is compiled and
// closed, and would take a second close for that of another linker. New instances cannot be made
// any more; those that there are keep what they run.
func (c *code) close(ctx context.Context) {
	closeCode(ctx, &c.compiled)
	for _, b := range c.bridges {
		closeCode(ctx, &b.compiled)
	}
	c.put.close(ctx)
}

func closeCode(ctx context.Context, c *wazero.CompiledModule) {
	if *c != nil {
		_ = (*c).Close(ctx) // it never fails
		*c = nil
	}
}

// putter are the generated modules that put a module's functions into tables, each for a batch of
// functions: the first pointer into a library costs the same however many functions it exports.
// They are compiled when they are first needed, and each group has an instance of them then.
type putter struct {
	mu       sync.Mutex                       // guards compiled
	compiled map[uint32]wazero.CompiledModule // by batch
}

// putBatch is how many functions a putter can put.
const putBatch = 128

func (p *putter) close(ctx context.Context) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, compiled := range p.compiled {
		_ = compiled.Close(ctx) // it never fails
	}
	p.compiled = nil
}

// hookTable is a table of functions of the linker that modules are given when they are loaded, and
// that calls from inside them go through: see [wasm.RewriteOptions]. That way nothing has to be
// added to their imported functions, whose numbers are everywhere.
type hookTable struct {
	// under which a module exports it, and the namespace from which the filler imports it
	name      string
	functions []string
	types     []wasm.FuncType
	// once there is a module with such a table; guarded by the state lock
	filler wazero.CompiledModule
}

// importedFunctions returns how each imported function is satisfied, by its index; nil for one that
// is imported twice, the second time.
func importedFunctions(m *image.Module, bindings []binding) []*binding {
	of := make(map[*wasm.Import]*binding, len(bindings))
	for i := range bindings {
		of[bindings[i].imp] = &bindings[i]
	}
	functions := make([]*binding, 0, m.Src.Imported(wasm.KindFunc))
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
