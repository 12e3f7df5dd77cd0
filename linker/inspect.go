package linker

import (
	"strings"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
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
		return addrFunction(s, pointer)
	case Data:
		return l.addrData(s, pointer)
	}
	return AddrInfo{}, false
}

func addrFunction(s *image.Snapshot, pointer uint32) (AddrInfo, bool) {
	if pointer == 0 {
		return AddrInfo{}, false
	}
	if fn := s.FunctionAt(pointer); fn != nil {
		return addrInfo(fn, pointer), true
	}
	for _, m := range s.Search {
		if !m.Table.Has(pointer) {
			continue
		}
		for _, fn := range m.Functions {
			if fn.Slot == pointer {
				return addrInfo(fn, pointer), true
			}
		}
		return AddrInfo{Module: m.Name, File: m.File, Base: m.Table.Base}, true
	}
	return AddrInfo{}, false
}

func addrInfo(fn *image.Function, pointer uint32) AddrInfo {
	return AddrInfo{Module: fn.Mod.Name, File: fn.Mod.File, Base: fn.Mod.Table.Base,
		Symbol: fn.Name, Pointer: pointer}
}

func (l *Linker) addrData(s *image.Snapshot, address uint32) (AddrInfo, bool) {
	for _, m := range s.Search {
		data := l.dataArea(m)
		if address == 0 || !data.Has(address) {
			continue
		}
		info := AddrInfo{Module: m.Name, File: m.File, Base: data.Base}
		for name, x := range m.Exports {
			if x.Kind != image.KindData || x.Mod != m || x.TLS || image.IsToolchain(name) ||
				strings.HasPrefix(name, "__wasm_") || x.Addr > address || x.Addr < data.Base {
				continue
			}
			// Of several names for one address the first in the alphabet is taken.
			if info.Symbol == "" || x.Addr > info.Pointer || x.Addr == info.Pointer &&
				name < info.Symbol {
				info.Symbol, info.Pointer = name, x.Addr
			}
		}
		return info, true
	}
	return AddrInfo{}, false
}

// dataArea is where a module's static data is. That of an ordinary executable is between the null
// pointer and its heap, with its stack perhaps.
func (l *Linker) dataArea(m *image.Module) spans.Span {
	if m.Fixed {
		return spans.Span{Base: 0, Size: l.shared.DataEnd}
	}
	return m.Memory
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
	global, pinned := image.Set(s.Global.All), image.Set(s.Pinned)
	list := make([]ModuleInfo, 0, len(s.Search))
	for _, m := range s.Search {
		if s.Hides(m) || m.Joins {
			continue
		}
		data := l.dataArea(m)
		info := ModuleInfo{
			Name: m.Name, File: m.File, Main: m == l.shared.Main,
			MemoryBase: data.Base, MemorySize: data.Size, TableBase: m.Table.Base,
			TableSize:       m.Table.Size,
			ThreadLocalSize: m.TLSSize, Handles: int(m.Shown.Load()), Global: global[m],
			NoDelete: pinned[m],
		}
		for _, n := range m.Needed {
			info.Needed = append(info.Needed, n.Name)
		}
		list = append(list, info)
	}
	return list
}
