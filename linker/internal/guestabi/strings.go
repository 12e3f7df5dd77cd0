package guestabi

import (
	"bytes"
	"context"
	"errors"
	"sync"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
)

// errBadString is what dlopen and dlsym say of a name that does not end inside the memory.
var errBadString = errors.New("linker: the name is not in memory")

// cString returns the string of C at an address. The error is errBadString when it does not end
// inside the memory, and that of a limit when it is longer than a string of a guest may be.
func (a *ABI) cString(address uint32) (string, error) {
	all, most := a.Memory.Bytes(), uint64(a.MaxString)
	if uint64(address) >= uint64(len(all)) {
		return "", errBadString
	}
	all = all[address:]
	n := bytes.IndexByte(all[:min(uint64(len(all)), most+1)], 0)
	switch {
	case n >= 0:
		return string(all[:n]), nil
	case uint64(len(all)) <= most:
		return "", errBadString
	}
	return "", a.Errors.Limit(LimitString, most+1, most)
}

// sized returns the n bytes at an address as a string. The errors are those of cString.
func (a *ABI) sized(address, n uint32) (string, error) {
	b, ok := a.Memory.At(address, n)
	switch most := uint64(a.MaxString); {
	case !ok:
		return "", errBadString
	case uint64(n) > most:
		return "", a.Errors.Limit(LimitString, uint64(n), most)
	}
	return string(b), nil
}

// interned are strings that guests have been given, each for as long as its module is loaded.
type interned struct {
	mu sync.Mutex // guards at
	at map[*image.Module]map[string]uint32
}

// intern returns the address of a string of C that stays as long as m is loaded.
func (a *ABI) intern(ctx context.Context, g *Guest, m *image.Module, s string) (uint32, error) {
	n := &a.strings
	n.mu.Lock()
	address, ok := n.at[m][s]
	n.mu.Unlock()
	if ok {
		return address, nil
	}
	// Taking memory may call the guest, which may come here again: so it is without the mutex.
	address, err := g.Take(ctx, uint32(len(s))+1, 1)
	if err != nil {
		return 0, err
	}
	b, _ := a.Memory.At(address, uint32(len(s))+1)
	b[copy(b, s)] = 0
	n.mu.Lock()
	defer n.mu.Unlock()
	if first, ok := n.at[m][s]; ok { // another group was quicker
		a.Give(address)
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

// Forget gives back the strings of a module that was unloaded.
func (a *ABI) Forget(m *image.Module) {
	n := &a.strings
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, address := range n.at[m] {
		a.Give(address)
	}
	delete(n.at, m)
}
