package graphs

import (
	"fmt"
	"maps"
	"slices"

	"github.com/lockstep-wasm/lockstep/linker/synth"
)

// Image is the oracle: what a process image has to be after what was done to it. One goroutine at a
// time may use it.
type Image struct {
	Graph  *Graph
	Loaded []*Module // in the order in which they were loaded, without the main module
	Global []*Module // those of the global scope, in the order in which symbols are searched
	Pinned []*Module // never unloaded
	Trace  []int32   // what constructors and destructors have noted; reading empties it

	order  []*Module          // in which they were instantiated
	names  map[string]*Module // by every name that they were asked for
	files  map[string]*Module // by the file they were found in
	groups []*Group
}

// Module is a library that is loaded.
type Module struct {
	Lib     *synth.Library
	Name    string // by which it was asked for first
	Path    string // where it was found; of one given as bytes, its name
	Needed  []*Module
	Handles int
	Data    []int32 // the variables
	Words   []Ref   // what relocations have stored

	uses  map[*Module]bool
	bound map[binding]Ref
	late  []wanted   // its functions that were undefined when it was loaded, in order
	exits []synth.Op // registered destructors
}

// wanted is a function that a module imports.
type wanted struct {
	name string
	sig  synth.Signature
}

// Group is an instance group.
type Group struct {
	Gone    bool
	Threads map[*Module][]int32 // thread-local variables
	Globals map[*Module][]int32
}

// binding is an import of a module.
type binding struct {
	kind bindingKind
	name string
}

type bindingKind byte

const (
	byCall    bindingKind = iota // a function from env
	byPointer                    // GOT.func
	byAddress                    // GOT.mem
	byGlobal                     // a global from env
)

// RefKind is what a reference leads to.
type RefKind byte

// The kinds. The zero Ref is null.
const (
	NoRef RefKind = iota
	ToFunction
	ToData
	ToThread
	ToGlobal
	ToStub // a function that was undefined when its pointer was made: it is looked for at each call
)

// Ref leads to something that a module defines.
type Ref struct {
	Kind  RefKind
	Mod   *Module
	Index int
	Name  string          // of a stub
	Sig   synth.Signature // of a stub
}

func (r Ref) String() string {
	switch r.Kind {
	case NoRef:
		return "null"
	case ToStub:
		return fmt.Sprintf("the stub of %s for %s", r.Mod.Name, r.Name)
	}
	return fmt.Sprintf("%s %d of %s",
		[]string{"", "function", "variable", "thread variable", "global"}[r.Kind], r.Index,
		r.Mod.Name)
}

// NewImage returns an image of the main module, the given libraries, and what these need, with one
// group.
func NewImage(g *Graph, preload []string) (*Image, error) {
	im := &Image{Graph: g, names: map[string]*Module{}, files: map[string]*Module{}}
	first := im.Spawn()
	b := &batch{names: map[string]*Module{}}
	for _, name := range preload {
		m, err := im.find(b, name, nil, nil)
		if err != nil {
			return nil, err
		}
		b.pinned = append(b.pinned, m)
	}
	if len(b.search) == 0 {
		return im, nil
	}
	if err := im.gather(b); err != nil {
		return nil, err
	}
	b.global = b.search
	if err := im.load(b, false); err != nil {
		return nil, err
	}
	if err := im.constructAll(first, b.order); err != nil {
		return nil, err
	}
	return im, nil
}

// Groups returns the groups that are alive.
func (im *Image) Groups() []*Group {
	return slices.DeleteFunc(slices.Clone(im.groups), func(g *Group) bool { return g.Gone })
}

// Spawn makes another group.
func (im *Image) Spawn() *Group {
	g := &Group{Threads: map[*Module][]int32{}, Globals: map[*Module][]int32{}}
	for _, m := range im.order {
		g.add(m)
	}
	im.groups = append(im.groups, g)
	return g
}

// add gives a group what it has of its own of a module.
func (g *Group) add(m *Module) {
	g.Threads[m], g.Globals[m] = initial(m.Lib.Threads), initial(m.Lib.Globals)
}

// initial returns the values that variables begin with.
func initial(list []synth.Variable) []int32 {
	values := make([]int32, len(list))
	for i, v := range list {
		values[i] = v.Init
	}
	return values
}

// snapshot is what a failed operation puts back. What guests wrote into the data of modules that
// live on stays.
type snapshot struct {
	loaded, global, pinned, order []*Module
	names, files                  map[string]*Module
}

func (im *Image) save() snapshot {
	return snapshot{slices.Clone(im.Loaded), slices.Clone(im.Global), slices.Clone(im.Pinned),
		slices.Clone(im.order), maps.Clone(im.names), maps.Clone(im.files)}
}

func (im *Image) restore(s snapshot) {
	for _, m := range im.order {
		if !slices.Contains(s.order, m) {
			im.drop(m)
		}
	}
	im.Loaded, im.Global, im.Pinned, im.order, im.names, im.files = s.loaded, s.global, s.pinned,
		s.order, s.names, s.files
}

// drop takes what groups have of a module.
func (im *Image) drop(m *Module) {
	for _, g := range im.groups {
		delete(g.Threads, m)
		delete(g.Globals, m)
	}
}

// Closure is a module and what it needs, breadth first.
func (m *Module) Closure() []*Module {
	all := []*Module{m}
	for i := 0; i < len(all); i++ {
		for _, n := range all[i].Needed {
			if !slices.Contains(all, n) {
				all = append(all, n)
			}
		}
	}
	return all
}

// Lookup finds what a module itself offers by a name.
func (m *Module) Lookup(name string) (Ref, bool) {
	for i, f := range m.Lib.Functions {
		if slices.Contains(f.Exports, name) {
			return Ref{Kind: ToFunction, Mod: m, Index: i}, true
		}
	}
	for _, x := range []struct {
		kind RefKind
		list []synth.Variable
	}{{ToData, m.Lib.Variables}, {ToThread, m.Lib.Threads}, {ToGlobal, m.Lib.Globals}} {
		for i, v := range x.list {
			if v.Export != "" && v.Export == name {
				return Ref{Kind: x.kind, Mod: m, Index: i}, true
			}
		}
	}
	return Ref{}, false
}

// Names are what a module exports: its functions first.
func (m *Module) Names() (names []string) {
	for _, f := range m.Lib.Functions {
		names = append(names, f.Exports...)
	}
	for _, list := range [][]synth.Variable{m.Lib.Variables, m.Lib.Threads, m.Lib.Globals} {
		for _, v := range list {
			if v.Export != "" {
				names = append(names, v.Export)
			}
		}
	}
	return names
}

// firstOf finds the first definition of a name.
func firstOf(modules []*Module, name string) (Ref, bool) {
	for _, m := range modules {
		if r, ok := m.Lookup(name); ok {
			return r, true
		}
	}
	return Ref{}, false
}

// lookFrom finds what a module means by a name: in the global scope, then in its local scope.
func (im *Image) lookFrom(m *Module, name string) (Ref, bool) {
	if r, ok := firstOf(im.Global, name); ok {
		return r, true
	}
	return firstOf(im.localScope(m), name)
}

// localScope lists the load groups of a module: of each that needs it, and its own, in the order in
// which they were loaded.
func (im *Image) localScope(m *Module) (list []*Module) {
	for _, root := range im.Loaded {
		if group := root.Closure(); slices.Contains(group, m) {
			list = append(list,
				slices.DeleteFunc(group,
					func(x *Module) bool { return slices.Contains(list, x) })...)
		}
	}
	return list
}

// Find finds a symbol from outside: everywhere, when m is nil, or in a library and what it needs;
// next leaves out what is not behind it. The error is a *Failure.
func (im *Image) Find(m *Module, name string, next bool) (Ref, error) {
	in := im.Global
	if m != nil {
		in = m.Closure()
	}
	if m != nil && next {
		if i := slices.Index(im.Global, m); i >= 0 {
			in = im.Global[i+1:]
		} else {
			in = im.localScope(m)
			in = in[slices.Index(in, m)+1:]
		}
	}
	r, ok := firstOf(in, name)
	if !ok {
		return Ref{}, &Failure{Kind: Undefined, Symbol: name}
	}
	return r, nil
}
