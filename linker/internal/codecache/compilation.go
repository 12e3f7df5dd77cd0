package codecache

import (
	"context"
	"crypto/sha256"
	"fmt"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental"
)

// Compilation is a module that is being compiled, for all who wait for it. The engine cannot be
// stopped in the middle of a function, so a compilation has a goroutine of its own, which those who
// wait can leave behind: see "Why has a compilation a goroutine of its own?" in spec/rationale.md.
type Compilation struct {
	// Never changed.
	key   [sha256.Size]byte
	size  int  // bytes that the code takes, about
	guest bool // the engine has it only while it holds a slot
	stop  context.CancelCauseFunc
	done  chan struct{} // closed when code and err are there

	// The goroutine that compiles writes them before it closes done; others read the last two then.
	bytes []byte
	code  *code
	err   error

	// Guarded by the mutex of the cache.
	waiters int
	begun   bool // the engine has it, so with one worker it cannot be stopped
}

// Begin begins to compile, or joins who does; size is how many bytes the code will take, about. It
// has to be followed by wait or abandon. With a context that cannot end there is no need of another
// goroutine, and begin does all.
func (c *Cache) Begin(ctx context.Context, bytes []byte, size int, guest bool) *Compilation {
	key := sha256.Sum256(bytes)
	c.mu.Lock()
	if c.closed {
		defer c.mu.Unlock()
		p := &Compilation{key: key, done: make(chan struct{}), err: c.errors.Closed}
		close(p.done)
		return p
	}
	if x := c.all[key]; x != nil {
		defer c.mu.Unlock()
		c.use(x, 1)
		p := &Compilation{key: key, done: make(chan struct{}), code: x}
		close(p.done)
		return p
	}
	if p := c.running[key]; p != nil {
		defer c.mu.Unlock()
		p.waiters++
		return p
	}
	run, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	p := &Compilation{key: key, bytes: bytes, size: size, guest: guest, stop: stop,
		done: make(chan struct{}), waiters: 1}
	c.running[key] = p
	c.alive[p] = true
	c.mu.Unlock()
	if ctx.Done() == nil {
		c.compile(run, p)
	} else {
		go c.compile(run, p)
	}
	return p
}

// Wait returns the code when it is there, or the context's error when that ends first.
func (c *Cache) Wait(ctx context.Context, p *Compilation) (wazero.CompiledModule, error) {
	select {
	case <-p.done:
	default:
		select {
		case <-p.done:
		case <-ctx.Done():
			c.Abandon(ctx, p)
			return nil, ctx.Err()
		}
	}
	if p.err != nil {
		return nil, p.err
	}
	return c.handle(p.code), nil
}

// Abandon ends a caller's interest. A compilation that no caller waits for is stopped, if it can
// be.
func (c *Cache) Abandon(ctx context.Context, p *Compilation) {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-p.done:
		if p.code != nil {
			_ = c.release(ctx, p.code) // it never fails
		}
		return
	default:
	}
	if p.waiters--; p.waiters > 0 || p.begun && c.workers < 2 {
		return
	}
	if c.running[p.key] == p {
		delete(c.running, p.key)
	}
	p.stop(context.Canceled)
}

// compile compiles. A panic of the engine is an error of the callers that wait.
func (c *Cache) compile(ctx context.Context, p *Compilation) {
	var compiled wazero.CompiledModule
	err := c.errors.Panicked(nil)
	defer func() {
		if v := recover(); v != nil {
			err = c.errors.Panicked(v)
		}
		c.finish(ctx, p, compiled, err)
	}()
	if p.guest {
		select {
		case c.slots <- struct{}{}:
			defer func() { <-c.slots }()
		case <-ctx.Done():
			err = context.Cause(ctx)
			return
		}
		if experimental.GetCompilationWorkers(ctx) <= 1 {
			ctx = experimental.WithCompilationWorkers(ctx, c.workers)
		}
	}
	c.mu.Lock()
	p.begun = true
	c.mu.Unlock()
	compiled, err = Compile(ctx, c.rt, p.bytes)
}

// finish hands the code to those who wait.
func (c *Cache) finish(ctx context.Context, p *Compilation, compiled wazero.CompiledModule,
	err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer p.stop(nil)
	defer close(p.done)
	delete(c.alive, p)
	if c.running[p.key] == p {
		delete(c.running, p.key)
	}
	if p.bytes, p.err = nil, err; err != nil {
		return
	}
	x := c.all[p.key]
	if x == nil {
		x = &code{compiled: compiled, key: p.key, size: p.size}
		c.all[p.key] = x
	} else { // it was given up, and another compilation of the bytes was quicker
		_ = compiled.Close(ctx) // it never fails
	}
	c.use(x, p.waiters)
	if p.code = x; x.users == 0 {
		_ = c.rest(ctx, x)
	}
}

// quiesce waits until nothing is being compiled, or the context ends. The mutex is held, but not
// while it waits.
func (c *Cache) quiesce(ctx context.Context) error {
	for len(c.alive) > 0 {
		for p := range c.alive {
			c.mu.Unlock()
			select {
			case <-p.done:
			case <-ctx.Done():
			}
			c.mu.Lock()
			break
		}
		if err := ctx.Err(); err != nil && len(c.alive) > 0 {
			return fmt.Errorf("%w: %w", c.errors.Compiling, err)
		}
	}
	return nil
}

// Size estimates how many bytes the machine code of a module takes: the engine does not tell.
// Each local is set to zero by an instruction of its own, so a few bytes of WebAssembly that
// declare 50,000 of them become 400 kB. locals are those of all functions.
func Size(bytes []byte, locals int) int { return 8 * (len(bytes) + locals) }
