package linker

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/tetratelabs/wazero/experimental"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/linmem"
	"github.com/lockstep-wasm/lockstep/linker/internal/shim"
	"github.com/lockstep-wasm/lockstep/linker/internal/space"
	"github.com/lockstep-wasm/lockstep/linker/internal/spans"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// nullGuard is how many bytes at the bottom of a memory that the linker lays out stay unused, so
// that no object is at the null pointer or near it.
const nullGuard = 1024

// layOut decides where the main module, the libraries that it needs and the first group's stack
// are, and makes the memory. It returns the top of that stack, 0 when the main module brings one.
func (l *Linker) layOut(ctx context.Context, m *image.Module,
	order []*image.Module) (stackTop uint32,
	err error) {
	minimum := uint64(l.config.minPages)
	if mem, ok := m.Src.MemoryType(0); ok {
		minimum = max(minimum, uint64(mem.Min))
	}
	l.linkerSymbols = map[string]uint32{}
	var slotsUsed uint64
	if m.Fixed {
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
			if end, slots, err = layOutModule(m, end, slots); err != nil {
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

// layOutModule gives a module of the initial image its place: memory from end on, table entries
// from slots on. It returns what comes behind.
func layOutModule(m *image.Module, end, slots uint64) (uint64, uint64, error) {
	base := spans.AlignUp(end, 1<<m.Info.MemoryAlignment)
	tls := spans.AlignUp(base+uint64(m.Info.MemorySize), 1<<m.TLSPow)
	first := spans.AlignUp(slots, 1<<m.Info.TableAlignment)
	end, slots = spans.AlignUp(tls+uint64(m.TLSSize), 16), first+uint64(m.Info.TableSize)
	if end >= 1<<32 {
		return 0, 0, &LimitError{Limit: "memory (bytes)", Value: end, Max: 1 << 32}
	}
	if slots >= 1<<31 {
		return 0, 0, &LimitError{Limit: limitTable, Value: slots, Max: 1 << 31}
	}
	m.Placed, m.FirstTLS = true, uint32(tls)
	m.Memory, m.Table = spans.Span{Base: uint32(base), Size: m.Info.MemorySize},
		spans.Span{Base: uint32(first), Size: m.Info.TableSize}
	return end, slots, nil
}

func (l *Linker) makeMemory(ctx context.Context, minimum uint32) error {
	bytes, err := shim.Memory(minimum, l.maxPages, l.noSharedMemory == nil)
	l.memoryCode, err = l.compileGenerated(ctx, "memory", bytes, err)
	if err != nil {
		return err
	}
	limit := uint64(l.maxPages) * linmem.PageSize
	if got := l.shared.Mem.Allocate(l.config.allocator, limit); got < limit {
		return &LimitError{Limit: "memory that the allocator gives (bytes)", Value: limit, Max: got}
	}
	allocated := experimental.WithMemoryAllocator(ctx, l.shared.Mem.Allocator())
	if l.memoryRoot, err = l.shared.Runtime.InstantiateModule(allocated, l.memoryCode,
		space.Anonymous()); err != nil {
		return err
	}
	l.shared.Mem.Attach(l.memoryRoot.Memory())
	l.shared.Imports.Set(shim.MemoryNamespace, l.memoryRoot)
	return l.settleMemory(ctx)
}

// settleMemory makes the engine forget the allocator of the memory. wazero does so, without a lock,
// when an instance that imports the memory is closed for the first time; another group whose guest
// lets the memory grow looks at the same field. There is one group now and no guest code yet, so an
// instance that is closed at once takes that away from all others.
func (l *Linker) settleMemory(ctx context.Context) error {
	var b wasm.Builder
	b.ImportMemory(shim.MemoryNamespace, "memory", shim.AnyMemory(l.noSharedMemory == nil))
	bytes, err := b.Bytes()
	compiled, err := l.compileGenerated(ctx, "memory", bytes, err)
	if err != nil {
		return err
	}
	mod, err := l.shared.InstantiateIn(ctx, compiled, l.shared.Imports.Get)
	if err != nil {
		return errors.Join(err, compiled.Close(ctx))
	}
	return errors.Join(mod.Close(ctx), compiled.Close(ctx))
}

// readExecutable finds what an ordinary executable brings: its table, its stack pointer and where
// its data is. It returns how many table entries are in use.
func (l *Linker) readExecutable(m *image.Module) (slotsUsed uint64, err error) {
	slotsUsed, m.Placed = 1, true
	for _, name := range slices.Sorted(maps.Keys(m.Exports)) {
		x, _ := m.Src.ExportByName(name)
		if x.Kind != wasm.KindTable || l.shared.OwnTable {
			continue
		}
		t, _ := m.Src.TableType(x.Index)
		if t.Elem == wasm.FuncRef {
			if err := leavesTable(m, x.Index); err != nil {
				return 0, err
			}
			l.shared.OwnTable, l.tableName = true, name
			m.Table, slotsUsed = spans.Span{Base: 0, Size: t.Min}, uint64(max(t.Min, 1))
			if t.HasMax {
				l.tableMax = min(l.tableMax, t.Max)
			}
		}
	}
	if imported, ok := m.Src.ImportOf(wasm.KindTable, 0); ok {
		m.Table, slotsUsed = spans.Span{Base: 0, Size: imported.Table.Min},
			uint64(max(imported.Table.Min, 1))
		if imported.Table.HasMax {
			l.tableMax = min(l.tableMax, imported.Table.Max)
		}
	}
	if x := m.Exports["__stack_pointer"]; x != nil && x.Kind == image.KindGlobal &&
		x.Global == (wasm.GlobalType{Type: wasm.I32, Mutable: true}) {
		l.shared.StackPointer = x
	}
	end := uint64(0)
	for i := range m.Src.Data {
		if v, err := m.Src.Data[i].Offset.Eval(nil); err == nil {
			end = max(end, uint64(uint32(v))+uint64(len(m.Src.Data[i].Bytes)))
		}
	}
	for _, name := range []string{"__data_end", "__heap_base"} {
		if v, ok := m.Constant(name); ok {
			end = max(end, uint64(v))
		}
	}
	l.shared.DataEnd = uint32(min(end, 1<<32-1))
	return slotsUsed, nil
}
