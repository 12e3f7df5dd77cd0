package main

import (
	"fmt"
	"runtime"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// memoryFigures are differences of the Go heap, after collections. What the engine maps (code and
// the image's memory) is not in it.
func memoryFigures() []figure {
	return []figure{
		{"memory of a library in a group", inBytes, 4096, memoryInGroup},
		{"memory of a file of 4 MiB, when it is loaded", inBytes, 4096, memoryOfFile},
		{"memory of a cycle of open, call and close", inBytes, 4096, memoryOfCycle},
	}
}

// heap is the size of what is alive in the Go heap. Cleanups of one collection let go what the next
// one finds.
func heap() float64 {
	var s runtime.MemStats
	for range 3 {
		runtime.GC()
	}
	runtime.ReadMemStats(&s)
	return float64(s.HeapAlloc)
}

// memoryInGroup measures what a group takes in an image of libraries and in one without, of which
// the difference is the libraries'. Each library has a function whose pointer was asked for.
func memoryInGroup(m *meter) (measured, error) {
	const libraries = 100
	take := func(pointers bool) ([]float64, error) {
		return m.repeat(min(m.rounds, 3), func() (float64, error) {
			without, err := groupOf(m, 0, pointers)
			if err != nil {
				return 0, err
			}
			with, err := groupOf(m, libraries, pointers)
			return (with - without) / libraries, err
		})
	}
	samples, err := take(true)
	if err != nil {
		return measured{}, err
	}
	without, err := take(false)
	if err != nil {
		return measured{}, err
	}
	return measured{samples, "without pointers: " + amount(median(without), inBytes)}, nil
}

// groupOf returns what a group takes in an image of n libraries.
func groupOf(m *meter, n int, pointers bool) (float64, error) {
	const groups = 8
	i, err := newImage(m.ctx,
		func(c *linker.Config) *linker.Config { return c.WithStackSize(1 << 14) })
	if err != nil {
		return 0, err
	}
	defer i.close()
	for k := range n {
		lib, err := i.open(fmt.Sprintf("lib%d", k), dylink.Info{}, numbered(k, 3))
		if err == nil && pointers {
			_, err = i.g.Symbol(i.ctx, lib, fmt.Sprintf("lib%d_f0", k))
		}
		if err != nil {
			return 0, err
		}
	}
	before := heap()
	for range groups {
		if _, err := i.g.Spawn(i.ctx); err != nil {
			return 0, err
		}
	}
	return (heap() - before) / groups, nil
}

// memoryOfFile measures how much more a library takes whose file has 4 MiB more.
func memoryOfFile(m *meter) (measured, error) {
	take := func(constant bool) ([]float64, error) {
		return m.repeat(min(m.rounds, 3), func() (float64, error) { return fileOf(m, constant) })
	}
	samples, err := take(true)
	if err != nil {
		return measured{}, err
	}
	without, err := take(false)
	if err != nil {
		return measured{}, err
	}
	return measured{samples, "without a constant global: " + amount(median(without), inBytes)}, nil
}

func fileOf(m *meter, constant bool) (float64, error) {
	i, err := newImage(m.ctx, asItIs)
	if err != nil {
		return 0, err
	}
	defer i.close()
	var takes [3]float64
	for k, size := range []int{0, 0, 4 << 20} { // the first one takes what is kept once
		before := heap()
		if _, err := i.open(fmt.Sprintf("lib%d", k), dylink.Info{MemorySize: 1024},
			heavy(k, size, constant)); err != nil {
			return 0, err
		}
		takes[k] = heap() - before
	}
	return takes[2] - takes[1], nil
}

// heavy is a library with functions, data and, if constant is set, a constant, in a file with size
// bytes more.
func heavy(k, size int, constant bool) func(b *builder) {
	return func(b *builder) {
		base := b.ImportGlobal("env", "__memory_base", wasm.GlobalType{Type: wasm.I32})
		b.ImportMemory("env", "memory", wasm.MemoryType{})
		numbered(k, 3)(b)
		if constant {
			b.ExportGlobal(fmt.Sprintf("lib%d_data", k),
				b.Global(wasm.I32, false, wasm.ConstI32(16)))
		}
		b.ActiveData(wasm.ConstGlobal(base), []byte("data of a library"))
		b.Custom("more", make([]byte, size))
	}
}

// memoryOfCycle measures what is left of each of many cycles in an image of two groups.
func memoryOfCycle(m *meter) (measured, error) {
	const cycles = 100
	i, err := newImage(m.ctx, asItIs)
	if err != nil {
		return measured{}, err
	}
	defer i.close()
	other, err := i.g.Spawn(i.ctx)
	if err != nil {
		return measured{}, err
	}
	file, err := library(dylink.Info{}, func(b *builder) { add(b) })
	if err != nil {
		return measured{}, err
	}
	cycle := func() error {
		lib, err := i.g.OpenBytes(i.ctx, "adder", file)
		if err != nil {
			return err
		}
		if _, err := i.g.Symbol(i.ctx, lib, "add"); err != nil {
			return err
		}
		for _, g := range []*linker.Group{i.g, other} {
			if _, err := g.Call(i.ctx, lib, "add", 1, 2); err != nil {
				return err
			}
		}
		return i.g.CloseLibrary(i.ctx, lib)
	}
	samples, err := m.repeat(1+min(m.rounds, 3), func() (float64, error) {
		before := heap()
		for range cycles {
			if err := cycle(); err != nil {
				return 0, err
			}
		}
		return (heap() - before) / cycles, nil
	})
	if err != nil {
		return measured{}, err
	}
	return measured{samples: samples[1:]}, nil // the first cycles fill what is kept once
}
