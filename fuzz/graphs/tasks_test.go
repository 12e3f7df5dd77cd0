package graphs_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"pgregory.net/rapid"

	"github.com/lockstep-wasm/lockstep/fuzz/graphs"
	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/coord"
	"github.com/lockstep-wasm/lockstep/linker/synth"
)

// What follows are programs whose tasks work at once. Every library is opened as Local, and no two
// define the same name, so what it is bound to is decided by the graph alone, and nothing that
// libraries do depends on who came first: each task has an oracle for itself, which knows nothing
// of the other tasks, and yet every result must be the one that it computes. Thread-local data and
// globals are changed only in programs in which all libraries stay loaded. See "Why has each task
// an oracle of its own?" in spec/rationale.md.

// program is what tasks do to the libraries of a graph.
type program struct {
	graph *graphs.Graph
	kept  bool    // every library is opened before the tasks begin
	tasks [][]act // of each task
}

// act is one thing that a task does. Numbers are taken modulo what there is.
type act struct {
	kind        actKind
	which, name int
	depth, x    int32
}

type actKind int

const (
	opens actKind = iota
	calls
	closes
	looksUp
	callsPointer
	makesClosure
	spawns
	leaves
	cancels
	actKinds
)

func (a act) String() string {
	return fmt.Sprintf("%s %d %d",
		[]string{"open", "call", "close", "symbol", "pointer", "closure", "spawn", "leave",
			"cancelled open"}[a.kind], a.which, a.name)
}

func (p program) String() string {
	return fmt.Sprintf("kept %v, tasks %v\n%v", p.kept, p.tasks, p.graph)
}

// drawTasks draws a program.
func drawTasks(t *rapid.T, libraries, tasks, acts int) program {
	p := program{kept: rapid.Bool().Draw(t, "kept")}
	p.graph = graphs.Draw(t, graphs.Shape{Libraries: libraries, Private: p.kept, Apart: true})
	one := rapid.Custom(func(t *rapid.T) act {
		kinds := []actKind{opens, calls, looksUp, callsPointer, closes, calls, looksUp, opens,
			makesClosure, spawns, leaves, cancels}
		return act{
			kind:  kinds[rapid.IntRange(0, len(kinds)-1).Draw(t, "kind")],
			which: rapid.IntRange(0, 11).Draw(t, "which"),
			name:  rapid.IntRange(0, 11).Draw(t, "name"),
			depth: rapid.Int32Range(0, 3).Draw(t, "depth"), x: rapid.Int32Range(0, 99).Draw(t, "x"),
		}
	})
	p.tasks = rapid.SliceOfN(rapid.SliceOfN(one, acts/2, acts), 2, tasks).Draw(t, "tasks")
	return p
}

// start makes the image, and a group for each task.
func (e *engine) start(p program, waiting coord.Waiting) (main *world, tasks []*task, err error) {
	if main, err = e.newWorld(p.graph, waiting); err != nil {
		return nil, nil, err
	}
	for _, f := range p.graph.Libs {
		if !p.kept {
			break
		}
		if err := main.open(main.groups[0], f.Name(), graphs.Opening{Local: true}); err != nil {
			return main, nil, err
		}
	}
	for range p.tasks {
		w := &world{ctx: e.ctx, l: main.l, graph: p.graph, busy: true,
			closures: map[uint32]graphs.Ref{}, pointers: map[function]uint32{},
			seen: map[uint32]bool{}, counts: map[string]int{}}
		if w.image, err = graphs.NewImage(p.graph, nil); err != nil {
			return main, nil, err
		}
		for _, f := range p.graph.Libs {
			if p.kept {
				// how that ends was judged above
				_, _ = w.image.Open(w.image.Groups()[0], f.Name(), graphs.Opening{Local: true})
			}
		}
		g, err := main.groups[0].g.Spawn(e.ctx)
		if err != nil {
			return main, nil, err
		}
		w.groups = []*pair{{g, w.image.Spawn()}}
		tasks = append(tasks, &task{w: w, cancel: func(c context.CancelFunc) { c() }})
	}
	return main, tasks, nil
}

// task is one side of a program, with an oracle of its own.
type task struct {
	w      *world
	cancel func(context.CancelFunc) // calls it, sooner or later
}

// pair is the group in which the task works: the one that it has spawned last.
func (t *task) pair() *pair { return t.w.groups[len(t.w.groups)-1] }

// do performs an act.
func (t *task) do(a act) error {
	w := t.w
	f := w.graph.Libs[a.which%len(w.graph.Libs)]
	switch a.kind {
	case opens:
		return w.open(t.pair(), f.Name(), graphs.Opening{Local: true})
	case closes:
		if n := len(w.handles); n > 0 {
			return w.closeHandle(t.pair(), a.which%n)
		}
	case spawns:
		g, err := t.pair().g.Spawn(w.ctx)
		if err != nil {
			return err
		}
		w.groups = append(w.groups, &pair{g, w.image.Spawn()})
	case leaves:
		if n := len(w.groups); n > 1 {
			p := w.groups[n-1]
			w.groups = w.groups[:n-1]
			p.o.Gone = true
			return p.g.Close(w.ctx)
		}
	case cancels:
		return t.cancelled(f.Name())
	case callsPointer:
		if known := w.known(); len(known) > 0 {
			r := known[a.name%len(known)]
			return w.callPointer(t.pair(), w.pointers[function{r.Mod, r.Index}], r, a.depth, a.x)
		}
		a.kind = looksUp // so that there is one
		return t.use(a)
	default:
		return t.use(a)
	}
	return nil
}

// cancelled opens a library with a context that ends meanwhile.
func (t *task) cancelled(name string) error {
	ctx, cancel := context.WithCancel(t.w.ctx)
	defer cancel()
	t.cancel(cancel)
	p := t.pair()
	lib, err := p.g.Open(ctx, name, linker.Local)
	if errors.Is(err, context.Canceled) {
		return nil
	}
	mod, want := t.w.image.Open(p.o, name, graphs.Opening{Local: true})
	if err := judge(err, want); err != nil || want != nil {
		return err
	}
	t.w.handles = append(t.w.handles, &handle{lib, mod})
	return nil
}

// use does something with a name of a library that the task has open.
func (t *task) use(a act) error {
	w := t.w
	if len(w.handles) == 0 {
		return t.do(act{kind: opens, which: a.which})
	}
	sc := scope{handle: w.handles[a.which%len(w.handles)]}
	var names []string
	for _, m := range sc.handle.mod.Closure() {
		for _, name := range m.Names() {
			if r, _ := m.Lookup(name); a.kind == looksUp || r.Kind == graphs.ToFunction {
				names = append(names, name)
			}
		}
	}
	if a.kind == looksUp || len(names) == 0 {
		names = append(names, "nobody_has_this")
	}
	name := names[a.name%len(names)]
	switch a.kind {
	case calls:
		return w.call(t.pair(), sc, name, a.depth, a.x)
	case makesClosure:
		return t.closure(sc, name)
	}
	return w.symbol(t.pair(), sc, name)
}

// closure makes a closure of a function, calls it, and gives it back.
func (t *task) closure(sc scope, name string) error {
	w, g := t.w, t.pair().g
	r, err := w.image.Find(sc.mod(), name, false)
	if err != nil || r.Kind != graphs.ToFunction ||
		r.Mod.Lib.Functions[r.Index].Sig == synth.Final {
		return nil
	}
	slot, err := g.AllocateClosure(w.ctx)
	if err != nil {
		return err
	}
	if err := g.SetClosure(w.ctx, slot, sc.lib(), name); err != nil {
		return err
	}
	if err := w.callPointer(t.pair(), slot, r, identity, 0); err != nil {
		return fmt.Errorf("closure: %w", err)
	}
	return g.FreeClosure(w.ctx, slot)
}

// rest compares the image with all oracles when every task has ended; then the tasks give up what
// they have, and nothing may be left but what the main group keeps.
func (w *world) rest(tasks []*task) error {
	loaded, handles, pointers := map[string]bool{}, map[string]int{}, map[string]uint32{}
	worlds := []*world{w}
	for _, t := range tasks {
		worlds = append(worlds, t.w)
	}
	for _, x := range worlds {
		for _, m := range x.image.Loaded {
			loaded[m.Name] = true
		}
		for _, h := range x.handles {
			handles[h.mod.Name]++
		}
		for f, slot := range x.pointers {
			name := fmt.Sprintf("function %d of %s", f.index, f.mod.Name)
			if other, ok := pointers[name]; ok && other != slot {
				return fmt.Errorf("%s has the pointers %d and %d", name, other, slot)
			}
			pointers[name] = slot
		}
	}
	if got, want := slices.Sorted(slices.Values(w.l.Libraries())),
		slices.Sorted(maps.Keys(loaded)); !slices.Equal(got, want) {
		return fmt.Errorf("loaded are %v, want %v", got, want)
	}
	for _, i := range w.l.Modules() {
		if !i.Main && (i.Handles != handles[i.Name] || i.Global) {
			return fmt.Errorf("record %+v, want %d handles", i, handles[i.Name])
		}
	}
	for _, t := range tasks {
		t.w.busy = false
		for _, x := range worlds { // the pointers of all tasks in every group
			for _, p := range x.alive() {
				own := t.w.groups
				t.w.groups = []*pair{{p.g, own[0].o}}
				err := errors.Join(t.w.checkPointers(), t.w.checkTables())
				if t.w.groups = own; err != nil {
					return err
				}
			}
		}
		if err := errors.Join(t.w.checkThreads(), t.w.checkPlaces()); err != nil {
			return err
		}
	}
	for _, t := range tasks {
		for len(t.w.handles) > 0 {
			if err := t.w.closeHandle(t.pair(), 0); err != nil {
				return err
			}
		}
	}
	w.image.Trace = nil
	if _, err := w.groups[0].g.Call(w.ctx, linker.Default, "log_clear"); err != nil {
		return err
	}
	return w.check()
}
