package linker

import (
	"container/list"
	"context"
	"crypto/sha256"
	"sync"

	"github.com/tetratelabs/wazero"
)

// codes is the compiled code of an image: of its libraries, and of what is generated for them. Equal bytes are
// compiled once. Code that nobody uses any more is kept for the next load, up to a limit, the longest unused going first.
// All methods are safe for concurrent use.
//
// That makes loading a library again cheap, and it bounds what unloading leaves behind: wazero keeps the closed instances
// (see the package documentation), and every instance its module, so these had better be the same.
type codes struct {
	rt    wazero.Runtime
	limit int // bytes of WebAssembly that may be idle

	mu   sync.Mutex
	all  map[[sha256.Size]byte]*code
	idle *list.List // of *code, the longest unused first
	size int        // of what is idle
}

// code is something compiled.
type code struct {
	compiled wazero.CompiledModule
	key      [sha256.Size]byte
	size     int           // bytes of WebAssembly
	users    int           // handles that were not closed
	idle     *list.Element // nil while there are users
}

// codeHandle is a use of code. Closing it ends the use.
type codeHandle struct {
	wazero.CompiledModule
	codes *codes
	code  *code
	once  sync.Once
}

func newCodes(rt wazero.Runtime, limit int) *codes {
	return &codes{rt: rt, limit: limit, all: map[[sha256.Size]byte]*code{}, idle: list.New()}
}

// CompileModule compiles what was not compiled yet.
func (c *codes) CompileModule(ctx context.Context, bytes []byte) (wazero.CompiledModule, error) {
	key := sha256.Sum256(bytes)
	if h := c.use(key); h != nil {
		return h, nil
	}
	// Without the lock, for it takes long. Two may compile the same; one of them is then the code.
	compiled, err := compile(ctx, c.rt, bytes)
	if err != nil {
		return nil, err
	}
	if h := c.use(key); h != nil {
		_ = compiled.Close(ctx) // it never fails
		return h, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	x := &code{compiled: compiled, key: key, size: len(bytes), users: 1}
	c.all[key] = x
	return c.handle(x), nil
}

func (c *codes) handle(x *code) *codeHandle {
	return &codeHandle{CompiledModule: x.compiled, codes: c, code: x}
}

// use returns a handle of what was compiled, nil if nothing was.
func (c *codes) use(key [sha256.Size]byte) wazero.CompiledModule {
	c.mu.Lock()
	defer c.mu.Unlock()
	x := c.all[key]
	if x == nil {
		return nil
	}
	if x.idle != nil {
		c.idle.Remove(x.idle)
		x.idle = nil
		c.size -= x.size
	}
	x.users++
	return c.handle(x)
}

// Close implements wazero.CompiledModule. The second time it does nothing.
func (h *codeHandle) Close(ctx context.Context) (err error) {
	h.once.Do(func() { err = h.codes.release(ctx, h.code) })
	return err
}

func (c *codes) release(ctx context.Context, x *code) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if x.users--; x.users > 0 {
		return nil
	}
	x.idle = c.idle.PushBack(x)
	c.size += x.size
	return c.shrink(ctx, c.limit)
}

// shrink closes idle code until no more than limit bytes are left of it.
func (c *codes) shrink(ctx context.Context, limit int) error {
	var first error
	for c.size > limit {
		x := c.idle.Remove(c.idle.Front()).(*code)
		c.size -= x.size
		delete(c.all, x.key)
		if err := x.compiled.Close(ctx); first == nil {
			first = err
		}
	}
	return first
}

// close closes what is idle; what is used is closed when that use ends.
func (c *codes) close(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.limit = 0
	return c.shrink(ctx, 0)
}

// engineCode is what the engine takes for compiled code.
func engineCode(c wazero.CompiledModule) wazero.CompiledModule {
	if h, ok := c.(*codeHandle); ok {
		return h.CompiledModule
	}
	return c
}

// codeSum returns the SHA-256 of what was compiled, zero for what the image did not compile as code of its own.
func codeSum(c wazero.CompiledModule) [sha256.Size]byte {
	if h, ok := c.(*codeHandle); ok {
		return h.code.key
	}
	return [sha256.Size]byte{}
}
