package space

import (
	"context"
	"sync"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker/internal/codecache"
	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/linmem"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// Shared is what the spaces of all groups have in common. It is decided while the image is built,
// by one goroutine, and only read afterwards.
type Shared struct {
	Runtime        wazero.Runtime
	LoopSafepoints bool // modules have loop safepoints
	MaxCalls       int  // within each other, in one group
	Main           *image.Module
	OwnTable       bool          // the main module brings the function table
	DataEnd        uint32        // of an ordinary executable: where its static data ends
	StackPointer   *image.Export // of an ordinary executable that exports it
	BaseCode       wazero.CompiledModule
	TableCode      wazero.CompiledModule
	Cache          *codecache.Cache // it has a lock of its own
	// CallerCode compiles what calls function pointers of a signature, once for all groups.
	CallerCode func(ctx context.Context, t wasm.FuncType) (wazero.CompiledModule, error)
	Errors     Errors

	Mem linmem.Memory // what is in it belongs to the guest
	// what generated modules import from, the same for all groups; it has a lock of its own
	Imports Namespaces
}

// Errors makes the errors that users see, whose types are the linker's. Limit is of something that
// cannot grow, Undefined of a function whose module is not in the group, Load of a module.
type Errors struct {
	Limit func(limit string, value, most uint64) error
	// Calls is of a call that would be within too many others.
	Calls     func(most int) error
	Undefined func(fn *image.Function) error
	Load      func(m *image.Module, err error) error
	// NoThreadLocal is of a symbol that has no address in a group.
	NoThreadLocal func(x *image.Export) error
	// NoGlobal is of an import that a shim has no global for.
	NoGlobal func(m *image.Module, imp *wasm.Import) error
}

// Namespaces maps import namespaces to instances.
type Namespaces struct {
	mu sync.RWMutex
	m  map[string]api.Module
}

// Get returns the instance that a namespace is taken from, nil if there is none.
func (n *Namespaces) Get(name string) api.Module {
	n.mu.RLock()
	defer n.mu.RUnlock()
	if m, ok := n.m[name]; ok {
		return m
	}
	return nil
}

// Set says what a namespace is taken from.
func (n *Namespaces) Set(name string, m api.Module) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.m == nil {
		n.m = map[string]api.Module{}
	}
	n.m[name] = m
}
