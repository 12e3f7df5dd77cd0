package main

import (
	"context"
	"fmt"
	"os"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// builder writes modules.
type builder = wasm.Builder

// calls is how often a guest calls in one run of a loop.
const calls = 1000

// binary is the type of the functions that the loops call.
func binary(b *builder) uint32 { return b.Type(ints(2), ints(1)) }

func ints(n int) []wasm.ValType {
	types := make([]wasm.ValType, n)
	for i := range types {
		types[i] = wasm.I32
	}
	return types
}

func add(b *builder) uint32 {
	f := b.Func(binary(b), nil, new(wasm.Code).LocalGet(0).LocalGet(1).I32Add())
	b.ExportFunc("add", f)
	return f
}

// sum exports a function that calls another one as often as its argument says.
func sum(b *builder, name string, call func(c *wasm.Code) *wasm.Code) {
	c := new(wasm.Code).Loop().LocalGet(1).LocalGet(0)
	c = call(c).LocalSet(1).LocalGet(0).I32Const(1).I32Sub().LocalTee(0).BrIf(0).End().LocalGet(1)
	b.ExportFunc(name, b.Func(b.Type(ints(1), ints(1)), ints(1), c))
}

// calling is a call of a function by its index.
func calling(f uint32) func(c *wasm.Code) *wasm.Code {
	return func(c *wasm.Code) *wasm.Code { return c.Call(f) }
}

// plain is a module for wazero alone, with the same loops as the library.
func plain(b *builder) {
	host := b.ImportFunc("env", "hostadd", binary(b))
	yield := b.ImportFunc(wasi_snapshot_preview1.ModuleName, "sched_yield", b.Type(nil, ints(1)))
	table := b.Table(wasm.TableType{Elem: wasm.FuncRef, Limits: wasm.Limits{Min: 4}})
	f := add(b)
	b.ActiveFuncs(table, wasm.ConstI32(1), f)
	sum(b, "own", calling(f))
	sum(b, "host", calling(host))
	sum(b, "yield", calling(b.Func(binary(b), nil, new(wasm.Code).Call(yield))))
	sum(b, "pointer", func(c *wasm.Code) *wasm.Code {
		return c.I32Const(1).CallIndirect(binary(b), table)
	})
	b.ExportMemory("memory", b.Memory(1, 1, false))
}

// user is a library whose loops call what others have.
func user(b *builder) {
	f := b.ImportFunc("env", "add", binary(b))
	host := b.ImportFunc("env", "hostadd", binary(b))
	yield := b.ImportFunc(wasi_snapshot_preview1.ModuleName, "sched_yield", b.Type(nil, ints(1)))
	table := b.ImportTable("env", "__indirect_function_table", wasm.TableType{Elem: wasm.FuncRef})
	pointer := b.ImportGlobal("GOT.func", "add", wasm.GlobalType{Type: wasm.I32, Mutable: true})
	sum(b, "import", calling(f))
	sum(b, "host", calling(host))
	sum(b, "yield", calling(b.Func(binary(b), nil, new(wasm.Code).Call(yield))))
	sum(b, "pointer", func(c *wasm.Code) *wasm.Code {
		return c.GlobalGet(pointer).CallIndirect(binary(b), table)
	})
}

// importer imports add, and nothing else.
func importer(b *builder) {
	sum(b, "import", calling(b.ImportFunc("env", "add", binary(b))))
}

func module(f func(b *builder)) ([]byte, error) {
	var b wasm.Builder
	f(&b)
	return b.Bytes()
}

func library(info dylink.Info, f func(b *builder)) ([]byte, error) {
	return module(func(b *builder) {
		b.CustomFirst(info.Section())
		f(b)
	})
}

// newRuntime makes a runtime with the host function of the loops.
func newRuntime(ctx context.Context) (wazero.Runtime, error) {
	rt := wazero.NewRuntimeWithConfig(ctx, linker.NewRuntimeConfig())
	i32 := []api.ValueType{api.ValueTypeI32}
	_, err := rt.NewHostModuleBuilder("env").NewFunctionBuilder().
		WithGoFunction(api.GoFunc(func(_ context.Context, stack []uint64) { stack[0] += stack[1] }),
			[]api.ValueType{api.ValueTypeI32, api.ValueTypeI32}, i32).
		Export("hostadd").Instantiate(ctx)
	return rt, err
}

// image is a linked program in a runtime of its own.
type image struct {
	ctx context.Context
	rt  wazero.Runtime
	l   *linker.Linker
	g   *linker.Group
}

// newImage links the main module of the linker's own tests.
func newImage(ctx context.Context, configure func(c *linker.Config) *linker.Config) (*image,
	error) {
	main, err := os.ReadFile("linker/testdata/main-pie.wasm")
	if err != nil {
		return nil, fmt.Errorf("%w: bench is run from the top of the source tree", err)
	}
	rt, err := newRuntime(ctx)
	if err != nil {
		return nil, err
	}
	l, err := linker.New(ctx, rt, main, configure(linker.NewConfig()))
	if err != nil {
		return nil, err
	}
	return &image{ctx: ctx, rt: rt, l: l, g: l.Main()}, nil
}

func (i *image) close() { _ = i.rt.Close(i.ctx) } // what was measured is measured

// open opens a library that is built.
func (i *image) open(name string, info dylink.Info, f func(b *builder),
	options ...linker.OpenOption) (*linker.Library, error) {
	bytes, err := library(info, f)
	if err != nil {
		return nil, err
	}
	return i.g.OpenBytes(i.ctx, name, bytes, options...)
}

// identity is the body of a function that returns its first argument.
func identity() *wasm.Code { return new(wasm.Code).LocalGet(0) }

// asItIs configures nothing.
func asItIs(c *linker.Config) *linker.Config { return c }
