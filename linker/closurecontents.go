package linker

import "github.com/lockstep-wasm/lockstep/linker/internal/persist"

// closureContents are the functions that closures hold, by entry of the function table and by
// module. Values are immutable; with and without return changed ones.
type closureContents struct {
	functions persist.Map[uint32, *function]
	modules   persist.Map[*module, persist.Map[uint32, bool]]
}

// at returns the function of an entry, or nil.
func (c closureContents) at(slot uint32) *function { return c.functions.At(slot) }

// all visits every entry, in no particular order.
func (c closureContents) all(yield func(uint32, *function) bool) { c.functions.All(yield) }

// of returns the entries that hold functions of a module.
func (c closureContents) of(m *module) persist.Map[uint32, bool] { return c.modules.At(m) }

func (c closureContents) with(slot uint32, fn *function) closureContents {
	c = c.without(slot)
	c.functions = c.functions.With(slot, fn)
	c.modules = c.modules.With(fn.mod, c.modules.At(fn.mod).With(slot, true))
	return c
}

func (c closureContents) without(slot uint32) closureContents {
	fn, ok := c.functions.Get(slot)
	if !ok {
		return c
	}
	c.functions = c.functions.Without(slot)
	if left := c.modules.At(fn.mod).Without(slot); left.Len() > 0 {
		c.modules = c.modules.With(fn.mod, left)
	} else {
		c.modules = c.modules.Without(fn.mod)
	}
	return c
}
