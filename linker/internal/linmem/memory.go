package linmem

import (
	"os"
	"sync"

	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

// PageSize is the unit of a memory's size, in bytes.
const PageSize = 65536

// Memory is the linear memory of a process image as the linker itself sees it.
//
// It is allocated at its maximum, once, and kept until the linker closes. The engine is not let
// near that: wazero frees an allocated memory when any instance that imports it is closed, and from
// then on grows it without asking the allocator.
type Memory struct {
	backing experimental.LinearMemory
	own     bool       // reserved here, so Touch may populate its pages
	all     []byte     // up to the maximum; it never moves
	memory  api.Memory // knows how much of it is in use

	free sync.Once
}

// Allocate reserves limit bytes; user may be nil. It returns how many bytes it has got;
// a memory with fewer than limit cannot be used.
func (m *Memory) Allocate(user experimental.MemoryAllocator, limit uint64) (got uint64) {
	if user != nil {
		m.backing = user.Allocate(limit, limit)
	} else if m.backing = reserve(limit); m.backing == nil {
		m.backing = &heap{}
	} else {
		m.own = true
	}
	m.all = m.backing.Reallocate(limit)
	return uint64(len(m.all))
}

// Attach makes a memory, which the engine has made of what was allocated, the one that knows how
// much of it is in use.
func (m *Memory) Attach(memory api.Memory) { m.memory = memory }

// Allocator gives the engine what was allocated.
func (m *Memory) Allocator() experimental.MemoryAllocator {
	return experimental.MemoryAllocatorFunc(func(_, _ uint64) experimental.LinearMemory {
		return borrowed{m.all}
	})
}

// Release gives the memory back. It must not be used any more.
func (m *Memory) Release() {
	m.free.Do(func() {
		if m.backing != nil {
			m.backing.Free()
		}
	})
}

// Pages returns the size in use. All groups may run meanwhile, and one of them may make the memory
// grow; growing by nothing is the one way to read the size that is ordered with that.
func (m *Memory) Pages() uint32 {
	if m.memory == nil {
		return 0
	}
	n, _ := m.memory.Grow(0)
	return n
}

// Bytes returns the memory in use. It stays valid when the memory grows.
func (m *Memory) Bytes() []byte { return m.all[:uint64(m.Pages())*PageSize] }

// At returns the n bytes at an address, or false when they are not inside the memory.
func (m *Memory) At(address, n uint32) ([]byte, bool) {
	all := m.Bytes()
	if uint64(address)+uint64(n) > uint64(len(all)) {
		return nil, false
	}
	return all[address : uint64(address)+uint64(n)], true
}

// Touch prepares n bytes at an address, which are going to be written: the system gives all their
// pages at once, which takes less time than one at a time. Where that cannot be had, it does
// nothing.
func (m *Memory) Touch(address, n uint32) {
	page := uint64(os.Getpagesize())
	first, end := (uint64(address)+page-1)&^(page-1), (uint64(address)+uint64(n))&^(page-1)
	if m.own && n >= PageSize && first < end && end <= uint64(len(m.Bytes())) {
		populate(m.all[first:end])
	}
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

// heap is a linear memory on Go's heap.
type heap struct{ all []byte }

// Reallocate implements experimental.LinearMemory.
func (h *heap) Reallocate(size uint64) []byte {
	if uint64(len(h.all)) < size {
		h.all = append(make([]byte, 0, size), h.all...)[:size]
	}
	return h.all[:size]
}

// Free implements experimental.LinearMemory.
func (h *heap) Free() { h.all = nil }
