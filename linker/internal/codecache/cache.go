// Package codecache keeps compiled code. Equal bytes are compiled once, however many loads wait for
// the code; the code of unloaded libraries is kept for the next load.
//
// The linker uses it for libraries and for the modules that it generates. The package may use the
// engine's compiler and nothing of the linker. A mutex in the cache guards all that changes in it;
// it is never held while the engine compiles. A compilation has a goroutine of its own, which its
// callers can leave behind when their context ends.
package codecache

import (
	"container/list"
	"context"
	"crypto/sha256"
	"errors"
	"sync"

	"github.com/tetratelabs/wazero"
)

// Cache is the compiled code of an image: of its libraries, and of what is generated for them.
// Equal bytes are compiled once. Code that is not used any more is kept for the next load, up to a
// limit, the longest unused going first. All methods are safe for concurrent use.
//
// That makes loading a library again cheap, and it bounds what unloading leaves behind: wazero
// keeps the closed instances (see the package documentation), and every instance its module, so
// these had better be the same.
type Cache struct {
	// Never changed.
	rt      wazero.Runtime
	errors  Errors
	workers int           // goroutines for one compilation of a guest's module
	slots   chan struct{} // one for each of these that may be under way

	mu      sync.Mutex // guards what follows, and what a code and a Compilation say it does
	limit   int        // bytes that idle code may take
	all     map[[sha256.Size]byte]*code
	running map[[sha256.Size]byte]*Compilation // those that a load may still join
	alive   map[*Compilation]bool              // all, with those that were given up
	idle    *list.List                         // of *code, the longest unused first
	size    int                                // bytes of idle; at most limit
	closed  bool                               // nothing is compiled any more
}

// Errors are the errors of codes, which are those of its owner.
type Errors struct {
	Closed    error                 // nothing is compiled any more
	Compiling error                 // wrapped when something is still being compiled
	Panicked  func(value any) error // the engine's compiler panicked; nil if its goroutine ended
}

// New returns an empty cache. limit is how many bytes of idle code it keeps, compilations how
// many modules of guests it compiles at once, and workers how many goroutines work at each.
func New(rt wazero.Runtime, limit, compilations, workers int, errors Errors) *Cache {
	return &Cache{rt: rt, errors: errors, limit: limit, workers: workers,
		slots: make(chan struct{}, compilations), all: map[[sha256.Size]byte]*code{},
		running: map[[sha256.Size]byte]*Compilation{},
		alive:   map[*Compilation]bool{}, idle: list.New()}
}

// CompileModule compiles what was not compiled yet: a module that the linker wrote, which does not
// wait for those of guests.
func (c *Cache) CompileModule(ctx context.Context, bytes []byte) (wazero.CompiledModule, error) {
	return c.Wait(ctx, c.Begin(ctx, bytes, Size(bytes, 0), false))
}

// use counts users of code. The mutex is held.
func (c *Cache) use(x *code, users int) {
	if x.idle != nil {
		c.idle.Remove(x.idle)
		x.idle = nil
		c.size -= x.size
	}
	x.users += users
}

// release ends a use. The mutex is held.
func (c *Cache) release(ctx context.Context, x *code) error {
	if x.users--; x.users > 0 {
		return nil
	}
	return c.rest(ctx, x)
}

// rest puts unused code among the idle. The mutex is held.
func (c *Cache) rest(ctx context.Context, x *code) error {
	x.idle = c.idle.PushBack(x)
	c.size += x.size
	return c.shrink(ctx, c.limit)
}

// shrink closes idle code until no more than limit bytes are left of it. The mutex is held.
func (c *Cache) shrink(ctx context.Context, limit int) error {
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

// Close closes the idle codes; one that is used is closed when that use ends. Compilations are
// stopped, as far as they can be, and their code is closed by the goroutine that compiles it. The
// error wraps [Errors.Compiling] if one is not over when the context ends.
func (c *Cache) Close(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.limit, c.closed = 0, true
	for p := range c.alive {
		p.stop(c.errors.Closed)
	}
	failed := c.shrink(ctx, 0)
	return errors.Join(c.quiesce(ctx), failed)
}

// Idle returns how many codes are kept that have no user.
func (c *Cache) Idle() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.idle.Len()
}

// Settle waits for what Close has left. The errors are those of Close.
func (c *Cache) Settle(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.quiesce(ctx)
}
