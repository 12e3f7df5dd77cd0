package graphs_test

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/lockstep-wasm/lockstep/fuzz/graphs"
	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/synth"
)

// Random graphs, and random programs on them in 2 to 32 groups, one step after another: the oracle
// judges every result, and compares the whole image after every step.
func TestGraphs(t *testing.T) {
	e := newEngine(t)
	total := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		graph := graphs.Draw(t,
			graphs.Shape{Libraries: 12, Aside: true, Shared: true, Private: true, Exits: true})
		w, err := e.newWorld(graph, nil)
		if err != nil {
			t.Fatalf("%v\n%v", err, graph)
		}
		s := &steps{t: t, w: w}
		s.log("%v", graph)
		defer func() {
			for what, n := range w.counts {
				total[what] += n
			}
			if err := w.close(); err != nil && !errors.As(err, new(*linker.DestructorError)) {
				t.Errorf("closing the linker: %v", err)
			}
		}()
		groups := 2
		if rapid.IntRange(0, 9).Draw(t, "many groups") == 9 {
			groups = rapid.IntRange(3, 32).Draw(t, "groups")
		}
		for range groups - 1 {
			s.spawn()
		}
		s.expect("the beginning", w.check())
		for range rapid.IntRange(15, 40).Draw(t, "steps") {
			if len(w.alive()) == 0 {
				return
			}
			s.step()
		}
	})
	want := []string{"open", "close", "call", "call pointer", "symbol"}
	if !testing.Short() { // a short run is too small for what is rare
		want = append(want, "open: undefined symbol", "open: trap", "unload beside others",
			"symbol: undefined symbol")
	}
	happened(t, total, want...)
}

// steps draws what happens in a world.
type steps struct {
	t     *rapid.T
	w     *world
	calls []called
}

// called is a call that was made: the same one later may have another result, and another definer.
type called struct {
	sc   scope
	name string
}

func (s *steps) log(format string, args ...any) { s.t.Logf(format, args...) }

// expect ends the test if something was not as the oracle says.
func (s *steps) expect(what string, err error) {
	if err != nil {
		s.t.Fatalf("%s: %v\n%v", what, err, s.w.graph)
	}
}

func (s *steps) upTo(n int, label string) int { return rapid.IntRange(0, n-1).Draw(s.t, label) }

// pair draws a group that is alive.
func (s *steps) pair() *pair {
	alive := s.w.alive()
	return alive[s.upTo(len(alive), "group")]
}

// step does one thing, and looks at everything.
func (s *steps) step() {
	// rapid likes small numbers, so everything is at the beginning once.
	kinds := []func() (string, error){
		s.open, s.call, s.callPointer, s.close, s.symbol, s.open, s.call, s.spawn, s.open, s.close,
		s.callPointer, s.closure, s.open, s.call, s.cancelled, s.leave}
	what, err := kinds[s.upTo(len(kinds), "step")]()
	s.log("%s", what)
	s.expect(what, err)
	s.expect("after "+what, s.w.check())
}

// opening draws which library is opened, and how.
func (s *steps) opening() (name string, o graphs.Opening) {
	f := s.w.graph.Libs[s.upTo(len(s.w.graph.Libs), "library")]
	name = f.Name()
	if path.Dir(f.Path) == graphs.Aside && s.upTo(5, "found") < 4 {
		name = f.Path
	}
	switch s.upTo(12, "by") {
	case 9:
		name = f.Path
	case 8:
		name = "./" + path.Dir(f.Path) + "/../" + f.Path
	case 11:
		o.Bytes = f
	}
	if s.upTo(40, "absent") == 20 {
		name, o.Bytes = graphs.Absent, nil
	}
	o.Local, o.Now = s.upTo(3, "local") == 2, s.upTo(6, "now") == 5
	o.NoLoad, o.NoDelete = s.upTo(12, "no load") == 7, s.upTo(12, "no delete") == 7
	return name, o
}

func (s *steps) open() (string, error) {
	p := s.pair()
	name, o := s.opening()
	what := fmt.Sprintf("open %s %v bytes=%v in group %d", name, options(o), o.Bytes != nil,
		p.g.ID())
	return what, s.w.open(p, name, o)
}

// cancelled opens a library with a context that has ended. Nothing may come of it.
func (s *steps) cancelled() (string, error) {
	p := s.pair()
	name, o := s.opening()
	what := fmt.Sprintf("open %s, cancelled", name)
	ctx, cancel := context.WithCancel(s.w.ctx)
	cancel()
	if o.Bytes != nil {
		return what, nil
	}
	if _, err := p.g.Open(ctx, name, options(o)...); !errors.Is(err, context.Canceled) &&
		!errors.As(err, new(*linker.LoadError)) {
		return what, fmt.Errorf("the error is %w", err)
	}
	return what, nil
}

func (s *steps) close() (string, error) {
	if len(s.w.handles) == 0 {
		return s.open()
	}
	p, i := s.pair(), s.upTo(len(s.w.handles), "handle")
	what := fmt.Sprintf("close %s in group %d", s.w.handles[i].mod.Name, p.g.ID())
	return what, s.w.closeHandle(p, i)
}

// where draws where to look, and for what: for something that is there, mostly.
func (s *steps) where() (scope, string) {
	var sc scope
	in := s.w.image.Global
	if n := len(s.w.handles); n > 0 && s.upTo(4, "everywhere") < 3 {
		sc = scope{s.w.handles[s.upTo(n, "scope")], s.upTo(8, "next") == 7}
		in = sc.handle.mod.Closure()
	}
	var names []string
	for _, m := range in {
		names = append(names, m.Names()...)
	}
	if len(names) > 0 && s.upTo(8, "something") < 7 {
		return sc, names[s.upTo(len(names), "name")]
	}
	return sc, fmt.Sprintf("%c%d", "fdtg"[s.upTo(4, "kind")], s.upTo(9, "name"))
}

func (s *steps) symbol() (string, error) {
	p := s.pair()
	sc, name := s.where()
	what := fmt.Sprintf("symbol %s in %v in group %d", name, sc, p.g.ID())
	return what, s.w.symbol(p, sc, name)
}

func (s *steps) call() (string, error) {
	p := s.pair()
	sc, name := s.where()
	s.calls = slices.DeleteFunc(s.calls,
		func(c called) bool {
			return c.sc.handle != nil && !slices.Contains(s.w.handles, c.sc.handle)
		})
	if n := len(s.calls); n > 0 && s.upTo(2, "again") == 1 {
		c := s.calls[s.upTo(n, "which")]
		sc, name = c.sc, c.name
	}
	s.calls = append(s.calls, called{sc, name})
	depth, x := int32(s.upTo(4, "depth")), int32(s.upTo(100, "x"))
	what := fmt.Sprintf("call %s(%d, %d) of %v in group %d", name, depth, x, sc, p.g.ID())
	return what, s.w.call(p, sc, name, depth, x)
}

func (s *steps) callPointer() (string, error) {
	known := s.w.known()
	if len(known) == 0 {
		return s.symbol()
	}
	p, r := s.pair(), known[s.upTo(len(known), "pointer")]
	depth, x := int32(s.upTo(4, "depth")), int32(s.upTo(100, "x"))
	what := fmt.Sprintf("call the pointer of %v in group %d", r, p.g.ID())
	return what, s.w.callPointer(p, s.w.pointers[function{r.Mod, r.Index}], r, depth, x)
}

// known are the functions whose pointers have been seen, in a certain order.
func (w *world) known() (list []graphs.Ref) {
	for _, m := range w.image.Loaded {
		for i, f := range m.Lib.Functions {
			if _, ok := w.pointers[function{m, i}]; ok && f.Sig != synth.Final {
				list = append(list, graphs.Ref{Kind: graphs.ToFunction, Mod: m, Index: i})
			}
		}
	}
	return list
}

// closure makes a closure of a function, or frees one.
func (s *steps) closure() (string, error) {
	p := s.pair()
	for slot := range s.w.closures {
		if len(s.w.closures) == 1 && s.upTo(2, "free") == 1 {
			delete(s.w.closures, slot)
			return "free a closure", p.g.FreeClosure(s.w.ctx, slot)
		}
	}
	slot, err := p.g.AllocateClosure(s.w.ctx)
	if err != nil {
		return "allocate a closure", err
	}
	if _, ok := s.w.closures[slot]; ok {
		return "allocate a closure", fmt.Errorf("closure %d is handed out twice", slot)
	}
	s.w.closures[slot] = graphs.Ref{}
	sc, name := s.where()
	what := fmt.Sprintf("closure %d of %s in %v in group %d", slot, name, sc, p.g.ID())
	r, want := s.w.image.Find(sc.mod(), name, sc.next)
	if want == nil && r.Kind != graphs.ToFunction {
		want = &graphs.Failure{Kind: graphs.Mistaken}
	}
	if err := judge(p.g.SetClosure(s.w.ctx, slot, sc.lib(), name), want); err != nil ||
		want != nil {
		return what, err
	}
	s.w.closures[slot] = r
	if known, ok := s.w.pointers[function{r.Mod, r.Index}]; ok && known == slot {
		return what, fmt.Errorf("the closure is the function's own pointer")
	}
	return what, nil
}

func (s *steps) spawn() (string, error) {
	if len(s.w.groups) >= 40 || len(s.w.alive()) == 0 {
		return "nothing", nil
	}
	p := s.pair()
	g, err := p.g.Spawn(s.w.ctx)
	if err != nil {
		return "spawn", err
	}
	s.w.groups = append(s.w.groups, &pair{g, s.w.image.Spawn()})
	return fmt.Sprintf("spawn group %d", g.ID()), nil
}

func (s *steps) leave() (string, error) {
	if len(s.w.alive()) < 2 {
		return "nothing", nil
	}
	p := s.pair()
	p.o.Gone = true
	return fmt.Sprintf("group %d leaves", p.g.ID()), p.g.Close(s.w.ctx)
}
