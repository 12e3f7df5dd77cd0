package linker

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
	"github.com/tetratelabs/wazero/sys"

	"github.com/lockstep-wasm/lockstep/linker/internal/codecache"
	"github.com/lockstep-wasm/lockstep/linker/internal/text"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// Functions of the linker's own host module.
const (
	hostSafepoint = "safepoint" // () before every call of a host function
	hostLazy      = "lazy"      // (entry) fills an entry of the link table
	hostExit      = "exit"      // (code) what WASI's proc_exit is to guests
	// (access, descriptor) -> whether it is about a standard stream, before every call of a WASI
	// function
	hostSystem    = "system"
	hostSystemEnd = "system_end"
	hostEnd       = "end"      // () what the main module's C library calls when the program ends
	hostEndWith   = "end_with" // (argument), the same for __cxa_atexit
	hostPoll      = "poll"     // (subscriptions, n) -> the same, before poll_oneoff

	// providedPrefix marks functions that guests import from env and that the linker has when
	// neither a module nor the host has them. They are no safepoints: a guest's allocator calls
	// them. Of the other namespaces in which the linker has functions, the names are marked in the
	// same way.
	providedPrefix = "env."
)

// hostFunction is one of the linker's own functions.
type hostFunction struct {
	name            string
	params, results []api.ValueType
	run             api.GoModuleFunc
}

// wasiName is the host module that the linker instantiates, for itself, if a guest needs it and the
// runtime has none.
const wasiName = "wasi_snapshot_preview1"

// hostNamespace is what generated modules import the linker's own functions from.
const hostNamespace = reservedPrefix + "host"

// instantiateHost makes the host module with the linker's own functions.
func (l *Linker) instantiateHost(ctx context.Context) error {
	i32 := []api.ValueType{api.ValueTypeI32}
	functions := []hostFunction{
		{hostSafepoint, nil, nil,
			func(ctx context.Context, _ api.Module, _ []uint64) { safepoint(ctx) }},
		{hostLoop, nil, nil, func(ctx context.Context, _ api.Module, _ []uint64) { poll(ctx) }},
		{hostLazy, i32, nil,
			func(ctx context.Context, _ api.Module, stack []uint64) {
				lazy(ctx, uint32(stack[0]))
			}},
		{hostSystem, []api.ValueType{i32[0], i32[0]}, i32,
			func(ctx context.Context, _ api.Module, stack []uint64) {
				stack[0] = l.system.begin(ctx, access(stack[0]), int32(stack[1]))
			}},
		{hostPoll, []api.ValueType{i32[0], i32[0]}, i32,
			func(ctx context.Context, _ api.Module, stack []uint64) {
				stack[0] = l.system.beginPoll(ctx, &l.mem, uint32(stack[0]), uint32(stack[1]))
			}},
		{hostSystemEnd, nil, nil,
			func(ctx context.Context, _ api.Module, _ []uint64) { l.system.end(ctx) }},
		{hostEnd, nil, nil,
			func(ctx context.Context, _ api.Module, _ []uint64) { l.endOfProgram(ctx) }},
		{hostEndWith, i32, nil,
			func(ctx context.Context, _ api.Module, _ []uint64) { l.endOfProgram(ctx) }},
		{hostExit, i32, nil,
			func(_ context.Context, _ api.Module, stack []uint64) {
				panic(sys.NewExitError(uint32(stack[0])))
			}},
		{providedPrefix + "emscripten_resize_heap", i32, i32,
			func(_ context.Context, _ api.Module, stack []uint64) {
				stack[0] = l.resizeHeap(uint32(stack[0]))
			}},
		{providedPrefix + "emscripten_notify_memory_growth", i32, nil,
			func(context.Context, api.Module, []uint64) {}},
		{providedPrefix + "_abort_js", nil, nil,
			func(context.Context, api.Module, []uint64) { panic(ErrAborted) }},
		{providedPrefix + "__cxa_atexit", []api.ValueType{i32[0], i32[0], i32[0]}, i32,
			func(ctx context.Context, _ api.Module, stack []uint64) {
				h := exitHandler{pointer: uint32(stack[0]), argument: uint32(stack[1])}
				stack[0] = api.EncodeI32(l.registerExit(ctx, h, uint32(stack[2])))
			}},
		l.threadExitFunction("__cxa_thread_atexit"),
		l.threadExitFunction("__cxa_thread_atexit_impl"), // what libc++abi calls, where it is
		{providedPrefix + "atexit", i32, i32,
			func(ctx context.Context, _ api.Module, stack []uint64) {
				stack[0] = api.EncodeI32(l.registerExit(ctx,
					exitHandler{pointer: uint32(stack[0]), plain: true}, 0))
			}},
		{providedPrefix + "abort", nil, nil,
			func(context.Context, api.Module, []uint64) { panic(ErrAborted) }},
	}
	functions = slices.Concat(functions, l.dlFunctions(), l.wasixFunctions(), l.threadFunctions(),
		l.waitFunctions(), []hostFunction{l.callbackFunction()})
	m := &module{id: l.nextID(), name: "linker", exports: map[string]*export{},
		hostName: hostNamespace}
	b := l.rt.NewHostModuleBuilder(m.hostName)
	for _, f := range functions {
		b = b.NewFunctionBuilder().WithGoModuleFunction(f.run, f.params, f.results).Export(f.name)
		fn := newFunction(m, f.name, wasmType(f.params, f.results))
		m.functions = append(m.functions, fn)
		m.exports[f.name] = &export{mod: m, name: f.name, kind: exportFunction, fn: fn}
	}
	m.indexFunctions()
	l.host = m
	return l.privateHost(ctx, m.hostName, b)
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
	l.spaces.set(namespace, instance)
	return nil
}

// hostModule returns the host module of a name, nil if there is none. WASI there always is.
func (l *Linker) hostModule(ctx context.Context, namespace string) (api.Module, error) {
	host := l.rt.Module(namespace)
	if host != nil || namespace != wasiName {
		return host, nil
	}
	if l.spaces.get(namespace) == nil {
		wasi := wasi_snapshot_preview1.NewBuilder(l.rt)
		if err := l.privateHost(ctx, namespace, wasi); err != nil {
			return nil, err
		}
	}
	return l.spaces.get(namespace), nil
}

// safepoint is called by a gateway before every host function. Its panics end the guest's call, as
// a trap does; they are what Call returns.
func safepoint(ctx context.Context) {
	e := entryOf(ctx)
	if e == nil {
		return
	}
	e.escaped = true
	if e.replay || e.tx != nil {
		return
	}
	if err := e.group.safepoint(ctx); err != nil {
		panic(err)
	}
}

// lazy finds the function that a stub is to call, now that it is called.
func lazy(ctx context.Context, index uint32) {
	e := entryOf(ctx)
	if e == nil {
		panic(ErrNoGroup)
	}
	if err := e.bindLink(ctx, index); err != nil {
		panic(err)
	}
}

func (e *entry) bindLink(ctx context.Context, index uint32) error {
	g := e.group
	k := g.links[index]
	if k == nil {
		return &UndefinedSymbolError{Symbol: fmt.Sprintf("link table entry %d", index)}
	}
	fn := k.target
	if fn == nil {
		var x *export
		if k.namespace == "env" {
			x = e.scope().lookupFor(k.mod, k.symbol)
		}
		if x == nil {
			var err error
			if x, err = e.late(ctx, k); err != nil {
				return err
			}
		}
		switch {
		case x == nil:
			return &UndefinedSymbolError{Module: k.mod.name, Symbol: k.symbol}
		case x.kind != exportFunction:
			return wrongKind(k.mod, x, "function "+k.typ.String())
		case !x.fn.typ.Equal(k.typ):
			return wrongSignature(k.mod, k.symbol, x.fn, k.typ)
		}
		fn = x.fn
	}
	if !g.has(fn.mod) { // only before its module's own instantiation, within one load
		return &UndefinedSymbolError{Module: k.mod.name, Symbol: k.symbol}
	}
	g.l.logLate(ctx, k, fn)
	return g.putLink(ctx, index, fn)
}

// late finds a function of a host module that was instantiated after the module that calls it was
// loaded.
func (e *entry) late(ctx context.Context, k *link) (x *export, err error) {
	namespace := k.namespace
	if namespace == "env" {
		namespace = e.group.l.config.envModule
	}
	if e.replay || e.group.l.rt.Module(namespace) == nil {
		return nil, nil
	}
	err = e.run(ctx, protocol.ResolveFunction, func(ctx context.Context, t *tx) error {
		m, err := t.gateway(ctx, namespace)
		if err == nil && m != nil {
			x = m.exports[k.symbol]
		}
		return err
	})
	return x, err
}

// scope is what a stay sees: the committed symbols; within an operation, those of the operation
// too.
func (e *entry) scope() *scope {
	switch {
	case e.view != nil:
		return e.view
	case e.tx != nil || e.replay:
		return e.group.l.state.scope
	}
	return e.group.l.committed.Load()
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
		shared: l.threads == nil, system: strings.HasPrefix(namespace, "wasi_")}
	resolve := l.spaces.get
	if gateway.system {
		streams, err := t.streams(ctx, &gateway)
		if err != nil {
			return nil, err
		}
		resolve = func(name string) api.Module {
			if name == streamsNamespace {
				return streams.instance
			}
			return l.spaces.get(name)
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
	l.spaces.set(m.importName(), m.instance)
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
	// Listening sockets would come with the values of ctx, and nobody can open them twice.
	if m.instance, err = l.instantiateAs(context.Background(), m.compiled, l.spaces.get,
		config); err != nil {
		return nil, fmt.Errorf("linker: standard streams: %w", err)
	}
	l.gateways[key] = m
	return m, nil
}

// makeTags makes a module that defines such tags, because m imports them.
func (t *tx) makeTags(ctx context.Context, m *module, tags []madeTag) (*module, error) {
	var b wasm.Builder
	for _, x := range tags {
		b.ExportTag(x.name, b.Tag(b.Type(x.typ.Params, nil)))
	}
	bytes, err := b.Bytes()
	if err != nil {
		return nil, err
	}
	made := &module{id: t.l.nextID(), name: "tags of " + m.name, generated: true}
	if made.src, err = wasm.DecodeWithin(bytes, wasm.DefaultLimits().AnyCost()); err != nil {
		return nil, err
	}
	made.readExports()
	t.modules = append(t.modules, made)
	if made.compiled, err = t.l.codes.CompileModule(ctx, bytes); err != nil {
		return nil, &FeatureError{Feature: "exception handling", Err: err}
	}
	t.change(func(s *scope) {
		for name, x := range made.exports {
			s.tags = s.tags.With(name, x)
		}
	})
	return made, nil
}

// resizeHeap makes the memory at least as large as asked, in bytes. It returns 1, or 0 when that is
// impossible.
func (l *Linker) resizeHeap(size uint32) uint64 {
	have := uint64(len(l.mem.bytes()))
	if uint64(size) <= have {
		return 1
	}
	if _, err := l.growMemory((uint64(size) - have + pageSize - 1) / pageSize); err != nil {
		return 0
	}
	return 1
}
