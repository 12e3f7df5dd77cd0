package linker

import (
	"context"
	"fmt"

	"github.com/lockstep-wasm/lockstep/linker/internal/codecache"
	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/shim"
	"github.com/lockstep-wasm/lockstep/linker/internal/space"
	"github.com/lockstep-wasm/lockstep/linker/internal/text"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

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

// askedFor returns the function that was found for an import, or nil.
func (l *Linker) askedFor(namespace, name string, typ wasm.FuncType) *image.Export {
	fn := l.asked[askedKey{importKey{namespace, name}, typ.String()}]
	if fn == nil {
		return nil
	}
	return fn.Mod.Exports[name]
}

// askedModule makes the host module of functions that were found, and its host shim.
func (l *Linker) askedModule(ctx context.Context, namespace string,
	functions []hostFunction) error {
	name := fmt.Sprintf("%sasked:%d", shim.ReservedPrefix, l.nextID())
	builder := l.shared.Runtime.NewHostModuleBuilder(name)
	m := &image.Module{ID: l.nextID(), Name: namespace, Exports: map[string]*image.Export{},
		Generated: true,
		Code:      &space.Code{}}
	for _, f := range functions {
		builder = builder.NewFunctionBuilder().WithGoModuleFunction(f.run, f.params,
			f.results).Export(f.name)
		fn := image.NewFunction(m, f.name, image.WasmType(f.params, f.results))
		m.Functions = append(m.Functions, fn)
		m.Exports[f.name] = &image.Export{Mod: m, Name: f.name, Kind: image.KindFunction, Fn: fn}
	}
	m.IndexFunctions()
	if err := l.privateHost(ctx, name, builder); err != nil {
		return err
	}
	hs := shim.HostShim{Namespace: name, Functions: m.Functions, Host: l.host.HostName,
		Shared: l.noSharedMemory == nil}
	bytes, err := hs.Build()
	if err != nil {
		return err
	}
	if space.CodeOf(m).Compiled, err = codecache.Compile(ctx, l.shared.Runtime, bytes); err != nil {
		return fmt.Errorf("linker: functions of the host for %s: %w", text.Quote(namespace), err)
	}
	space.CodeOf(m).Instance, err = l.shared.InstantiateAs(ctx, space.CodeOf(m).Compiled,
		l.shared.Imports.Get,
		l.moduleConfig())
	if err != nil {
		return fmt.Errorf("linker: functions of the host for %s: %w", text.Quote(namespace), err)
	}
	l.attention.add(space.CodeOf(m).Instance)
	l.hostShims[name] = m
	l.shared.Imports.Set(shim.ImportName(m), space.CodeOf(m).Instance)
	for _, fn := range m.Functions {
		l.asked[askedKey{importKey{namespace, fn.Name}, fn.Type.String()}] = fn
	}
	return nil
}

// ask asks the configuration for the functions that a module imports, but for those that has
// reports. The answers become one module for each namespace. All groups share it, as they share the
// host shim of a host module.
func (l *Linker) ask(ctx context.Context, m *image.Module,
	has func(imp *wasm.Import) bool) error {
	if l.config.hostFunctions == nil {
		return nil
	}
	missing := map[string][]hostFunction{}
	var namespaces []string
	seen := map[importKey]bool{} // a second one is another signature, which is refused
	for i := range m.Src.Imports {
		imp := &m.Src.Imports[i]
		if imp.Kind != wasm.KindFunc || has(imp) {
			continue
		}
		typ := m.Src.Types[imp.Type]
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
