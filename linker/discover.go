package linker

import (
	"errors"
	"math"
	"strings"

	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/linmem"
	"github.com/lockstep-wasm/lockstep/linker/internal/resolve"
	"github.com/lockstep-wasm/lockstep/linker/internal/search"
	"github.com/lockstep-wasm/lockstep/linker/internal/space"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// batch is what one call loads: the modules that are not there yet.
type batch struct {
	search []*image.Module // in search order: breadth first, as ld.so does
	order  []*image.Module // in order of instantiation: what a module needs first, but for cycles
	// prepared tells of each of them what was found out before; it may know more modules.
	prepared map[*image.Module]*prepared
	names    image.Names
	files    image.LibraryFiles
	global   []*image.Module // join the global scope in this order
	pinned   []*image.Module // what is never unloaded
	now      bool            // undefined functions are refused
	// what the configuration defines, with the initial image; nil for nothing
	given *image.Module
}

// discover finds a library and everything that it needs: loaded, or prepared. It changes nothing.
// The first module of the result's search order is the library, unless it is loaded already. Of
// several libraries it finds all.
func (op *linkOp) discover(p *preparation, name string, o opening) ([]*image.Module, *batch,
	error) {
	b := newBatch(p)
	switch {
	case o.noLoad && o.all != nil:
		var roots []*image.Module
		for i, name := range o.all {
			m, err := op.loaded(name, p.each[i])
			if err != nil {
				return nil, nil, asLoadError(err, name)
			}
			roots = append(roots, m)
		}
		return roots, b, nil
	case o.noLoad:
		root, err := op.loaded(name, p.root)
		return []*image.Module{root}, b, err
	}
	root, err := op.find(b, name, p.root, nil)
	if err == nil {
		if o.all != nil { // its name is new, so no other module has it yet
			root.Joins = true
		}
		err = op.gather(b)
	}
	if err != nil {
		return nil, nil, err
	}
	if o.all != nil {
		b.join(root)
		return root.Needed, b, nil
	}
	return []*image.Module{root}, b, nil
}

// join makes what root needs one load group, if any of that is new: root stays loaded as long as
// one of the new ones does, and keeps none loaded.
func (b *batch) join(root *image.Module) {
	root.Uses = nil
	for _, m := range root.Needed {
		if b.prepared[m] != nil {
			m.Uses = append(m.Uses, root)
		}
	}
	if len(b.search) == 1 {
		b.search, b.order, b.names = nil, nil, b.names.Without(root.Name)
	}
}

func newBatch(p *preparation) *batch {
	return &batch{prepared: p.of}
}

// gather adds to a batch what its modules need, and decides the orders.
func (op *linkOp) gather(b *batch) error {
	for i := 0; i < len(b.search); i++ {
		m := b.search[i]
		if m.Info == nil {
			continue // it names no libraries
		}
		for k, need := range m.Info.Needed {
			at := place{}
			if needs := b.prepared[m].needs; k < len(needs) {
				at = needs[k]
			}
			n, err := op.find(b, need, at, m)
			if err != nil && m.Joins {
				return asLoadError(err, need)
			}
			if err != nil {
				return &LoadError{File: m.File, Module: m.Name, Err: err}
			}
			m.Needed = append(m.Needed, n)
			m.Uses = append(m.Uses, n)
		}
	}
	b.order = resolve.Order(b.search,
		func(m *image.Module) bool { return b.prepared[m] != nil })
	return nil
}

// find returns the module of a name: loaded, in the batch, or prepared. at is what the preparation
// has found. from is the module that needs it, nil for a call from outside.
func (op *linkOp) find(b *batch, name string, at place, from *image.Module) (*image.Module, error) {
	loaded := op.l.state.snapshot
	for _, known := range []image.Names{loaded.Names, b.names} {
		if m := known.At(name); m != nil {
			return m, nil
		}
	}
	if err := op.l.room(len(loaded.Search)+len(b.search), from); err != nil {
		return nil, err
	}
	if !at.searched {
		return nil, errStale
	}
	if at.Info != nil {
		for _, known := range []image.LibraryFiles{loaded.Files, b.files} {
			if m := known.Find(at.Location); m != nil {
				b.names = b.names.With(name, m)
				return m, nil
			}
		}
	}
	switch {
	case at.err != nil:
		return nil, at.err
	case at.lib == nil:
		return nil, errStale
	}
	m := at.lib.module
	m.Name, m.Depth = name, 0
	if from != nil {
		m.Depth = from.Depth + 1
	}
	b.search = append(b.search, m)
	b.names = b.names.With(name, m)
	b.files = b.files.With(m)
	return m, nil
}

// room reports whether one more module, needed by from, may be loaded where there are n, with the
// main module: before anything of it is read.
func (l *Linker) room(n int, from *image.Module) error {
	if limit := l.config.maxModules; n > limit {
		return &LimitError{Limit: limitModules, Value: uint64(n), Max: uint64(limit)}
	}
	if from != nil && from.Depth >= l.config.maxDepth {
		return &LimitError{Limit: limitDepth, Value: uint64(from.Depth) + 1,
			Max: uint64(l.config.maxDepth)}
	}
	return nil
}

// candidates returns the files that a name may mean, best first. from is the module that needs it,
// nil for a call from outside. How many folders run-time paths may name has a limit.
func (l *Linker) candidates(name string, from *image.Module) ([]search.Candidate, error) {
	if l.config.fsys == nil {
		return nil, nil
	}
	file, runtimePath := "", []string(nil)
	if from != nil && from.Info != nil {
		file, runtimePath = from.File, from.Info.RuntimePath
	}
	folders := 0
	for _, entry := range runtimePath {
		folders += 1 + strings.Count(entry, ":")
	}
	if limit := l.config.maxFolders; folders > limit && !strings.Contains(name, "/") {
		return nil, &LimitError{Limit: limitFolders, Value: uint64(folders), Max: uint64(limit)}
	}
	return search.Files(name, file, runtimePath, l.config.searchPath), nil
}

// decode reads a module. Exception handling of the older form, which the engine does not know, is
// translated, and where the engine would show a handler old values of variables, the code is
// changed; what is returned are bytes that it runs as they were meant.
func decode(bytes []byte, limits wasm.ModuleLimits) (*wasm.Module, []byte, error) {
	src, err := wasm.DecodeWithin(bytes, limits)
	for _, change := range []struct {
		wanted func(*wasm.Module) bool
		make   func([]byte, *wasm.Module) ([]byte, error)
	}{
		{func(m *wasm.Module) bool { return m.OlderExceptions }, wasm.TranslateExceptions},
		{func(m *wasm.Module) bool { return m.Handlers }, wasm.KeepLocals},
	} {
		if err != nil || !change.wanted(src) {
			continue
		}
		changed, err := change.make(bytes, src)
		if err != nil {
			return nil, nil, err
		}
		if len(changed) != len(bytes) || &changed[0] != &bytes[0] {
			bytes = changed
			if src, err = wasm.DecodeWithin(bytes, limits); err != nil {
				return nil, nil, err
			}
		}
	}
	return src, bytes, err
}

// decodeLibrary reads a library and checks what can be checked without knowing the image.
func (l *Linker) decodeLibrary(name, file string, bytes []byte) (*image.Module, []byte, error) {
	// How long it may take to compile is the configuration's to say: see checkSizes.
	limits := wasm.DefaultLimits().AnyCost()
	limits.Entries = int(min(l.config.maxElements, math.MaxInt32))
	src, bytes, err := decode(bytes, limits)
	if many := (*wasm.EntriesError)(nil); errors.As(err, &many) {
		err = &LimitError{Limit: limitElements, Value: many.Value, Max: many.Max}
	}
	if err != nil {
		return nil, nil, err
	}
	info, err := dylink.Read(bytes)
	if err != nil {
		return nil, nil, err
	}
	for _, c := range src.Customs[1:] { // the first one was read
		if c.Name == "dylink.0" || c.Name == "dylink" {
			return nil, nil, &dylink.FormatError{Offset: c.Offset, Reason: "a second section " +
				c.Name}
		}
	}
	m := &image.Module{Name: name, File: file, Src: src, Info: info, Code: &space.Code{}}
	if len(src.Memories) > 0 {
		return nil, nil, &ImportError{Module: name, Namespace: "env", Name: "memory",
			Reason: "a library must import its memory, not define one"}
	}
	if err := l.checkImports(m); err != nil {
		return nil, nil, err
	}
	m.ReadInfo()
	m.ReadExports()
	if err := leavesImportedTables(m); err != nil {
		return nil, nil, err
	}
	if err := l.checkSizes(m); err != nil {
		return nil, nil, err
	}
	return m, bytes, nil
}

// leavesImportedTables returns an error if the module changes the function table. A library, which
// defines no function table, has that as an import.
func leavesImportedTables(m *image.Module) error {
	for i := range m.Src.Imported(wasm.KindTable) {
		if err := leavesTable(m, uint32(i)); err != nil {
			return err
		}
	}
	return nil
}

// leavesTable returns an error if the module changes one of its tables. See "Why must a guest not
// change the function table?" in spec/rationale.md.
func leavesTable(m *image.Module, index uint32) error {
	if c, changes := m.Src.ChangesTable(index); changes {
		return &TableError{Module: m.Name, Instruction: c.Instruction, Offset: c.Offset}
	}
	return nil
}

// checkSizes refuses what could never be placed, before anything is allocated for it.
func (l *Linker) checkSizes(m *image.Module) error {
	memory, table := uint64(l.maxPages)*linmem.PageSize, uint64(l.tableMax)
	tables := uint64(0)
	for _, own := range m.Src.Tables {
		tables += uint64(own.Type.Limits.Min)
	}
	for _, x := range []struct {
		limit      string
		value, max uint64
	}{
		{"data area (bytes)", uint64(m.Info.MemorySize), memory},
		{"alignment of a data area (bytes)", uint64(1) << m.Info.MemoryAlignment, memory},
		{"function table (entries)", uint64(m.Info.TableSize), table},
		{"alignment in the function table (entries)", uint64(1) << m.Info.TableAlignment, table},
		{limitOwnTables, tables, min(uint64(l.config.maxOwnTables), table)},
		{limitCost, uint64(m.Src.Cost().Total.Microseconds()),
			uint64(l.config.maxCost.Microseconds())},
		{limitFunction, uint64(m.Src.Cost().Largest.Microseconds()),
			uint64(l.config.maxFunctionCost.Microseconds())},
		{limitStart, l.startData(m), uint64(l.config.maxStartData)},
		{"thread-local storage (bytes)", uint64(m.TLSSize), memory},
	} {
		if x.value > x.max {
			return &LimitError{Limit: x.limit, Value: x.value, Max: x.max}
		}
	}
	return nil
}

// startData returns how many bytes groups will copy because a library has a start function: see
// [Group.keepData].
func (l *Linker) startData(m *image.Module) uint64 {
	if !m.Src.HasStart || m.Shared {
		return 0
	}
	return uint64(m.Info.MemorySize)
}
