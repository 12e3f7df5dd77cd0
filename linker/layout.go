package linker

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/tetratelabs/wazero/experimental"

	"github.com/lockstep-wasm/lockstep/linker/internal/linmem"
	"github.com/lockstep-wasm/lockstep/linker/internal/spans"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// nullGuard is how many bytes at the bottom of a memory that the linker lays out stay unused, so
// that no object is at the null pointer or near it.
const nullGuard = 1024

// layOut decides where the main module, the libraries that it needs and the first group's stack
// are, and makes the memory. It returns the top of that stack, 0 when the main module brings one.
func (l *Linker) layOut(ctx context.Context, m *module, order []*module) (stackTop uint32,
	err error) {
	minimum := uint64(l.config.minPages)
	if mem, ok := m.src.MemoryType(0); ok {
		minimum = max(minimum, uint64(mem.Min))
	}
	l.linkerSymbols = map[string]uint32{}
	var slotsUsed uint64
	if m.fixed {
		slotsUsed, err = l.readExecutable(m)
		if err != nil {
			return 0, err
		}
	} else {
		// The stack is at the bottom, so that a guest that overflows it traps instead of
		// overwriting data. What libraries have comes before the heap, which belongs to the main
		// module.
		top := spans.AlignUp(nullGuard+uint64(l.config.stackSize), 16)
		end, slots := top, uint64(1) // entry 0 is the null pointer
		for _, m := range order {
			if end, slots, err = m.layOut(end, slots); err != nil {
				return 0, err
			}
		}
		minimum, slotsUsed, stackTop = max(minimum, end/linmem.PageSize+1), slots, uint32(top)
		l.linkerSymbols = map[string]uint32{"__stack_low": nullGuard, "__stack_high": uint32(top),
			"__heap_base": uint32(end), "__data_end": uint32(end)}
		if minimum < wasm.MaxPages { // else it does not fit a pointer
			l.linkerSymbols["__heap_end"] = uint32(minimum * linmem.PageSize)
		}
	}
	if minimum > uint64(l.maxPages) {
		return 0, &LimitError{Limit: limitMemory, Value: minimum, Max: uint64(l.maxPages)}
	}
	if slotsUsed > uint64(l.tableMax) {
		return 0, &LimitError{Limit: limitTable, Value: slotsUsed, Max: uint64(l.tableMax)}
	}
	l.state.slots.Length, l.state.slots.Max, l.state.slots.Keep = uint32(slotsUsed), l.tableMax,
		l.config.quarantine
	return stackTop, l.makeMemory(ctx, uint32(minimum))
}

// layOut gives a module of the initial image its place: memory from end on, table entries from
// slots on. It returns what comes behind.
func (m *module) layOut(end, slots uint64) (uint64, uint64, error) {
	base := spans.AlignUp(end, 1<<m.info.MemoryAlignment)
	tls := spans.AlignUp(base+uint64(m.info.MemorySize), 1<<m.tlsPow)
	first := spans.AlignUp(slots, 1<<m.info.TableAlignment)
	end, slots = spans.AlignUp(tls+uint64(m.tlsSize), 16), first+uint64(m.info.TableSize)
	if end >= 1<<32 {
		return 0, 0, &LimitError{Limit: "memory (bytes)", Value: end, Max: 1 << 32}
	}
	if slots >= 1<<31 {
		return 0, 0, &LimitError{Limit: limitTable, Value: slots, Max: 1 << 31}
	}
	m.placed, m.firstTLS = true, uint32(tls)
	m.memory, m.table = spans.Span{Base: uint32(base), Size: m.info.MemorySize},
		spans.Span{Base: uint32(first), Size: m.info.TableSize}
	return end, slots, nil
}

// makeMemory makes the image's memory.
func (l *Linker) makeMemory(ctx context.Context, minimum uint32) error {
	bytes, err := buildMemory(minimum, l.maxPages, l.noSharedMemory == nil)
	l.memoryCode, err = l.compileGenerated(ctx, "memory", bytes, err)
	if err != nil {
		return err
	}
	limit := uint64(l.maxPages) * linmem.PageSize
	if got := l.mem.Allocate(l.config.allocator, limit); got < limit {
		return &LimitError{Limit: "memory that the allocator gives (bytes)", Value: limit, Max: got}
	}
	allocated := experimental.WithMemoryAllocator(ctx, l.mem.Allocator())
	if l.memoryRoot, err = l.rt.InstantiateModule(allocated, l.memoryCode,
		anonymous()); err != nil {
		return err
	}
	l.mem.Attach(l.memoryRoot.Memory())
	l.imports.set(memoryNamespace, l.memoryRoot)
	return l.settleMemory(ctx)
}

// settleMemory makes the engine forget the allocator of the memory. wazero does so, without a lock,
// when an instance that imports the memory is closed for the first time; another group whose guest
// lets the memory grow looks at the same field. There is one group now and no guest code yet, so an
// instance that is closed at once takes that away from all others.
func (l *Linker) settleMemory(ctx context.Context) error {
	var b wasm.Builder
	b.ImportMemory(memoryNamespace, "memory", anyMemory(l.noSharedMemory == nil))
	bytes, err := b.Bytes()
	compiled, err := l.compileGenerated(ctx, "memory", bytes, err)
	if err != nil {
		return err
	}
	mod, err := l.instantiateIn(ctx, compiled, l.imports.get)
	if err != nil {
		return errors.Join(err, compiled.Close(ctx))
	}
	return errors.Join(mod.Close(ctx), compiled.Close(ctx))
}

// readExecutable finds what an ordinary executable brings: its table, its stack pointer and where
// its data is. It returns how many table entries are in use.
func (l *Linker) readExecutable(m *module) (slotsUsed uint64, err error) {
	slotsUsed, m.placed = 1, true
	for _, name := range slices.Sorted(maps.Keys(m.exports)) {
		x, _ := m.src.ExportByName(name)
		if x.Kind != wasm.KindTable || l.ownTable {
			continue
		}
		t, _ := m.src.TableType(x.Index)
		if t.Elem == wasm.FuncRef {
			if err := m.leavesTable(x.Index); err != nil {
				return 0, err
			}
			l.ownTable, l.tableName = true, name
			m.table, slotsUsed = spans.Span{Base: 0, Size: t.Min}, uint64(max(t.Min, 1))
			if t.HasMax {
				l.tableMax = min(l.tableMax, t.Max)
			}
		}
	}
	if imported, ok := m.src.ImportOf(wasm.KindTable, 0); ok {
		m.table, slotsUsed = spans.Span{Base: 0, Size: imported.Table.Min},
			uint64(max(imported.Table.Min, 1))
		if imported.Table.HasMax {
			l.tableMax = min(l.tableMax, imported.Table.Max)
		}
	}
	if x := m.exports["__stack_pointer"]; x != nil && x.kind == exportGlobal &&
		x.global == (wasm.GlobalType{Type: wasm.I32, Mutable: true}) {
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

// findThreadLocal finds out which exports of a main module at fixed addresses are thread-local
// variables. Such a module exports each as its offset in the thread-local storage, and nothing says
// so: it looks as an address. Where the module's data begins, no offset can be mistaken for one.
func (m *module) findThreadLocal() {
	size, _ := m.constant("__tls_size")
	if !m.fixed || size == 0 {
		return
	}
	low, ok := m.constant("__global_base")
	if !ok {
		low = defaultGlobalBase
		for i := range m.src.Data {
			if v, err := m.src.Data[i].Offset.Eval(nil); m.src.Data[i].Mode == wasm.Active &&
				err == nil {
				low = min(low, uint32(v))
			}
		}
	}
	for name, x := range m.exports {
		if x.kind != exportData || special(name) {
			continue
		}
		if v, err := x.init.Eval(nil); err == nil && uint32(v) < min(size, low) {
			x.tls = true
		}
	}
}

// defaultGlobalBase is where wasm-ld puts data, unless it is told otherwise or the stack comes
// first.
const defaultGlobalBase = 1024
