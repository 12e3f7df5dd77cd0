package space

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
	"github.com/lockstep-wasm/lockstep/linker/internal/shim"
	"github.com/lockstep-wasm/lockstep/linker/internal/spans"
)

// Instance is a module in one group. It belongs to whom the space belongs.
type Instance struct {
	Mod     api.Module
	Shims   []api.Module
	fillers []api.Module // fill its hook tables, and are closed with it
	// table writers by batch, from when a function of it is put into a table
	writers map[uint32]api.Module
	tls     uint32 // its thread-local storage; 0 for none
}

// Anonymous is the configuration of every instance: without a name there can be many of one module,
// and an exported _start runs only when it is called. It has a source of random numbers only
// because wazero seeds one of its own otherwise, which takes longer than the rest of instantiating
// a shim; it is never read, since system calls are those of a host shim.
func Anonymous() wazero.ModuleConfig {
	return wazero.NewModuleConfig().WithName("").WithStartFunctions().WithRandSource(rand.Reader)
}

// InstantiateIn instantiates compiled code whose import namespaces come from resolve; what that
// answers with nil is a host module's.
func (l *Shared) InstantiateIn(ctx context.Context, compiled wazero.CompiledModule,
	resolve func(string) api.Module) (api.Module, error) {
	return l.InstantiateAs(ctx, compiled, resolve, Anonymous())
}

// Namespace finds what generated modules import from, for this group.
func (sp *Space) Namespace(name string) api.Module {
	if m := sp.Imports[name]; m != nil {
		return m
	}
	return sp.shared.Imports.Get(name)
}

// instantiate makes a module's instance, with its shims, in this group. tls is the address of its
// thread-local storage. When it fails, remove takes back what was done.
func (sp *Space) instantiate(ctx context.Context, m *image.Module, tls uint32) error {
	inst := &Instance{tls: tls}
	sp.Instances[m] = inst
	for _, k := range m.PLT {
		sp.PLT[k.Index] = k
	}
	for i, br := range CodeOf(m).Shims {
		err := sp.Inject(ctx, failpoint.OpenImportShim)
		if err != nil {
			return err
		}
		b, err := sp.shared.InstantiateIn(ctx, br.Compiled,
			func(name string) api.Module { return sp.Namespace(br.Namespace(name)) })
		if err != nil {
			return fmt.Errorf("linker: import shim: %w", err)
		}
		inst.Shims = append(inst.Shims, b)
		sp.Imports[shim.Namespace(m.ID, i)] = b
	}
	if err := sp.Inject(ctx, failpoint.Instantiate); err != nil {
		return err
	}
	restore := sp.keepData(ctx, m)
	err := sp.start(ctx, m, inst)
	restore()
	if err != nil {
		return err
	}
	if err := sp.Inject(ctx, failpoint.Started); err != nil {
		return err
	}
	if m == sp.shared.Main {
		if err := sp.openMain(ctx, inst.Mod); err != nil {
			return err
		}
	}
	if err := sp.initThreadLocal(ctx, m, inst); err != nil {
		return err
	}
	if err := sp.Inject(ctx, failpoint.PLT); err != nil {
		return err
	}
	return sp.fillPLT(ctx, m)
}

// start makes the instance itself and runs its start function.
func (sp *Space) start(ctx context.Context, m *image.Module, inst *Instance) error {
	mod, err := sp.shared.InstantiateIn(ctx, CodeOf(m).Compiled, func(name string) api.Module {
		src, ok := CodeOf(m).Sources[name]
		switch {
		case !ok:
			// the memory that was the main module's own, or the group's flag
			return sp.Namespace(name)
		case src.Host != nil:
			return CodeOf(src.Host).Instance
		}
		return inst.Shims[src.Shim]
	})
	if err != nil {
		return err
	}
	inst.Mod = mod
	sp.Imports[shim.ImportName(m)] = mod
	if err := sp.fillHooks(ctx, m, inst); err != nil {
		return err
	}
	if start := mod.ExportedFunction(shim.StartExport); start != nil && m.Src.HasStart {
		_, err = start.Call(ctx)
	}
	return err
}

// keepData returns a function that restores a module's data after its start function ran. All
// groups share the data, and the group that loaded the module prepared it. A module built for
// threads guards what it does once by itself.
func (sp *Space) keepData(ctx context.Context, m *image.Module) func() {
	if !m.Src.HasStart || m.Shared || sp.Leads(ctx) {
		return func() {}
	}
	data := m.Memory
	if m.Fixed {
		data = spans.Span{Base: 0, Size: sp.shared.DataEnd}
	}
	now, ok := sp.shared.Mem.At(data.Base, data.Size)
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
func (sp *Space) initThreadLocal(ctx context.Context, m *image.Module, inst *Instance) error {
	x := m.Exports["__wasm_init_tls"]
	if inst.tls == 0 || x == nil || x.Kind != image.KindFunction {
		return nil
	}
	if err := sp.Inject(ctx, failpoint.InitTLS); err != nil {
		return err
	}
	_, err := sp.Call(ctx, x.Fn, uint64(inst.tls))
	return err
}

// fillPLT puts functions that are known beforehand into the PLT: functions of m that modules before
// it reach through the table, and m's own entries.
func (sp *Space) fillPLT(ctx context.Context, m *image.Module) error {
	awaited := sp.awaited[m]
	delete(sp.awaited, m)
	for _, k := range slices.Concat(m.PLT, awaited) {
		if k.Target == nil || sp.PLT[k.Index] != k || sp.Resolved[k.Index] != nil {
			continue
		}
		if !sp.Has(k.Target.Mod) {
			sp.awaited[k.Target.Mod] = append(sp.awaited[k.Target.Mod], k)
			continue
		}
		if err := sp.PutPLT(ctx, k.Index, k.Target); err != nil {
			return err
		}
	}
	return nil
}

// Has reports whether a module is instantiated in this group, or for all groups.
func (sp *Space) Has(m *image.Module) bool {
	if CodeOf(m).Instance != nil || m.HostName != "" {
		return true
	}
	inst := sp.Instances[m]
	return inst != nil && inst.Mod != nil
}

// remove takes a module, or as much as there is of it, out of this group, and closes its instances.
func (sp *Space) remove(ctx context.Context, m *image.Module) error {
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
func (sp *Space) takeOut(ctx context.Context, m *image.Module, keep ...uint32) ([]api.Module,
	error) {
	inst := sp.Instances[m]
	if inst == nil {
		return nil, nil
	}
	var errs []error
	for _, own := range m.Table.Without(keep) {
		errs = append(errs, sp.clearSlots(ctx, own))
	}
	for _, k := range m.PLT {
		errs = append(errs, sp.clearPLT(ctx, k.Index))
		delete(sp.PLT, k.Index)
		if k.Target != nil {
			delete(sp.awaited, k.Target.Mod) // it was part of the same load, and goes with m
		}
	}
	delete(sp.awaited, m)
	for _, index := range slices.Sorted(maps.Keys(sp.resolvedTo[m])) {
		errs = append(errs, sp.clearPLT(ctx, index))
	}
	for _, fn := range m.Functions {
		if pool := sp.functions[fn]; pool != nil {
			pool.Gone = true // for a Func
			delete(sp.functions, fn)
		}
	}
	if len(inst.writers) > 0 { // they may be of these
		sp.slotWriter, sp.pltWriter = lastWriter{}, lastWriter{}
	}
	sp.Dropped(m)
	delete(sp.Instances, m)
	delete(sp.Imports, shim.ImportName(m))
	for i := range CodeOf(m).Shims {
		delete(sp.Imports, shim.Namespace(m.ID, i))
	}
	return inst.all(), errors.Join(errs...)
}

// all returns everything that was instantiated for the module.
func (inst *Instance) all() []api.Module {
	all := slices.Clone(inst.Shims)
	if inst.Mod != nil {
		all = append(all, inst.Mod)
	}
	for _, w := range inst.writers {
		all = append(all, w)
	}
	return append(all, inst.fillers...)
}

// InstantiateAs instantiates compiled code with a configuration.
func (l *Shared) InstantiateAs(ctx context.Context, compiled wazero.CompiledModule,
	resolve func(string) api.Module, config wazero.ModuleConfig) (api.Module, error) {
	return l.Runtime.InstantiateModule(experimental.WithImportResolver(ctx, resolve),
		codecache.Engine(compiled), config)
}

// fillHooks fills the tables of a module that was just instantiated.
func (sp *Space) fillHooks(ctx context.Context, m *image.Module, inst *Instance) error {
	for _, h := range CodeOf(m).Hooks {
		filler, err := sp.shared.InstantiateIn(ctx, h.Filler, func(name string) api.Module {
			if name == h.Name {
				return inst.Mod
			}
			return sp.shared.Imports.Get(name)
		})
		if err != nil {
			return err
		}
		inst.fillers = append(inst.fillers, filler)
	}
	return nil
}
