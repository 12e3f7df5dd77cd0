package linker

import (
	"sync/atomic"

	"github.com/tetratelabs/wazero/experimental"
)

// pageSize is the unit of a memory's size, in bytes.
const pageSize = 65536

// imageMemory is the linear memory of a process image as the linker itself sees it. All groups may run
// while the linker writes a library's data, and one of them may make the memory grow; so the linker
// does not read the length through api.Memory, which is not made for that.
type imageMemory struct {
	current atomic.Pointer[[]byte]
}

// bytes returns the memory at its present length. It stays valid when a shared memory grows.
func (m *imageMemory) bytes() []byte {
	if p := m.current.Load(); p != nil {
		return *p
	}
	return nil
}

// at returns the n bytes at an address, or false when they are not inside the memory.
func (m *imageMemory) at(address, n uint32) ([]byte, bool) {
	all := m.bytes()
	if uint64(address)+uint64(n) > uint64(len(all)) {
		return nil, false
	}
	return all[address : uint64(address)+uint64(n)], true
}

// allocator returns what wazero asks for the memory: the user's allocator, or the default, observed so
// that imageMemory always knows the bytes.
func (m *imageMemory) allocator(user experimental.MemoryAllocator) experimental.MemoryAllocator {
	return experimental.MemoryAllocatorFunc(func(capacity, limit uint64) experimental.LinearMemory {
		var backing experimental.LinearMemory
		if user != nil {
			backing = user.Allocate(capacity, limit)
		} else if backing = reserve(limit); backing == nil {
			backing = &heapMemory{limit: limit}
		}
		return &observedMemory{LinearMemory: backing, image: m}
	})
}

// observedMemory tells imageMemory about every change.
type observedMemory struct {
	experimental.LinearMemory
	image *imageMemory
}

// Reallocate implements experimental.LinearMemory.
func (o *observedMemory) Reallocate(size uint64) []byte {
	b := o.LinearMemory.Reallocate(size)
	if b != nil {
		o.image.current.Store(&b)
	}
	return b
}

// Free implements experimental.LinearMemory.
func (o *observedMemory) Free() {
	o.image.current.Store(nil)
	o.LinearMemory.Free()
}

// heapMemory is a linear memory on Go's heap, allocated at its maximum so that it never moves.
type heapMemory struct {
	limit uint64
	all   []byte
}

// Reallocate implements experimental.LinearMemory.
func (h *heapMemory) Reallocate(size uint64) []byte {
	if size > h.limit {
		return nil
	}
	if h.all == nil {
		h.all = make([]byte, h.limit)
	}
	return h.all[:size]
}

// Free implements experimental.LinearMemory.
func (h *heapMemory) Free() { h.all = nil }
