package linker_test

import (
	"bytes"
	"fmt"
	"testing"
	"testing/fstest"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// fixedMain builds a main module as today's Emscripten does: dylink.0 says that it needs no memory,
// its data lies at fixed addresses, and memory and table are its own or imported. It has a heap
// above all of that which grows to the end of the memory, and keeps in a variable how far it has
// come.
func fixedMain(t *testing.T, ownMemory, ownTable, named bool, needed ...string) []byte {
	const data, brk, heap = 1024, 2000, 4096
	return library(t, dylink.Info{TableSize: 1, Needed: needed}, func(b *wasm.Builder) {
		sig := b.Type(i32, i32)
		memory := wasm.MemoryType{Limits: wasm.Limits{Min: 2, Max: 64, HasMax: true}, Shared: true}
		limits := wasm.TableType{Elem: wasm.FuncRef, Limits: wasm.Limits{Min: 4}}
		if !ownMemory {
			b.ImportMemory("env", "memory", memory)
		}
		if !ownTable {
			b.ImportTable("env", "__indirect_function_table", limits)
		}
		add := b.Func(sig, nil, new(wasm.Code).LocalGet(0).I32Const(data).I32Load(0).I32Add())
		b.ExportFunc("add", add)
		if ownMemory {
			b.ExportMemory("memory", b.Memory(2, 64, true))
		}
		table := uint32(0)
		if ownTable {
			table = b.Table(limits)
			if named {
				b.ExportTable("__indirect_function_table", table)
			}
		}
		b.ActiveFuncs(table, wasm.ConstI32(1), add)
		b.ExportGlobal("__stack_pointer", b.Global(wasm.I32, true, wasm.ConstI32(data)))
		b.ExportGlobal("value", b.Global(wasm.I32, false, wasm.ConstI32(data)))
		b.ExportGlobal("__heap_base", b.Global(wasm.I32, false, wasm.ConstI32(heap)))
		b.ExportFunc("emscripten_get_sbrk_ptr",
			b.Func(b.Type(nil, i32), nil, new(wasm.Code).I32Const(brk)))
		var c wasm.Code // malloc(n): n more bytes, aligned to 16
		c.I32Const(brk).I32Load(0).LocalTee(1)
		c.LocalGet(0).I32Const(15).I32Add().I32Const(-16).Raw(
			0x71 /* i32.and */).I32Add().LocalTee(0)
		c.MemorySize().I32Const(16).Raw(0x74 /* i32.shl */).Raw(0x4b /* i32.gt_u */).If()
		c.I32Const(1).MemoryGrow().Drop().End()
		c.I32Const(brk).LocalGet(0).I32Store(0).LocalGet(1)
		b.ExportFunc("malloc", b.Func(sig, []wasm.ValType{wasm.I32}, &c))
		b.ExportFunc("free", b.Func(b.Type(i32, nil), nil, new(wasm.Code)))
		b.ActiveData(wasm.ConstI32(data), []byte{9, 0, 0, 0})
		b.ActiveData(wasm.ConstI32(brk), []byte{heap & 255, heap >> 8, 0, 0})
	})
}

// fixedLibrary uses the data, the functions and the function pointers of fixedMain, and has data of
// its own.
func fixedLibrary(t *testing.T) []byte {
	return library(t, dylink.Info{MemorySize: 64, MemoryAlignment: 3}, func(b *wasm.Builder) {
		sig := b.Type(i32, i32)
		add := b.ImportFunc("env", "add", sig)
		b.ImportMemory("env", "memory",
			wasm.MemoryType{Limits: wasm.Limits{Max: wasm.MaxPages, HasMax: true}, Shared: true})
		table := b.ImportTable("env", "__indirect_function_table",
			wasm.TableType{Elem: wasm.FuncRef})
		base := b.ImportGlobal("env", "__memory_base", wasm.GlobalType{Type: wasm.I32})
		value := b.ImportGlobal("GOT.mem", "value", wasm.GlobalType{Type: wasm.I32, Mutable: true})
		pointer := b.ImportGlobal("GOT.func", "add", wasm.GlobalType{Type: wasm.I32, Mutable: true})
		b.ActiveData(wasm.ConstGlobal(base), bytes.Repeat([]byte{1}, 64))
		var c wasm.Code
		c.LocalGet(0).Call(add).GlobalGet(pointer).CallIndirect(sig, table) // x + value, twice
		c.GlobalGet(value).I32Load(0).I32Add().GlobalGet(base).I32Load8U(63).I32Add()
		b.ExportFunc("use", b.Func(sig, nil, &c))
	})
}

// Main modules at fixed addresses are linked where they are, with memory and table of their own or
// the linker's, opened or needed libraries and all groups beside them.
func TestMainAtFixedAddresses(t *testing.T) {
	for n := range 16 {
		ownMemory, ownTable, named, needs := n&1 != 0, n&2 != 0, n&4 != 0, n&8 != 0
		if named && !ownTable {
			continue
		}
		t.Run(fmt.Sprintf("own memory %v, table %v, exported %v, needs %v", ownMemory, ownTable,
			named, needs), func(t *testing.T) {
			ctx := t.Context()
			var needed []string
			if needs {
				needed = []string{"libuser.wasm"}
			}
			config := linker.NewConfig().WithFS(fstest.MapFS{
				"libuser.wasm": {Data: fixedLibrary(t)}}).WithStackSize(4096)
			l, err := linker.New(ctx, newRuntime(t),
				fixedMain(t, ownMemory, ownTable, named, needed...), config)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close(ctx)
			i := &image{TB: t, ctx: ctx, l: l, g: l.Main()}
			groups := []*image{i, i.spawn(), i.spawn(), i.spawn()}
			lib := i.open("user")
			for _, g := range groups {
				g.want(5+9+9+9+1, lib, "use", 5)
				if got := g.unary(1, 5); got != 14 {
					t.Errorf("the main module's entry of the table gives %d", got)
				}
				if got := g.symbol(linker.Default, "value"); got != 1024 {
					t.Errorf("value is at %d", got)
				}
			}
			// Whatever the guest's allocator gives out, it is not what a library has.
			for range 20 {
				at := uint32(i.call(linker.Default, "malloc", 8000))
				l.Memory().Write(at, bytes.Repeat([]byte{255}, 8000))
			}
			for _, g := range groups {
				g.want(5+9+9+9+1, lib, "use", 5)
			}
		})
	}
}
