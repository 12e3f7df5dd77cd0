package linker

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker/internal/failpoint"
	"github.com/lockstep-wasm/lockstep/linker/internal/spans"
)

// anonymous is the configuration of every instance: without a name there can be many of one module,
// and what a module exports as _start is run when somebody calls it. It has a source of random
// numbers only because wazero seeds one of its own otherwise, which takes longer than the rest of
// instantiating a bridge; nobody reads it, since system calls are those of a gateway.
func anonymous() wazero.ModuleConfig {
	return wazero.NewModuleConfig().WithName("").WithStartFunctions().WithRandSource(rand.Reader)
}

// instantiateIn instantiates compiled code whose import namespaces come from resolve; what that
// answers with nil is a host module's.
func (l *Linker) instantiateIn(ctx context.Context, compiled wazero.CompiledModule,
	resolve func(string) api.Module) (api.Module, error) {
	return l.instantiateAs(ctx, compiled, resolve, anonymous())
}

// namespace finds what generated modules import from, for this group.
func (g *Group) namespace(name string) api.Module {
	if m := g.spaces[name]; m != nil {
		return m
	}
	return g.l.spaces.get(name)
}

// instantiate makes a module's instance, with its bridges, in this group. tls is the address of its
// thread-local storage. When it fails, remove takes back what was done.
func (g *Group) instantiate(ctx context.Context, m *module, tls uint32) error {
	inst := &instance{tls: tls}
	g.instances[m] = inst
	for _, k := range m.links {
		g.links[k.index] = k
	}
	for i, br := range m.bridges {
		err := g.l.config.inject.At(ctx, g, failpoint.OpenBridge)
		if err != nil {
			return err
		}
		b, err := g.l.instantiateIn(ctx, br.compiled,
			func(name string) api.Module { return g.namespace(br.namespace(name)) })
		if err != nil {
			return fmt.Errorf("linker: bridge: %w", err)
		}
		inst.bridges = append(inst.bridges, b)
		g.spaces[bridgeNamespace(m.id, i)] = b
	}
	if err := g.l.config.inject.At(ctx, g, failpoint.Instantiate); err != nil {
		return err
	}
	restore := g.keepData(ctx, m)
	err := g.start(ctx, m, inst)
	restore()
	if err != nil {
		return err
	}
	if err := g.l.config.inject.At(ctx, g, failpoint.Started); err != nil {
		return err
	}
	if m == g.l.main {
		if err := g.openMain(ctx, inst.mod); err != nil {
			return err
		}
	}
	if err := g.initThreadLocal(ctx, m, inst); err != nil {
		return err
	}
	if err := g.l.config.inject.At(ctx, g, failpoint.Links); err != nil {
		return err
	}
	return g.fillLinks(ctx, m)
}

// start makes the instance itself and runs its start function.
func (g *Group) start(ctx context.Context, m *module, inst *instance) error {
	mod, err := g.l.instantiateIn(ctx, m.compiled, func(name string) api.Module {
		src, ok := m.sources[name]
		switch {
		case !ok:
			// the memory that was the main module's own, or the group's flag
			return g.namespace(name)
		case src.gateway != nil:
			return src.gateway.instance
		}
		return inst.bridges[src.bridge]
	})
	if err != nil {
		return err
	}
	inst.mod = mod
	g.spaces[m.importName()] = mod
	if err := g.fillHooks(ctx, m, inst); err != nil {
		return err
	}
	if start := mod.ExportedFunction(startExport); start != nil && m.src.HasStart {
		_, err = start.Call(ctx)
	}
	return err
}

// keepData returns what puts a module's data back after its start function ran. The data is
// everybody's and was prepared by the group that loaded the module. A module built for threads
// guards what it does once by itself.
func (g *Group) keepData(ctx context.Context, m *module) func() {
	if !m.src.HasStart || m.shared || entryOf(ctx).leads() {
		return func() {}
	}
	area := m.memory
	if m.fixed {
		area = spans.Span{Base: 0, Size: g.l.dataEnd}
	}
	now, ok := g.l.mem.At(area.Base, area.Size)
	if !ok {
		return func() {}
	}
	before := slices.Clone(now)
	return func() {
		for i := range before {
			if now[i] != before[i] { // write only what changed: other groups may be running
				now[i] = before[i]
			}
		}
	}
}

// initThreadLocal gives a module its thread-local storage in this group.
func (g *Group) initThreadLocal(ctx context.Context, m *module, inst *instance) error {
	x := m.exports["__wasm_init_tls"]
	if inst.tls == 0 || x == nil || x.kind != exportFunction {
		return nil
	}
	if err := g.l.config.inject.At(ctx, g, failpoint.InitTLS); err != nil {
		return err
	}
	_, err := g.call(ctx, x.fn, uint64(inst.tls))
	return err
}

// fillLinks puts what is known beforehand into the link table: functions of m that modules before
// it reach through the table, and m's own entries.
func (g *Group) fillLinks(ctx context.Context, m *module) error {
	awaited := g.awaited[m]
	delete(g.awaited, m)
	for _, k := range slices.Concat(m.links, awaited) {
		if k.target == nil || g.links[k.index] != k || g.linked[k.index] != nil {
			continue
		}
		if !g.has(k.target.mod) {
			g.awaited[k.target.mod] = append(g.awaited[k.target.mod], k)
			continue
		}
		if err := g.putLink(ctx, k.index, k.target); err != nil {
			return err
		}
	}
	return nil
}

// has reports whether a module is instantiated in this group, or for all groups.
func (g *Group) has(m *module) bool {
	if m.instance != nil || m.hostName != "" {
		return true
	}
	inst := g.instances[m]
	return inst != nil && inst.mod != nil
}

// remove takes a module, or as much as there is of it, out of this group, and closes its instances.
func (g *Group) remove(ctx context.Context, m *module) error {
	instances, err := g.takeOut(ctx, m)
	errs := []error{err}
	for _, mod := range instances {
		errs = append(errs, mod.Close(ctx))
	}
	return errors.Join(errs...)
}

// takeOut takes a module, or as much as there is of it, out of this group. keep are the entries of
// the function table that are not the module's alone. The result are its instances, which have to
// be closed.
func (g *Group) takeOut(ctx context.Context, m *module, keep ...uint32) ([]api.Module, error) {
	inst := g.instances[m]
	if inst == nil {
		return nil, nil
	}
	var errs []error
	for _, own := range m.table.Without(keep) {
		errs = append(errs, g.clearSlots(ctx, own))
	}
	for _, k := range m.links {
		errs = append(errs, g.clearLink(ctx, k.index))
		delete(g.links, k.index)
		if k.target != nil {
			delete(g.awaited, k.target.mod) // it was part of the same load, and goes with m
		}
	}
	delete(g.awaited, m)
	for _, index := range slices.Sorted(maps.Keys(g.linkedTo[m])) {
		errs = append(errs, g.clearLink(ctx, index))
	}
	for _, fn := range m.functions {
		if pool := g.functions[fn]; pool != nil {
			pool.gone = true // for a Func
			delete(g.functions, fn)
		}
	}
	g.l.dtors.DropThread(g, m)
	delete(g.instances, m)
	delete(g.spaces, m.importName())
	for i := range m.bridges {
		delete(g.spaces, bridgeNamespace(m.id, i))
	}
	return inst.all(), errors.Join(errs...)
}

// all returns everything that was instantiated for the module.
func (inst *instance) all() []api.Module {
	all := slices.Clone(inst.bridges)
	if inst.mod != nil {
		all = append(all, inst.mod)
	}
	for _, p := range inst.put {
		all = append(all, p.mod)
	}
	return append(all, inst.fillers...)
}
