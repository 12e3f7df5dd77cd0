package linker

import (
	"context"
	"fmt"
	"slices"

	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/sys"

	"github.com/lockstep-wasm/lockstep/linker/internal/dtor"
	"github.com/lockstep-wasm/lockstep/linker/internal/fdlock"
	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/linmem"
	"github.com/lockstep-wasm/lockstep/linker/internal/shim"
	"github.com/lockstep-wasm/lockstep/linker/internal/space"
	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// instantiateHost makes the host module with the linker's own functions.
func (l *Linker) instantiateHost(ctx context.Context) error {
	i32 := []api.ValueType{api.ValueTypeI32}
	functions := []hostFunction{
		{shim.Safepoint, nil, nil,
			func(ctx context.Context, _ api.Module, _ []uint64) { safepoint(ctx) }},
		{hostLoop, nil, nil,
			func(ctx context.Context, _ api.Module, _ []uint64) { loopSafepoint(ctx) }},
		{shim.Lazy, i32, nil,
			func(ctx context.Context, _ api.Module, stack []uint64) {
				lazy(ctx, uint32(stack[0]))
			}},
		{shim.LockFDs, []api.ValueType{i32[0], i32[0]}, i32,
			func(ctx context.Context, _ api.Module, stack []uint64) {
				stack[0] = l.lockFDs(ctx, fdlock.Access(stack[0]), int32(stack[1]))
			}},
		{shim.LockPolledFDs, []api.ValueType{i32[0], i32[0]}, i32,
			func(ctx context.Context, _ api.Module, stack []uint64) {
				stack[0] = l.lockPolledFDs(ctx, uint32(stack[0]), uint32(stack[1]))
			}},
		{shim.UnlockFDs, nil, nil,
			func(ctx context.Context, _ api.Module, _ []uint64) { unlockFDs(ctx) }},
		{shim.End, nil, nil,
			func(ctx context.Context, _ api.Module, _ []uint64) { l.endOfProgram(ctx) }},
		{shim.EndWith, i32, nil,
			func(ctx context.Context, _ api.Module, _ []uint64) { l.endOfProgram(ctx) }},
		{shim.Exit, i32, nil,
			func(_ context.Context, _ api.Module, stack []uint64) {
				panic(sys.NewExitError(uint32(stack[0])))
			}},
		{shim.ProvidedPrefix + "emscripten_resize_heap", i32, i32,
			func(_ context.Context, _ api.Module, stack []uint64) {
				stack[0] = l.resizeHeap(uint32(stack[0]))
			}},
		{shim.ProvidedPrefix + "emscripten_notify_memory_growth", i32, nil,
			func(context.Context, api.Module, []uint64) {}},
		{shim.ProvidedPrefix + "_abort_js", nil, nil,
			func(context.Context, api.Module, []uint64) { panic(ErrAborted) }},
		{shim.ProvidedPrefix + "__cxa_atexit", []api.ValueType{i32[0], i32[0], i32[0]}, i32,
			func(ctx context.Context, _ api.Module, stack []uint64) {
				h := dtor.Handler{Pointer: uint32(stack[0]), Argument: uint32(stack[1])}
				stack[0] = api.EncodeI32(l.registerExit(ctx, h, uint32(stack[2])))
			}},
		l.threadExitFunction("__cxa_thread_atexit"),
		l.threadExitFunction("__cxa_thread_atexit_impl"), // what libc++abi calls, where it is
		{shim.ProvidedPrefix + "atexit", i32, i32,
			func(ctx context.Context, _ api.Module, stack []uint64) {
				stack[0] = api.EncodeI32(l.registerExit(ctx,
					dtor.Handler{Pointer: uint32(stack[0]), Plain: true}, 0))
			}},
		{shim.ProvidedPrefix + "abort", nil, nil,
			func(context.Context, api.Module, []uint64) { panic(ErrAborted) }},
	}
	functions = slices.Concat(functions, l.guestFunctions(), l.waitFunctions(),
		[]hostFunction{l.callbackFunction()})
	m := &image.Module{ID: l.nextID(), Name: "linker", Exports: map[string]*image.Export{},
		Code:     &space.Code{},
		HostName: shim.HostNamespace}
	b := l.shared.Runtime.NewHostModuleBuilder(m.HostName)
	for _, f := range functions {
		b = b.NewFunctionBuilder().WithGoModuleFunction(f.run, f.params, f.results).Export(f.name)
		fn := image.NewFunction(m, f.name, image.WasmType(f.params, f.results))
		m.Functions = append(m.Functions, fn)
		m.Exports[f.name] = &image.Export{Mod: m, Name: f.name, Kind: image.KindFunction, Fn: fn}
	}
	m.IndexFunctions()
	l.host = m
	return l.privateHost(ctx, m.HostName, b)
}

// lazy finds the function that a stub is to call, now that it is called.
func lazy(ctx context.Context, index uint32) {
	act := activationOf(ctx)
	if act == nil {
		panic(ErrNoGroup)
	}
	if err := act.bindPLT(ctx, index); err != nil {
		panic(err)
	}
}

func (act *activation) bindPLT(ctx context.Context, index uint32) error {
	g := act.group
	k := g.space.PLT[index]
	if k == nil {
		return &UndefinedSymbolError{Symbol: fmt.Sprintf("PLT entry %d", index)}
	}
	fn := k.Target
	if fn == nil {
		var x *image.Export
		if k.Namespace == "env" {
			x = act.snapshot().LookupFor(k.Mod, k.Symbol)
		}
		if x == nil {
			var err error
			if x, err = act.late(ctx, k); err != nil {
				return err
			}
		}
		switch {
		case x == nil:
			return &UndefinedSymbolError{Module: k.Mod.Name, Symbol: k.Symbol}
		case x.Kind != image.KindFunction:
			return wrongKind(k.Mod, x, "function "+k.Type.String())
		case !x.Fn.Type.Equal(k.Type):
			return wrongSignature(k.Mod, k.Symbol, x.Fn, k.Type)
		}
		fn = x.Fn
	}
	if !g.space.Has(fn.Mod) { // only before its module's own instantiation, within one load
		return &UndefinedSymbolError{Module: k.Mod.Name, Symbol: k.Symbol}
	}
	g.l.logLate(ctx, k, fn)
	return g.space.PutPLT(ctx, index, fn)
}

// late finds a function of a host module that was instantiated after the module that calls it was
// loaded.
func (act *activation) late(ctx context.Context, k *image.PLTEntry) (x *image.Export, err error) {
	namespace := k.Namespace
	if namespace == "env" {
		namespace = act.group.l.config.envModule
	}
	if act.Replay || act.group.l.shared.Runtime.Module(namespace) == nil {
		return nil, nil
	}
	err = act.run(ctx, protocol.ResolveFunction, func(ctx context.Context, op *linkOp) error {
		m, err := op.hostShim(ctx, namespace)
		if err == nil && m != nil {
			x = m.Exports[k.Symbol]
		}
		return err
	})
	return x, err
}

// resizeHeap makes the memory at least as large as asked, in bytes. It returns 1, or 0 when that is
// impossible.
func (l *Linker) resizeHeap(size uint32) uint64 {
	have := uint64(len(l.shared.Mem.Bytes()))
	if uint64(size) <= have {
		return 1
	}
	if _, err := l.growMemory((uint64(size) - have +
		linmem.PageSize - 1) / linmem.PageSize); err != nil {
		return 0
	}
	return 1
}
