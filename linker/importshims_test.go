package linker_test

import (
	"fmt"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// A library with so many imports that they are taken from several shims finds each of them, what is
// bound when it is loaded and what is bound when it is called, and so do function pointers, in
// every group.
func TestImportsOfManyShims(t *testing.T) {
	const n = 2500
	const lazyPointer = 777
	result := i32
	numbered := func(name string, first int32) func(b *wasm.Builder) {
		return func(b *wasm.Builder) {
			typ := b.Type(nil, result)
			for i := range int32(n) {
				b.ExportFunc(fmt.Sprint(name, i),
					b.Func(typ, nil, new(wasm.Code).I32Const(first+i)))
			}
		}
	}
	i := newImage(t, "main-pie", "threads", nil)
	other := i.spawn()
	i.openBytes("early", library(t, dylink.Info{}, numbered("early", 0)))
	bytes := library(t, dylink.Info{}, func(b *wasm.Builder) {
		typ := b.Type(nil, result)
		var early, late wasm.Code
		early.I32Const(0)
		late.I32Const(0)
		for k := range n {
			early.Call(b.ImportFunc("env", fmt.Sprint("early", k), typ)).I32Add()
			late.Call(b.ImportFunc("env", fmt.Sprint("late", k), typ)).I32Add()
		}
		pointer := b.ImportGlobal("GOT.func", fmt.Sprint("late", lazyPointer),
			wasm.GlobalType{Type: wasm.I32, Mutable: true})
		table := b.ImportTable("env", "__indirect_function_table",
			wasm.TableType{Elem: wasm.FuncRef})
		b.ExportFunc("sum_early", b.Func(typ, nil, &early))
		b.ExportFunc("sum_late", b.Func(typ, nil, &late))
		b.ExportFunc("by_pointer", b.Func(typ, nil,
			new(wasm.Code).GlobalGet(pointer).CallIndirect(typ, table)))
	})
	lib, err := i.g.OpenBytes(i.ctx, "many", bytes, linker.Lazy)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := i.g.Call(i.ctx, lib, "by_pointer"); err == nil {
		t.Error("an undefined function was called")
	}
	i.openBytes("late", library(t, dylink.Info{}, numbered("late", 1000)))
	third := i.spawn()
	for _, g := range []*image{i, other, third} {
		g.want(n*(n-1)/2, lib, "sum_early")
		g.want(n*(n-1)/2+1000*n, lib, "sum_late")
		g.want(1000+lazyPointer, lib, "by_pointer")
	}
	if err := i.g.CloseLibrary(i.ctx, lib); err != nil {
		t.Error(err)
	}
}
