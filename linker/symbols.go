package linker

import (
	"slices"
	"strings"
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
	if l.closedIn(s) || !s.has(l.mod) {
		return nil
	}
	return s.symbols([]*module{l.mod})
}

// Symbols lists the symbols of the global scope, sorted by name, each with its first definition. It
// is [Library.Symbols] in other respects.
func (l *Linker) Symbols() []Symbol {
	s := l.committed.Load()
	return s.symbols(s.global.all)
}

func (s *scope) symbols(modules []*module) []Symbol {
	seen := map[string]bool{}
	list := []Symbol{}
	for _, m := range modules {
		for name, x := range m.exports {
			if seen[name] || special(name) || x.kind != exportFunction && x.kind != exportData {
				continue
			}
			seen[name] = true
			sym, ok := s.symbol(x, name)
			if !ok { // not without any more work
				sym = Symbol{Kind: Data, Name: name, Module: m.name}
				if x.kind == exportFunction {
					sym.Kind, sym.Type = Function, x.fn.api
				}
			}
			list = append(list, sym)
		}
	}
	slices.SortFunc(list, func(a, b Symbol) int { return strings.Compare(a.Name, b.Name) })
	return list
}
