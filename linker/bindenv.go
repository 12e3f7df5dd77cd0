package linker

import (
	"context"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/resolve"
	"github.com/lockstep-wasm/lockstep/linker/internal/shim"
	"github.com/lockstep-wasm/lockstep/linker/internal/space"
	"github.com/lockstep-wasm/lockstep/linker/internal/text"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// bindEnv is what an operation binds imports to besides modules. It implements resolve.Env.
type bindEnv struct{ op *linkOp }

func (op *linkOp) newBinder(b *batch) *resolve.Binder {
	l := op.l
	binder := resolve.NewBinder(bindEnv{op}, resolve.Limits{Pages: l.maxPages,
		Entries: l.tableMax, NoSharedMemory: l.noSharedMemory,
		StackPointer: l.shared.StackPointer}, newBindErrors(), l.state.snapshot, b.order)
	binder.Now = b.now
	return binder
}

// newBindErrors makes what binding says in the linker's words.
func newBindErrors() *resolve.Errors {
	limit := func(imp *wasm.Import) string {
		if imp.Kind == wasm.KindMemory {
			return limitMemory
		}
		return limitTable
	}
	return &resolve.Errors{
		Undefined: func(m *image.Module, symbol string) error {
			return &UndefinedSymbolError{Module: m.Name, Symbol: symbol}
		},
		WrongKind:      wrongKind,
		WrongSignature: wrongSignature,
		Import:         importError,
		TooSmall: func(m *image.Module, imp *wasm.Import, value, most uint32) error {
			return &LimitError{Limit: limit(imp) + " as module " + text.Name(m.Name) +
				" imports it", Value: uint64(value), Max: uint64(most)}
		},
		TooLarge: func(imp *wasm.Import, value, most uint32) error {
			return &LimitError{Limit: limit(imp), Value: uint64(value), Max: uint64(most)}
		},
	}
}

// Host implements resolve.Env.
func (e bindEnv) Host(ctx context.Context, namespace string) (*image.Module, error) {
	return e.op.hostShim(ctx, namespace)
}

// Ask implements resolve.Env.
func (e bindEnv) Ask(ctx context.Context, m *image.Module, has func(*wasm.Import) bool) error {
	return e.op.l.ask(ctx, m, has)
}

// Asked implements resolve.Env.
func (e bindEnv) Asked(namespace, name string, t wasm.FuncType) *image.Export {
	return e.op.l.askedFor(namespace, name, t)
}

// Provided implements resolve.Env.
func (e bindEnv) Provided(name string) *image.Export { return e.op.l.host.Exports[name] }

// LinkerSymbol implements resolve.Env.
func (e bindEnv) LinkerSymbol(name string) (uint32, bool) {
	v, ok := e.op.l.linkerSymbols[name]
	return v, ok
}

// InterposeAtexit implements resolve.Env.
func (e bindEnv) InterposeAtexit(m *image.Module, name string, t wasm.FuncType) *image.Export {
	return e.op.l.registersExit(m, name, t)
}

// NotStub implements resolve.Env.
func (e bindEnv) NotStub(name string, x *image.Export) *image.Export {
	return e.op.l.notStub(name, x)
}

// MadeTag implements resolve.Env.
func (e bindEnv) MadeTag(name string) *image.Export { return e.op.l.state.snapshot.Tags.At(name) }

// Bound implements resolve.Env.
func (e bindEnv) Bound(ctx context.Context, m *image.Module, imp *wasm.Import, x shim.Binding) {
	e.op.l.logBinding(ctx, m, imp, x)
}

// NewTags implements resolve.Env: it makes a module that defines the tags.
func (e bindEnv) NewTags(ctx context.Context, m *image.Module,
	tags []resolve.Tag) (*image.Module, error) {
	op := e.op
	var b wasm.Builder
	for _, x := range tags {
		b.ExportTag(x.Name, b.Tag(b.Type(x.Type.Params, nil)))
	}
	bytes, err := b.Bytes()
	if err != nil {
		return nil, err
	}
	made := &image.Module{ID: op.l.nextID(), Name: "tags of " + m.Name, Generated: true,
		Code: &space.Code{}}
	if made.Src, err = wasm.DecodeWithin(bytes, wasm.DefaultLimits().AnyCost()); err != nil {
		return nil, err
	}
	made.ReadExports()
	op.modules = append(op.modules, made)
	if space.CodeOf(made).Compiled, err = op.l.shared.Cache.CompileModule(ctx, bytes); err != nil {
		return nil, &FeatureError{Feature: "exception handling", Err: err}
	}
	op.change(func(s *image.Snapshot) {
		for name, x := range made.Exports {
			s.Tags = s.Tags.With(name, x)
		}
	})
	return made, nil
}
