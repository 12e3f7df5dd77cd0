package linker

import (
	"context"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
)

// intern returns the address of a string of C. The caller is inside the group.
func (n *guestNames) intern(ctx context.Context, g *Group, m *image.Module, s string) (uint32,
	error) {
	n.mu.Lock()
	address, ok := n.at[m][s]
	n.mu.Unlock()
	if ok {
		return address, nil
	}
	// it may call the guest, so without the mutex
	address, err := g.l.heap.Take(ctx, heapGuest{g}, uint32(len(s))+1, 1)
	if err != nil {
		return 0, err
	}
	b, _ := g.l.shared.Mem.At(address, uint32(len(s))+1)
	b[copy(b, s)] = 0
	n.mu.Lock()
	defer n.mu.Unlock()
	if first, ok := n.at[m][s]; ok { // another group was quicker
		g.l.heap.Give(address)
		return first, nil
	}
	if n.at == nil {
		n.at = map[*image.Module]map[string]uint32{}
	}
	if n.at[m] == nil {
		n.at[m] = map[string]uint32{}
	}
	n.at[m][s] = address
	return address, nil
}

// forget gives back the strings of a module that was unloaded.
func (n *guestNames) forget(l *Linker, m *image.Module) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, address := range n.at[m] {
		l.heap.Give(address)
	}
	delete(n.at, m)
}
