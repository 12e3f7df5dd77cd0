package main

import (
	"fmt"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
)

// linkRows are look-ups and link operations.
func linkRows() []row {
	return []row{
		{"symbol by handle, of a library that needs 500", 2, func(m *meter) error {
			return symbols(m, 500, "by handle, needs 1", "by handle, needs 500",
				func(c *chain) (*linker.Library, string) { return c.root, "f0" })
		}},
		{"symbol in the default scope of 500 libraries", 2, func(m *meter) error {
			return symbols(m, 500, "of 1 library", "of 500 libraries",
				func(c *chain) (*linker.Library, string) { return linker.Default, c.last })
		}},
		{"SetClosure, 16,000 closures", 2, closures},
		{"link operation, 63 parked groups", 20, parked},
	}
}

// chain is an image with a library that needs n others.
type chain struct {
	*image
	root *linker.Library
	last string // a function of the last of the n
}

func newChain(m *meter, n int) (*chain, error) {
	i, err := newImage(m.ctx, asItIs)
	if err != nil {
		return nil, err
	}
	var needed []string
	for k := range n {
		name := fmt.Sprintf("lib%d", k)
		needed = append(needed, name)
		_, err := i.open(name, dylink.Info{}, func(b *builder) {
			b.ExportFunc(fmt.Sprintf("f%d", k), b.Func(binary(b), nil, identity()))
		})
		if err != nil {
			return nil, err
		}
	}
	root, err := i.open("root", dylink.Info{Needed: needed}, func(b *builder) { add(b) })
	return &chain{i, root, fmt.Sprintf("f%d", n-1)}, err
}

// symbols compares look-ups of a symbol that has its pointer, in an image of one library and in one
// of n.
func symbols(m *meter, n int, peer, own string,
	what func(c *chain) (*linker.Library, string)) error {
	var sides []side
	for k, name := range []string{peer, own} {
		c, err := newChain(m, []int{1, n}[k])
		if err != nil {
			return err
		}
		defer c.close()
		lib, symbol := what(c)
		sides = append(sides, lookups(c, name, lib, symbol))
	}
	return m.compare(sides[0], sides[1])
}

// lookups is a side that looks a symbol up.
func lookups(c *chain, name string, lib *linker.Library, symbol string) side {
	return side{name: name, do: func(n int) error {
		for range n {
			if _, err := c.g.Symbol(c.ctx, lib, symbol); err != nil {
				return err
			}
		}
		return nil
	}}
}

// closures compares SetClosure with few closures and with many.
func closures(m *meter) error {
	var sides []side
	for _, n := range []int{10, 16_000} {
		i, err := newImage(m.ctx, asItIs)
		if err != nil {
			return err
		}
		defer i.close()
		lib, err := i.open("adder", dylink.Info{}, func(b *builder) { add(b) })
		if err != nil {
			return err
		}
		var slot uint32
		for range n {
			if slot, err = i.g.AllocateClosure(m.ctx); err != nil {
				return err
			}
			if err := i.g.SetClosure(m.ctx, slot, lib, "add"); err != nil {
				return err
			}
		}
		sides = append(sides, side{name: fmt.Sprintf("%d closures", n), do: func(n int) error {
			for range n {
				if err := i.g.SetClosure(m.ctx, slot, lib, "add"); err != nil {
					return err
				}
			}
			return nil
		}})
	}
	return m.compare(sides[0], sides[1])
}

// manyParked is one group less than there are at most.
const manyParked = 63

// parked compares a link operation in an image of two groups with one of 64: the number of groups
// that are parked meanwhile.
func parked(m *meter) error {
	var sides []side
	for _, n := range []int{1, manyParked} {
		i, err := newImage(m.ctx,
			func(c *linker.Config) *linker.Config { return c.WithStackSize(1 << 14) })
		if err != nil {
			return err
		}
		defer i.close()
		lib, err := i.open("adder", dylink.Info{}, func(b *builder) { add(b) })
		if err != nil {
			return err
		}
		for range n {
			if _, err := i.g.Spawn(m.ctx); err != nil {
				return err
			}
		}
		slot, err := i.g.AllocateClosure(m.ctx)
		if err != nil {
			return err
		}
		sides = append(sides, side{name: fmt.Sprintf("%d parked", n), do: func(n int) error {
			for range n {
				if err := i.g.SetClosure(m.ctx, slot, lib, "add"); err != nil {
					return err
				}
			}
			return nil
		}})
	}
	return m.compare(sides[0], sides[1])
}
