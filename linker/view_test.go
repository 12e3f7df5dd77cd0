package linker_test

import (
	"encoding/binary"
	"sync"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker"
)

// Memory is looked at while another group makes it grow. The race detector judges.
func TestViewWhileMemoryGrows(t *testing.T) {
	i := newImage(t, "main-pie", "threads", nil)
	grower := i.spawn()
	buffer := uint32(i.call(linker.Default, "malloc", 4))
	before := i.l.Memory().Size()
	var wg sync.WaitGroup
	wg.Go(func() {
		for range 100 {
			if p, err := grower.try(linker.Default, "malloc", 64<<10); p == 0 || err != nil {
				t.Errorf("malloc: %#x, %v", p, err)
			}
		}
	})
	for n := range int32(1000) {
		b, ok := i.l.View(buffer, 4)
		if !ok {
			t.Fatal("the buffer is not inside the memory")
		}
		binary.LittleEndian.PutUint32(b, uint32(n))
		i.want(n, linker.Default, "peek32", int32(buffer))
	}
	wg.Wait()
	if after := i.l.Memory().Size(); after <= before {
		t.Errorf("the memory has %d bytes, and had %d before", after, before)
	}
}

func TestViewBounds(t *testing.T) {
	i := newImage(t, "main-pie", "threads", nil)
	size := i.l.Memory().Size()
	for _, tt := range []struct {
		name       string
		address, n uint32
		ok         bool
	}{
		{"all", 0, size, true},
		{"last byte", size - 1, 1, true},
		{"nothing at the end", size, 0, true},
		{"one too many", size - 1, 2, false},
		{"behind the end", size, 1, false},
		{"nothing far behind", 1<<32 - 1, 0, false},
		{"around the address space", 1<<32 - 1, 1<<32 - 1, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, ok := i.l.View(tt.address, tt.n)
			if ok != tt.ok || (ok && (len(b) != int(tt.n) || cap(b) != len(b))) ||
				(!ok && b != nil) {
				t.Errorf("View(%#x, %d): %d bytes of %d, %t", tt.address, tt.n, len(b), cap(b), ok)
			}
		})
	}
	if err := i.l.Close(i.ctx); err != nil {
		t.Fatal(err)
	}
	if b, ok := i.l.View(0, 1); ok || b != nil {
		t.Error("a view of a closed image")
	}
}
