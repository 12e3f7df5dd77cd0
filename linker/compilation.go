package linker

import (
	"context"
	"crypto/sha256"
	"fmt"
	"runtime"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental"
)

// compilation is a module that is being compiled, for all who wait for it. The engine cannot be
// stopped in the middle of a function, so a compilation has a goroutine of its own, which those who
// wait can leave behind: see "Why has a compilation a goroutine of its own?" in spec/rationale.md.
type compilation struct {
	key   [sha256.Size]byte
	bytes []byte
	size  int  // bytes that the code takes, about
	guest bool // it takes one of the slots
	stop  context.CancelCauseFunc
	done  chan struct{} // closed when code and err are there
	code  *code
	err   error

	// Guarded by the mutex of codes.
	waiters int
	begun   bool // the engine has it
}

// WithCompilers sets how many libraries are compiled at once, and how many goroutines work at each
// of them. More wait for their turn. With two or more workers, a compilation whose callers have all
// given up ends at the next function; the engine ends one of a single worker by itself only, and
// the code is then kept as that of a library that was unloaded. The defaults are
// [DefaultCompilations] and one worker less than there are processors, at least two: so most
// processors are left to the guests of other groups, and what nobody waits for ends soon. Values
// below 1 are 1. BenchmarkOthersWhileCompiling measures what the others notice.
func (c *Config) WithCompilers(compilations, workers int) *Config {
	return c.with(func(c *Config) {
		c.compilations, c.workers = max(compilations, 1), max(workers, 1)
	})
}

// defaultWorkers leaves one processor to whoever is not compiling; the engine ends a compilation of
// two workers, and not of one.
func defaultWorkers() int { return max(runtime.GOMAXPROCS(0)-1, 2) }

// begin begins to compile, or joins who does; size is how many bytes the code will take, about. It
// has to be followed by wait or abandon. With a context that cannot end there is no need of another
// goroutine, and begin does all.
func (c *codes) begin(ctx context.Context, bytes []byte, size int, guest bool) *compilation {
	key := sha256.Sum256(bytes)
	c.mu.Lock()
	if c.closed {
		defer c.mu.Unlock()
		p := &compilation{key: key, done: make(chan struct{}), err: ErrClosed}
		close(p.done)
		return p
	}
	if x := c.all[key]; x != nil {
		defer c.mu.Unlock()
		c.use(x, 1)
		p := &compilation{key: key, done: make(chan struct{}), code: x}
		close(p.done)
		return p
	}
	if p := c.running[key]; p != nil {
		defer c.mu.Unlock()
		p.waiters++
		return p
	}
	run, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	p := &compilation{key: key, bytes: bytes, size: size, guest: guest, stop: stop,
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

// wait returns the code when it is there, or the context's error when that ends first.
func (c *codes) wait(ctx context.Context, p *compilation) (wazero.CompiledModule, error) {
	select {
	case <-p.done:
	default:
		select {
		case <-p.done:
		case <-ctx.Done():
			c.abandon(ctx, p)
			return nil, ctx.Err()
		}
	}
	if p.err != nil {
		return nil, p.err
	}
	return c.handle(p.code), nil
}

// abandon is what one does who will not wait. What nobody waits for is stopped, if it can be.
func (c *codes) abandon(ctx context.Context, p *compilation) {
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

// compile compiles. What the engine panics with is an error of whoever waits.
func (c *codes) compile(ctx context.Context, p *compilation) {
	var compiled wazero.CompiledModule
	err := error(&PanicError{During: "compiling a module"})
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{During: "compiling a module", Value: v}
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
	compiled, err = compile(ctx, c.rt, p.bytes)
}

// finish hands the code to those who wait.
func (c *codes) finish(ctx context.Context, p *compilation, compiled wazero.CompiledModule,
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
	} else { // it was given up, and somebody began anew and was quicker
		_ = compiled.Close(ctx) // it never fails
	}
	c.use(x, p.waiters)
	if p.code = x; x.users == 0 {
		_ = c.rest(ctx, x)
	}
}

// quiesce waits until nothing is being compiled, or the context ends. The mutex is held, but not
// while it waits.
func (c *codes) quiesce(ctx context.Context) error {
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
			return fmt.Errorf("%w: %w", ErrCompiling, err)
		}
	}
	return nil
}

// codeSize estimates how many bytes the machine code of a module takes: the engine does not tell.
// Each local is set to zero by an instruction of its own, so a few bytes of WebAssembly that
// declare 50,000 of them become 400 kB. locals are those of all functions.
func codeSize(bytes []byte, locals int) int { return 8 * (len(bytes) + locals) }
