package image

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/lockstep-wasm/lockstep/linker/internal/persist"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// drawn is an image that was drawn, with what the look-ups are compared with.
type drawn struct {
	*Snapshot
	modules []*Module
	names   []string
}

// draw draws the records of an image: modules that need and use each other, cycles too, some of
// them global, some hidden, some pinned or open, and all with a few symbols of the same names.
func draw(t *rapid.T) drawn {
	d := drawn{names: []string{"a", "b", "c", "d"}}
	for i := range rapid.IntRange(1, 6).Draw(t, "modules") {
		m := &Module{Name: fmt.Sprint(i), ID: uint32(i), Exports: map[string]*Export{}}
		for _, name := range d.names {
			if rapid.Bool().Draw(t, "defined") {
				m.Exports[name] = &Export{Mod: m, Name: name, Kind: KindFunction}
			}
		}
		d.modules = append(d.modules, m)
	}
	host := &Module{Name: "host", Exports: map[string]*Export{"a": {Name: "a"}}}
	s := &Snapshot{Search: d.modules, Order: d.modules, Host: host}
	var global []*Module
	for i, m := range d.modules {
		for _, n := range d.modules[1:] {
			if rapid.IntRange(0, 3).Draw(t, "needs") == 0 {
				m.Needed, m.Uses = append(m.Needed, n), append(m.Uses, n)
			} else if rapid.IntRange(0, 5).Draw(t, "uses") == 0 {
				m.Uses = append(m.Uses, n)
			}
		}
		if rapid.IntRange(0, 3).Draw(t, "open") == 0 {
			m.Handles.Store(1)
		}
		if rapid.IntRange(0, 5).Draw(t, "pinned") == 0 {
			s.Pinned = append(s.Pinned, m)
		}
		if i > 0 && rapid.IntRange(0, 4).Draw(t, "hidden") == 0 {
			continue // its destructors run
		}
		s.Names = s.Names.With(m.Name, m)
		if i == 0 || rapid.Bool().Draw(t, "global") {
			global = append(global, m)
		}
	}
	s.Global = s.Global.With(global)
	d.Snapshot = s
	return d
}

// reached returns a module and what it leads to, breadth first.
func reached(m *Module, next func(*Module) []*Module) []*Module {
	all := []*Module{m}
	for i := 0; i < len(all); i++ {
		for _, n := range next(all[i]) {
			if !slices.Contains(all, n) {
				all = append(all, n)
			}
		}
	}
	return all
}

// local is what a module's local scope has to be: the load groups that it is in, one after another.
func (d drawn) local(m *Module) (list []*Module) {
	visible := func(x *Module) []*Module {
		if d.Hides(x) && !d.Hides(m) {
			return nil
		}
		return x.Needed
	}
	needed := func(x *Module) []*Module { return x.Needed }
	for _, root := range d.modules {
		if !slices.Contains(reached(root, visible), m) {
			continue
		}
		for _, x := range reached(root, needed) {
			if !slices.Contains(list, x) {
				list = append(list, x)
			}
		}
	}
	return list
}

// Look-ups find what a walk over the modules finds, in the order that their comments promise.
func TestLookupsAreWalks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := draw(t)
		agree := func(what, name string, got, want *Export) {
			if got != want {
				t.Fatalf("%s of %s: found %v, want %v", what, name, got, want)
			}
		}
		behind := func(list []*Module, m *Module) []*Module {
			return append(slices.Clone(list[slices.Index(list, m)+1:]), d.Host)
		}
		for _, name := range d.names {
			global := append(slices.Clone(d.Global.All), d.Host)
			agree("the global scope", name, d.Lookup(name), First(global, name))
			for _, m := range d.modules {
				local := d.local(m)
				needed := reached(m, func(x *Module) []*Module { return x.Needed })
				if !slices.Equal(m.LoadGroup(), needed) {
					t.Fatalf("the load group of %s has %d modules, want %d", m.Name,
						len(m.LoadGroup()), len(needed))
				}
				if !slices.Equal(d.LocalScope(m), local) {
					t.Fatalf("the local scope of %s has %d modules, want %d", m.Name,
						len(d.LocalScope(m)), len(local))
				}
				all := slices.Concat(d.Global.All, local, []*Module{d.Host})
				agree("what "+m.Name+" sees", name, d.LookupFrom(m, name), First(all, name))
				agree("the load group", name, d.LookupIn(m, name), First(m.LoadGroup(), name))
				switch isGlobal := slices.Contains(d.Global.All, m); {
				case isGlobal:
					agree("next", name, d.LookupNext(m, name), First(behind(d.Global.All, m), name))
				case !d.Hides(m):
					want := First(local[slices.Index(local, m)+1:], name)
					agree("next in the group", name, d.LookupNext(m, name), want)
				}
			}
		}
	})
}

// What is unused is what neither a handle nor a pin leads to. Forgetting it leaves no trace, and
// the snapshot that it was forgotten from stays as it was.
func TestUnusedIsForgotten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := draw(t)
		var roots []*Module
		for i, m := range d.modules {
			if i == 0 || m.Handles.Load() > 0 || slices.Contains(d.Pinned, m) {
				roots = append(roots, m)
			}
		}
		var want []*Module
		for _, m := range slices.Backward(d.modules) {
			kept := slices.ContainsFunc(roots, func(root *Module) bool {
				return slices.Contains(reached(root, func(x *Module) []*Module { return x.Uses }),
					m)
			})
			if !kept {
				want = append(want, m)
			}
		}
		gone := d.Unused(nil, nil)
		if !slices.Equal(gone, want) {
			t.Fatalf("%d modules are unused, want %d", len(gone), len(want))
		}
		before, pointers := *d.Snapshot, Pointers{}
		for i, m := range d.modules {
			fn := NewFunction(m, "f", wasm.FuncType{})
			m.Functions = []*Function{fn}
			pointers = pointers.With(fn, uint32(i)+1)
		}
		before.Pointers = pointers
		after := before
		after.Forget(gone, Set(gone), nil)
		for i, m := range d.modules {
			dead := slices.Contains(gone, m)
			if slices.Contains(after.Search, m) == dead || slices.Contains(after.Order,
				m) == dead ||
				(after.Pointers.At(uint32(i)+1) == nil) != dead || after.Has(m) && dead ||
				slices.Contains(after.Global.All, m) && dead {
				t.Fatalf("%s is left, or is gone", m.Name)
			}
			if !slices.Contains(before.Search, m) || before.Pointers.At(uint32(i)+1) == nil {
				t.Fatalf("%s is gone from the snapshot before", m.Name)
			}
		}
	})
}

// A closure holds what it was given last, and every module knows which closures hold its functions.
func TestClosuresAreAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		modules := []*Module{{Name: "a"}, {Name: "b"}}
		s, model := &Snapshot{}, map[uint32]*Function{}
		for range rapid.IntRange(0, 20).Draw(t, "changes") {
			slot := rapid.Uint32Range(1, 5).Draw(t, "slot")
			switch rapid.IntRange(0, 2).Draw(t, "kind") {
			case 0:
				m := rapid.SampledFrom(modules).Draw(t, "module")
				fn := NewFunction(m, fmt.Sprint(slot), wasm.FuncType{})
				s, model[slot] = s.WithClosure(slot, fn, nil), fn
			case 1:
				s = s.WithClosure(slot, nil, &Trampoline{Data: slot})
				delete(model, slot)
				if s.Trampolines.At(slot).Data != slot {
					t.Fatalf("closure %d has no trampoline", slot)
				}
			default:
				s = s.WithClosure(slot, nil, nil)
				delete(model, slot)
				if s.Trampolines.At(slot) != nil {
					t.Fatalf("closure %d has a trampoline still", slot)
				}
			}
			for slot := range uint32(6) {
				fn := model[slot]
				if s.Closures.At(slot) != fn || s.FunctionAt(slot) != fn {
					t.Fatalf("closure %d holds %v, want %v", slot, s.Closures.At(slot), fn)
				}
				for _, m := range modules {
					if of(s, m).At(slot) != (fn != nil && fn.Mod == m) {
						t.Fatalf("closure %d is not %s's, or is", slot, m.Name)
					}
				}
			}
		}
	})
}

func of(s *Snapshot, m *Module) persist.Map[uint32, bool] { return s.Closures.Of(m) }
