package linker

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/lockstep-wasm/lockstep/linker/coord"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// nullGuard is how many bytes at the bottom of a memory that the linker lays out stay unused, so that no object
// is at the null pointer or near it.
const nullGuard = 1024

// New makes a process image of a main module: a position-independent executable with a dylink.0 section, or an
// ordinary executable that exports its function table and, to be more than one group, its stack pointer. Its
// data is written, its relocations are applied and its constructors are run; a function _start is not
// called. The host functions that it imports have to be in the runtime already. A nil config is NewConfig().
//
// Errors are a *LoadError, which wraps the reason, or a *FeatureError. Nothing is left in the runtime then.
func New(ctx context.Context, rt wazero.Runtime, main []byte, config *Config) (*Linker, error) {
	if config == nil {
		config = NewConfig()
	}
	l := &Linker{rt: rt, config: config, gateways: map[string]*module{}, callers: map[string]wazero.CompiledModule{}}
	l.areas.l, l.areas.live = l, map[uint32]area{}
	l.state.scope = &scope{names: map[string]*module{}, files: map[string]*module{}}
	l.state.closures.live = map[uint32]bool{}
	l.state.links.max = 1 << 30
	if err := l.bootstrap(ctx, main); err != nil {
		l.closed.Store(true)
		if l.first != nil {
			l.first.closeInstances(ctx)
		}
		if l.main != nil {
			l.main.close(ctx)
		}
		return nil, errors.Join(asLoadError(err, config.mainName), l.closeShared(ctx))
	}
	return l, nil
}

// bootstrap builds the first group. Nobody else can know the linker yet, so there is nothing to lock: the
// bootstrap exception, which the coordinator checks by starting with exactly one group.
func (l *Linker) bootstrap(ctx context.Context, bytes []byte) error {
	if err := hasThreads(ctx, l.rt); err != nil {
		if fe := (*FeatureError)(nil); !errors.As(err, &fe) {
			return err
		}
		l.threads = err
	}
	m, err := l.decodeMain(bytes)
	if err != nil {
		return err
	}
	l.main, l.alloc = m, newAllocator(m)
	stackTop, err := l.layOut(ctx, m)
	if err != nil {
		return err
	}
	if err := l.instantiateHost(ctx); err != nil {
		return err
	}
	if err := l.compileBase(ctx); err != nil {
		return err
	}
	l.first = newGroup(l)
	l.coord, l.first.member, err = coord.New(coord.Config{
		Waiting: l.config.waiting, Observer: l.config.observer, MaxGroups: l.config.maxGroups, Batch: closureBatch,
	}, participant{l.first})
	if err != nil {
		return err
	}
	l.groups.add(l.first)
	if err := l.first.open(ctx, stackTop); err != nil {
		return err
	}
	t := &tx{l: l, g: l.first}
	err = t.load(t.enter(ctx), &batch{search: []*module{m}, order: []*module{m}, bytes: map[*module][]byte{m: bytes}})
	if err != nil {
		return err
	}
	if err := l.sideStack(t.enter(ctx)); err != nil {
		return err
	}
	l.publish(0)
	return nil
}

// decodeMain reads the main module.
func (l *Linker) decodeMain(bytes []byte) (*module, error) {
	src, err := wasm.Decode(bytes)
	if err != nil {
		return nil, err
	}
	info, err := dylink.Read(bytes)
	if err != nil && !errors.Is(err, dylink.ErrNotLibrary) {
		return nil, err
	}
	if info != nil && len(info.Needed) > 0 {
		return nil, &ImportError{Module: l.config.mainName, Namespace: "env", Name: info.Needed[0],
			Reason: "a main module that needs libraries is not supported: open them after New"}
	}
	m := &module{id: l.nextID(), name: l.config.mainName, file: l.config.mainName, src: src, info: info}
	m.readInfo()
	m.readExports()
	if m.shared && l.threads != nil {
		return nil, l.threads
	}
	return m, nil
}

// layOut decides where the main module's stack and data are and makes the memory. It returns the top of the
// first group's stack, 0 when the main module brings one.
func (l *Linker) layOut(ctx context.Context, m *module) (stackTop uint32, err error) {
	limits := wasm.Limits{Max: wasm.MaxPages}
	if mem, ok := m.src.MemoryType(0); ok {
		limits = mem.Limits
		if !mem.HasMax {
			limits.Max = wasm.MaxPages
		}
	}
	minimum := uint64(max(limits.Min, l.config.minPages))
	l.maxPages = min(limits.Max, l.config.maxPages)
	l.tableMax, l.places = l.config.maxTable, map[string]uint32{}
	slotsUsed := uint64(1) // entry 0 is the null pointer
	if m.info != nil {
		// The stack is at the bottom, so that a guest that overflows it traps instead of
		// overwriting data.
		top := alignUp(nullGuard+uint64(l.config.stackSize), 16)
		base := alignUp(top, 1<<m.info.MemoryAlignment)
		tls := alignUp(base+uint64(m.info.MemorySize), 1<<m.tlsPow)
		end := alignUp(tls+uint64(m.tlsSize), 16)
		minimum = max(minimum, end/pageSize+1)
		if minimum > uint64(l.maxPages) {
			return 0, &LimitError{Limit: "memory (pages)", Value: minimum, Max: uint64(l.maxPages)}
		}
		m.memory, stackTop, l.mainTLS = span{uint32(base), m.info.MemorySize}, uint32(top), uint32(tls)
		l.places = map[string]uint32{"__stack_low": nullGuard, "__stack_high": uint32(top), "__heap_base": uint32(end),
			"__heap_end": uint32(minimum * pageSize), "__data_end": uint32(end)}
		if minimum == wasm.MaxPages {
			delete(l.places, "__heap_end") // it does not fit a pointer
		}
		tableBase := alignUp(1, 1<<m.info.TableAlignment)
		m.table = span{uint32(tableBase), m.info.TableSize}
		slotsUsed = m.table.end()
	}
	if minimum > uint64(l.maxPages) {
		return 0, &LimitError{Limit: "memory (pages)", Value: minimum, Max: uint64(l.maxPages)}
	}
	if m.info == nil {
		if slotsUsed, err = l.readExecutable(m); err != nil {
			return 0, err
		}
	}
	if slotsUsed > uint64(l.tableMax) {
		return 0, &LimitError{Limit: "function table (entries)", Value: slotsUsed, Max: uint64(l.tableMax)}
	}
	l.state.slots.length, l.state.slots.max = uint32(slotsUsed), l.tableMax
	bytes, err := buildMemory(uint32(minimum), l.maxPages, l.threads == nil)
	root, err := l.compileGenerated(ctx, "memory", bytes, err)
	if err != nil {
		return 0, err
	}
	l.memoryCode = root
	if err := l.mem.allocate(l.config.allocator, uint64(l.maxPages)*pageSize); err != nil {
		return 0, err
	}
	allocated := experimental.WithMemoryAllocator(ctx, l.mem.allocator())
	if l.memoryRoot, err = l.rt.InstantiateModule(allocated, root, anonymous()); err != nil {
		return 0, err
	}
	l.mem.memory = l.memoryRoot.Memory()
	l.spaces.set(memoryNamespace, l.memoryRoot)
	return stackTop, nil
}

// readExecutable finds what an ordinary executable brings: its table, its stack pointer and where its data is.
// It returns how many table entries are in use.
func (l *Linker) readExecutable(m *module) (slotsUsed uint64, err error) {
	slotsUsed = 1
	for _, name := range slices.Sorted(maps.Keys(m.exports)) {
		x, _ := m.src.ExportByName(name)
		if x.Kind != wasm.KindTable || l.ownTable {
			continue
		}
		t, _ := m.src.TableType(x.Index)
		if t.Elem == wasm.FuncRef {
			l.ownTable, l.tableName = true, name
			m.table, slotsUsed = span{0, t.Min}, uint64(max(t.Min, 1))
			if t.HasMax {
				l.tableMax = min(l.tableMax, t.Max)
			}
		}
	}
	if !l.ownTable && len(m.src.Tables) > 0 {
		return 0, &ImportError{Module: m.name, Namespace: "env", Name: "__indirect_function_table",
			Reason: "the main module does not export its function table (link it with --export-table)"}
	}
	if imported, ok := m.src.ImportOf(wasm.KindTable, 0); ok {
		m.table, slotsUsed = span{0, imported.Table.Min}, uint64(max(imported.Table.Min, 1))
	}
	if x := m.exports["__stack_pointer"]; x != nil && x.kind == exportGlobal && x.global == (wasm.GlobalType{Type: wasm.I32, Mutable: true}) {
		l.stackPointer = x
	}
	end := uint64(0)
	for i := range m.src.Data {
		if v, err := m.src.Data[i].Offset.Eval(nil); err == nil {
			end = max(end, uint64(uint32(v))+uint64(len(m.src.Data[i].Bytes)))
		}
	}
	for _, name := range []string{"__data_end", "__heap_base"} {
		if v, ok := m.constant(name); ok {
			end = max(end, uint64(v))
		}
	}
	l.dataEnd = uint32(min(end, 1<<32-1))
	return slotsUsed, nil
}

// compileBase compiles what every group starts with.
func (l *Linker) compileBase(ctx context.Context) (err error) {
	bytes, err := buildBase(!l.ownTable, l.tableMax)
	if l.baseCode, err = l.compileGenerated(ctx, "base", bytes, err); err != nil {
		return err
	}
	namespace, name := baseNamespace, "table"
	if l.ownTable {
		namespace, name = moduleNamespace(l.main.id), l.tableName
	}
	bytes, err = buildTableAccess(namespace, name)
	l.tableCode, err = l.compileGenerated(ctx, "table access", bytes, err)
	return err
}

// sideStack makes the first group's stack for libraries when the main module is an executable that does not
// tell where its own is.
func (l *Linker) sideStack(ctx context.Context) error {
	if l.main.info != nil || l.stackPointer != nil {
		return nil
	}
	base, err := l.areas.take(ctx, l.first, l.config.stackSize, 16)
	if err != nil {
		return fmt.Errorf("linker: stack for libraries: %w", err)
	}
	l.first.setBaseStack(base + l.config.stackSize)
	return nil
}
