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
	"github.com/tetratelabs/wazero/experimental"

	"github.com/lockstep-wasm/lockstep/linker/internal/codecache"
	"github.com/lockstep-wasm/lockstep/linker/internal/failpoint"
	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/spans"
)

// anonymous is the configuration of every instance: without a name there can be many of one module,
// and an exported _start runs only when it is called. It has a source of random numbers only
// because wazero seeds one of its own otherwise, which takes longer than the rest of instantiating
// a bridge; it is never read, since system calls are those of a gateway.
func anonymous() wazero.ModuleConfig {
	return wazero.NewModuleConfig().WithName("").WithStartFunctions().WithRandSource(rand.Reader)
}

// instantiateIn instantiates compiled code whose import namespaces come from resolve; what that
// answers with nil is a host module's.
func (l *shared) instantiateIn(ctx context.Context, compiled wazero.CompiledModule,
	resolve func(string) api.Module) (api.Module, error) {
	return l.instantiateAs(ctx, compiled, resolve, anonymous())
}

// namespace finds what generated modules import from, for this group.
func (sp *space) namespace(name string) api.Module {
	if m := sp.imports[name]; m != nil {
		return m
	}
	return sp.image.imports.get(name)
}

// instantiate makes a module's instance, with its bridges, in this group. tls is the address of its
// thread-local storage. When it fails, remove takes back what was done.
func (sp *space) instantiate(ctx context.Context, m *image.Module, tls uint32) error {
	inst := &instance{tls: tls}
	sp.instances[m] = inst
	for _, k := range m.PLT {
		sp.links[k.Index] = k
	}
	for i, br := range codeOf(m).bridges {
		err := sp.inject(ctx, failpoint.OpenBridge)
		if err != nil {
			return err
		}
		b, err := sp.image.instantiateIn(ctx, br.compiled,
			func(name string) api.Module { return sp.namespace(br.namespace(name)) })
		if err != nil {
			return fmt.Errorf("linker: bridge: %w", err)
		}
		inst.bridges = append(inst.bridges, b)
		sp.imports[bridgeNamespace(m.ID, i)] = b
	}
	if err := sp.inject(ctx, failpoint.Instantiate); err != nil {
		return err
	}
	restore := sp.keepData(ctx, m)
	err := sp.start(ctx, m, inst)
	restore()
	if err != nil {
		return err
	}
	if err := sp.inject(ctx, failpoint.Started); err != nil {
		return err
	}
	if m == sp.image.main {
		if err := sp.openMain(ctx, inst.mod); err != nil {
			return err
		}
	}
	if err := sp.initThreadLocal(ctx, m, inst); err != nil {
		return err
	}
	if err := sp.inject(ctx, failpoint.Links); err != nil {
		return err
	}
	return sp.fillLinks(ctx, m)
}

// start makes the instance itself and runs its start function.
func (sp *space) start(ctx context.Context, m *image.Module, inst *instance) error {
	mod, err := sp.image.instantiateIn(ctx, codeOf(m).compiled, func(name string) api.Module {
		src, ok := codeOf(m).sources[name]
		switch {
		case !ok:
			// the memory that was the main module's own, or the group's flag
			return sp.namespace(name)
		case src.gateway != nil:
			return codeOf(src.gateway).instance
		}
		return inst.bridges[src.bridge]
	})
	if err != nil {
		return err
	}
	inst.mod = mod
	sp.imports[importName(m)] = mod
	if err := sp.fillHooks(ctx, m, inst); err != nil {
		return err
	}
	if start := mod.ExportedFunction(startExport); start != nil && m.Src.HasStart {
		_, err = start.Call(ctx)
	}
	return err
}

// keepData returns a function that restores a module's data after its start function ran. All
// groups share the data, and the group that loaded the module prepared it. A module built for
// threads guards what it does once by itself.
func (sp *space) keepData(ctx context.Context, m *image.Module) func() {
	if !m.Src.HasStart || m.Shared || sp.leads(ctx) {
		return func() {}
	}
	area := m.Memory
	if m.Fixed {
		area = spans.Span{Base: 0, Size: sp.image.dataEnd}
	}
	now, ok := sp.image.mem.At(area.Base, area.Size)
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
func (sp *space) initThreadLocal(ctx context.Context, m *image.Module, inst *instance) error {
	x := m.Exports["__wasm_init_tls"]
	if inst.tls == 0 || x == nil || x.Kind != image.KindFunction {
		return nil
	}
	if err := sp.inject(ctx, failpoint.InitTLS); err != nil {
		return err
	}
	_, err := sp.call(ctx, x.Fn, uint64(inst.tls))
	return err
}

// fillLinks puts what is known beforehand into the link table: functions of m that modules before
// it reach through the table, and m's own entries.
func (sp *space) fillLinks(ctx context.Context, m *image.Module) error {
	awaited := sp.awaited[m]
	delete(sp.awaited, m)
	for _, k := range slices.Concat(m.PLT, awaited) {
		if k.Target == nil || sp.links[k.Index] != k || sp.linked[k.Index] != nil {
			continue
		}
		if !sp.has(k.Target.Mod) {
			sp.awaited[k.Target.Mod] = append(sp.awaited[k.Target.Mod], k)
			continue
		}
		if err := sp.putLink(ctx, k.Index, k.Target); err != nil {
			return err
		}
	}
	return nil
}

// has reports whether a module is instantiated in this group, or for all groups.
func (sp *space) has(m *image.Module) bool {
	if codeOf(m).instance != nil || m.HostName != "" {
		return true
	}
	inst := sp.instances[m]
	return inst != nil && inst.mod != nil
}

// remove takes a module, or as much as there is of it, out of this group, and closes its instances.
func (sp *space) remove(ctx context.Context, m *image.Module) error {
	instances, err := sp.takeOut(ctx, m)
	errs := []error{err}
	for _, mod := range instances {
		errs = append(errs, mod.Close(ctx))
	}
	return errors.Join(errs...)
}

// takeOut takes a module, or as much as there is of it, out of this group. keep are the entries of
// the function table that are not the module's alone. The result are its instances, which have to
// be closed.
func (sp *space) takeOut(ctx context.Context, m *image.Module, keep ...uint32) ([]api.Module,
	error) {
	inst := sp.instances[m]
	if inst == nil {
		return nil, nil
	}
	var errs []error
	for _, own := range m.Table.Without(keep) {
		errs = append(errs, sp.clearSlots(ctx, own))
	}
	for _, k := range m.PLT {
		errs = append(errs, sp.clearLink(ctx, k.Index))
		delete(sp.links, k.Index)
		if k.Target != nil {
			delete(sp.awaited, k.Target.Mod) // it was part of the same load, and goes with m
		}
	}
	delete(sp.awaited, m)
	for _, index := range slices.Sorted(maps.Keys(sp.linkedTo[m])) {
		errs = append(errs, sp.clearLink(ctx, index))
	}
	for _, fn := range m.Functions {
		if pool := sp.functions[fn]; pool != nil {
			pool.gone = true // for a Func
			delete(sp.functions, fn)
		}
	}
	sp.dropDtors(m)
	delete(sp.instances, m)
	delete(sp.imports, importName(m))
	for i := range codeOf(m).bridges {
		delete(sp.imports, bridgeNamespace(m.ID, i))
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

// instantiateAs instantiates compiled code with a configuration.
func (l *shared) instantiateAs(ctx context.Context, compiled wazero.CompiledModule,
	resolve func(string) api.Module, config wazero.ModuleConfig) (api.Module, error) {
	return l.rt.InstantiateModule(experimental.WithImportResolver(ctx, resolve),
		codecache.Engine(compiled), config)
}

// fillHooks fills the tables of a module that was just instantiated.
func (sp *space) fillHooks(ctx context.Context, m *image.Module, inst *instance) error {
	for _, h := range codeOf(m).hooks {
		filler, err := sp.image.instantiateIn(ctx, h.filler, func(name string) api.Module {
			if name == h.name {
				return inst.mod
			}
			return sp.image.imports.get(name)
		})
		if err != nil {
			return err
		}
		inst.fillers = append(inst.fillers, filler)
	}
	return nil
}
