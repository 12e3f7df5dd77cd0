package space

import (
	"context"
	"crypto/sha256"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker/internal/codecache"
	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/shim"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// CodeOf returns what the engine has of a module.
func CodeOf(m *image.Module) *Code {
	c, _ := m.Code.(*Code)
	return c
}

// Code is what the engine has of a module. It is made by the operation that makes the module, and
// does not change afterwards, except what is said to be guarded.
type Code struct {
	Compiled wazero.CompiledModule
	Shims    []*ImportShim
	Sources  map[string]shim.Source // what each import namespace is taken from
	Parts    shim.Parts             // how those are split
	Hooks    []*HookTable           // by which its code calls the linker
	writer   tableWriter
	// Instance serves every group; nil for a module of which each group has its own.
	Instance api.Module
}

// Sum implements image.Code.
func (c *Code) Sum() [sha256.Size]byte { return codecache.Sum(c.Compiled) }

// Close releases the compiled code, once: wazero counts how often equal code is compiled and
// closed, and would take a second close for that of another linker. New instances cannot be made
// any more; those that there are keep what they run.
func (c *Code) Close(ctx context.Context) {
	closeCode(ctx, &c.Compiled)
	for _, b := range c.Shims {
		closeCode(ctx, &b.Compiled)
	}
	c.writer.close(ctx)
}

func closeCode(ctx context.Context, c *wazero.CompiledModule) {
	if *c != nil {
		_ = (*c).Close(ctx) // it never fails
		*c = nil
	}
}

// ImportShim is a shim, and its code.
type ImportShim struct {
	*shim.Shim
	Compiled wazero.CompiledModule
}

// HookTable is a table of functions of the linker that modules are given when they are loaded, and
// that calls from inside them go through: see [wasm.RewriteOptions]. That way nothing has to be
// added to their imported functions, whose numbers are everywhere.
type HookTable struct {
	// under which a module exports it, and the namespace from which the filler imports it
	Name      string
	Functions []string
	Types     []wasm.FuncType
	// once there is a module with such a table; guarded by the state lock
	Filler wazero.CompiledModule
}
