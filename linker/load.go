package linker

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/lockstep-wasm/lockstep/linker/internal/failpoint"
	"github.com/lockstep-wasm/lockstep/linker/internal/spans"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// library loads a library that was prepared, or finds it loaded, or does so with several. The
// result are those that were asked for.
func (t *tx) library(ctx context.Context, p *preparation, name string, o opening) ([]*module,
	error) {
	roots, b, err := t.discover(p, name, o)
	if err == nil && o.all == nil {
		err = p.isGiven(roots[0], name)
	}
	if err != nil {
		return nil, asLoadError(err, name)
	}
	var loaded []*module
	if len(b.search) > 0 {
		b.now = o.now
		if !o.local {
			b.global = t.l.state.scope.promotion(roots...)
		}
		if loaded, err = t.load(ctx, b); err != nil {
			return nil, err
		}
	}
	t.note(b.names) // also when only another name of a loaded library was found
	for _, root := range roots {
		if err := t.reopen(ctx, root, o); err != nil {
			return nil, asLoadError(err, root.name)
		}
		root.handles.Add(1)
		t.opened = append(t.opened, root)
	}
	// This is the last: the operation may be committed while a constructor waits, and then its
	// records are not to be touched any more.
	if err := t.construct(ctx, loaded); err != nil {
		if t.early {
			t.giveUp(ctx, roots, loaded)
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
func (t *tx) note(found names) {
	known := t.l.state.scope.names
	for name, m := range found.All {
		if known.At(name) != nil {
			continue
		}
		if name != m.name {
			if len(m.aliases) >= t.l.config.maxNames {
				continue
			}
			m.aliases = append(m.aliases, name)
		}
		known = known.With(name, m)
	}
	t.change(func(s *scope) { s.names = known })
}

// load brings the modules of a batch, which are compiled, into the image: it binds them, gives them
// a place, writes their data and instantiates them in the leader's group. The result are the
// modules in order, whose constructors are to be run. Whatever can fail by look-up or signature
// fails before anything is allocated.
func (t *tx) load(ctx context.Context, b *batch) ([]*module, error) {
	for _, m := range b.order {
		if m != t.l.main {
			m.id = t.l.nextID()
		}
		b.prepared[m].taken = true
		t.modules = append(t.modules, m)
	}
	host, err := t.gateway(ctx, t.l.config.envModule)
	if err != nil {
		return nil, err
	}
	t.change(func(s *scope) {
		s.host = host
		s.search, s.global = slices.Concat(s.search, b.search), s.global.with(b.global)
		s.pinned = slices.Concat(s.pinned, b.pinned)
		if b.given != nil {
			s.given, s.pinned = b.given, append(s.pinned, b.given)
		}
		for _, m := range b.search {
			s.files = s.files.with(m)
		}
	})
	t.note(b.names)
	binder := &binder{t: t, now: b.now, scope: t.l.state.scope, batch: map[*module]bool{},
		ready: map[*module]bool{}, bindings: map[*module][]binding{}}
	if m := b.given; m != nil { // it needs no other, and comes first
		binder.batch[m], binder.ready[m], binder.order = true, true, []*module{m}
		if err := t.place(ctx, m, nil); err != nil {
			return nil, err
		}
	}
	for _, m := range b.order {
		binder.batch[m] = true
	}
	for _, m := range b.order {
		err := t.l.config.inject.At(ctx, t.g, failpoint.Bind)
		if err == nil {
			err = binder.bind(ctx, m)
		}
		if err != nil {
			return nil, &LoadError{File: m.file, Module: m.name, Err: err}
		}
		binder.ready[m] = true
		binder.order = append(binder.order, m)
	}
	for _, m := range b.order {
		err := b.prepared[m].err
		if err == nil {
			err = t.l.fillers(ctx, m)
		}
		if err != nil {
			return nil, &LoadError{File: m.file, Module: m.name, Err: err}
		}
	}
	for _, m := range b.order {
		if err := t.place(ctx, m, binder.bindings[m]); err != nil {
			return nil, &LoadError{File: m.file, Module: m.name, Err: err}
		}
	}
	t.change(func(s *scope) { s.order = slices.Concat(s.order, binder.order) })
	for _, m := range b.order {
		t.logLoaded(ctx, m)
	}
	return binder.order, t.install(ctx, binder)
}

// place gives a library its data area and its slots, unless they were decided when the image was
// laid out, and computes where its symbols are.
func (t *tx) place(ctx context.Context, m *module, bindings []binding) error {
	if !m.placed {
		if err := t.l.config.inject.At(ctx, t.g, failpoint.Memory); err != nil {
			return err
		}
		size := m.info.MemorySize
		base, err := t.area(ctx, size, 1<<m.info.MemoryAlignment, m.owner("data"))
		if err != nil {
			return err
		}
		m.memory = spans.Span{Base: base, Size: size}
		if err := t.l.config.inject.At(ctx, t.g, failpoint.Slots); err != nil {
			return err
		}
		if n := m.info.TableSize; n > 0 {
			m.segment = m.segmentOwner(bindings)
			base, err := t.take(n, 1<<m.info.TableAlignment, m.segment)
			if err != nil {
				return err
			}
			m.table = spans.Span{Base: base, Size: n}
		}
	}
	slots, err := m.place()
	if err != nil {
		return err
	}
	// A module that puts a function of another one in its own element segment has made its pointer.
	for index, x := range m.importedFunctions(bindings) {
		slot := slots[uint32(index)]
		if x != nil && x.kind == bindFunction && slot != 0 && !t.hasPointer(x.fn) {
			t.change(func(s *scope) { s.pointers = s.pointers.with(x.fn, slot) })
		}
	}
	return nil
}

func (t *tx) hasPointer(fn *function) bool {
	_, ok := t.l.state.scope.pointer(fn)
	return ok
}

// install does what is left once every address is known.
func (t *tx) install(ctx context.Context, b *binder) error {
	s := &loadStep{modules: b.order}
	fail := func(m *module, err error) error {
		return &LoadError{File: m.file, Module: m.name, Err: err}
	}
	for _, m := range b.order {
		wanted := m.remembered(&t.l.state.slots)
		for _, x := range b.bindings[m] {
			if x.kind == bindPointer {
				wanted = append(wanted, x.fn)
			}
		}
		for _, fn := range wanted {
			if _, err := t.slot(fn, &s.fills); err != nil {
				return fail(m, err)
			}
		}
		for _, k := range m.links {
			var err error
			if k.index, err = t.l.state.links.Take(1, 1); err != nil {
				return fail(m, tableFull(err))
			}
		}
	}
	s.slots, s.links = max(t.l.state.slots.Length, b.entries), t.l.state.links.Length
	t.l.state.slots.Free.Give(spans.Span{Base: t.l.state.slots.Length,
		Size: s.slots - t.l.state.slots.Length})
	t.l.state.slots.Length = s.slots
	pointer := func(fn *function) uint32 { p, _ := t.l.state.scope.pointer(fn); return p }
	for _, m := range b.order {
		planBridges(m, b.bindings[m])
		for _, br := range m.bridges {
			err := t.l.config.inject.At(ctx, t.g, failpoint.Bridge)
			if err == nil {
				err = br.compile(ctx, t.l.codes, m, pointer, t.l.host.hostName)
			}
			if err != nil {
				return fail(m, fmt.Errorf("linker: bridge: %w", err))
			}
		}
	}
	if err := t.l.config.inject.At(ctx, t.g, failpoint.GrowMemory); err != nil {
		return err
	}
	if have := t.l.mem.Pages(); b.pages > have {
		if _, err := t.l.growMemory(uint64(b.pages - have)); err != nil {
			return err
		}
	}
	if err := t.threadLocal(ctx, s); err != nil {
		return err
	}
	for _, m := range b.order {
		err := t.l.config.inject.At(ctx, t.g, failpoint.Data)
		if err == nil {
			err = t.l.writeData(m)
		}
		if err != nil {
			return fail(m, err)
		}
	}
	if err := t.perform(ctx, s); err != nil {
		return err
	}
	for _, m := range b.order {
		// they keep the whole file in memory, and are not read again
		m.src.Data, m.src.Customs = nil, nil
	}
	return nil
}

// threadLocal takes an area for the thread-local storage of every new module in every group.
func (t *tx) threadLocal(ctx context.Context, s *loadStep) error {
	for _, m := range s.modules {
		if m.tlsSize == 0 || m.fixed {
			continue // an executable's own start-up code gives the first thread its storage
		}
		for _, g := range t.l.groups.list() {
			base, err := m.firstTLS, t.l.config.inject.At(ctx, t.g, failpoint.ThreadLocal)
			if err == nil && !m.placed {
				base, err = t.area(ctx, m.tlsSize, 1<<m.tlsPow, spans.Owner{})
			}
			if err != nil {
				return &LoadError{File: m.file, Module: m.name, Err: err}
			}
			t.l.areas.own(g, base)
			if s.tls == nil {
				s.tls = map[*space]map[*module]uint32{}
			}
			if s.tls[&g.space] == nil {
				s.tls[&g.space] = map[*module]uint32{}
			}
			s.tls[&g.space][m] = base
		}
	}
	return nil
}

// writeData writes a module's data area: zero where it has no data, for memory is used again.
func (l *Linker) writeData(m *module) error {
	if m.src == nil {
		return nil
	}
	if m.generated {
		l.writeGiven(m)
		return nil
	}
	bounds := m.memory
	if m.fixed {
		bounds = spans.Span{Base: 0, Size: uint32(min(uint64(len(l.mem.Bytes())), 1<<32-1))}
	} else if b, ok := l.mem.At(bounds.Base, bounds.Size); ok {
		clear(b)
	}
	globals := m.placement()
	for i := range m.src.Data {
		d := &m.src.Data[i]
		if d.Mode != wasm.Active {
			continue
		}
		v, err := d.Offset.Eval(globals)
		if err != nil {
			return fmt.Errorf("linker: offset of data segment %d: %w", i, err)
		}
		base := uint32(v)
		if base < bounds.Base || uint64(base)+uint64(len(d.Bytes)) > bounds.End() {
			return &SegmentError{Module: m.name, Segment: fmt.Sprintf("data segment %d", i),
				From: uint64(base),
				To:   uint64(base) + uint64(len(d.Bytes)), Low: uint64(bounds.Base),
				High: bounds.End()}
		}
		b, ok := l.mem.At(base, uint32(len(d.Bytes)))
		if !ok {
			return &LimitError{Limit: "memory (bytes)", Value: uint64(base) + uint64(len(d.Bytes)),
				Max: uint64(len(l.mem.Bytes()))}
		}
		copy(b, d.Bytes)
	}
	return nil
}
