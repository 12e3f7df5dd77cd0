package linker

import (
	"sync"

	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

// pageSize is the unit of a memory's size, in bytes.
const pageSize = 65536

// imageMemory is the linear memory of a process image as the linker itself sees it.
//
// It is allocated at its maximum, once, and kept until the linker closes. The engine is not let
// near that: wazero frees an allocated memory when any instance that imports it is closed, and from
// then on grows it without asking the allocator.
type imageMemory struct {
	backing experimental.LinearMemory
	all     []byte     // at its maximum
	memory  api.Memory // knows how much of it is in use

	mostString uint32 // bytes of a string that a guest hands over

	free sync.Once
}

// allocate reserves limit bytes; user may be nil.
func (m *imageMemory) allocate(user experimental.MemoryAllocator, limit uint64) error {
	if user != nil {
		m.backing = user.Allocate(limit, limit)
	} else if m.backing = reserve(limit); m.backing == nil {
		m.backing = &heapMemory{}
	}
	m.all = m.backing.Reallocate(limit)
	if uint64(len(m.all)) < limit {
		return &LimitError{Limit: "memory that the allocator gives (bytes)", Value: limit,
			Max: uint64(len(m.all))}
	}
	return nil
}

// allocator gives the engine what was allocated.
func (m *imageMemory) allocator() experimental.MemoryAllocator {
	return experimental.MemoryAllocatorFunc(func(_, _ uint64) experimental.LinearMemory {
		return borrowed{m.all}
	})
}

// release gives the memory back. Nobody may use it any more.
func (m *imageMemory) release() {
	m.free.Do(func() {
		if m.backing != nil {
			m.backing.Free()
		}
	})
}

// pages returns the size in use. All groups may run meanwhile, and one of them may make the memory
// grow; growing by nothing is the one way to read the size that is ordered with that.
func (m *imageMemory) pages() uint32 {
	if m.memory == nil {
		return 0
	}
	n, _ := m.memory.Grow(0)
	return n
}

// bytes returns the memory in use. It stays valid when the memory grows.
func (m *imageMemory) bytes() []byte { return m.all[:uint64(m.pages())*pageSize] }

// at returns the n bytes at an address, or false when they are not inside the memory.
func (m *imageMemory) at(address, n uint32) ([]byte, bool) {
	all := m.bytes()
	if uint64(address)+uint64(n) > uint64(len(all)) {
		return nil, false
	}
	return all[address : uint64(address)+uint64(n)], true
}

// borrowed is the engine's view of the memory: it cannot move or free it.
type borrowed struct{ all []byte }

// Reallocate implements experimental.LinearMemory.
func (b borrowed) Reallocate(size uint64) []byte {
	if size > uint64(len(b.all)) {
		return nil
	}
	return b.all[:size]
}

// Free implements experimental.LinearMemory.
func (borrowed) Free() {}

// heapMemory is a linear memory on Go's heap.
type heapMemory struct{ all []byte }

// Reallocate implements experimental.LinearMemory.
func (h *heapMemory) Reallocate(size uint64) []byte {
	if uint64(len(h.all)) < size {
		h.all = append(make([]byte, 0, size), h.all...)[:size]
	}
	return h.all[:size]
}

// Free implements experimental.LinearMemory.
func (h *heapMemory) Free() { h.all = nil }
