package linker

import (
	"context"
	"encoding/binary"
	"sync"
)

// dlInfoSize is the size of Dl_info in C: file name, base address, symbol name, symbol address.
const dlInfoSize = 16

// dladdr tells which module and which symbol a pointer belongs to. It returns 0 when there is no
// such module. Function pointers and addresses are both small integers; one that is a known
// function's pointer is taken for that. The strings stay as long as the module is loaded.
func (g *Group) dladdr(ctx context.Context, pointer, info uint32) uint32 {
	a, ok := g.l.Addr(pointer, Function)
	if !ok || a.Symbol == "" {
		if d, isData := g.l.Addr(pointer, Data); isData {
			a, ok = d, true
		}
	}
	m := g.l.committed.Load().named(a.Module)
	if !ok || m == nil {
		return 0
	}
	words := [...]uint32{1: g.l.handleAddress(m), 3: a.Pointer}
	for i, s := range map[int]string{0: a.File, 2: a.Symbol} {
		if s == "" {
			continue
		}
		address, err := g.l.names.intern(ctx, g, m, s)
		if err != nil {
			return 0
		}
		words[i] = address
	}
	out, ok := g.l.mem.at(info, dlInfoSize)
	if !ok {
		return 0
	}
	for i, w := range words {
		binary.LittleEndian.PutUint32(out[4*i:], w)
	}
	return 1
}

// handleAddress is what dladdr calls the base of a module: the address of its data, or, if it has
// none, the first of its entries of the function table, or its number. It tells modules apart.
func (l *Linker) handleAddress(m *module) uint32 {
	switch area := l.dataArea(m); {
	case area.base != 0:
		return area.base
	case m.fixed:
		return 0
	case m.table.size > 0:
		return m.table.base
	}
	return m.id
}

// named returns a loaded module by its name, nil if there is none.
func (s *scope) named(name string) *module {
	for _, m := range s.search {
		if m.name == name {
			return m
		}
	}
	return nil
}

// guestNames are strings that the linker has put into the guest's memory, for as long as a module
// is loaded.
type guestNames struct {
	mu sync.Mutex // guards at
	at map[*module]map[string]uint32
}

// intern returns the address of a string of C. The caller is inside the group.
func (n *guestNames) intern(ctx context.Context, g *Group, m *module, s string) (uint32, error) {
	n.mu.Lock()
	address, ok := n.at[m][s]
	n.mu.Unlock()
	if ok {
		return address, nil
	}
	// it may call the guest, so without the mutex
	address, err := g.l.areas.take(ctx, g, uint32(len(s))+1, 1)
	if err != nil {
		return 0, err
	}
	b, _ := g.l.mem.at(address, uint32(len(s))+1)
	b[copy(b, s)] = 0
	n.mu.Lock()
	defer n.mu.Unlock()
	if first, ok := n.at[m][s]; ok { // another group was quicker
		g.l.areas.giveLater(address)
		return first, nil
	}
	if n.at == nil {
		n.at = map[*module]map[string]uint32{}
	}
	if n.at[m] == nil {
		n.at[m] = map[string]uint32{}
	}
	n.at[m][s] = address
	return address, nil
}

// forget gives back the strings of a module that was unloaded.
func (n *guestNames) forget(l *Linker, m *module) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, address := range n.at[m] {
		l.areas.giveLater(address)
	}
	delete(n.at, m)
}
