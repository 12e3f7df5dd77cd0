package drive

import (
	"context"
	"io/fs"
	"slices"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/model"
)

// Shares of what the clients of a program of names do, in percent; the rest are look-ups.
const (
	nameOpenShare  = 32
	nameCloseShare = 30
	ownShare       = 75 // of the look-ups, those of what the handle's library has
)

// Names is the part of Fixtures that tla/LinkerResults.tla has words for: libraries that need
// nothing, each with one function.
func Names(fsys fs.FS) World {
	w := Fixtures(fsys)
	alone := []string{"libother.wasm", "libchain_c.wasm", "libdiamond_bottom.wasm",
		"libscope_one.wasm"}
	w.Universe.Libraries = slices.DeleteFunc(slices.Clone(w.Universe.Libraries),
		func(lib model.Library) bool { return !slices.Contains(alone, lib.Name) })
	for i := range w.Universe.Libraries {
		lib := &w.Universe.Libraries[i]
		lib.Functions, lib.Data = lib.Functions[:1:1], nil
	}
	return w
}

// name does one operation that the specification has words for.
func (c *client) name(ctx context.Context) {
	switch n := c.rng.IntN(100); {
	case n < nameOpenShare && c.shelf.openings() < c.shelf.most():
		c.openOf(ctx, c.s.catalogue.libraries[c.rng.IntN(len(c.s.catalogue.libraries))])
	case n < nameOpenShare+nameCloseShare && c.close(ctx):
	default:
		c.lookUpName(ctx)
	}
}

// lookUpName looks a function up in a library that is open, or was a moment ago. If there is none,
// one is opened.
func (c *client) lookUpName(ctx context.Context) {
	libraries := c.s.universe.Libraries
	o, ok := c.shelf.pick(c.rng.IntN)
	if !ok {
		c.openOf(ctx, libraries[c.rng.IntN(len(libraries))].Name)
		return
	}
	lib := libraries[c.rng.IntN(len(libraries))]
	if c.rng.IntN(100) < ownShare {
		lib = libraries[slices.IndexFunc(libraries,
			func(lib model.Library) bool { return lib.Name == o.name })]
	}
	name := lib.Functions[0].Name
	var receipt linker.Receipt
	ctx, cancel := c.cancellable(linker.WithReceipt(ctx, &receipt))
	defer cancel()
	c.begin(model.Input{Op: model.OpSymbol, Handle: o.handle, Name: name})
	sym, err := c.group().Symbol(ctx, o.lib, name)
	if err != nil {
		c.endWith(model.Output{Err: lookupError(err)}, receipt)
		return
	}
	c.endWith(model.Output{Kind: model.KindFunction, Pointer: sym.Pointer}, receipt)
}
