package linker

import (
	"container/list"
	"context"
	"crypto/sha256"
	"errors"
	"sync"

	"github.com/tetratelabs/wazero"
)

// codes is the compiled code of an image: of its libraries, and of what is generated for them.
// Equal bytes are compiled once. Code that nobody uses any more is kept for the next load, up to a
// limit, the longest unused going first. All methods are safe for concurrent use.
//
// That makes loading a library again cheap, and it bounds what unloading leaves behind: wazero
// keeps the closed instances (see the package documentation), and every instance its module, so
// these had better be the same.
type codes struct {
	rt      wazero.Runtime
	limit   int           // bytes that idle code may take
	workers int           // goroutines for one compilation of a guest's module
	slots   chan struct{} // one for each of these that may be under way

	mu      sync.Mutex
	all     map[[sha256.Size]byte]*code
	running map[[sha256.Size]byte]*compilation // those that somebody may still join
	alive   map[*compilation]bool              // all, with those that were given up
	idle    *list.List                         // of *code, the longest unused first
	size    int                                // of what is idle
	closed  bool                               // nothing is compiled any more
}

// code is something compiled.
type code struct {
	compiled wazero.CompiledModule
	key      [sha256.Size]byte
	size     int           // bytes that it takes, about
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

func newCodes(rt wazero.Runtime, limit, compilations, workers int) *codes {
	return &codes{rt: rt, limit: limit, workers: workers, slots: make(chan struct{}, compilations),
		all: map[[sha256.Size]byte]*code{}, running: map[[sha256.Size]byte]*compilation{},
		alive: map[*compilation]bool{}, idle: list.New()}
}

// CompileModule compiles what was not compiled yet: a module that the linker wrote, which does not
// wait for those of guests.
func (c *codes) CompileModule(ctx context.Context, bytes []byte) (wazero.CompiledModule, error) {
	return c.wait(ctx, c.begin(ctx, bytes, codeSize(bytes, 0), false))
}

func (c *codes) handle(x *code) *codeHandle {
	return &codeHandle{CompiledModule: x.compiled, codes: c, code: x}
}

// use counts users of code. The mutex is held.
func (c *codes) use(x *code, users int) {
	if x.idle != nil {
		c.idle.Remove(x.idle)
		x.idle = nil
		c.size -= x.size
	}
	x.users += users
}

// Close implements wazero.CompiledModule. The second time it does nothing.
func (h *codeHandle) Close(ctx context.Context) (err error) {
	h.once.Do(func() {
		h.codes.mu.Lock()
		defer h.codes.mu.Unlock()
		err = h.codes.release(ctx, h.code)
	})
	return err
}

// release ends a use. The mutex is held.
func (c *codes) release(ctx context.Context, x *code) error {
	if x.users--; x.users > 0 {
		return nil
	}
	return c.rest(ctx, x)
}

// rest puts code that nobody uses among the idle. The mutex is held.
func (c *codes) rest(ctx context.Context, x *code) error {
	x.idle = c.idle.PushBack(x)
	c.size += x.size
	return c.shrink(ctx, c.limit)
}

// shrink closes idle code until no more than limit bytes are left of it. The mutex is held.
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

// close closes what is idle; what is used is closed when that use ends. Whatever is being compiled
// is stopped, as far as it can be, and its code is closed by whoever compiles it. The error is
// [ErrCompiling] if that is not over when the context ends.
func (c *codes) close(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.limit, c.closed = 0, true
	for p := range c.alive {
		p.stop(ErrClosed)
	}
	failed := c.shrink(ctx, 0)
	return errors.Join(c.quiesce(ctx), failed)
}

// settle waits for what close has left.
func (c *codes) settle(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.quiesce(ctx)
}

// engineCode is what the engine takes for compiled code.
func engineCode(c wazero.CompiledModule) wazero.CompiledModule {
	if h, ok := c.(*codeHandle); ok {
		return h.CompiledModule
	}
	return c
}

// codeSum returns the SHA-256 of what was compiled, zero for what the image did not compile as code
// of its own.
func codeSum(c wazero.CompiledModule) [sha256.Size]byte {
	if h, ok := c.(*codeHandle); ok {
		return h.code.key
	}
	return [sha256.Size]byte{}
}
