package linker

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker/internal/codecache"
	"github.com/lockstep-wasm/lockstep/linker/internal/text"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// gateway is the generated module through which guests call the functions of a host module. There
// is one of it for all groups: it is what host functions get as their caller, with the image's
// memory, and what WASI hangs its open files on.
type gateway struct {
	namespace string
	functions []*function
	host      string // the runtime's name of the linker's own host module
	shared    bool   // the memory is
	system    bool   // a system interface, whose calls may wait; otherwise each is a safepoint
}

// streamsNamespace is where the gateway of a system interface finds the instance of the standard
// streams.
const streamsNamespace = reservedPrefix + "streams"

// pass writes a call of a function with the parameters of the one that is written.
func (g *gateway) pass(c *wasm.Code, fn *function, target uint32) *wasm.Code {
	for p := range fn.typ.Params {
		c.LocalGet(uint32(p))
	}
	return c.Call(target)
}

func (g *gateway) functionType(b *wasm.Builder, fn *function) uint32 {
	return b.Type(fn.typ.Params, fn.typ.Results)
}

// build writes the module.
func (g *gateway) build() ([]byte, error) {
	var b wasm.Builder
	var wrap func(fn *function, target uint32) *wasm.Code
	if g.system {
		wrap = g.systemCalls(&b)
	} else {
		before := b.ImportFunc(g.host, hostSafepoint, b.Type(nil, nil))
		wrap = func(fn *function, target uint32) *wasm.Code {
			return g.pass(new(wasm.Code).Call(before), fn, target)
		}
	}
	return g.export(&b, g.functions, wrap)
}

// buildStreams writes the module in whose instance the functions of a system interface are called
// that have to do with nothing but standard streams. Nothing else is ever opened there, and nothing
// closed.
func (g *gateway) buildStreams() ([]byte, error) {
	var b wasm.Builder
	functions := slices.DeleteFunc(slices.Clone(g.functions),
		func(fn *function) bool { return !streamed(fn) })
	return g.export(&b, functions,
		func(fn *function, target uint32) *wasm.Code { return g.pass(new(wasm.Code), fn, target) })
}

// export imports functions of the host module, and exports what wraps them.
func (g *gateway) export(b *wasm.Builder, functions []*function,
	wrap func(fn *function, target uint32) *wasm.Code) ([]byte, error) {
	targets := make([]uint32, len(functions))
	for i, fn := range functions {
		if !g.exits(fn) {
			targets[i] = b.ImportFunc(g.namespace, fn.name, g.functionType(b, fn))
		}
	}
	b.ImportMemory(memoryNamespace, "memory", anyMemory(g.shared))
	for i, fn := range functions {
		b.ExportFunc(fn.name, b.Func(g.functionType(b, fn), nil, wrap(fn, targets[i])))
	}
	return b.Bytes()
}

// systemCalls returns what wraps the functions of a system interface.
func (g *gateway) systemCalls(b *wasm.Builder) func(fn *function, target uint32) *wasm.Code {
	two := []wasm.ValType{wasm.I32, wasm.I32}
	result := two[:1]
	begin := b.ImportFunc(g.host, hostSystem, b.Type(two, result))
	beginPoll := b.ImportFunc(g.host, hostPoll, b.Type(two, result))
	end := b.ImportFunc(g.host, hostSystemEnd, b.Type(nil, nil))
	exit := b.ImportFunc(g.host, hostExit, b.Type(result, nil))
	streams := map[*function]uint32{}
	for _, fn := range g.functions {
		if streamed(fn) {
			streams[fn] = b.ImportFunc(streamsNamespace, fn.name, g.functionType(b, fn))
		}
	}
	return func(fn *function, target uint32) *wasm.Code {
		c := new(wasm.Code)
		if g.exits(fn) {
			return g.pass(c, fn, exit)
		}
		if fn.typ.Equal(pollType) && fn.name == pollFunction {
			c.LocalGet(0).LocalGet(2).Call(beginPoll)
		} else if a, descriptor := systemAccess(fn); descriptor >= 0 {
			c.I32Const(int32(a)).LocalGet(uint32(descriptor)).Call(begin)
		} else {
			c.I32Const(int32(a)).I32Const(-1).Call(begin)
		}
		if stream, ok := streams[fn]; ok {
			g.pass(c.If(fn.typ.Results...), fn, stream)
			g.pass(c.Else(), fn, target).End()
		} else {
			g.pass(c.Drop(), fn, target)
		}
		return c.Call(end)
	}
}

// exits reports whether a function is the system interface's way to exit. The host's own closes its
// caller, which here would be everybody's gateway.
func (g *gateway) exits(fn *function) bool {
	return g.system && fn.name == "proc_exit" &&
		fn.typ.Equal(wasm.FuncType{Params: []wasm.ValType{wasm.I32}})
}

// HostFunctions finds the Go function for an import of a guest: the namespace that it imports from,
// "env" or a system interface's, the name, and the signature that it imports it with. nil means
// that there is none.
type HostFunctions func(namespace, name string, params,
	results []api.ValueType) api.GoModuleFunction

// WithHostFunctions sets what is asked for each function that a module imports, once for each
// signature, when the first module that imports it is loaded. It is for interfaces of which the
// names and the signatures depend on what guests import, Emscripten's invoke_* for instance. In
// "env" the answer comes behind all that modules and the host module define, and before what the
// linker itself has; in a system interface it comes first. Nothing else sees it: it is no symbol
// that could be looked up, but its function pointer can be taken by a module that imports it.
//
// find is called during a link operation, so it must not call the linker. The functions are called
// as those of a host module are, by several goroutines when there are several groups; a function of
// a system interface that may wait should do so in [Group.Block].
func (c *Config) WithHostFunctions(find HostFunctions) *Config {
	return c.with(func(c *Config) { c.hostFunctions = find })
}

// maxAsked is how many functions of Go code an image may have imported: they stay until it closes.
const maxAsked = 1 << 16

// askedKey is an import, and the signature that it has.
type askedKey struct {
	importKey
	typ string
}

// ask asks for the functions that a module imports. What there is, is one module for each of its
// namespaces, which all groups share as they share the gateway of a host module.
func (b *binder) ask(ctx context.Context, m *module) error {
	l := b.t.l
	if l.config.hostFunctions == nil {
		return nil
	}
	missing := map[string][]hostFunction{}
	var namespaces []string
	seen := map[importKey]bool{} // a second one is another signature, which is refused
	for i := range m.src.Imports {
		imp := &m.src.Imports[i]
		if imp.Kind != wasm.KindFunc || b.hasFunction(m, imp) {
			continue
		}
		typ := m.src.Types[imp.Type]
		key := askedKey{importKey{imp.Module, imp.Name}, typ.String()}
		if _, known := l.asked[key]; known || seen[key.importKey] {
			continue
		}
		seen[key.importKey] = true
		if len(l.asked) >= maxAsked {
			return &LimitError{Limit: "functions of the host", Value: uint64(len(l.asked)) + 1,
				Max: maxAsked}
		}
		at := publicType(typ)
		f := l.config.hostFunctions(imp.Module, imp.Name, at.Params, at.Results)
		if f == nil {
			l.asked[key] = nil
			continue
		}
		if missing[imp.Module] == nil {
			namespaces = append(namespaces, imp.Module)
		}
		missing[imp.Module] = append(missing[imp.Module],
			hostFunction{imp.Name, at.Params, at.Results, f.Call})
	}
	for _, namespace := range namespaces {
		if err := l.askedModule(ctx, namespace, missing[namespace]); err != nil {
			return err
		}
	}
	return nil
}

// hasFunction reports whether an import has a function without asking.
func (b *binder) hasFunction(m *module, imp *wasm.Import) bool {
	if imp.Module != "env" {
		return strings.HasPrefix(imp.Module, reservedPrefix)
	}
	return special(imp.Name) || b.t.l.registersExit(m, imp.Name, m.src.Types[imp.Type]) != nil ||
		b.t.l.notStub(imp.Name, b.lookupFor(imp.Name)) != nil
}

// askedFor returns the function that was found for an import, or nil.
func (l *Linker) askedFor(namespace, name string, typ wasm.FuncType) *export {
	fn := l.asked[askedKey{importKey{namespace, name}, typ.String()}]
	if fn == nil {
		return nil
	}
	return fn.mod.exports[name]
}

// askedModule makes the host module of functions that were found, and its gateway.
func (l *Linker) askedModule(ctx context.Context, namespace string,
	functions []hostFunction) error {
	name := fmt.Sprintf("%sasked:%d", reservedPrefix, l.nextID())
	builder := l.rt.NewHostModuleBuilder(name)
	m := &module{id: l.nextID(), name: namespace, exports: map[string]*export{}, generated: true}
	for _, f := range functions {
		builder = builder.NewFunctionBuilder().WithGoModuleFunction(f.run, f.params,
			f.results).Export(f.name)
		fn := newFunction(m, f.name, wasmType(f.params, f.results))
		m.functions = append(m.functions, fn)
		m.exports[f.name] = &export{mod: m, name: f.name, kind: exportFunction, fn: fn}
	}
	m.indexFunctions()
	if err := l.privateHost(ctx, name, builder); err != nil {
		return err
	}
	gateway := gateway{namespace: name, functions: m.functions, host: l.host.hostName,
		shared: l.threads == nil}
	bytes, err := gateway.build()
	if err != nil {
		return err
	}
	if m.compiled, err = codecache.Compile(ctx, l.rt, bytes); err != nil {
		return fmt.Errorf("linker: functions of the host for %s: %w", text.Quote(namespace), err)
	}
	m.instance, err = l.instantiateAs(ctx, m.compiled, l.spaces.get, l.moduleConfig())
	if err != nil {
		return fmt.Errorf("linker: functions of the host for %s: %w", text.Quote(namespace), err)
	}
	l.gateways[name] = m
	l.spaces.set(m.importName(), m.instance)
	for _, fn := range m.functions {
		l.asked[askedKey{importKey{namespace, fn.name}, fn.typ.String()}] = fn
	}
	return nil
}
