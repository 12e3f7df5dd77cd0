package codecache

import (
	"context"
	"crypto/sha256"
	"sync"

	"github.com/tetratelabs/wazero"
)

// Compile has the engine compile a module, the same bytes by one goroutine of the process at a
// time. Runtimes that share a compilation cache on disk share the engine, and that hands out what
// another goroutine has read from the disk before it is complete (wazero #2547): calling it is a
// panic. See "Why do all images of a process compile the same code in turn?" in spec/rationale.md.
func Compile(ctx context.Context, rt wazero.Runtime, bytes []byte) (wazero.CompiledModule, error) {
	done, err := compiling.begin(ctx, sha256.Sum256(bytes))
	if err != nil {
		return nil, err
	}
	defer done()
	return rt.CompileModule(ctx, bytes)
}

// compiling is one for the process, because a cache can belong to any of its runtimes, and a
// runtime does not tell which it has. It is empty while nothing is compiled.
var compiling turns

// turns makes goroutines take turns, for each key apart. The zero value is ready for use, and it is
// safe for concurrent use.
type turns struct {
	mu  sync.Mutex                          // guards now
	now map[[sha256.Size]byte]chan struct{} // closed when that turn is over
}

// begin waits for a turn; done ends it. The error is the context's.
func (t *turns) begin(ctx context.Context, key [sha256.Size]byte) (done func(), err error) {
	for {
		t.mu.Lock()
		before := t.now[key]
		if before == nil {
			if t.now == nil {
				t.now = map[[sha256.Size]byte]chan struct{}{}
			}
			mine := make(chan struct{})
			t.now[key] = mine
			t.mu.Unlock()
			return func() { t.end(key, mine) }, nil
		}
		t.mu.Unlock()
		select {
		case <-before:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (t *turns) end(key [sha256.Size]byte, mine chan struct{}) {
	t.mu.Lock()
	delete(t.now, key)
	t.mu.Unlock()
	close(mine)
}
