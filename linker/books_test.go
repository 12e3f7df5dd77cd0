package linker_test

import (
	"context"
	"runtime"
	"strings"
	"sync"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// books is a runtime that keeps account of what is compiled and instantiated in it and not closed.
type books struct {
	wazero.Runtime
	mu        sync.Mutex
	instances map[api.Module]bool
	codes     map[*code]bool
	compiled  int // how often something was
}

// code is compiled code that tells when it is closed.
type code struct {
	wazero.CompiledModule
	books *books
}

// Close implements wazero.CompiledModule.
func (c *code) Close(ctx context.Context) error {
	c.books.mu.Lock()
	defer c.books.mu.Unlock()
	delete(c.books.codes, c)
	return c.CompiledModule.Close(ctx)
}

func newBooks(rt wazero.Runtime) *books {
	return &books{Runtime: rt, instances: map[api.Module]bool{}, codes: map[*code]bool{}}
}

// CompileModule implements wazero.Runtime.
func (b *books) CompileModule(ctx context.Context, bytes []byte) (wazero.CompiledModule, error) {
	compiled, err := b.Runtime.CompileModule(ctx, bytes)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	c := &code{compiled, b}
	b.codes[c] = true
	b.compiled++
	return c, nil
}

// InstantiateModule implements wazero.Runtime.
func (b *books) InstantiateModule(ctx context.Context, compiled wazero.CompiledModule,
	config wazero.ModuleConfig) (api.Module, error) {
	if c, ok := compiled.(*code); ok {
		compiled = c.CompiledModule
	}
	m, err := b.Runtime.InstantiateModule(ctx, compiled, config)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.instances[m] = true
	return m, nil
}

// open returns how many instances and how much code are not closed.
func (b *books) open() (instances, codes int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for m := range b.instances {
		if m.IsClosed() {
			delete(b.instances, m)
		}
	}
	return len(b.instances), len(b.codes)
}

// goroutines returns how many goroutines the linker or the engine has started that are still there.
// Those that are on their way out get the time to go.
func goroutines() (n int) {
	for range 1000 {
		if n = startedGoroutines(); n == 0 {
			break
		}
		runtime.Gosched()
	}
	return n
}

func startedGoroutines() (n int) {
	buf := make([]byte, 1<<20)
	stacks := strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n")
	for _, s := range stacks[1:] {
		_, creator, _ := strings.Cut(s, "created by ")
		if strings.Contains(creator, "lockstep/linker.") ||
			strings.Contains(creator, "lockstep/linker/coord.") ||
			strings.Contains(creator, "wazero") {
			n++
		}
	}
	return n
}

// compilations returns how often something was compiled.
func (b *books) compilations() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.compiled
}
