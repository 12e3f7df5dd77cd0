package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/stock"
)

// otherFigures are what others notice of a group's work.
func otherFigures() []figure {
	return []figure{{"link operations of others while a grammar of 4.5 MB is opened cold, p99",
		inTime, 1e6, others}}
}

// others measures link operations of a group while another one opens a large grammar that has to be
// compiled.
func others(m *meter) (measured, error) {
	grammar, err := stock.Read(stock.GrammarFile("cpp"))
	if err != nil {
		return measured{}, missing(err.Error())
	}
	rt := wazero.NewRuntimeWithConfig(m.ctx, linker.NewRuntimeConfig())
	defer func() { _ = rt.Close(m.ctx) }()
	l, err := newTreeSitter(m.ctx, rt)
	if err != nil {
		return measured{}, err
	}
	g, err := l.Linker().Main().Spawn(m.ctx)
	if err != nil {
		return measured{}, err
	}
	slot, err := g.AllocateClosure(m.ctx)
	if err != nil {
		return measured{}, err
	}
	names := []string{"malloc", "free"}
	operation := func(took []float64) ([]float64, error) {
		begin := time.Now()
		if err := g.SetClosure(m.ctx, slot, linker.Default, names[len(took)%2]); err != nil {
			return nil, err
		}
		return append(took, float64(time.Since(begin))), nil
	}
	var quiet, during []float64
	for range 10_000 {
		if quiet, err = operation(quiet); err != nil {
			return measured{}, err
		}
	}
	done := make(chan error, 1)
	begin := time.Now()
	go func() {
		_, err := l.Load(m.ctx, "tree-sitter-cpp.wasm", grammar)
		done <- err
	}()
	for {
		if during, err = operation(during); err != nil {
			return measured{}, err
		}
		select {
		case err := <-done:
			return measured{[]float64{percentile(during, 99)}, fmt.Sprintf(
				"quiet: %s; the longest of %d in %s: %s", duration(percentile(quiet, 99)),
				len(during), duration(float64(time.Since(begin))),
				duration(slices.Max(during)))}, err
		default:
		}
	}
}

// percentile returns what so many of a hundred are at most.
func percentile(x []float64, n int) float64 {
	x = slices.Clone(x)
	slices.Sort(x)
	return x[min(len(x)*n/100, len(x)-1)]
}
