package explored_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/sys"

	"github.com/lockstep-wasm/lockstep/linker"
)

// world is a linker with two groups that share handles, made anew for every run.
type world struct {
	rt     wazero.Runtime
	l      *linker.Linker
	groups [2]*linker.Group
	shared *linker.Library // both groups use it
	known  uint32          // a pointer that both groups' tables have
	slot   uint32          // a closure's entry that is not set
	set    uint32          // one that is
	// the number of the last operation, and how many libraries there were then
	commits   uint64
	libraries int
	mu        sync.Mutex // guards got and spawned
	got       []uint32   // what SymbolFirst has returned
	spawned   []*linker.Group
	cancels   [2]context.CancelFunc
	ctxs      [2]context.Context // for the operations of each group that are cancelled
	exit      uint32             // a pointer to a Go function in which the guest exits
	// a pointer to a Go function that keeps its context and calls into group 0; the context
	nest uint32
	kept context.Context           // guarded by mu
	wait func(ctx context.Context) // what env.host_call does; nil: nothing
}

// maker makes worlds; what is compiled is kept, for some of them.
type maker struct {
	cache wazero.CompilationCache
	worn  int  // how many worlds have used the cache
	ends  bool // both groups have thread-local data of a library whose handle is given up
	main  []byte
	files fs.FS
}

// worlds is how many worlds use one cache: it holds the code of generated modules for ever, in
// mappings of which a process can have some ten thousand.
const worlds = 200

func newMaker() (*maker, error) {
	main, err := os.ReadFile("../../linker/testdata/main-pie.wasm")
	if err != nil {
		return nil, err
	}
	return &maker{cache: wazero.NewCompilationCache(), main: main,
		files: os.DirFS("../../linker/testdata/threads")}, nil
}

// make makes a world. What goes wrong here is a fault of the test.
func (m *maker) make() *world {
	ctx := context.Background()
	w := &world{}
	w.rt = wazero.NewRuntimeWithConfig(ctx, linker.NewRuntimeConfig().WithCompilationCache(m.cache))
	_, err := w.rt.NewHostModuleBuilder("env").NewFunctionBuilder().WithFunc(
		func(ctx context.Context) {
			if w.wait != nil {
				w.wait(ctx)
			}
		}).Export("host_call").Instantiate(ctx)
	must(err)
	config := linker.NewConfig().WithFS(m.files).WithMemoryPages(0, 96)
	w.l, err = linker.New(ctx, w.rt, m.main, config)
	must(err)
	w.groups[0] = w.l.Main()
	w.shared, err = w.groups[0].Open(ctx, "libother.wasm")
	must(err)
	w.groups[1], err = w.groups[0].Spawn(ctx)
	must(err)
	s, err := w.groups[1].Symbol(ctx, w.shared, "other_add")
	must(err)
	w.known = s.Pointer
	w.slot, err = w.groups[0].AllocateClosure(ctx)
	must(err)
	w.set, err = w.groups[1].AllocateClosure(ctx)
	must(err)
	must(w.groups[1].SetClosure(ctx, w.set, w.shared, "other_add"))
	w.callbacks()
	if m.ends {
		w.threadData()
	}
	w.commits, w.libraries = w.l.Commits(), len(w.l.Libraries())
	for i := range w.ctxs {
		w.ctxs[i], w.cancels[i] = context.WithCancel(ctx)
	}
	return w
}

// nested is what a call within a call gives.
const nested = 1001

// callbacks makes the Go functions that guests call. A call of the second one has been over before
// anything is explored.
func (w *world) callbacks() {
	ctx := context.Background()
	var err error
	w.exit, err = w.groups[0].NewCallback(ctx, func(context.Context, api.Module, []uint64) {
		panic(sys.NewExitError(7))
	}, nil, nil)
	must(err)
	w.nest, err = w.groups[0].NewCallback(ctx, func(ctx context.Context, _ api.Module,
		stack []uint64) {
		w.mu.Lock()
		w.kept = ctx
		w.mu.Unlock()
		r, err := w.groups[0].CallPointer(ctx, w.known, []api.ValueType{i32}, []api.ValueType{i32},
			1)
		switch {
		case err == nil:
			stack[0] = r[0]
		case isEnd(err): // it came between the two calls
			stack[0] = nested
		default:
			stack[0] = 0
		}
	}, nil, []api.ValueType{i32})
	must(err)
	_, err = w.groups[0].CallPointer(ctx, w.nest, nil, []api.ValueType{i32})
	must(err)
}

// threadData gives both groups thread-local data of a library, with destructors, which alone hold
// it then.
func (w *world) threadData() {
	ctx := context.Background()
	lib, err := w.groups[0].Open(ctx, "libthread_dtor.wasm")
	must(err)
	for _, g := range w.groups {
		_, err = g.Call(ctx, lib, "thread_dtor_again", 1)
		must(err)
	}
	must(w.groups[0].CloseLibrary(ctx, lib))
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// close releases what the engine has.
func (m *maker) close(w *world) {
	ctx := context.Background()
	_ = w.rt.Close(ctx)
	if m.worn++; m.worn == worlds {
		_ = m.cache.Close(ctx)
		m.cache, m.worn = wazero.NewCompilationCache(), 0
	}
}

// classes are what errors are, for comparing: the texts name what differs between orders.
var classes = []struct {
	name string
	err  error
}{
	{"cancelled", context.Canceled}, {"poisoned", linker.ErrPoisoned}, {"closed", linker.ErrClosed},
	{"group closed", linker.ErrGroupClosed}, {"library closed", linker.ErrLibraryClosed},
	{"not loaded", linker.ErrNotLoaded}, {"context refused", linker.ErrStaleContext},
	{"context refused", linker.ErrForeignContext},
	{"busy context", linker.ErrBusyContext}, {"in operation", linker.ErrInOperation},
	{"one group", linker.ErrOneGroup},
}

// class says what an error is.
func class(err error) string {
	if err == nil {
		return "ok"
	}
	var exit *sys.ExitError
	var slot *linker.ClosureError
	var symbol *linker.SymbolError
	for _, c := range classes {
		if errors.Is(err, c.err) {
			return c.name
		}
	}
	switch {
	case errors.As(err, &slot):
		return "no closure"
	case errors.As(err, &symbol):
		return "no symbol"
	case errors.As(err, &exit):
		return "exit"
	}
	return err.Error()
}

var i32 = api.ValueTypeI32

// observe looks at what is left, without locks and in every group that is open.
func (w *world) observe() []any {
	ctx := context.Background()
	libraries := w.l.Libraries()
	slices.Sort(libraries)
	out := []any{strings.Join(libraries, " ")}
	for i, g := range w.groups {
		r, err := g.CallPointer(ctx, w.known, []api.ValueType{i32}, []api.ValueType{i32}, 3)
		out = append(out, fmt.Sprintf("g%d: %s %v", i, class(err), r))
	}
	slices.Sort(w.got)
	if len(slices.Compact(w.got)) > 1 {
		out = append(out, "one function, several pointers")
	}
	for _, p := range w.got { // each is in the tables of all groups
		for _, g := range append(w.groups[:], w.spawned...) {
			_, err := g.CallPointer(ctx, p, nil, []api.ValueType{i32})
			out = append(out, class(err))
		}
	}
	return append(out, "image: "+class(w.l.Err()))
}
