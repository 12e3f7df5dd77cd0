//go:build linux || darwin || freebsd || netbsd

package linmem

import (
	"math"
	"syscall"

	"github.com/tetratelabs/wazero/experimental"
)

// reserve backs a linear memory by address space of its own: it never moves, the operating system
// gives pages as they are touched, and Go's garbage collector does not see them. It returns nil
// when the platform refuses.
func reserve(limit uint64) experimental.LinearMemory {
	if limit == 0 || limit > math.MaxInt {
		return nil
	}
	all, err := syscall.Mmap(-1, 0, int(limit), syscall.PROT_READ|syscall.PROT_WRITE,
		syscall.MAP_PRIVATE|syscall.MAP_ANON|syscall.MAP_NORESERVE)
	if err != nil {
		return nil
	}
	return &reserved{all: all}
}

type reserved struct{ all []byte }

// Reallocate implements experimental.LinearMemory.
func (r *reserved) Reallocate(size uint64) []byte {
	if size > uint64(len(r.all)) {
		return nil
	}
	return r.all[:size]
}

// Free implements experimental.LinearMemory.
func (r *reserved) Free() {
	if r.all != nil {
		// Nothing can be done about an error, and none is possible for a whole mapping of one's
		// own.
		_ = syscall.Munmap(r.all)
		r.all = nil
	}
}
