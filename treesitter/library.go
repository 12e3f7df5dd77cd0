package treesitter

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/emscripten"
)

// glue is what is linked beside the tree-sitter library: a walk over many nodes at a call, and what
// grammars need that are written in C++, for the library itself has no operator new.
//
//go:embed glue/glue.wasm
var glue embed.FS

// grace is how long the library may go on after its context has ended. It looks at the context
// itself, all the time; but a grammar's own code does not.
const grace = time.Second

// Library is one process image: the tree-sitter library as its main module, and the grammars that
// were loaded. Its methods may be called by any number of goroutines; they take turns.
type Library struct {
	*image
	group *linker.Group // where calls are made
}

// image is what all views of a Library share.
type image struct {
	program *emscripten.Program
	lock    chan struct{} // full while a goroutine uses what is below, or the memory
	err     error         // what broke the library
	buffer  uint32        // address of the buffer through which the library passes structures
	records uint32        // address of the buffer for nodes and, behind it, of the walk over them
	oldest  uint32        // versions of the interface of grammars
	newest  uint32

	mu      sync.Mutex // guards retired
	retired []handle   // what the garbage collector found
}

// handle is something in the library's memory that has to be given back.
type handle struct {
	function string // that gives it back
	address  uint32
	also     uint32 // another address, for free
}

// New links the tree-sitter library, the bytes of web-tree-sitter.wasm, in a runtime. config has
// limits and what else the linker takes; nil is the default. The errors are those of
// [emscripten.Start].
func New(ctx context.Context, rt wazero.Runtime, wasm []byte, config *linker.Config) (*Library,
	error) {
	if config == nil {
		config = linker.NewConfig()
	}
	host := emscripten.NewConfig()
	for name, f := range callbacks() {
		host = host.WithFunction(name, f)
	}
	p, err := emscripten.Start(ctx, rt, wasm, config.WithMainName("web-tree-sitter.wasm"), host)
	if err != nil {
		return nil, err
	}
	l := &Library{image: &image{program: p, lock: make(chan struct{}, 1)},
		group: p.Linker().Main()}
	if err := l.start(ctx); err != nil {
		return nil, errors.Join(err, p.Close(context.WithoutCancel(ctx)))
	}
	return l, nil
}

// start links the glue, and takes the buffers.
func (l *Library) start(ctx context.Context) error {
	wasm, err := glue.ReadFile("glue/glue.wasm")
	if err != nil {
		return fmt.Errorf("treesitter: %w", err)
	}
	if _, err := l.group.OpenBytes(ctx, "treesitter-glue.wasm", wasm, linker.Global,
		linker.NoDelete); err != nil {
		return err
	}
	return l.do(ctx, func(c *call) error {
		l.buffer = c.call("ts_init")
		l.newest, l.oldest = c.word(l.buffer), c.word(l.buffer+4)
		l.records = c.malloc(maxRecords*recordSize + walkSize)
		return nil
	})
}

// Linker returns the process image, to spawn groups in it for instance.
func (l *Library) Linker() *linker.Linker { return l.program.Linker() }

// Versions returns the oldest and the newest version of the interface of grammars that the library
// accepts.
func (l *Library) Versions() (oldest, newest uint32) { return l.oldest, l.newest }

// In returns the same library, its calls made in another group of its process image. Parsers,
// languages and trees of one are those of the other.
func (l *Library) In(g *linker.Group) *Library { return &Library{l.image, g} }

// Close ends the library, with all parsers, trees, queries and languages. Trees can still be read.
func (l *Library) Close(ctx context.Context) error {
	if err := l.acquire(ctx); err != nil {
		return err
	}
	defer func() { <-l.lock }()
	if l.err == nil {
		l.err = ErrClosed
	}
	return l.program.Close(ctx)
}

// acquire waits for the library.
func (l *image) acquire(ctx context.Context) error {
	select {
	case l.lock <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// do runs f, which uses the library, while no other goroutine does.
func (l *Library) do(ctx context.Context, f func(c *call) error) error {
	return l.doWith(ctx, nil, f)
}

// doWith is do with what the callbacks want to know.
func (l *Library) doWith(ctx context.Context, in *input, f func(c *call) error) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if err := l.acquire(ctx); err != nil {
		return err
	}
	defer func() { <-l.lock }()
	if l.err != nil {
		return l.err
	}
	if in == nil {
		in = &input{}
	}
	in.ctx = ctx
	guest, end := patient(context.WithValue(ctx, inputKey{}, in))
	defer end()
	c := &call{ctx: guest, l: l}
	c.collect()
	return c.run(f)
}

// patient returns a context that ends a while after another one has ended.
func patient(ctx context.Context) (context.Context, func()) {
	if ctx.Done() == nil {
		return ctx, func() {}
	}
	late, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(grace, func() { cancel(context.Cause(ctx)) })
		context.AfterFunc(late, func() { timer.Stop() })
	})
	return late, func() {
		stop()
		cancel(nil)
	}
}

// retire gives a handle back at the next opportunity.
func (l *image) retire(h handle) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.retired = append(l.retired, h)
}
