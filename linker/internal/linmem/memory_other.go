//go:build !(linux || darwin || freebsd || netbsd)

package linmem

import "github.com/tetratelabs/wazero/experimental"

// reserve cannot reserve address space here: the memory comes from Go's heap.
func reserve(uint64) experimental.LinearMemory { return nil }
