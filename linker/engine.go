package linker

import (
	"context"
	"fmt"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/linker/internal/codecache"
	"github.com/lockstep-wasm/lockstep/linker/internal/linmem"
)

// compileGenerated compiles a module that the linker wrote.
func (l *Linker) compileGenerated(ctx context.Context, what string, bytes []byte,
	err error) (wazero.CompiledModule, error) {
	if err != nil {
		return nil, fmt.Errorf("linker: %s: %w", what, err)
	}
	c, err := codecache.Compile(ctx, l.shared.Runtime, bytes)
	if err != nil {
		return nil, fmt.Errorf("linker: %s: %w", what, err)
	}
	return c, nil
}

// growMemory adds pages of 64 KiB to the memory and returns the address of the first.
func (l *Linker) growMemory(pages uint64) (uint32, error) {
	have := uint64(l.shared.Mem.Pages())
	if pages <= uint64(l.maxPages) {
		if old, ok := l.Memory().Grow(uint32(pages)); ok {
			return old * linmem.PageSize, nil
		}
	}
	return 0, &LimitError{Limit: limitMemory, Value: have + pages, Max: uint64(l.maxPages)}
}
