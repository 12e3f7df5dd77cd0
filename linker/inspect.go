package linker

import (
	"strings"

	"github.com/lockstep-wasm/lockstep/linker/internal/spans"
)

// AddrInfo says what a pointer points into, as dladdr does.
type AddrInfo struct {
	Module string // the name of the module
	File   string // where it was found
	// the address of its data area; for a function, the first of its own entries of the function
	// table
	Base uint32
	// Symbol is the exported symbol at, or nearest before, the pointer, and Pointer is where that
	// is. Without one, Symbol is empty and Pointer is 0.
	Symbol  string
	Pointer uint32
}

// Addr says which module, and which of its symbols, a pointer of the guest belongs to. kind says
// how the guest would use it: addresses and function pointers are both small integers. A function
// pointer belongs to the module that defines the function, whichever module its entry was made for;
// only a pointer that is exactly a symbol's has one. Addresses in heaps, stacks and thread-local
// storage belong to no module, but for the stack that an ordinary executable brings, which lies
// among its data. It takes no lock: it sees what was committed last.
func (l *Linker) Addr(pointer uint32, kind SymbolKind) (info AddrInfo, ok bool) {
	s := l.committed.Load()
	switch kind {
	case Function:
		return s.addrFunction(pointer)
	case Data:
		return s.addrData(l, pointer)
	}
	return AddrInfo{}, false
}

func (s *scope) addrFunction(pointer uint32) (AddrInfo, bool) {
	if pointer == 0 {
		return AddrInfo{}, false
	}
	if fn := s.functionAt(pointer); fn != nil {
		return fn.addrInfo(pointer), true
	}
	for _, m := range s.search {
		if !m.table.Has(pointer) {
			continue
		}
		for _, fn := range m.functions {
			if fn.slot == pointer {
				return fn.addrInfo(pointer), true
			}
		}
		return AddrInfo{Module: m.name, File: m.file, Base: m.table.Base}, true
	}
	return AddrInfo{}, false
}

func (fn *function) addrInfo(pointer uint32) AddrInfo {
	return AddrInfo{Module: fn.mod.name, File: fn.mod.file, Base: fn.mod.table.Base,
		Symbol: fn.name, Pointer: pointer}
}

func (s *scope) addrData(l *Linker, address uint32) (AddrInfo, bool) {
	for _, m := range s.search {
		area := l.dataArea(m)
		if address == 0 || !area.Has(address) {
			continue
		}
		info := AddrInfo{Module: m.name, File: m.file, Base: area.Base}
		for name, x := range m.exports {
			if x.kind != exportData || x.mod != m || x.tls || special(name) ||
				strings.HasPrefix(name, "__wasm_") || x.addr > address || x.addr < area.Base {
				continue
			}
			// Of several names for one address the first in the alphabet is taken.
			if info.Symbol == "" || x.addr > info.Pointer || x.addr == info.Pointer &&
				name < info.Symbol {
				info.Symbol, info.Pointer = name, x.addr
			}
		}
		return info, true
	}
	return AddrInfo{}, false
}

// dataArea is where a module's static data is. That of an ordinary executable is between the null
// pointer and its heap, with its stack perhaps.
func (l *Linker) dataArea(m *module) spans.Span {
	if m.fixed {
		return spans.Span{Base: 0, Size: l.dataEnd}
	}
	return m.memory
}

// ModuleInfo describes a loaded module, as dl_iterate_phdr does.
type ModuleInfo struct {
	Name string // by which other modules need it
	File string // where it was found
	Main bool   // it is the main module
	// MemoryBase is the address of its data area, and MemorySize is its size in bytes; both are 0
	// for a module without static data.
	MemoryBase, MemorySize uint32
	// TableBase is the first of its own entries of the function table, and TableSize is their
	// number. Entries that were made for its functions later are not among them.
	TableBase, TableSize uint32
	ThreadLocalSize      uint32   // bytes of thread-local storage in every group
	Needed               []string // the libraries that it names, in order
	Handles              int      // handles that were not given up, of all groups
	Global               bool     // its symbols are in the global scope
	NoDelete             bool     // it is never unloaded
}

// Modules lists the loaded modules, the main module first, then in the order in which they were
// loaded. The list is that of one moment between two link operations; only Handles, which no
// operation changes, may be newer. It takes no lock.
func (l *Linker) Modules() []ModuleInfo {
	s := l.committed.Load()
	global, pinned := set(s.global.all), set(s.pinned)
	list := make([]ModuleInfo, 0, len(s.search))
	for _, m := range s.search {
		if s.hides(m) || m.joins {
			continue
		}
		area := l.dataArea(m)
		info := ModuleInfo{
			Name: m.name, File: m.file, Main: m == l.main,
			MemoryBase: area.Base, MemorySize: area.Size, TableBase: m.table.Base,
			TableSize:       m.table.Size,
			ThreadLocalSize: m.tlsSize, Handles: int(m.shown.Load()), Global: global[m],
			NoDelete: pinned[m],
		}
		for _, n := range m.needed {
			info.Needed = append(info.Needed, n.name)
		}
		list = append(list, info)
	}
	return list
}
