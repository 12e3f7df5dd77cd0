package resolve

import (
	"context"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/shim"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// Env is what an image has besides its modules, as far as imports can mean it. It is asked by the
// goroutine that leads the load, which has the state lock.
type Env interface {
	// Host returns what stands for a host module, nil if there is none of that name.
	Host(ctx context.Context, namespace string) (*image.Module, error)
	// Ask asks the configuration for the functions that a module imports, but for those that has
	// reports. Asked returns what it has answered, nil for nothing.
	Ask(ctx context.Context, m *image.Module, has func(imp *wasm.Import) bool) error
	Asked(namespace, name string, t wasm.FuncType) *image.Export
	// Provided returns one of the linker's own functions, by the name with the namespace.
	Provided(name string) *image.Export
	// LinkerSymbol returns the address of a symbol that the linker defines.
	LinkerSymbol(name string) (uint32, bool)
	// InterposeAtexit returns the linker's own function for one that registers destructors, nil
	// for any other.
	InterposeAtexit(m *image.Module, name string, t wasm.FuncType) *image.Export
	// NotStub returns what is meant by a name under which x was found: x, unless x is one of the
	// functions of <dlfcn.h> that can do nothing.
	NotStub(name string, x *image.Export) *image.Export
	// MadeTag finds a tag that was made for a module that was bound before. The first of them has
	// decided which tag all of them throw and catch. NewTags makes more, because m imports them.
	MadeTag(name string) *image.Export
	NewTags(ctx context.Context, m *image.Module, tags []Tag) (*image.Module, error)
	// Bound is told of each import that is bound.
	Bound(ctx context.Context, m *image.Module, imp *wasm.Import, x shim.Binding)
}

// Tag is an exception tag that modules import and none defines.
type Tag struct {
	Name string
	Type wasm.FuncType
}

// Limits are those of the image.
type Limits struct {
	Pages, Entries uint32        // of the memory and of the function table, at most
	NoSharedMemory error         // why the memory is not shared; nil when it is
	StackPointer   *image.Export // of an ordinary executable that exports it
}

// Errors makes the errors that users see, whose types are the linker's.
type Errors struct {
	Undefined      func(m *image.Module, symbol string) error
	WrongKind      func(m *image.Module, x *image.Export, want string) error
	WrongSignature func(m *image.Module, symbol string, found *image.Function,
		want wasm.FuncType) error
	// Import is of an import that no image can satisfy.
	Import func(m *image.Module, imp *wasm.Import, reason string) error
	// TooSmall is of a memory or a table that may grow beyond what the import allows, TooLarge of
	// one that the image may not have.
	TooSmall func(m *image.Module, imp *wasm.Import, value, most uint32) error
	TooLarge func(imp *wasm.Import, value, most uint32) error
}

// Binder decides how each import of a batch is satisfied. It changes nothing but the modules of the
// batch, and it finds every error that look-ups and signatures can have. So whatever can fail in
// that way fails before anything is allocated. It belongs to the goroutine that leads the load.
//
// Its result is the plan of the load: Order, Bindings, Pages and Entries.
type Binder struct {
	Now bool // undefined functions are refused
	// Order is the batch in order of instantiation, with what is generated for it.
	Order    []*image.Module
	Bindings map[*image.Module][]shim.Binding
	Pages    uint32 // size that some import demands of the memory
	Entries  uint32 // and of the function table

	env      Env
	limits   Limits
	errors   *Errors
	snapshot *image.Snapshot // with the batch's modules
	// modules of the batch that are instantiated before the present one
	ready map[*image.Module]bool
	batch map[*image.Module]bool
	at    importer
}

// NewBinder returns what binds a batch, whose modules the snapshot has.
func NewBinder(env Env, limits Limits, errors *Errors, s *image.Snapshot,
	batch []*image.Module) *Binder {
	return &Binder{Bindings: map[*image.Module][]shim.Binding{}, env: env, limits: limits,
		errors: errors, snapshot: s, ready: map[*image.Module]bool{}, batch: image.Set(batch)}
}

// Ready notes a module that needs no binding any more and is instantiated next.
func (b *Binder) Ready(m *image.Module) {
	b.batch[m], b.ready[m] = true, true
	b.Order = append(b.Order, m)
}

type key struct{ module, name string }
