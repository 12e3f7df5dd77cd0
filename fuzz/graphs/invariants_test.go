package graphs_test

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/fuzz/graphs"
	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/synth"
)

// check compares the whole image with the oracle's.
func (w *world) check() error {
	if err := w.l.Err(); err != nil {
		return err
	}
	for _, look := range []func() error{
		w.checkModules, w.checkPlaces, w.checkTrace, w.checkMemory, w.checkThreads, w.checkPointers,
		w.checkTables} {
		if err := look(); err != nil {
			return err
		}
	}
	return nil
}

// checkModules compares the records: what is loaded, in which order, what is global, how many
// handles there are.
func (w *world) checkModules() error {
	list := slices.DeleteFunc(w.l.Modules(),
		func(i linker.ModuleInfo) bool { return i.Main || strings.HasPrefix(i.Name, "tag ") })
	var names, global []string
	for _, m := range w.image.Loaded {
		names = append(names, m.Name)
	}
	for _, m := range w.image.Global {
		global = append(global, m.Name)
	}
	if got := w.l.Libraries(); !slices.Equal(got, names) || len(list) != len(names) {
		return fmt.Errorf("loaded are %v, want %v", got, names)
	}
	for i, m := range w.image.Loaded {
		info := list[i]
		var needed []string
		for _, n := range m.Needed {
			needed = append(needed, n.Name)
		}
		if info.Name != m.Name || info.File != m.Path || info.Handles != m.Handles ||
			info.Global != slices.Contains(w.image.Global, m) ||
			info.NoDelete != slices.Contains(w.image.Pinned, m) ||
			!slices.Equal(info.Needed, needed) {
			return fmt.Errorf(
				"record %+v, want %s at %s with %d handles, needing %v; global are %v", info,
				m.Name, m.Path, m.Handles, needed, global)
		}
		if info.MemorySize != m.Lib.DataSize() || int(info.TableSize) != len(m.Lib.Table)+
			len(m.Lib.TableOthers) || int(info.ThreadLocalSize) != 4*len(m.Lib.Threads) {
			return fmt.Errorf("record %+v has other sizes than %s", info, m.Name)
		}
	}
	return nil
}

// checkPlaces sees to it that no two modules share memory or table entries.
func (w *world) checkPlaces() error {
	type span struct {
		what     string
		from, to uint64
	}
	var areas, entries []span
	for _, i := range w.l.Modules() {
		areas = append(areas,
			span{i.Name, uint64(i.MemoryBase), uint64(i.MemoryBase) + uint64(i.MemorySize)})
		entries = append(entries,
			span{i.Name, uint64(i.TableBase), uint64(i.TableBase) + uint64(i.TableSize)})
	}
	for _, list := range [][]span{areas, entries} {
		list = slices.DeleteFunc(list, func(s span) bool { return s.from == s.to })
		slices.SortFunc(list, func(a, b span) int { return cmp.Compare(a.from, b.from) })
		for i := 1; i < len(list); i++ {
			if list[i].from < list[i-1].to {
				return fmt.Errorf("%v and %v overlap", list[i-1], list[i])
			}
		}
	}
	return nil
}

// checkTrace compares in which order constructors and destructors have run.
func (w *world) checkTrace() error {
	alive := w.alive()
	if len(alive) == 0 {
		w.image.Trace = nil
		return nil
	}
	g := alive[0].g
	n, err := g.Call(w.ctx, linker.Default, "log_length")
	if err != nil {
		return err
	}
	var trace []int32
	for i := range n[0] {
		v, err := g.Call(w.ctx, linker.Default, "log_at", i)
		if err != nil {
			return err
		}
		trace = append(trace, api.DecodeI32(v[0]))
	}
	if !slices.Equal(trace, w.image.Trace) {
		return fmt.Errorf("constructors and destructors have run in the order %v, want %v", trace,
			w.image.Trace)
	}
	w.image.Trace = nil
	_, err = g.Call(w.ctx, linker.Default, "log_clear")
	return err
}

// alive are the groups that were not closed.
func (w *world) alive() []*pair {
	return slices.DeleteFunc(slices.Clone(w.groups), func(p *pair) bool { return p.o.Gone })
}

// checkMemory compares the static data of all modules, and where relocations point to.
func (w *world) checkMemory() error {
	for _, m := range w.image.Loaded {
		info := w.info(m)
		word := func(offset uint32) uint32 {
			v, _ := w.l.Memory().ReadUint32Le(info.MemoryBase + offset)
			return v
		}
		for i, want := range m.Data {
			if got := int32(word(m.Lib.VariableOffset(i))); got != want {
				return fmt.Errorf("variable %d of %s is %d, want %d", i, m.Name, got, want)
			}
		}
		// a function in a module's own part of the table has its pointer there
		for i, r := range m.Lib.Table {
			if slices.Index(m.Lib.Table, r) == i {
				if err := w.learn(graphs.Ref{Kind: graphs.ToFunction, Mod: m, Index: r},
					info.TableBase+uint32(i)); err != nil {
					return err
				}
			}
		}
		for i, r := range m.Words {
			got, want := word(m.Lib.WordOffset(i)), uint32(0)
			switch r.Kind {
			case graphs.ToFunction:
				if err := w.learn(r, got); err != nil {
					return fmt.Errorf("word %d of %s: %w", i, m.Name, err)
				}
				continue
			case graphs.ToData:
				want = w.info(r.Mod).MemoryBase + r.Mod.Lib.VariableOffset(r.Index)
			case graphs.ToStub:
				continue
			}
			if got != want {
				return fmt.Errorf("word %d of %s is %#x, want %#x for %v", i, m.Name, got, want, r)
			}
		}
	}
	return nil
}

// checkThreads compares the thread-local variables of all groups.
func (w *world) checkThreads() error {
	places := map[uint32]string{}
	for _, h := range w.handles {
		for i, v := range h.mod.Lib.Threads {
			r, err := w.image.Find(h.mod, v.Export, false)
			if v.Export == "" || err != nil || r.Mod != h.mod || r.Index != i {
				continue
			}
			for _, p := range w.alive() {
				if err := w.symbol(p, scope{handle: h}, v.Export); err != nil {
					return err
				}
				sym, err := p.g.Symbol(w.ctx, h.lib, v.Export)
				if err != nil {
					return err
				}
				is := fmt.Sprintf("%v in group %d", r, p.g.ID())
				if other, ok := places[sym.Pointer]; ok && other != is {
					return fmt.Errorf("%s and %s have one address", other, is)
				}
				places[sym.Pointer] = is
			}
		}
	}
	return nil
}

// identity is the depth with which a function only says who it is.
const identity = -1

// checkPointers calls every function pointer that was seen, and every closure, in every group.
func (w *world) checkPointers() error {
	for _, p := range w.alive() {
		for f, slot := range w.pointers {
			r := graphs.Ref{Kind: graphs.ToFunction, Mod: f.mod, Index: f.index}
			if f.mod.Lib.Functions[f.index].Sig == synth.Final {
				continue
			}
			if err := w.callPointer(p, slot, r, identity, 0); err != nil {
				return fmt.Errorf("pointer %d, %v, in group %d: %w", slot, r, p.g.ID(), err)
			}
		}
		for slot, r := range w.closures {
			if r.Mod == nil {
				continue
			}
			if err := w.callPointer(p, slot, r, identity, 0); err != nil {
				return fmt.Errorf("closure %d, %v, in group %d: %w", slot, r, p.g.ID(), err)
			}
		}
	}
	return nil
}

// checkTables compares what groups have in every entry that ever was a pointer or belongs to a
// module, whatever it is.
func (w *world) checkTables() error {
	for _, i := range w.l.Modules() {
		if i.Main {
			continue
		}
		for k := range i.TableSize {
			w.seen[i.TableBase+k] = true
		}
	}
	params, results := synth.Plain.Types()
	for slot := range w.seen {
		var first string
		for i, p := range w.alive() {
			v, err := p.g.CallPointer(w.ctx, slot, params, results, api.EncodeI32(identity))
			what := fmt.Sprint(v)
			if e := (*linker.PointerError)(nil); errors.As(err, &e) {
				what = e.Reason
			} else if e := (*linker.UndefinedSymbolError)(nil); errors.As(err, &e) {
				what = e.Error() // the stub of an undefined function
			} else if e := (*linker.SymbolError)(nil); errors.As(err, &e) {
				what = e.Error()
			} else if err != nil {
				return fmt.Errorf("entry %d in group %d: %w", slot, p.g.ID(), err)
			}
			if i == 0 {
				first = what
			} else if what != first {
				return fmt.Errorf("entry %d is %s in group %d and %s in group %d", slot, first,
					w.alive()[0].g.ID(), what, p.g.ID())
			}
		}
	}
	return nil
}
