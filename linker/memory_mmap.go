//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package linker

import (
	"math"
	"syscall"

	"github.com/tetratelabs/wazero/experimental"
)

// reserve backs a linear memory by reserved address space: it never moves, and only what was asked for is
// accessible. It returns nil when the platform refuses.
func reserve(limit uint64) experimental.LinearMemory {
	if limit == 0 || limit > math.MaxInt {
		return nil
	}
	all, err := syscall.Mmap(-1, 0, int(limit), syscall.PROT_NONE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
	if err != nil {
		return nil
	}
	return &reserved{all: all}
}

type reserved struct {
	all  []byte // the whole reservation
	size uint64 // how much of it is accessible
}

// Reallocate implements experimental.LinearMemory.
func (r *reserved) Reallocate(size uint64) []byte {
	if size > uint64(len(r.all)) {
		return nil
	}
	if size > r.size {
		if err := syscall.Mprotect(r.all[:size], syscall.PROT_READ|syscall.PROT_WRITE); err != nil {
			return nil
		}
		r.size = size
	}
	return r.all[:size:len(r.all)]
}

// Free implements experimental.LinearMemory.
func (r *reserved) Free() {
	if r.all != nil {
		// Nothing can be done about an error, and none is possible for a whole mapping of one's own.
		_ = syscall.Munmap(r.all)
		r.all, r.size = nil, 0
	}
}
