package linker

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/lockstep-wasm/lockstep/linker/internal/failpoint"
	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/resolve"
	"github.com/lockstep-wasm/lockstep/linker/internal/shim"
	"github.com/lockstep-wasm/lockstep/linker/internal/space"
	"github.com/lockstep-wasm/lockstep/linker/internal/spans"
)

// library loads a library that was prepared, or finds it loaded, or does so with several. The
// result are those that were asked for.
func (op *linkOp) library(ctx context.Context, p *preparation, name string,
	o opening) ([]*image.Module, error) {
	roots, b, err := op.discover(p, name, o)
	if err == nil && o.all == nil {
		err = p.isGiven(roots[0], name)
	}
	if err != nil {
		return nil, asLoadError(err, name)
	}
	var loaded []*image.Module
	if len(b.search) > 0 {
		b.now = o.now
		if !o.local {
			b.global = op.l.state.snapshot.Promotion(roots...)
		}
		if loaded, err = op.load(ctx, b); err != nil {
			return nil, err
		}
	}
	op.note(b.names) // also when only another name of a loaded library was found
	for _, root := range roots {
		if err := op.reopen(ctx, root, o); err != nil {
			return nil, asLoadError(err, root.Name)
		}
		root.Handles.Add(1)
		op.opened = append(op.opened, root)
	}
	// This is the last: the operation may be committed while a constructor waits, and then its
	// records are not to be touched any more.
	if err := op.construct(ctx, loaded); err != nil {
		if op.early {
			op.giveUp(ctx, roots, loaded)
		}
		return nil, err
	}
	return roots, nil
}

// asLoadError makes sure that an error names the module that was asked for.
func asLoadError(err error, name string) error {
	if le := (*LoadError)(nil); errors.As(err, &le) {
		return err
	}
	return &LoadError{Module: name, Err: err}
}

// note makes modules known by more names. A guest can think of any number of names for one file, so
// each module has its own name and so many others; by the rest it is found through its file.
func (op *linkOp) note(found image.Names) {
	known := op.l.state.snapshot.Names
	for name, m := range found.All {
		if known.At(name) != nil {
			continue
		}
		if name != m.Name {
			if len(m.Aliases) >= op.l.config.maxNames {
				continue
			}
			m.Aliases = append(m.Aliases, name)
		}
		known = known.With(name, m)
	}
	op.change(func(s *image.Snapshot) { s.Names = known })
}

// load brings the modules of a batch, which are compiled, into the image: it binds them, gives them
// a place, writes their data and instantiates them in the leader's group. The result are the
// modules in order, whose constructors are to be run. Whatever can fail by look-up or signature
// fails before anything is allocated.
func (op *linkOp) load(ctx context.Context, b *batch) ([]*image.Module, error) {
	for _, m := range b.order {
		if m != op.l.shared.Main {
			m.ID = op.l.nextID()
		}
		b.prepared[m].taken = true
		op.modules = append(op.modules, m)
	}
	host, err := op.hostShim(ctx, op.l.config.envModule)
	if err != nil {
		return nil, err
	}
	op.change(func(s *image.Snapshot) {
		s.Host = host
		s.Search, s.Global = slices.Concat(s.Search, b.search), s.Global.With(b.global)
		s.Pinned = slices.Concat(s.Pinned, b.pinned)
		if b.given != nil {
			s.Given, s.Pinned = b.given, append(s.Pinned, b.given)
		}
		for _, m := range b.search {
			s.Files = s.Files.With(m)
		}
	})
	op.note(b.names)
	binder := op.newBinder(b)
	if m := b.given; m != nil { // it needs no other, and comes first
		binder.Ready(m)
		if err := op.place(ctx, m, nil); err != nil {
			return nil, err
		}
	}
	for _, m := range b.order {
		err := op.l.config.inject.At(ctx, op.g, failpoint.Bind)
		if err == nil {
			err = binder.Bind(ctx, m)
		}
		if err != nil {
			return nil, &LoadError{File: m.File, Module: m.Name, Err: err}
		}
	}
	for _, m := range b.order {
		err := b.prepared[m].err
		if err == nil {
			err = op.l.fillers(ctx, m)
		}
		if err != nil {
			return nil, &LoadError{File: m.File, Module: m.Name, Err: err}
		}
	}
	for _, m := range b.order {
		if err := op.place(ctx, m, binder.Bindings[m]); err != nil {
			return nil, &LoadError{File: m.File, Module: m.Name, Err: err}
		}
	}
	op.change(func(s *image.Snapshot) { s.Order = slices.Concat(s.Order, binder.Order) })
	for _, m := range b.order {
		op.logLoaded(ctx, m)
	}
	return binder.Order, op.install(ctx, binder)
}

// place gives a library its data area and its slots, unless they were decided when the image was
// laid out, and computes where its symbols are.
func (op *linkOp) place(ctx context.Context, m *image.Module, bindings []shim.Binding) error {
	if !m.Placed {
		if err := op.l.config.inject.At(ctx, op.g, failpoint.Memory); err != nil {
			return err
		}
		size := m.Info.MemorySize
		base, err := op.region(ctx, size, 1<<m.Info.MemoryAlignment, m.Owner("data"))
		if err != nil {
			return err
		}
		m.Memory = spans.Span{Base: base, Size: size}
		if err := op.l.config.inject.At(ctx, op.g, failpoint.Slots); err != nil {
			return err
		}
		if n := m.Info.TableSize; n > 0 {
			m.Segment = resolve.SegmentOwner(m, bindings)
			base, err := op.take(n, 1<<m.Info.TableAlignment, m.Segment)
			if err != nil {
				return err
			}
			m.Table = spans.Span{Base: base, Size: n}
		}
	}
	slots, err := placeSymbols(m)
	if err != nil {
		return err
	}
	// A module that puts a function of another one in its own element segment has made its pointer.
	for index, x := range resolve.ImportedFunctions(m, bindings) {
		slot := slots[uint32(index)]
		if x != nil && x.Kind == shim.BindFunction && slot != 0 && !op.hasPointer(x.Fn) {
			op.change(func(s *image.Snapshot) { s.Pointers = s.Pointers.With(x.Fn, slot) })
		}
	}
	return nil
}

func (op *linkOp) hasPointer(fn *image.Function) bool {
	_, ok := op.l.state.snapshot.Pointer(fn)
	return ok
}

// install is the part of a load that needs every address.
func (op *linkOp) install(ctx context.Context, b *resolve.Binder) error {
	s := &space.LoadStep{Modules: b.Order}
	fail := func(m *image.Module, err error) error {
		return &LoadError{File: m.File, Module: m.Name, Err: err}
	}
	for _, m := range b.Order {
		wanted := remembered(m, &op.l.state.slots)
		for _, x := range b.Bindings[m] {
			if x.Kind == shim.BindPointer {
				wanted = append(wanted, x.Fn)
			}
		}
		for _, fn := range wanted {
			if _, err := op.slot(fn, &s.Fills); err != nil {
				return fail(m, err)
			}
		}
		for _, k := range m.PLT {
			var err error
			if k.Index, err = op.l.state.plt.Take(1, 1); err != nil {
				return fail(m, tableFull(err))
			}
		}
	}
	s.Slots, s.PLT = max(op.l.state.slots.Length, b.Entries), op.l.state.plt.Length
	op.l.state.slots.Free.Give(spans.Span{Base: op.l.state.slots.Length,
		Size: s.Slots - op.l.state.slots.Length})
	op.l.state.slots.Length = s.Slots
	pointer := func(fn *image.Function) uint32 { p, _ := op.l.state.snapshot.Pointer(fn); return p }
	for _, m := range b.Order {
		code := space.CodeOf(m)
		shims, sources := shim.Plan(b.Bindings[m], code.Parts,
			func(x *image.Module) bool { return space.CodeOf(x).Instance != nil })
		code.Sources = sources
		for _, plan := range shims {
			code.Shims = append(code.Shims, &space.ImportShim{Shim: plan})
		}
		for _, br := range code.Shims {
			err := op.l.config.inject.At(ctx, op.g, failpoint.ImportShim)
			if err == nil {
				err = op.compileShim(ctx, br, m, pointer)
			}
			if err != nil {
				return fail(m, fmt.Errorf("linker: import shim: %w", err))
			}
		}
	}
	if err := op.l.config.inject.At(ctx, op.g, failpoint.GrowMemory); err != nil {
		return err
	}
	if have := op.l.shared.Mem.Pages(); b.Pages > have {
		if _, err := op.l.growMemory(uint64(b.Pages - have)); err != nil {
			return err
		}
	}
	if err := op.threadLocal(ctx, s); err != nil {
		return err
	}
	for _, m := range b.Order {
		err := op.l.config.inject.At(ctx, op.g, failpoint.Data)
		if err == nil {
			err = op.l.writeData(m)
		}
		if err != nil {
			return fail(m, err)
		}
	}
	if err := op.perform(ctx, s); err != nil {
		return err
	}
	for _, m := range b.Order {
		// they keep the whole file in memory, and are not read again
		m.Src.Data, m.Src.Customs = nil, nil
	}
	return nil
}

func (op *linkOp) compileShim(ctx context.Context, br *space.ImportShim, m *image.Module,
	pointer func(*image.Function) uint32) error {
	bytes, err := shim.Imports(br.Shim, m, pointer, op.l.host.HostName)
	if err != nil {
		return err
	}
	br.Compiled, err = op.l.shared.Cache.CompileModule(ctx, bytes)
	return err
}

// threadLocal takes a region for the thread-local storage of every new module in every group.
func (op *linkOp) threadLocal(ctx context.Context, s *space.LoadStep) error {
	for _, m := range s.Modules {
		if m.TLSSize == 0 || m.Fixed {
			continue // an executable's own start-up code gives the first thread its storage
		}
		for _, g := range op.l.groups.list() {
			base, err := m.FirstTLS, op.l.config.inject.At(ctx, op.g, failpoint.ThreadLocal)
			if err == nil && !m.Placed {
				base, err = op.region(ctx, m.TLSSize, 1<<m.TLSPow, spans.Owner{})
			}
			if err != nil {
				return &LoadError{File: m.File, Module: m.Name, Err: err}
			}
			op.l.heap.Own(heapGuest{g}, base)
			if s.TLS == nil {
				s.TLS = map[*space.Space]map[*image.Module]uint32{}
			}
			if s.TLS[&g.space] == nil {
				s.TLS[&g.space] = map[*image.Module]uint32{}
			}
			s.TLS[&g.space][m] = base
		}
	}
	return nil
}
