package linker

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/linker/coord"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/codecache"
	"github.com/lockstep-wasm/lockstep/linker/internal/dtor"
	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/shim"
	"github.com/lockstep-wasm/lockstep/linker/internal/space"
	"github.com/lockstep-wasm/lockstep/linker/internal/table"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// New makes a process image of a main module: a position-independent executable with a dylink.0
// section, or an executable with fixed addresses, with such a section (today's Emscripten, wasm-ld
// -Bdynamic) or without; that has to export its stack pointer to be more than one group. Its data
// is written, its relocations are applied and its constructors are run, unless a function _start
// does that; _start is not called, see [Linker.Run]. What a command exports behind wrappers that
// run all constructors before a call, and all destructors after it (wasm-ld's --export), is
// exported without them. The host functions that it imports have to be in the runtime already. A
// nil config is NewConfig().
//
// Errors are a *LoadError, which wraps the reason, or a *FeatureError. Nothing is left in the
// runtime then.
func New(ctx context.Context, rt wazero.Runtime, main []byte, config *Config) (*Linker, error) {
	if config == nil {
		config = NewConfig()
	}
	l := &Linker{shared: space.Shared{Runtime: rt, LoopSafepoints: config.loopSafepoints,
		MaxCalls: config.maxCalls},
		config: config, sums: image.NewSums(), hostShims: map[string]*image.Module{},
		callers: map[string]wazero.CompiledModule{}}
	l.heap = l.newHeap()
	l.shared.CallerCode = l.compileCaller
	l.shared.Errors = newSpaceErrors()
	l.shared.Cache = codecache.New(rt, config.codeCache, config.compilations, config.workers,
		codecache.Errors{Closed: ErrClosed, Compiling: ErrCompiling, Panicked: func(v any) error {
			return &PanicError{During: "compiling a module", Value: v}
		}})
	l.dtors = dtor.New[*image.Module, *Group](config.maxDestructors)
	l.abi = l.newABI()
	l.dlHandles.Most, l.dlHandles.Errors = config.maxHandles, &l.abi.Errors
	l.files.fsys, l.files.limit, l.files.most = config.fsys, config.maxFile, config.maxAbandoned
	l.state.snapshot = &image.Snapshot{}
	l.committed.Store(l.state.snapshot) // constructors may ask before there is anything
	l.state.closures = table.Closures{Keep: config.quarantine}
	l.trampolines = map[string]wazero.CompiledModule{}
	l.asked = map[askedKey]*image.Function{}
	l.state.plt.Max = 1 << 30
	l.wanted = make(signal, 1)
	l.waitHooks, l.loopHooks, l.stubHooks = newWaitHooks(), newLoopHooks(), newStubHooks()
	if err := l.bootstrap(ctx, main); err != nil {
		l.closed.Store(true)
		if l.first != nil {
			l.first.space.CloseInstances(ctx)
		}
		return nil, errors.Join(asLoadError(err, config.mainName), l.closeShared(ctx))
	}
	return l, nil
}

// bootstrap builds the first group. No other goroutine can know the linker yet, so there is nothing
// to lock: the bootstrap exception, which the coordinator checks by starting with exactly one
// group.
func (l *Linker) bootstrap(ctx context.Context, bytes []byte) error {
	if err := hasThreads(ctx, l.shared.Runtime); err != nil {
		if fe := (*FeatureError)(nil); !errors.As(err, &fe) {
			return err
		}
		l.noSharedMemory = err
	}
	m, bytes, err := l.decodeMain(bytes)
	if err != nil {
		return err
	}
	l.shared.Main = m
	l.turn = newTurn(l.shared.Main.Shared || l.config.parallel)
	op := &linkOp{l: l}
	p := l.newPreparation(nil, l.state.snapshot, false)
	defer p.close(ctx)
	p.add(m, bytes)
	all := newBatch(p)
	all.search = []*image.Module{m}
	if err := op.preload(ctx, p, all); err != nil {
		return err
	}
	if p.gather(ctx); ctx.Err() != nil {
		return ctx.Err()
	}
	if err := op.gather(all); err != nil {
		return err
	}
	if all.given, err = l.given(ctx); err != nil {
		return err
	}
	laidOut := all.order
	if all.given != nil {
		op.modules = append(op.modules, all.given)
		laidOut = slices.Concat(laidOut, []*image.Module{all.given})
	}
	stackTop, err := l.layOut(ctx, m, laidOut)
	if err != nil {
		return err
	}
	if err := l.instantiateHost(ctx); err != nil {
		return err
	}
	if err := l.compileBase(ctx); err != nil {
		return err
	}
	l.first = newGroupOf(l)
	defer l.first.watch(ctx)()
	l.attention.reason = l.wantsAttention
	l.coord, l.first.member, err = coord.New(coord.Config{
		Waiting: l.config.waiting, Observer: l.config.observer, MaxGroups: l.config.maxGroups,
		Batch: closureBatch, OnAttention: l.attend,
		OnWanted: l.wanted.tell,
	}, participant{l.first})
	if err != nil {
		return err
	}
	l.groups.add(l.first)
	if err := l.first.space.Open(ctx, stackTop); err != nil {
		return err
	}
	op.g, l.alloc = l.first, newAllocator(m)
	all.global, all.now = all.search, l.config.now
	early := len(all.pinned) > 0 || m.Fixed && len(all.search) > 1
	outside := ctx
	ctx, end := withActivation(ctx, op.activation(ctx))
	defer end()
	if early { // constructors of libraries run before there is an allocator
		if err := l.sideStack(ctx); err != nil {
			return err
		}
	}
	if err := p.compile(ctx); err != nil {
		return err
	}
	loaded, err := op.load(ctx, all)
	if err == nil {
		err = op.construct(ctx, loaded)
	}
	if err != nil {
		for _, m := range op.modules {
			space.CodeOf(m).Close(ctx)
		}
		return err
	}
	if !early {
		if err := l.sideStack(ctx); err != nil {
			return err
		}
	}
	l.publish(0)
	if len(op.threads)+len(op.released) == 0 {
		return nil
	}
	return l.first.inside(outside, func(ctx context.Context, act *activation) error {
		op.settle(ctx, act)
		return nil
	})
}

// preload puts the libraries of [Config.WithPreload] into the initial image, behind the main module
// and before all that it needs.
func (op *linkOp) preload(ctx context.Context, p *preparation, b *batch) error {
	for _, name := range op.l.config.preload {
		m, err := op.find(b, name, p.find(ctx, name, nil, nil, opening{}), nil)
		if err != nil {
			return asLoadError(err, name)
		}
		b.pinned = append(b.pinned, m)
	}
	return nil
}

// decodeMain reads the main module. What it returns are bytes in which exported functions do not
// begin and end the program.
func (l *Linker) decodeMain(bytes []byte) (*image.Module, []byte, error) {
	// The program itself is trusted with the time that it takes to compile.
	limits := wasm.DefaultLimits().AnyCost()
	src, bytes, err := decode(bytes, limits)
	if err != nil {
		return nil, nil, err
	}
	if unwrapped, ok := wasm.UnwrapCommand(bytes, src); ok {
		bytes = unwrapped
		if src, err = wasm.DecodeWithin(bytes, limits); err != nil {
			return nil, nil, err
		}
	}
	l.program.readProgram(bytes, src)
	info, err := dylink.Read(bytes)
	if err != nil && !errors.Is(err, dylink.ErrNotLibrary) {
		return nil, nil, err
	}
	if exported, ok := wasm.ExportTable(bytes, src, tableExport); ok {
		bytes = exported
		if src, err = wasm.DecodeWithin(bytes, limits); err != nil {
			return nil, nil, err
		}
	}
	l.stubs = src.ReturnsNull(bytes, dlNames[0], l.stubHooks.Types[0])
	m := &image.Module{ID: l.nextID(), Name: l.config.mainName, File: l.config.mainName, Src: src,
		Info: info, Fixed: info == nil || hasFixedAddresses(src, info), Code: &space.Code{}}
	if err := l.checkImports(m); err != nil {
		return nil, nil, err
	}
	m.ReadInfo()
	m.ReadExports()
	m.FindThreadLocal()
	if err := leavesImportedTables(m); err != nil {
		return nil, nil, err
	}
	if m.Shared && l.noSharedMemory != nil {
		return nil, nil, l.noSharedMemory
	}
	l.maxPages, l.tableMax = l.config.maxPages, l.config.maxTable
	if mem, ok := src.MemoryType(0); ok && mem.HasMax {
		l.maxPages = min(l.maxPages, mem.Max)
	}
	return m, bytes, nil
}

// tableExport is the name of the function table. A main module that has one, and keeps it to
// itself, is linked as if it had been linked with --export-table and --growable-table.
const tableExport = "__indirect_function_table"

// hasFixedAddresses reports whether a main module with a dylink.0 section was linked at fixed
// addresses, as today's Emscripten and wasm-ld -Bdynamic do it: it has no place to ask for, and
// brings data or what the data is in. A position-independent one imports where its data is.
func hasFixedAddresses(src *wasm.Module, info *dylink.Info) bool {
	for i := range src.Imports {
		if src.Imports[i].Module == "env" && src.Imports[i].Name == "__memory_base" {
			return false
		}
	}
	return info.MemorySize == 0 && len(src.Data)+len(src.Memories)+len(src.Tables) > 0
}

// compileBase compiles what every group starts with.
func (l *Linker) compileBase(ctx context.Context) (err error) {
	bytes, err := shim.Base(!l.shared.OwnTable, l.tableMax, l.config.loopSafepoints)
	if l.shared.BaseCode, err = l.compileGenerated(ctx, "base", bytes, err); err != nil {
		return err
	}
	namespace, name := shim.BaseNamespace, "table"
	if l.shared.OwnTable {
		namespace, name = shim.ModuleNamespace(l.shared.Main.ID), l.tableName
	}
	bytes, err = shim.TableAccess(namespace, name)
	l.shared.TableCode, err = l.compileGenerated(ctx, "table access", bytes, err)
	return err
}

// sideStack makes the first group's stack for libraries when the main module is an executable that
// does not tell where its own is.
func (l *Linker) sideStack(ctx context.Context) error {
	if !l.shared.Main.Fixed || l.shared.StackPointer != nil {
		return nil
	}
	base, err := l.heap.Take(ctx, heapGuest{l.first}, l.config.stackSize, 16)
	if err != nil {
		return fmt.Errorf("linker: stack for libraries: %w", err)
	}
	l.first.space.SetBaseStack(base + l.config.stackSize)
	return nil
}
