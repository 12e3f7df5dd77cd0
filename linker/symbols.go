package linker

import (
	"slices"
	"strings"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
)

// Symbols lists what the library itself defines, sorted by name: functions with their signatures,
// and data. Functions that have no pointer yet have Pointer 0, and so has thread-local data, whose
// address is each group's own; [Group.Symbol] makes and gives it. Of a library that is closed, of
// [Default] and of [Next] the list is empty. It takes no lock.
func (l *Library) Symbols() []Symbol {
	if l.linker == nil || l.mod == nil || l.next != nil {
		return nil
	}
	s := l.linker.committed.Load()
	if l.closedIn(s) || !s.Has(l.mod) {
		return nil
	}
	return symbols(s, []*image.Module{l.mod})
}

// Symbols lists the symbols of the global scope, sorted by name, each with its first definition. It
// is [Library.Symbols] in other respects.
func (l *Linker) Symbols() []Symbol {
	s := l.committed.Load()
	return symbols(s, s.Global.All)
}

func symbols(s *image.Snapshot, modules []*image.Module) []Symbol {
	seen := map[string]bool{}
	list := []Symbol{}
	for _, m := range modules {
		for name, x := range m.Exports {
			if seen[name] || image.IsToolchain(name) || x.Kind != image.KindFunction &&
				x.Kind != image.KindData {
				continue
			}
			seen[name] = true
			sym, ok := symbol(x, name, s.Pointer)
			if !ok { // not without any more work
				sym = Symbol{Kind: Data, Name: name, Module: m.Name}
				if x.Kind == image.KindFunction {
					sym.Kind, sym.Type = Function, (*FunctionType)(x.Fn.Signature)
				}
			}
			list = append(list, sym)
		}
	}
	slices.SortFunc(list, func(a, b Symbol) int { return strings.Compare(a.Name, b.Name) })
	return list
}
