package main

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
)

// grown is how the cost of something grows.
type grown struct {
	what  string
	sizes []int
	ns    []float64 // the best of some tries, for each size
}

// exponent is the slope of the line through the logarithms: 0 for a constant cost, 1 for a linear
// one.
func (g grown) exponent() float64 {
	var sx, sy, sxx, sxy float64
	for i := range g.sizes {
		x, y := math.Log(float64(g.sizes[i])), math.Log(g.ns[i])
		sx, sy, sxx, sxy = sx+x, sy+y, sxx+x*x, sxy+x*y
	}
	n := float64(len(g.sizes))
	return (n*sxy - sx*sy) / (n*sxx - sx*sx)
}

// tries is how often each size is measured; the best try counts.
const tries = 3

// growth measures costs at several sizes: of an image, or of a library.
func growth(ctx context.Context) ([]grown, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var all []grown
	for _, c := range []struct {
		what  string
		sizes []int
		cost  func(ctx context.Context, n int) (time.Duration, error)
	}{
		{"Open of one more library, by libraries", []int{10, 100, 1000}, costOf(openOne)},
		{"Symbol in the default scope, by libraries", []int{10, 100, 1000}, costOf(symbolOf)},
		{"Close of a library, by libraries", []int{10, 100, 1000}, costOf(closeOne)},
		{"Spawn, by libraries", []int{10, 100, 1000}, costOf(spawnOne)},
		{"Open, by functions of the library", []int{100, 1000, 10_000}, openLarge},
		{"Open, by imports of the library", []int{100, 10_000, 100_000}, openImporter},
		{"first Symbol, by functions of the library", []int{100, 1000, 10_000}, firstOfLarge},
		{"SetClosure, by closures", []int{100, 1000, 10_000}, setClosure},
	} {
		g := grown{what: c.what, sizes: c.sizes}
		for _, n := range c.sizes {
			best := time.Duration(math.MaxInt64)
			for range tries {
				if err := ctx.Err(); err != nil {
					return nil, err
				}
				d, err := c.cost(ctx, n)
				if err != nil {
					return nil, fmt.Errorf("%s: %d: %w", c.what, n, err)
				}
				best = min(best, d)
			}
			g.ns = append(g.ns, float64(best))
		}
		all = append(all, g)
	}
	return all, nil
}

func growthTable(all []grown) string {
	t := writer("growth", "at", "cost", "exponent", "wanted", "")
	t.SetColumnConfigs([]table.ColumnConfig{{Number: 4, Align: text.AlignRight}})
	for _, g := range all {
		var sizes, costs string
		for i := range g.sizes {
			if i > 0 {
				sizes, costs = sizes+", ", costs+", "
			}
			sizes, costs = sizes+fmt.Sprint(g.sizes[i]), costs+duration(g.ns[i])
		}
		t.AppendRow(table.Row{g.what, sizes, costs, fmt.Sprintf("%.2f", g.exponent()), "≤ 1.1",
			verdict(g.exponent(), 1.1)})
	}
	t.SetCaption("Best of %d, %s.", tries, clock)
	return t.Render()
}

func timed(f func() error) (time.Duration, error) {
	start := now()
	err := f()
	return now() - start, err
}

// costOf measures something in an image of n libraries.
func costOf(f func(i *image, n int) (time.Duration,
	error)) func(context.Context, int) (time.Duration, error) {
	return func(ctx context.Context, n int) (time.Duration, error) {
		i, err := newImage(ctx,
			func(c *linker.Config) *linker.Config { return c.WithStackSize(1 << 14) })
		if err != nil {
			return 0, err
		}
		defer i.close()
		for k := range n {
			if _, err := i.open(fmt.Sprintf("lib%d", k), dylink.Info{},
				numbered(k, 3)); err != nil {
				return 0, err
			}
		}
		return f(i, n)
	}
}

// numbered defines functions whose names no other library has.
func numbered(k, functions int) func(b *builder) {
	return func(b *builder) {
		for f := range functions {
			b.ExportFunc(fmt.Sprintf("lib%d_f%d", k, f), b.Func(binary(b), nil, identity()))
		}
	}
}

func openOne(i *image, n int) (time.Duration, error) {
	bytes, err := library(dylink.Info{}, numbered(n, 3))
	if err != nil {
		return 0, err
	}
	return timed(func() error {
		_, err := i.g.OpenBytes(i.ctx, "more", bytes)
		return err
	})
}

func symbolOf(i *image, n int) (time.Duration, error) {
	const looks = 1000
	name := fmt.Sprintf("lib%d_f0", n-1)
	if _, err := i.g.Symbol(i.ctx, linker.Default, name); err != nil {
		return 0, err
	}
	d, err := timed(func() error {
		for range looks {
			if _, err := i.g.Symbol(i.ctx, linker.Default, name); err != nil {
				return err
			}
		}
		return nil
	})
	return d / looks, err
}

func closeOne(i *image, n int) (time.Duration, error) {
	lib, err := i.open("more", dylink.Info{}, numbered(n, 3))
	if err != nil {
		return 0, err
	}
	return timed(func() error { return i.g.CloseLibrary(i.ctx, lib) })
}

func spawnOne(i *image, _ int) (time.Duration, error) {
	return timed(func() error {
		_, err := i.g.Spawn(i.ctx)
		return err
	})
}

func openLarge(ctx context.Context, n int) (time.Duration, error) {
	i, err := newImage(ctx, asItIs)
	if err != nil {
		return 0, err
	}
	defer i.close()
	bytes, err := library(dylink.Info{}, numbered(0, n))
	if err != nil {
		return 0, err
	}
	return timed(func() error {
		_, err := i.g.OpenBytes(ctx, "large", bytes)
		return err
	})
}

func manyImports(c *linker.Config) *linker.Config { return c.WithMaxImports(1 << 17) }

// openImporter measures a library that imports n functions of another one.
func openImporter(ctx context.Context, n int) (time.Duration, error) {
	i, err := newImage(ctx, manyImports)
	if err != nil {
		return 0, err
	}
	defer i.close()
	if _, err := i.open("large", dylink.Info{}, numbered(0, n)); err != nil {
		return 0, err
	}
	bytes, err := library(dylink.Info{}, func(b *builder) {
		for f := range n {
			b.ImportFunc("env", fmt.Sprintf("lib0_f%d", f), binary(b))
		}
	})
	if err != nil {
		return 0, err
	}
	return timed(func() error {
		_, err := i.g.OpenBytes(ctx, "importer", bytes)
		return err
	})
}

func firstOfLarge(ctx context.Context, n int) (time.Duration, error) {
	i, err := newImage(ctx, asItIs)
	if err != nil {
		return 0, err
	}
	defer i.close()
	lib, err := i.open("large", dylink.Info{}, numbered(0, n))
	if err != nil {
		return 0, err
	}
	return timed(func() error {
		_, err := i.g.Symbol(ctx, lib, fmt.Sprintf("lib0_f%d", n/2))
		return err
	})
}

func setClosure(ctx context.Context, n int) (time.Duration, error) {
	i, err := newImage(ctx, asItIs)
	if err != nil {
		return 0, err
	}
	defer i.close()
	lib, err := i.open("adder", dylink.Info{}, func(b *builder) { add(b) })
	if err != nil {
		return 0, err
	}
	var slot uint32
	for range n {
		if slot, err = i.g.AllocateClosure(ctx); err != nil {
			return 0, err
		}
		if err := i.g.SetClosure(ctx, slot, lib, "add"); err != nil {
			return 0, err
		}
	}
	const sets = 100
	d, err := timed(func() error {
		for range sets {
			if err := i.g.SetClosure(ctx, slot, lib, "add"); err != nil {
				return err
			}
		}
		return nil
	})
	return d / sets, err
}
