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

	"github.com/lockstep-wasm/lockstep/linker/internal/text"
)

// instance is a module in one group.
type instance struct {
	mod     api.Module
	bridges []api.Module
	fillers []api.Module               // of its hook tables
	put     map[uint32]*putterInstance // by batch, from when a function of it is put into a table
	tls     uint32                     // its thread-local storage; 0 for none
}

// putterInstance is a module's putter in one group. Its functions do not call out, so one of each
// serves all calls.
type putterInstance struct {
	mod       api.Module
	put, link api.Function
}

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
		err := g.l.at(ctx, g, pointOpenBridge)
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
	if err := g.l.at(ctx, g, pointInstantiate); err != nil {
		return err
	}
	restore := g.keepData(ctx, m)
	err := g.start(ctx, m, inst)
	restore()
	if err != nil {
		return err
	}
	if err := g.l.at(ctx, g, pointStarted); err != nil {
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
	if err := g.l.at(ctx, g, pointLinks); err != nil {
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
		area = span{0, g.l.dataEnd}
	}
	now, ok := g.l.mem.at(area.base, area.size)
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
	if err := g.l.at(ctx, g, pointInitTLS); err != nil {
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
	for _, own := range m.table.without(keep) {
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
	g.l.exits.dropThread(g, m)
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

// putterOf returns the instance that puts a function into this group's tables, and the function's
// number to it.
func (g *Group) putterOf(ctx context.Context, fn *function) (*putterInstance, uint64, error) {
	m := fn.mod
	batch, position := m.put.index[fn]/putBatch, uint64(m.put.index[fn]%putBatch)
	inst := g.instances[m]
	if inst == nil { // a host module
		inst = &instance{}
		g.instances[m] = inst
	}
	if p := inst.put[batch]; p != nil {
		return p, position, nil
	}
	if err := g.l.at(ctx, g, pointPutter); err != nil {
		return nil, 0, err
	}
	compiled, err := m.put.compile(ctx, g.l.codes, m, batch)
	if err != nil {
		return nil, 0, err
	}
	mod, err := g.l.instantiateIn(ctx, compiled,
		func(name string) api.Module { return g.namespace(m.namespace(name)) })
	if err != nil {
		return nil, 0, err
	}
	if inst.put == nil {
		inst.put = map[uint32]*putterInstance{}
	}
	p := &putterInstance{mod: mod, put: mod.ExportedFunction(putSlot),
		link: mod.ExportedFunction(putLink)}
	inst.put[batch] = p
	return p, position, nil
}

// compile compiles what puts a batch of functions.
func (p *putter) compile(ctx context.Context, c *codes, m *module,
	batch uint32) (wazero.CompiledModule, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if compiled := p.compiled[batch]; compiled != nil {
		return compiled, nil
	}
	first := int(batch * putBatch)
	bytes, err := buildPut(m.functions[first:min(first+putBatch, len(m.functions))])
	if err != nil {
		return nil, err
	}
	compiled, err := c.CompileModule(ctx, bytes)
	if err != nil {
		return nil, err
	}
	if p.compiled == nil {
		p.compiled = map[uint32]wazero.CompiledModule{}
	}
	p.compiled[batch] = compiled
	return compiled, nil
}

// fill puts functions into slots of the function table.
func (g *Group) fill(ctx context.Context, fills []fill) error {
	for _, f := range fills {
		if err := g.putSlot(ctx, f.slot, f.fn); err != nil {
			return err
		}
	}
	return nil
}

// putSlot puts a function into an entry of the function table.
func (g *Group) putSlot(ctx context.Context, slot uint32, fn *function) error {
	p, position, err := g.putterOf(ctx, fn)
	if err != nil {
		return fmt.Errorf("linker: function %s of %s into the table: %w", text.Quote(fn.name),
			text.Name(fn.mod.name), err)
	}
	if err := g.l.at(ctx, g, pointPut); err != nil {
		return err
	}
	_, err = p.put.Call(ctx, uint64(slot), position)
	return err
}

// putLink puts a function into an entry of the link table.
func (g *Group) putLink(ctx context.Context, index uint32, fn *function) error {
	p, position, err := g.putterOf(ctx, fn)
	if err != nil {
		return fmt.Errorf("linker: function %s of %s into the link table: %w", text.Quote(fn.name),
			text.Name(fn.mod.name), err)
	}
	if err := g.l.at(ctx, g, pointLink); err != nil {
		return err
	}
	if _, err := p.link.Call(ctx, uint64(index), position); err != nil {
		return err
	}
	g.unlink(index) // it may have held another one
	if g.linkedTo[fn.mod] == nil {
		g.linkedTo[fn.mod] = map[uint32]bool{}
	}
	g.linked[index], g.linkedTo[fn.mod][index] = fn, true
	return nil
}

// unlink forgets what an entry of the link table holds.
func (g *Group) unlink(index uint32) {
	if fn := g.linked[index]; fn != nil {
		delete(g.linkedTo[fn.mod], index)
		if len(g.linkedTo[fn.mod]) == 0 {
			delete(g.linkedTo, fn.mod)
		}
	}
	delete(g.linked, index)
}

func (g *Group) clearLink(ctx context.Context, index uint32) error {
	if g.linked[index] == nil {
		return nil
	}
	g.unlink(index)
	_, err := g.base.ExportedFunction(baseClearLink).Call(ctx, uint64(index))
	return err
}

// clearFills makes slots null again; those beyond the table's end are none.
func (g *Group) clearFills(ctx context.Context, fills []fill) error {
	var errs []error
	for _, f := range fills {
		errs = append(errs, g.clearSlots(ctx, span{f.slot, 1}))
	}
	return errors.Join(errs...)
}

func (g *Group) clearSlots(ctx context.Context, r span) error {
	if r.size == 0 || g.table == nil || r.end() > uint64(g.slots) {
		return nil
	}
	_, err := g.table.ExportedFunction(tableClear).Call(ctx, uint64(r.base), uint64(r.size))
	return err
}

// growTables makes the tables as long as they have to be.
func (g *Group) growTables(ctx context.Context, slots, links uint32) error {
	grow := func(mod api.Module, export string, have *uint32, want uint32, what string) error {
		if want <= *have || mod == nil {
			return nil
		}
		r, err := mod.ExportedFunction(export).Call(ctx, uint64(want-*have))
		if err != nil {
			return err
		}
		if int32(r[0]) < 0 {
			return &LimitError{Limit: what + " (entries)", Value: uint64(want), Max: uint64(*have)}
		}
		*have = want
		return nil
	}
	if err := g.l.at(ctx, g, pointGrowTables); err != nil {
		return err
	}
	if err := grow(g.table, tableGrow, &g.slots, slots, "function table"); err != nil {
		return err
	}
	return grow(g.base, baseGrowLinks, &g.linkSlots, links, "link table")
}
