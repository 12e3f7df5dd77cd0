package linker

// View returns the n bytes at an address of the linear memory, not a copy, and false when they are
// not all inside the memory. Unlike the methods of Memory, it may be used while guests run in other
// goroutines and make the memory grow; what the guests do with those very bytes is for the caller
// to know. The slice must not be used after Close.
func (l *Linker) View(address, n uint32) ([]byte, bool) {
	if l.closed.Load() {
		return nil, false
	}
	b, ok := l.shared.Mem.At(address, n)
	return b[:len(b):len(b)], ok
}
