package linker

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
	"github.com/tetratelabs/wazero/sys"

	"github.com/lockstep-wasm/lockstep/linker/internal/codecache"
	"github.com/lockstep-wasm/lockstep/linker/internal/text"
)

// hostFunction is one of the linker's own functions.
type hostFunction struct {
	name            string
	params, results []api.ValueType
	run             api.GoModuleFunc
}

// hostBuilder is what builds a host module.
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
	instance, err := l.rt.InstantiateModule(ctx, compiled, anonymous())
	if err != nil {
		return fmt.Errorf("linker: host module: %w", err)
	}
	l.hosts = append(l.hosts, instance)
	l.imports.set(namespace, instance)
	return nil
}

// hostModule returns the host module of a name, nil if there is none. WASI there always is.
func (l *Linker) hostModule(ctx context.Context, namespace string) (api.Module, error) {
	host := l.rt.Module(namespace)
	if host != nil || namespace != wasiName {
		return host, nil
	}
	if l.imports.get(namespace) == nil {
		wasi := wasi_snapshot_preview1.NewBuilder(l.rt)
		if err := l.privateHost(ctx, namespace, wasi); err != nil {
			return nil, err
		}
	}
	return l.imports.get(namespace), nil
}

// gateway returns the module that stands for a host module of a name, or nil when the runtime has
// none.
func (t *tx) gateway(ctx context.Context, namespace string) (*module, error) {
	l := t.l
	if strings.HasPrefix(namespace, reservedPrefix) {
		return nil, nil
	}
	if m := l.gateways[namespace]; m != nil {
		return m, nil
	}
	host, err := l.hostModule(ctx, namespace)
	if host == nil || err != nil {
		return nil, err
	}
	m := &module{id: t.l.nextID(), name: namespace, exports: map[string]*export{}, generated: true}
	for name, def := range host.ExportedFunctionDefinitions() {
		fn := newFunction(m, name, wasmType(def.ParamTypes(), def.ResultTypes()))
		m.functions = append(m.functions, fn)
		m.exports[name] = &export{mod: m, name: name, kind: exportFunction, fn: fn}
	}
	m.indexFunctions()
	gateway := gateway{namespace: namespace, functions: m.functions, host: l.host.hostName,
		shared: l.noSharedMemory == nil, system: strings.HasPrefix(namespace, "wasi_")}
	resolve := l.imports.get
	if gateway.system {
		streams, err := t.streams(ctx, &gateway)
		if err != nil {
			return nil, err
		}
		resolve = func(name string) api.Module {
			if name == streamsNamespace {
				return streams.instance
			}
			return l.imports.get(name)
		}
	}
	bytes, err := gateway.build()
	if err != nil {
		return nil, err
	}
	if m.compiled, err = codecache.Compile(ctx, l.rt, bytes); err != nil {
		return nil, fmt.Errorf("linker: host module %s: %w", text.Quote(namespace), err)
	}
	m.instance, err = l.instantiateAs(ctx, m.compiled, resolve, l.moduleConfig())
	if err != nil {
		return nil, fmt.Errorf("linker: host module %s: %w", text.Quote(namespace), err)
	}
	l.gateways[namespace] = m
	l.imports.set(m.importName(), m.instance)
	return m, nil
}

// streams returns the instance in which a system interface has its standard streams, and nothing
// else: no folders.
func (t *tx) streams(ctx context.Context, g *gateway) (*module, error) {
	l, key := t.l, reservedPrefix+"streams:"+g.namespace
	if m := l.gateways[key]; m != nil {
		return m, nil
	}
	m := &module{id: l.nextID(), name: g.namespace, generated: true}
	bytes, err := g.buildStreams()
	if m.compiled, err = l.compileGenerated(ctx, "standard streams", bytes, err); err != nil {
		return nil, err
	}
	config := l.moduleConfig().WithFSConfig(wazero.NewFSConfig())
	// Listening sockets would come with the values of ctx, and cannot be opened twice.
	if m.instance, err = l.instantiateAs(context.Background(), m.compiled, l.imports.get,
		config); err != nil {
		return nil, fmt.Errorf("linker: standard streams: %w", err)
	}
	l.gateways[key] = m
	return m, nil
}

// wasiName is the host module that the linker instantiates, for itself, if a guest needs it and the
// runtime has none.
const wasiName = "wasi_snapshot_preview1"

// guestFunction is a host function that needs to know which group calls it.
func guestFunction(
	f func(ctx context.Context, g *Group, mod api.Module, stack []uint64)) api.GoModuleFunc {
	return func(ctx context.Context, mod api.Module, stack []uint64) {
		e := entryOf(ctx)
		if e == nil {
			panic(ErrNoGroup)
		}
		f(ctx, e.group, mod, stack)
	}
}

// fatal panics with errors that a guest is not to survive: it, or the image, has come to its end.
func fatal(err error) {
	var exit *sys.ExitError
	if errors.As(err, &exit) || errors.Is(err, ErrPoisoned) || errors.Is(err, ErrGroupClosed) ||
		errors.Is(err, ErrClosed) {
		panic(err)
	}
}
