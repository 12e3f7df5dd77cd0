package linker

import (
	"context"
	"fmt"
	"strings"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/lockstep-wasm/lockstep/linker/internal/codecache"
	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/shim"
	"github.com/lockstep-wasm/lockstep/linker/internal/space"
	"github.com/lockstep-wasm/lockstep/linker/internal/text"
)

// hostFunction is one of the linker's own functions.
type hostFunction struct {
	name            string
	params, results []api.ValueType
	run             api.GoModuleFunc
}

// hostBuilder is the part of wazero.HostModuleBuilder that privateHost needs.
type hostBuilder interface {
	Compile(ctx context.Context) (wazero.CompiledModule, error)
}

// privateHost instantiates a host module for this image alone: without a name in the runtime, which
// other linkers may share, and where a name that is free now is taken a moment later.
func (l *Linker) privateHost(ctx context.Context, namespace string, b hostBuilder) error {
	compiled, err := b.Compile(ctx)
	if err != nil {
		return fmt.Errorf("linker: host module: %w", err)
	}
	l.hostCodes = append(l.hostCodes, compiled)
	instance, err := l.shared.Runtime.InstantiateModule(ctx, compiled, space.Anonymous())
	if err != nil {
		return fmt.Errorf("linker: host module: %w", err)
	}
	l.hosts = append(l.hosts, instance)
	l.shared.Imports.Set(namespace, instance)
	return nil
}

// hostModule returns the host module of a name, nil if there is none. WASI there always is.
func (l *Linker) hostModule(ctx context.Context, namespace string) (api.Module, error) {
	host := l.shared.Runtime.Module(namespace)
	if host != nil || namespace != wasiName {
		return host, nil
	}
	if l.shared.Imports.Get(namespace) == nil {
		wasi := wasi_snapshot_preview1.NewBuilder(l.shared.Runtime)
		if err := l.privateHost(ctx, namespace, wasi); err != nil {
			return nil, err
		}
	}
	return l.shared.Imports.Get(namespace), nil
}

// hostShim returns the module that stands for a host module of a name, or nil when the runtime has
// none.
func (op *linkOp) hostShim(ctx context.Context, namespace string) (*image.Module, error) {
	l := op.l
	if strings.HasPrefix(namespace, shim.ReservedPrefix) {
		return nil, nil
	}
	if m := l.hostShims[namespace]; m != nil {
		return m, nil
	}
	host, err := l.hostModule(ctx, namespace)
	if host == nil || err != nil {
		return nil, err
	}
	m := &image.Module{ID: op.l.nextID(), Name: namespace, Exports: map[string]*image.Export{},
		Generated: true,
		Code:      &space.Code{}}
	for name, def := range host.ExportedFunctionDefinitions() {
		fn := image.NewFunction(m, name, image.WasmType(def.ParamTypes(), def.ResultTypes()))
		m.Functions = append(m.Functions, fn)
		m.Exports[name] = &image.Export{Mod: m, Name: name, Kind: image.KindFunction, Fn: fn}
	}
	m.IndexFunctions()
	hs := shim.HostShim{Namespace: namespace, Functions: m.Functions, Host: l.host.HostName,
		Shared: l.noSharedMemory == nil, System: strings.HasPrefix(namespace, "wasi_")}
	resolve := l.shared.Imports.Get
	if hs.System {
		streams, err := op.streams(ctx, &hs)
		if err != nil {
			return nil, err
		}
		resolve = func(name string) api.Module {
			if name == shim.StreamsNamespace {
				return space.CodeOf(streams).Instance
			}
			return l.shared.Imports.Get(name)
		}
	}
	bytes, err := hs.Build()
	if err != nil {
		return nil, err
	}
	if space.CodeOf(m).Compiled, err = codecache.Compile(ctx, l.shared.Runtime, bytes); err != nil {
		return nil, fmt.Errorf("linker: host module %s: %w", text.Quote(namespace), err)
	}
	space.CodeOf(m).Instance, err = l.shared.InstantiateAs(ctx, space.CodeOf(m).Compiled, resolve,
		l.moduleConfig())
	if err != nil {
		return nil, fmt.Errorf("linker: host module %s: %w", text.Quote(namespace), err)
	}
	l.attention.add(space.CodeOf(m).Instance)
	l.hostShims[namespace] = m
	l.shared.Imports.Set(shim.ImportName(m), space.CodeOf(m).Instance)
	return m, nil
}

// streams returns the instance in which a system interface has its standard streams, and nothing
// else: no folders.
func (op *linkOp) streams(ctx context.Context, g *shim.HostShim) (*image.Module, error) {
	l, key := op.l, shim.ReservedPrefix+"streams:"+g.Namespace
	if m := l.hostShims[key]; m != nil {
		return m, nil
	}
	m := &image.Module{ID: l.nextID(), Name: g.Namespace, Generated: true, Code: &space.Code{}}
	bytes, err := g.BuildStreams()
	if space.CodeOf(m).Compiled, err = l.compileGenerated(ctx, "standard streams", bytes,
		err); err != nil {
		return nil, err
	}
	config := l.moduleConfig().WithFSConfig(wazero.NewFSConfig())
	// Listening sockets would come with the values of ctx, and cannot be opened twice.
	if space.CodeOf(m).Instance, err = l.shared.InstantiateAs(context.Background(),
		space.CodeOf(m).Compiled,
		l.shared.Imports.Get,
		config); err != nil {
		return nil, fmt.Errorf("linker: standard streams: %w", err)
	}
	l.hostShims[key] = m
	return m, nil
}

// wasiName is the host module that the linker instantiates, for itself, if a guest needs it and the
// runtime has none.
const wasiName = "wasi_snapshot_preview1"
