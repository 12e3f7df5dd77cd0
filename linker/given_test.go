package linker_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// usesDefinitions imports data, globals and a tag, and gives access to them; it is a main module or
// a library.
func usesDefinitions(b *wasm.Builder) {
	mutable := func(t wasm.ValType) wasm.GlobalType {
		return wasm.GlobalType{Type: t, Mutable: true}
	}
	b.ImportMemory("env", "memory",
		wasm.MemoryType{Limits: wasm.Limits{Min: 1, Max: wasm.MaxPages, HasMax: true},
			Shared: true})
	state := b.ImportGlobal("env", "__asyncify_state", mutable(wasm.I32))
	big := b.ImportGlobal("env", "big", mutable(wasm.I64))
	constant := b.ImportGlobal("env", "constant", wasm.GlobalType{Type: wasm.I32})
	data := b.ImportGlobal("GOT.mem", "H5E_error", mutable(wasm.I32))
	b.ImportTag("env", "failure", b.Type([]wasm.ValType{wasm.I64}, nil))
	get := b.Type(nil, i32)
	b.ExportFunc("bump",
		b.Func(get, nil, new(wasm.Code).GlobalGet(state).I32Const(1).I32Add().GlobalSet(
			state).GlobalGet(state)))
	b.ExportFunc("get_big",
		b.Func(b.Type(nil, []wasm.ValType{wasm.I64}), nil, new(wasm.Code).GlobalGet(big)))
	b.ExportFunc("get_constant", b.Func(get, nil, new(wasm.Code).GlobalGet(constant)))
	b.ExportFunc("address", b.Func(get, nil, new(wasm.Code).GlobalGet(data)))
	b.ExportFunc("add",
		b.Func(get, nil, new(wasm.Code).GlobalGet(data).GlobalGet(data).I32Load(0).I32Const(
			1).I32Add().I32Store(0).
			GlobalGet(data).I32Load(0)))
}

// What the configuration defines is found by libraries, and by main modules of all kinds: data is
// one object, mutable globals are each group's own, and look-ups by name find the data.
func TestDataDefinedByHost(t *testing.T) {
	define := func(c *linker.Config) *linker.Config {
		return c.WithData("pad", []byte{1}, 1).WithData("H5E_error", []byte{40, 0, 0, 0, 9}, 64).
			WithGlobal("__asyncify_state", api.ValueTypeI32, true, 5).WithGlobal("big",
			api.ValueTypeI64, true, 1<<40).
			WithGlobal("constant", api.ValueTypeI32, false, 77).WithTag("failure", api.ValueTypeI64)
	}
	mains := map[string][]byte{
		"library": nil,
		"position-independent main": library(t, dylink.Info{MemorySize: 16}, func(b *wasm.Builder) {
			b.ImportGlobal("env", "__memory_base", wasm.GlobalType{Type: wasm.I32})
			usesDefinitions(b)
		}),
		"fixed main": library(t, dylink.Info{}, func(b *wasm.Builder) {
			usesDefinitions(b)
			b.ExportGlobal("__stack_pointer", b.Global(wasm.I32, true, wasm.ConstI32(512)))
			b.ActiveData(wasm.ConstI32(1024), []byte("data"))
		}),
	}
	for name, main := range mains {
		for _, n := range []int{1, 4} {
			t.Run(fmt.Sprint(name, n), func(t *testing.T) {
				ctx := t.Context()
				if main == nil {
					main = readFixture(t, "main-pie.wasm")
				}
				l, err := linker.New(ctx, newRuntime(t), main,
					define(linker.NewConfig().WithStackSize(4096).WithMemoryPages(0, 64)))
				if err != nil {
					t.Fatal(err)
				}
				defer l.Close(ctx)
				i := &image{TB: t, ctx: ctx, l: l, g: l.Main()}
				groups := []*image{i}
				for len(groups) < n {
					groups = append(groups, i.spawn())
				}
				lib := linker.Default
				if name == "library" {
					if lib, err = i.g.OpenBytes(ctx, "libuser",
						library(t, dylink.Info{},
							func(b *wasm.Builder) { usesDefinitions(b) })); err != nil {
						t.Fatal(err)
					}
				}
				at := i.symbol(linker.Default, "H5E_error")
				if at == 0 || at%64 != 0 {
					t.Errorf("the data is at %#x", at)
				}
				for k, g := range groups {
					g.want(int32(at), lib, "address")
					g.want(6, lib, "bump") // its own
					g.want(int32(41+k), lib, "add")
					g.want(77, lib, "get_constant")
					if r, err := g.g.Call(ctx, lib, "get_big"); err != nil || r[0] != 1<<40 {
						t.Errorf("big: %v, %v", r, err)
					}
				}
				if b, _ := l.Memory().Read(at+4, 1); b[0] != 9 {
					t.Errorf("the data ends with %d", b[0])
				}
				if got := len(l.Modules()); got != len(l.Libraries())+1 ||
					slices.Contains(l.Libraries(), "definitions") {
					t.Errorf("modules: %v", l.Modules())
				}
			})
		}
	}
}

// What modules and the host define comes first; what cannot be defined is an error of New.
func TestDataDefinedByHostErrors(t *testing.T) {
	ctx := t.Context()
	l, err := linker.New(ctx, newRuntime(t), readFixture(t, "main-pie.wasm"),
		linker.NewConfig().WithData("main_value", []byte{1}, 1))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close(ctx)
	if sym, err := l.Main().Symbol(ctx, linker.Default, "main_value"); err != nil ||
		sym.Module != "main" {
		t.Errorf("main_value: %+v, %v", sym, err)
	}
	for name, config := range map[string]*linker.Config{
		"twice":     linker.NewConfig().WithData("x", []byte{1}, 1).WithTag("x"),
		"no name":   linker.NewConfig().WithTag(""),
		"alignment": linker.NewConfig().WithData("x", []byte{1}, 3),
		"empty":     linker.NewConfig().WithData("x", nil, 1),
		"reference": linker.NewConfig().WithGlobal("x", api.ValueTypeExternref, true, 0),
	} {
		var de *linker.DefinitionError
		if _, err := linker.New(ctx, newRuntime(t), readFixture(t, "main-pie.wasm"),
			config); !errors.As(err, &de) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
