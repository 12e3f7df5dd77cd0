package main

import (
	"context"

	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
)

// callRows are calls from Go, of a function that adds two numbers.
func callRows() []row {
	return []row{
		{"call by name", 2, func(m *meter) error {
			return adders(m, asItIs,
				func(b, f api.Function, i *image, lib *linker.Library, _ *linker.Func) error {
					return m.compare(callSide(m.ctx, "wazero Call", b),
						side{name: "by name", do: func(n int) error {
							for range n {
								if _, err := i.g.Call(m.ctx, lib, "add", 1, 2); err != nil {
									return err
								}
							}
							return nil
						}})
				})
		}},
		{"call of a prepared function", 2, func(m *meter) error {
			return adders(m, asItIs,
				func(b, _ api.Function, i *image, _ *linker.Library, f *linker.Func) error {
					return m.compare(callSide(m.ctx, "wazero Call", b),
						side{name: "Func.Call", do: func(n int) error {
							for range n {
								if _, err := f.Call(m.ctx, 1, 2); err != nil {
									return err
								}
							}
							return nil
						}})
				})
		}},
		{"call with a stack", 0.75, func(m *meter) error {
			return adders(m, asItIs,
				func(b, _ api.Function, _ *image, _ *linker.Library, f *linker.Func) error {
					return m.compare(callSide(m.ctx, "wazero Call", b), stackSide(m.ctx, f))
				})
		}},
		{"call with a stack", 2, func(m *meter) error {
			return adders(m, asItIs,
				func(_, b api.Function, _ *image, _ *linker.Library, f *linker.Func) error {
					stack := make([]uint64, 2)
					return m.compare(side{name: "wazero CallWithStack", do: func(n int) error {
						for range n {
							if err := b.CallWithStack(m.ctx, stack); err != nil {
								return err
							}
						}
						return nil
					}}, stackSide(m.ctx, f))
				})
		}},
		{"call with a stack, loop safepoints, a context that can end", 2.5, func(m *meter) error {
			polls := func(c *linker.Config) *linker.Config { return c.WithLoopSafepoints(true) }
			return adders(m, polls,
				func(b, _ api.Function, _ *image, _ *linker.Library, f *linker.Func) error {
					ctx, cancel := context.WithCancel(m.ctx)
					defer cancel()
					return m.compare(callSide(m.ctx, "wazero Call", b), stackSide(ctx, f))
				})
		}},
	}
}

func callSide(ctx context.Context, name string, f api.Function) side {
	return side{name: name, do: func(n int) error {
		for range n {
			if _, err := f.Call(ctx, 1, 2); err != nil {
				return err
			}
		}
		return nil
	}}
}

func stackSide(ctx context.Context, f *linker.Func) side {
	stack := make([]uint64, 2)
	return side{name: "Func.CallWithStack", do: func(n int) error {
		for range n {
			if err := f.CallWithStack(ctx, stack); err != nil {
				return err
			}
		}
		return nil
	}}
}

// adders gives use the function of a module that wazero runs alone, twice, and that of a library.
func adders(m *meter, configure func(*linker.Config) *linker.Config,
	use func(first, second api.Function, i *image, lib *linker.Library,
		f *linker.Func) error) error {
	return both(m.ctx, configure, func(mod api.Module, i *image) error {
		lib, err := i.open("adder", dylink.Info{}, func(b *builder) { add(b) })
		if err != nil {
			return err
		}
		f, err := i.g.Func(m.ctx, lib, "add")
		if err != nil {
			return err
		}
		return use(mod.ExportedFunction("add"), mod.ExportedFunction("add"), i, lib, f)
	})
}

// both makes a module that wazero runs alone and an image.
func both(ctx context.Context, configure func(*linker.Config) *linker.Config,
	use func(mod api.Module, i *image) error) error {
	rt, err := newRuntime(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = rt.Close(ctx) }()
	if _, err := wasi_snapshot_preview1.Instantiate(ctx, rt); err != nil {
		return err
	}
	bytes, err := module(plain)
	if err != nil {
		return err
	}
	mod, err := rt.Instantiate(ctx, bytes)
	if err != nil {
		return err
	}
	i, err := newImage(ctx, configure)
	if err != nil {
		return err
	}
	defer i.close()
	return use(mod, i)
}
