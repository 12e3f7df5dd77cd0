package linker

import (
	"slices"
	"strings"
)

// Symbols lists what the library itself defines, sorted by name: functions with their signatures,
// and data. Functions that have no pointer yet have Pointer 0, and so has thread-local data, whose
// address is each group's own; [Group.Symbol] makes and gives it. The error is [ErrLibraryClosed].
// It takes no lock.
//
// Of [Default] the list is that of all that is in the global scope, each name with its first
// definition.
func (g *Group) Symbols(lib *Library) ([]Symbol, error) {
	s := g.l.committed.Load()
	modules := s.global
	switch {
	case lib == nil || lib.mod == nil && lib.next == nil:
	case lib.linker != nil && lib.linker != g.l:
		return nil, ErrForeignLibrary
	case lib.next != nil:
		modules = nil // what is behind a library is no library's own
	case lib.isClosed() || !s.has(lib.mod):
		return nil, ErrLibraryClosed
	default:
		modules = []*module{lib.mod}
	}
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
	return list, nil
}

// Symbols is [Group.Symbols] of the library, in the image that it belongs to; nil for [Default] and
// [Next].
func (l *Library) Symbols() ([]Symbol, error) {
	if l.linker == nil || l.next != nil {
		return nil, nil
	}
	return l.linker.first.Symbols(l)
}
