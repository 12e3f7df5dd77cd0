package graphs

import (
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/lockstep-wasm/lockstep/linker/synth"
)

// Opening is how a library is opened.
type Opening struct {
	Now, Local, NoLoad, NoDelete bool
	Bytes                        *File // the library is given as bytes, those of this file
}

// batch is what one call loads.
type batch struct {
	search, order, global, pinned []*Module
	names                         map[string]*Module
}

// Open opens a library in a group. The error is a *Failure.
func (im *Image) Open(g *Group, name string, o Opening) (*Module, error) {
	saved := im.save()
	m, err := im.open(g, name, o)
	if err != nil {
		im.restore(saved)
		if f, ok := err.(*Failure); ok && f.Kind == Exited {
			g.Gone = true
		}
		return nil, err
	}
	m.Handles++
	return m, nil
}

func (im *Image) open(g *Group, name string, o Opening) (*Module, error) {
	b := &batch{names: map[string]*Module{}}
	var root *Module
	var err error
	if o.NoLoad {
		if root = im.loaded(name, o); root == nil {
			return nil, &Failure{Kind: NotLoaded, Module: name}
		}
	} else {
		if root, err = im.find(b, name, o.Bytes, nil); err == nil {
			err = im.gather(b)
		}
		if err != nil {
			return nil, err
		}
	}
	if o.Bytes != nil && root.Lib != o.Bytes.Lib {
		return nil, &Failure{Kind: OtherBytes, Module: name}
	}
	if len(b.search) > 0 {
		if !o.Local {
			b.global = im.promotion(root)
		}
		if err := im.load(b, o.Now); err != nil {
			return nil, err
		}
	}
	maps.Copy(im.names, b.names)
	if !o.Local {
		im.Global = append(im.Global, im.promotion(root)...)
	}
	if o.Now {
		if err := im.allBound(root); err != nil {
			return nil, err
		}
	}
	if o.NoDelete && !slices.Contains(im.Pinned, root) {
		im.Pinned = append(im.Pinned, root)
	}
	// Last: nothing that is looked up fails after a constructor has run.
	if err := im.constructAll(g, b.order); err != nil {
		return nil, err
	}
	return root, nil
}

// loaded finds a library that is loaded, by one of its names or by its file.
func (im *Image) loaded(name string, o Opening) *Module {
	if m := im.names[name]; m != nil || o.Bytes != nil {
		return m
	}
	if f := im.locate(name, nil); f != nil {
		return im.files[f.Path]
	}
	return nil
}

// promotion is what becomes global with a module.
func (im *Image) promotion(m *Module) []*Module {
	return slices.DeleteFunc(m.Closure(),
		func(m *Module) bool { return slices.Contains(im.Global, m) })
}

// locate finds the file that a name means.
func (im *Image) locate(name string, from *Module) *File {
	clean := func(p string) string { return strings.TrimPrefix(path.Clean(p), "/") }
	if strings.Contains(name, "/") {
		return im.Graph.At(clean(name))
	}
	var dirs []string
	if from != nil {
		for _, entry := range from.Lib.RunPath {
			for _, dir := range strings.Split(entry, ":") {
				for _, origin := range []string{"${ORIGIN}", "$ORIGIN"} {
					dir = strings.ReplaceAll(dir, origin, path.Dir(from.Path))
				}
				dirs = append(dirs, dir)
			}
		}
	}
	for _, dir := range append(dirs, SearchPath) {
		if f := im.Graph.At(clean(dir + "/" + name)); f != nil {
			return f
		}
	}
	return nil
}

// find returns the module of a name: loaded, in the batch, or new.
func (im *Image) find(b *batch, name string, bytes *File, from *Module) (*Module, error) {
	for _, known := range []map[string]*Module{im.names, b.names} {
		if m := known[name]; m != nil {
			return m, nil
		}
	}
	f, at := bytes, name
	if f == nil {
		if f = im.locate(name, from); f == nil {
			return nil, &Failure{Kind: NotFound, Symbol: name}
		}
		at = f.Path
		if m := im.files[at]; m != nil {
			b.names[name] = m
			return m, nil
		}
	}
	if f.Lib == nil {
		return nil, &Failure{Kind: Broken, Module: name}
	}
	m := &Module{Lib: f.Lib, Name: name, Path: at, uses: map[*Module]bool{},
		bound: map[binding]Ref{}}
	b.search = append(b.search, m)
	b.names[name] = m
	if bytes == nil {
		im.files[at] = m
	}
	return m, nil
}

// gather adds what the modules of a batch need, breadth first, and sorts: what a module needs comes
// before it.
func (im *Image) gather(b *batch) error {
	for i := 0; i < len(b.search); i++ {
		m := b.search[i]
		for _, need := range m.Lib.Needed {
			n, err := im.find(b, need, nil, m)
			if err != nil {
				return err
			}
			m.Needed = append(m.Needed, n)
			m.uses[n] = true
		}
	}
	seen := map[*Module]bool{}
	var visit func(m *Module)
	visit = func(m *Module) {
		if seen[m] || !slices.Contains(b.search, m) {
			return
		}
		seen[m] = true
		for _, n := range m.Needed {
			visit(n)
		}
		b.order = append(b.order, m)
	}
	for _, m := range b.search {
		visit(m)
	}
	return nil
}

// load brings the modules of a batch into the image.
func (im *Image) load(b *batch, now bool) error {
	im.Loaded, im.Global, im.Pinned = append(im.Loaded, b.search...),
		append(im.Global, b.global...), append(im.Pinned, b.pinned...)
	maps.Copy(im.names, b.names)
	ready := map[*Module]bool{}
	for _, m := range b.order {
		for _, other := range im.order {
			ready[other] = true
		}
		if err := im.bind(m, ready, now); err != nil {
			return err
		}
		ready[m] = true
	}
	im.order = append(im.order, b.order...)
	for _, m := range b.order {
		m.Data = initial(m.Lib.Variables)
		for _, g := range im.Groups() {
			g.add(m)
		}
	}
	for _, m := range b.order {
		for _, w := range m.Lib.Words {
			m.Words = append(m.Words, m.word(w))
		}
	}
	return nil
}

// word is what a relocation stores.
func (m *Module) word(w synth.Word) Ref {
	switch {
	case w.Function && w.Symbol != "":
		return m.bound[binding{byPointer, w.Symbol}]
	case w.Function:
		return Ref{Kind: ToFunction, Mod: m, Index: m.Lib.Table[w.Index]}
	case w.Symbol != "":
		return m.bound[binding{byAddress, w.Symbol}]
	}
	return Ref{Kind: ToData, Mod: m, Index: w.Index}
}

// constructAll runs the constructors of modules in a group.
func (im *Image) constructAll(g *Group, modules []*Module) error {
	for _, m := range modules {
		if err := im.construct(g, m); err != nil {
			return err
		}
	}
	return nil
}

// construct runs a module's constructor.
func (im *Image) construct(g *Group, m *Module) error {
	r := run{im: im, g: g, m: m, depth: synth.ConstructorDepth}
	for _, op := range m.Lib.Constructor {
		if err := r.op(op); err != nil {
			return err
		}
	}
	return nil
}

// Close gives up a handle in a group, and unloads the libraries that are not used any more. The
// error is a *Failure that says that a destructor trapped; it keeps nothing loaded.
func (im *Image) Close(g *Group, m *Module) (err error) {
	m.Handles--
	for {
		gone := im.unused()
		i := slices.IndexFunc(gone, func(m *Module) bool { return len(m.exits) > 0 })
		if i < 0 {
			im.forget(gone)
			return err
		}
		for m := gone[i]; len(m.exits) > 0; {
			op := m.exits[len(m.exits)-1]
			m.exits = m.exits[:len(m.exits)-1]
			if im.final(g, m, op) != nil {
				err = &Failure{Kind: Destroyed, Module: m.Name}
			}
		}
	}
}

// unused returns the modules that are not used any more, those that were instantiated last first.
func (im *Image) unused() (gone []*Module) {
	used := map[*Module]bool{}
	var mark func(m *Module)
	mark = func(m *Module) {
		if !used[m] {
			used[m] = true
			for n := range m.uses {
				mark(n)
			}
		}
	}
	for _, m := range im.Loaded {
		if m.Handles > 0 || slices.Contains(im.Pinned, m) {
			mark(m)
		}
	}
	for _, m := range slices.Backward(im.order) {
		if !used[m] {
			gone = append(gone, m)
		}
	}
	return gone
}

// forget takes modules out of the image.
func (im *Image) forget(gone []*Module) {
	dead := func(m *Module) bool { return slices.Contains(gone, m) }
	im.Loaded = slices.DeleteFunc(slices.Clone(im.Loaded), dead)
	im.Global = slices.DeleteFunc(slices.Clone(im.Global), dead)
	im.order = slices.DeleteFunc(slices.Clone(im.order), dead)
	maps.DeleteFunc(im.names, func(_ string, m *Module) bool { return dead(m) })
	maps.DeleteFunc(im.files, func(_ string, m *Module) bool { return dead(m) })
	for _, m := range gone {
		im.drop(m)
	}
}

// Has tells whether a module is loaded.
func (im *Image) Has(m *Module) bool { return slices.Contains(im.Loaded, m) }
