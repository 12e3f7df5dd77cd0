package graphs_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/sys"

	"github.com/lockstep-wasm/lockstep/fuzz/graphs"
	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/coord"
)

// engine is what all worlds of a test share: compiled code, and the main module.
type engine struct {
	ctx   context.Context
	cache wazero.CompilationCache
	main  []byte
}

func newEngine(t *testing.T) *engine {
	main, err := os.ReadFile("../../linker/testdata/main-pie.wasm")
	if err != nil {
		t.Fatal(err)
	}
	e := &engine{ctx: context.Background(), cache: wazero.NewCompilationCache(), main: main}
	t.Cleanup(func() {
		if err := e.cache.Close(e.ctx); err != nil {
			t.Error(err)
		}
	})
	return e
}

// world is a linker and the oracle beside it.
type world struct {
	ctx   context.Context
	l     *linker.Linker
	rt    wazero.Runtime
	graph *graphs.Graph
	image *graphs.Image

	counts   map[string]int // of what happened
	groups   []*pair
	handles  []*handle
	closures map[uint32]graphs.Ref // what allocated closures hold
	pointers map[function]uint32   // function pointers that have been seen
	seen     map[uint32]bool       // entries of the function table that ever were a pointer
	// others work at the same time, so the memory must not be read from outside
	busy bool
}

// pair is a group of the linker and what the oracle has of it.
type pair struct {
	g *linker.Group
	o *graphs.Group
}

// handle is an opened library.
type handle struct {
	lib *linker.Library
	mod *graphs.Module
}

// function identifies a function of a module.
type function struct {
	mod   *graphs.Module
	index int
}

// newWorld links the main module, and what is preloaded.
func (e *engine) newWorld(graph *graphs.Graph, waiting coord.Waiting) (*world, error) {
	files, err := graph.Files()
	if err != nil {
		return nil, err
	}
	image, err := graphs.NewImage(graph, graph.Preload)
	if err != nil {
		return nil, fmt.Errorf("the oracle refuses what is preloaded: %w", err)
	}
	rt := wazero.NewRuntimeWithConfig(e.ctx,
		linker.NewRuntimeConfig().WithCompilationCache(e.cache))
	config := linker.NewConfig().WithFS(files).WithSearchPath(graphs.SearchPath).WithPreload(
		graph.Preload...).WithMemoryPages(0, 512)
	if waiting != nil {
		config = config.WithWaiting(waiting)
	}
	l, err := linker.New(e.ctx, rt, e.main, config.WithStackSize(4096))
	if err != nil {
		return nil, errors.Join(err, rt.Close(e.ctx))
	}
	w := &world{ctx: e.ctx, l: l, rt: rt, graph: graph, image: image,
		closures: map[uint32]graphs.Ref{}, pointers: map[function]uint32{}, seen: map[uint32]bool{},
		counts: map[string]int{}}
	w.groups = []*pair{{l.Main(), image.Groups()[0]}}
	return w, nil
}

// close closes the linker and what it runs in.
func (w *world) close() error { return errors.Join(w.l.Close(w.ctx), w.rt.Close(w.ctx)) }

// judge compares an error with the oracle's.
func judge(got error, want error) error {
	var f *graphs.Failure
	switch {
	case got == nil && want == nil:
		return nil
	case want == nil:
		return fmt.Errorf("it failed: %w", got)
	case !errors.As(want, &f):
		return want
	case got == nil:
		return fmt.Errorf("it succeeded, want %w", want)
	}
	if !fits(got, f) {
		return fmt.Errorf("the error is %q (%T), want %w", got, got, want)
	}
	return nil
}

// fits tells whether an error is the one that the oracle means.
func fits(err error, f *graphs.Failure) bool {
	var load *linker.LoadError
	switch f.Kind {
	case graphs.NotFound:
		var e *linker.NotFoundError
		return errors.As(err, &load) && errors.As(err, &e) && e.Name == f.Symbol
	case graphs.Broken:
		return errors.As(err, &load) && innermost(err).Module == f.Module
	case graphs.OtherBytes:
		var e *linker.OtherBytesError
		return errors.As(err, &e) && e.Name == f.Module
	case graphs.NotLoaded:
		return errors.As(err, &load) && load.Module == f.Module &&
			errors.Is(err, linker.ErrNotLoaded)
	case graphs.Undefined:
		var e *linker.UndefinedSymbolError
		return errors.As(err, &e) && e.Module == f.Module && e.Symbol == f.Symbol
	case graphs.Mistaken:
		var e *linker.SymbolError
		return errors.As(err, &e) && e.Module == f.Module
	case graphs.TooEarly:
		var e *linker.ImportError
		return errors.As(err, &e) && e.Module == f.Module && e.Name == f.Symbol
	case graphs.Exited:
		var e *sys.ExitError
		return errors.As(err, &e)
	case graphs.Destroyed:
		var e *linker.DestructorError
		return errors.As(err, &e)
	case graphs.Trapped:
		for _, typed := range []any{new(*linker.UndefinedSymbolError), new(*linker.SymbolError),
			new(*linker.NotFoundError), new(*linker.PointerError)} {
			if errors.As(err, typed) {
				return false
			}
		}
		return true
	}
	return false
}

// innermost returns the load error at the bottom.
func innermost(err error) (last *linker.LoadError) {
	for errors.As(err, &last) {
		if err = last.Err; !errors.As(err, new(*linker.LoadError)) {
			break
		}
	}
	return last
}

// count notes what happened, and how it ended.
func (w *world) count(what string, err error) {
	if f := (*graphs.Failure)(nil); errors.As(err, &f) {
		what += ": " + string(f.Kind)
	}
	w.counts[what]++
}

// options are those of linker.Open.
func options(o graphs.Opening) (list []linker.OpenOption) {
	for _, x := range []struct {
		on     bool
		option linker.OpenOption
	}{{o.Now, linker.Now}, {o.Local, linker.Local}, {o.NoLoad, linker.NoLoad},
		{o.NoDelete, linker.NoDelete}} {
		if x.on {
			list = append(list, x.option)
		}
	}
	return list
}

// open opens a library in both.
func (w *world) open(p *pair, name string, o graphs.Opening) error {
	mod, want := w.image.Open(p.o, name, o)
	var lib *linker.Library
	var got error
	if o.Bytes != nil {
		data := o.Bytes.Text
		if o.Bytes.Lib != nil {
			var err error
			if data, err = o.Bytes.Lib.Encode(); err != nil {
				return err
			}
		}
		lib, got = p.g.OpenBytes(w.ctx, name, data, options(o)...)
	} else {
		lib, got = p.g.Open(w.ctx, name, options(o)...)
	}
	if err := judge(got, want); err != nil {
		return err
	}
	w.count("open", want)
	if want == nil {
		w.handles = append(w.handles, &handle{lib, mod})
	}
	return nil
}

// closeHandle gives a handle up in both.
func (w *world) closeHandle(p *pair, i int) error {
	h := w.handles[i]
	w.handles = slices.Delete(w.handles, i, i+1)
	before := len(w.image.Loaded)
	want := w.image.Close(p.o, h.mod)
	w.forget()
	w.count("close", want)
	if n := len(w.image.Loaded); n < before {
		w.counts["unload"]++
		if n > 0 {
			w.counts["unload beside others"]++
		}
	}
	if err := judge(p.g.CloseLibrary(w.ctx, h.lib), want); err != nil {
		return err
	}
	if err := p.g.CloseLibrary(w.ctx, h.lib); !errors.Is(err, linker.ErrLibraryClosed) {
		return fmt.Errorf("closing a closed handle: %w", err)
	}
	return nil
}

// forget drops what is known of modules that are gone.
func (w *world) forget() {
	for f := range w.pointers {
		if !w.image.Has(f.mod) {
			delete(w.pointers, f)
		}
	}
	for slot, r := range w.closures {
		if r.Mod != nil && !w.image.Has(r.Mod) {
			w.closures[slot] = graphs.Ref{}
		}
	}
}

// learn notes a function pointer, which must be the one that was seen before, and no other
// function's.
func (w *world) learn(r graphs.Ref, slot uint32) error {
	f := function{r.Mod, r.Index}
	if known, ok := w.pointers[f]; ok && known != slot {
		return fmt.Errorf("%v has the pointers %d and %d", r, known, slot)
	}
	for other, taken := range w.pointers {
		if taken == slot && other != f {
			return fmt.Errorf("pointer %d is %v and function %d of %s", slot, r, other.index,
				other.mod.Name)
		}
	}
	if _, ok := w.closures[slot]; ok || slot == 0 {
		return fmt.Errorf("%v has the pointer %d, which is a closure's or null", r, slot)
	}
	w.pointers[f], w.seen[slot] = slot, true
	return nil
}

// scope is where a symbol is looked for.
type scope struct {
	handle *handle // nil: everywhere
	next   bool
}

func (s scope) lib() *linker.Library {
	switch {
	case s.handle == nil:
		return linker.Default
	case s.next:
		return linker.Next(s.handle.lib)
	}
	return s.handle.lib
}

func (s scope) mod() *graphs.Module {
	if s.handle == nil {
		return nil
	}
	return s.handle.mod
}

// symbol looks a symbol up in both.
func (w *world) symbol(p *pair, s scope, name string) error {
	r, want := w.image.Find(s.mod(), name, s.next)
	if want == nil && r.Kind == graphs.ToGlobal {
		want = &graphs.Failure{Kind: graphs.Mistaken}
	}
	w.count("symbol", want)
	sym, got := p.g.Symbol(w.ctx, s.lib(), name)
	if err := judge(got, want); err != nil || want != nil {
		return err
	}
	if sym.Module != r.Mod.Name || sym.Name != name {
		return fmt.Errorf("%q is %+v, want %v", name, sym, r)
	}
	switch r.Kind {
	case graphs.ToFunction:
		if sym.Kind != linker.Function {
			return fmt.Errorf("%q is %v, want a function", name, sym.Kind)
		}
		params, results := r.Mod.Lib.Functions[r.Index].Sig.Types()
		if !slices.Equal(sym.Type.Params, params) || !slices.Equal(sym.Type.Results, results) {
			return fmt.Errorf("%q is a %v", name, sym.Type)
		}
		return w.learn(r, sym.Pointer)
	case graphs.ToThread:
		if w.busy {
			return nil
		}
		v, ok := w.l.Memory().ReadUint32Le(sym.Pointer)
		if have := p.o.Threads[r.Mod][r.Index]; !ok || int32(v) != have {
			return fmt.Errorf("%v in group %d is %d, want %d", r, p.g.ID(), int32(v), have)
		}
		return nil
	}
	if at := w.info(r.Mod).MemoryBase + r.Mod.Lib.VariableOffset(r.Index); sym.Pointer != at {
		return fmt.Errorf("%v is at %#x, want %#x", r, sym.Pointer, at)
	}
	return nil
}

// info is what the linker says of a module.
func (w *world) info(m *graphs.Module) linker.ModuleInfo {
	list := w.l.Modules()
	i := slices.IndexFunc(list, func(i linker.ModuleInfo) bool { return i.Name == m.Name })
	if i < 0 {
		return linker.ModuleInfo{}
	}
	return list[i]
}
