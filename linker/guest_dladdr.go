package linker

import (
	"context"
	"encoding/binary"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
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
	m := g.l.committed.Load().Named(a.Module)
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
	out, ok := g.l.shared.Mem.At(info, dlInfoSize)
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
func (l *Linker) handleAddress(m *image.Module) uint32 {
	switch area := l.dataArea(m); {
	case area.Base != 0:
		return area.Base
	case m.Fixed:
		return 0
	case m.Table.Size > 0:
		return m.Table.Base
	}
	return m.ID
}
