package codecache

import (
	"container/list"
	"context"
	"crypto/sha256"
	"sync"

	"github.com/tetratelabs/wazero"
)

// code is something compiled.
type code struct {
	// Never changed.
	compiled wazero.CompiledModule
	key      [sha256.Size]byte
	size     int // bytes that it takes, about

	// Guarded by the mutex of the cache.
	users int           // handles that were not closed
	idle  *list.Element // nil while there are users
}

// Handle is a use of code. Closing it ends the use. Its fields never change; once is safe for
// concurrent use by itself.
type Handle struct {
	wazero.CompiledModule
	cache *Cache
	code  *code
	once  sync.Once
}

func (c *Cache) handle(x *code) *Handle {
	return &Handle{CompiledModule: x.compiled, cache: c, code: x}
}

// Close implements wazero.CompiledModule. The second time it does nothing.
func (h *Handle) Close(ctx context.Context) (err error) {
	h.once.Do(func() {
		h.cache.mu.Lock()
		defer h.cache.mu.Unlock()
		err = h.cache.release(ctx, h.code)
	})
	return err
}

// Engine is what the engine takes for compiled code.
func Engine(c wazero.CompiledModule) wazero.CompiledModule {
	if h, ok := c.(*Handle); ok {
		return h.CompiledModule
	}
	return c
}

// Sum returns the SHA-256 of what was compiled, zero for what the image did not compile as code
// of its own.
func Sum(c wazero.CompiledModule) [sha256.Size]byte {
	if h, ok := c.(*Handle); ok {
		return h.code.key
	}
	return [sha256.Size]byte{}
}
