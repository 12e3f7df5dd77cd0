package main

import (
	"context"
	"sync/atomic"

	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
)

// coreRows are calls while another core calls, too.
func coreRows() []row {
	return []row{{"call with a stack, while another core calls in another group", 1.1, cores}}
}

// stacked calls a function with a stack.
type stacked interface {
	CallWithStack(ctx context.Context, stack []uint64) error
}

// cores compares calls alone with calls while another goroutine calls the other function: of two
// instances in wazero, and of two groups. It is the processor time of one side; who waits for a
// lock uses none.
func cores(m *meter) error {
	return both(m.ctx, asItIs, func(mod api.Module, i *image) error {
		if err := both(m.ctx, asItIs, func(second api.Module, _ *image) error {
			err := together(m, "wazero", mod.ExportedFunction("add"),
				second.ExportedFunction("add"))
			if err == nil {
				m.pairs[len(m.pairs)-1].stated = true // both sides are wazero's
			}
			return err
		}); err != nil {
			return err
		}
		lib, err := i.open("adder", dylink.Info{}, func(b *builder) { add(b) })
		if err != nil {
			return err
		}
		other, err := i.g.Spawn(m.ctx)
		if err != nil {
			return err
		}
		var fs [2]*linker.Func
		for k, g := range []*linker.Group{i.g, other} {
			if fs[k], err = g.Func(m.ctx, lib, "add"); err != nil {
				return err
			}
		}
		return together(m, "linker", fs[0], fs[1])
	})
}

// together compares calls of own alone with calls while another goroutine calls other.
func together(m *meter, name string, own, other stacked) error {
	loop := func(n int) error {
		stack := make([]uint64, 2)
		for range n {
			if err := own.CallWithStack(m.ctx, stack); err != nil {
				return err
			}
		}
		return nil
	}
	alone := side{name: name + ", alone", do: loop}
	return m.compare(alone, side{name: name + ", both", do: func(n int) error {
		var stop atomic.Bool
		begun, ended := make(chan struct{}), make(chan error, 1)
		go func() {
			stack := make([]uint64, 2)
			close(begun)
			for !stop.Load() {
				if err := other.CallWithStack(m.ctx, stack); err != nil {
					ended <- err
					return
				}
			}
			ended <- nil
		}()
		<-begun
		err := loop(n)
		stop.Store(true)
		if other := <-ended; err == nil {
			err = other
		}
		return err
	}})
}
