package linmem

import (
	"testing"

	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

// pages is an engine's memory of so many pages.
type pages struct {
	api.Memory
	n uint32
}

func (p *pages) Grow(delta uint32) (previous uint32, ok bool) {
	previous = p.n
	p.n += delta
	return previous, true
}

// counted is an allocator of Go's heap that gives at most so many bytes.
type counted struct {
	heap
	most  uint64
	freed int
}

func (c *counted) Reallocate(size uint64) []byte { return c.heap.Reallocate(min(size, c.most)) }
func (c *counted) Free()                         { c.freed++; c.heap.Free() }

// What is in use can be reached, and nothing else; a view stays valid when the memory grows, and
// the engine cannot move or free what it borrows.
func TestMemory(t *testing.T) {
	for name, user := range map[string]experimental.MemoryAllocator{
		"reserved": nil,
		"user's": experimental.MemoryAllocatorFunc(
			func(_, _ uint64) experimental.LinearMemory { return &heap{} }),
	} {
		t.Run(name, func(t *testing.T) {
			var m Memory
			if m.Pages() != 0 || len(m.Bytes()) != 0 {
				t.Error("there is a memory before it is attached")
			}
			const limit = 4 * PageSize
			if got := m.Allocate(user, limit); got != limit {
				t.Fatalf("%d bytes of %d", got, limit)
			}
			engine := m.Allocator().Allocate(PageSize, limit)
			if b := engine.Reallocate(limit + 1); b != nil {
				t.Error("the engine gets more than there is")
			}
			lent := engine.Reallocate(PageSize)
			memory := &pages{n: 1}
			m.Attach(memory)
			m.Touch(0, limit) // more than there is
			m.Touch(8, PageSize-8)
			view, ok := m.At(PageSize-8, 8)
			if !ok {
				t.Fatal("the last bytes cannot be reached")
			}
			if _, ok := m.At(PageSize-8, 9); ok {
				t.Error("bytes behind the end can be reached")
			}
			if _, ok := m.At(1<<32-4, 8); ok {
				t.Error("an address wraps around")
			}
			memory.Grow(2)
			engine.Free()
			lent[PageSize-8] = 42
			if grown, ok := m.At(2*PageSize, PageSize); !ok || view[0] != 42 || grown[0] != 0 {
				t.Error("the memory has moved")
			}
			m.Release()
			m.Release()
		})
	}
}

// An allocator that gives less than it is asked for is seen, and what it gave is freed once.
func TestShortAllocator(t *testing.T) {
	c := &counted{most: PageSize}
	var m Memory
	got := m.Allocate(experimental.MemoryAllocatorFunc(
		func(_, _ uint64) experimental.LinearMemory { return c }), 2*PageSize)
	if got != PageSize {
		t.Errorf("%d bytes", got)
	}
	m.Release()
	m.Release()
	if c.freed != 1 {
		t.Errorf("freed %d times", c.freed)
	}
}
