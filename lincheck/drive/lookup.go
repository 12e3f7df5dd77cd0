package drive

import (
	"context"
	"slices"

	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/model"
)

// Shares of the look-ups, in percent: those through a handle, when there is one; those of what
// comes next; those of names that several modules define, where all names can be looked for; and,
// of the calls, those of what may trap, where there is such.
const (
	handleShare    = 67
	nextShare      = 20
	contestedShare = 50
	trapShare      = 70
)

// function is a function as clients know it: by its name, in whichever library.
type function struct {
	name     string
	params   int
	callable bool // its results follow from the universe
	// traps says that a call may trap: it calls what its library cannot do without having it.
	traps bool
	// late says that what it calls may be another one at each call, so that such a call looks
	// twice: for the function, and later for what that calls. That is one operation only where the
	// first look-up cannot have another result meanwhile.
	late bool
}

// catalogue is what can be looked for.
type catalogue struct {
	functions map[string]function
	all       []string            // the names of everything
	contested []string            // those that several modules define
	of        map[string][]string // those that are found through a handle of a library
	libraries []string
	rivals    []string // the libraries that define or use what several define
}

// newCatalogue reads a universe. What several modules define under one name has to be alike in all
// that clients have to know before they use it: its parameters, and whether it may trap.
func newCatalogue(u *model.Universe) catalogue {
	cat := catalogue{functions: map[string]function{}, of: map[string][]string{},
		all: []string{"no_such_symbol", "nobody_has_this"}}
	definers := map[string]int{}
	libraries := map[string]model.Library{}
	modules := append([]model.Library{u.Main}, u.Libraries...)
	for _, lib := range modules {
		libraries[lib.Name] = lib
		for _, name := range exports(lib) {
			if definers[name]++; definers[name] == 1 {
				cat.all = append(cat.all, name)
			} else if definers[name] == 2 {
				cat.contested = append(cat.contested, name)
			}
		}
	}
	for _, lib := range modules {
		names, scope := []string{}, []string{lib.Name}
		for i := 0; i < len(scope); i++ {
			l := libraries[scope[i]] // of one that is missing there is nothing to find
			names = append(names, exports(l)...)
			for _, needed := range l.Needed {
				if !slices.Contains(scope, needed) {
					scope = append(scope, needed)
				}
			}
		}
		cat.of[lib.Name] = append(names, "no_such_symbol")
		for _, f := range lib.Functions {
			g := function{name: f.Name, params: f.Params, callable: f.Behaviour.Add != opaqueMark}
			if f.Behaviour.Kind == model.BehaviourCallImport &&
				!slices.Contains(names, f.Behaviour.Import) {
				g.traps, g.late = true, definers[f.Behaviour.Import] > 0
			}
			cat.functions[f.Name] = g
		}
	}
	for _, lib := range u.Libraries {
		cat.libraries = append(cat.libraries, lib.Name)
		names := exports(lib)
		for _, imp := range lib.Imports {
			names = append(names, imp.Name)
		}
		if slices.ContainsFunc(names,
			func(name string) bool { return slices.Contains(cat.contested, name) }) {
			cat.rivals = append(cat.rivals, lib.Name)
		}
	}
	return cat
}

// exports are the names that a library defines.
func exports(lib model.Library) (names []string) {
	for _, f := range lib.Functions {
		names = append(names, f.Name)
	}
	for _, d := range lib.Data {
		names = append(names, d.Name)
	}
	return names
}

// place is where a client looks, and for what.
type place struct {
	lib    *linker.Library
	handle model.Handle
	next   bool
	names  []string
	// holds says that what is found there stays what it is for as long as the client holds the
	// handle.
	holds bool
}

// place picks where to look: in the global scope, in a library that the client has opened, or
// behind one of these.
func (c *client) place() place {
	p := place{lib: linker.Default, names: c.s.catalogue.all, next: c.rng.IntN(100) < nextShare}
	if o, ok := c.shelf.pick(c.rng.IntN); ok && c.rng.IntN(100) < handleShare {
		p.lib, p.handle = o.lib, o.handle
		if !p.next {
			p.names, p.holds = c.s.catalogue.of[o.name], !c.shelf.shared
		}
	}
	if p.next {
		p.lib = linker.Next(p.lib)
	}
	if (p.handle == 0 || p.next) && c.rng.IntN(100) < contestedShare {
		p.names = c.s.catalogue.contested
	}
	return p
}

func (c *client) symbol(ctx context.Context) bool {
	p := c.place()
	name := p.names[c.rng.IntN(len(p.names))]
	var receipt linker.Receipt
	ctx, cancel := c.cancellable(linker.WithReceipt(ctx, &receipt))
	defer cancel()
	c.begin(model.Input{Op: model.OpSymbol, Handle: p.handle, Next: p.next, Name: name})
	sym, err := c.group().Symbol(ctx, p.lib, name)
	if err != nil {
		c.endWith(model.Output{Err: lookupError(err)}, receipt)
		return true
	}
	out := model.Output{Kind: model.KindData, Pointer: sym.Pointer}
	if sym.Kind == linker.Function {
		out.Kind = model.KindFunction
	}
	c.endWith(out, receipt)
	main := sym.Module == c.s.universe.Main.Name
	if f := c.s.catalogue.functions[name]; out.Kind == model.KindFunction && f.callable &&
		(main || p.holds || c.mayBeGone(p)) {
		found := pointer{holder: p.lib, slot: sym.Pointer, params: f.params, traps: f.traps,
			late: f.late}
		if main {
			found.holder = nil
		}
		c.pointers = append(c.pointers, found)
	}
	return true
}

// mayBeGone tells whether the client may remember a pointer into a library that others close:
// calling it has one of two outcomes then, and which of them has no number.
func (c *client) mayBeGone(p place) bool {
	return c.shelf.shared && !c.numbered && !c.s.universe.Rules.TrapKillsGroup && p.handle != 0 &&
		!p.next
}

func (c *client) call(ctx context.Context) bool {
	p := c.place()
	var functions []function
	for _, name := range p.names {
		f := c.s.catalogue.functions[name]
		if f.callable && (!f.traps || c.mayTrap()) && (!f.late || p.holds && !c.numbered) {
			functions = append(functions, f)
		}
	}
	if len(functions) == 0 {
		return c.symbol(ctx)
	}
	// Few functions trap or look for what they call, and seldom may: where one can be called, it
	// often is.
	few := slices.DeleteFunc(slices.Clone(functions), func(f function) bool { return !f.traps })
	if len(few) > 0 && c.rng.IntN(100) < trapShare {
		functions = few
	}
	f := functions[c.rng.IntN(len(functions))]
	args, encoded := c.arguments(f.params)
	var receipt linker.Receipt
	c.begin(model.Input{Op: model.OpCall, Handle: p.handle, Next: p.next, Name: f.name, Args: args})
	results, err := c.group().Call(linker.WithReceipt(ctx, &receipt), p.lib, f.name, encoded...)
	if f.late {
		receipt = linker.Receipt{} // of the look-up that does not matter
	}
	if err != nil {
		c.endFailed(callError(f.name, err), receipt)
		return true
	}
	c.endWith(model.Output{Result: api.DecodeI32(results[0])}, receipt)
	return true
}
