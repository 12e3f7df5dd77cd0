package space

import (
	"context"
	"sync"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/shim"
)

// tableWriter are the generated modules that put a module's functions into tables, each for a batch
// of functions: the first pointer into a library costs the same however many functions it exports.
// They are compiled when they are first needed, and each group has an instance of them then.
type tableWriter struct {
	mu       sync.Mutex                       // guards compiled
	compiled map[uint32]wazero.CompiledModule // by number of the batch
}

// writerBatch is how many functions a table writer can put.
const writerBatch = 128

func (p *tableWriter) close(ctx context.Context) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, compiled := range p.compiled {
		_ = compiled.Close(ctx) // it never fails
	}
	p.compiled = nil
}

// compile compiles what puts a batch of functions.
func (p *tableWriter) compile(ctx context.Context, of *Shared, m *image.Module,
	batch uint32) (wazero.CompiledModule, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if compiled := p.compiled[batch]; compiled != nil {
		return compiled, nil
	}
	first := int(batch * writerBatch)
	code := CodeOf(m)
	bytes, err := shim.TableWriter(m.Functions[first:min(first+writerBatch, len(m.Functions))],
		func(fn *image.Function) int {
			return code.Sources[code.Parts.Function("env", fn.Name)].Shim
		})
	if err != nil {
		return nil, err
	}
	compiled, err := of.Cache.CompileModule(ctx, bytes)
	if err != nil {
		return nil, err
	}
	if p.compiled == nil {
		p.compiled = map[uint32]wazero.CompiledModule{}
	}
	p.compiled[batch] = compiled
	return compiled, nil
}
