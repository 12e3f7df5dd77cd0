package linker_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// A function that has another signature than its importer believes is no reason not to load, if it
// is never called: a call of it is an error that tells both, in every group, and Now refuses the
// library, also when it is loaded already.
func TestTypesOfImportDiffer(t *testing.T) {
	eachImage(t, func(t *testing.T, groups []*image) {
		i := groups[0]
		other := library(t, dylink.Info{}, func(b *wasm.Builder) {
			sig := b.Type([]wasm.ValType{wasm.I32, wasm.I64}, i32)
			imported := b.ImportFunc("env", "main_twice", sig)
			b.ExportFunc("call",
				b.Func(b.Type(nil, i32), nil,
					new(wasm.Code).I32Const(4).I64Const(5).Call(imported)))
			b.ExportFunc("fine", b.Func(b.Type(nil, i32), nil, new(wasm.Code).I32Const(7)))
		})
		wrong := func(err error) {
			t.Helper()
			var se *linker.SymbolError
			if !errors.As(err, &se) || se.Module != "libother" || se.Symbol != "main_twice" ||
				se.Want != "(i32, i64) -> (i32)" || se.Found != "(i32) -> (i32)" {
				t.Errorf("error: %v", err)
			}
		}
		before := i.l.Snapshot(i.ctx)
		_, err := i.g.OpenBytes(i.ctx, "libother", other, linker.Now)
		wrong(err)
		if after := i.l.Snapshot(i.ctx); !slices.Equal(before, after) {
			t.Errorf("the image has changed:\n%s", difference(before, after))
		}
		lib, err := i.g.OpenBytes(i.ctx, "libother", other)
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range groups {
			for range 2 {
				_, err := g.try(lib, "call")
				wrong(err)
			}
			g.want(7, lib, "fine")
		}
		_, err = i.g.OpenBytes(i.ctx, "libother", other, linker.Now)
		wrong(err)
		i.closeLibrary(lib)
		if after := i.l.Snapshot(i.ctx); !slices.Equal(before, after) {
			t.Errorf("unloading left something:\n%s", difference(before, after))
		}
	})
}

// The address of an undefined function is one of its own, in every group, if everything need not be
// bound. A call of it is an error with its name, or a trap if the signature cannot be right; a weak
// one is null.
func TestPointerToNobody(t *testing.T) {
	eachImage(t, func(t *testing.T, groups []*image) {
		i := groups[0]
		lib := library(t, dylink.Info{
			Imports: []dylink.ImportInfo{{Module: "env", Field: "perhaps",
				Flags: dylink.BindingWeak}}}, func(b *wasm.Builder) {
			b.ImportTable("env", "__indirect_function_table", wasm.TableType{Elem: wasm.FuncRef})
			mutable := wasm.GlobalType{Type: wasm.I32, Mutable: true}
			for _, name := range []string{"nobody", "neither", "perhaps"} {
				g := b.ImportGlobal("GOT.func", name, mutable)
				b.ExportFunc(name+"_pointer",
					b.Func(b.Type(nil, i32), nil, new(wasm.Code).GlobalGet(g)))
			}
		})
		before := i.l.Snapshot(i.ctx)
		var undefined *linker.UndefinedSymbolError
		if _, err := i.g.OpenBytes(i.ctx, "libpointers", lib, linker.Now); !errors.As(err,
			&undefined) || undefined.Symbol != "nobody" {
			t.Errorf("Now: %v", err)
		}
		opened, err := i.g.OpenBytes(i.ctx, "libpointers", lib)
		if err != nil {
			t.Fatal(err)
		}
		pointer := i.call(opened, "nobody_pointer")
		for _, g := range groups {
			g.want(pointer, opened, "nobody_pointer")
			g.want(0, opened, "perhaps_pointer")
			if other := g.call(opened, "neither_pointer"); pointer == 0 || other == 0 ||
				other == pointer {
				t.Errorf("pointers %d and %d", pointer, other)
			}
			_, err := g.g.CallPointer(g.ctx, uint32(pointer), nil, nil)
			if !errors.As(err, &undefined) || undefined.Symbol != "nobody" ||
				undefined.Module != "libpointers" {
				t.Errorf("calling it: %v", err)
			}
			var pe *linker.PointerError
			if _, err := g.g.CallPointer(g.ctx, uint32(pointer), nil,
				[]api.ValueType{api.ValueTypeI64}); !errors.As(err, &pe) {
				t.Errorf("calling it as something else: %v", err)
			}
		}
		if a, ok := i.l.Addr(uint32(pointer), linker.Function); !ok || a.Symbol != "nobody" ||
			a.Module != "libpointers" {
			t.Errorf("it belongs to %+v", a)
		}
		if _, err := i.g.OpenBytes(i.ctx, "libpointers", lib, linker.Now); !errors.As(err,
			&undefined) {
			t.Errorf("Now, of what is loaded: %v", err)
		}
		i.closeLibrary(opened)
		if after := i.l.Snapshot(i.ctx); !slices.Equal(before, after) {
			t.Errorf("unloading left something:\n%s", difference(before, after))
		}
	})
}

// An old toolchain split 64-bit arguments of system calls in two: the offset of fd_seek arrives in
// one piece, whatever its halves are, and what fits in no such way is an error with both types.
func TestLegalisedSeek(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), []byte("0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	i := newImage(t, "main-pie", "threads", func(c *linker.Config) *linker.Config {
		return c.WithModuleConfig(
			wazero.NewModuleConfig().WithFSConfig(wazero.NewFSConfig().WithDirMount(dir, "/")))
	})
	const wasi = "wasi_snapshot_preview1"
	many := func(n int) []wasm.ValType { return slices.Repeat([]wasm.ValType{wasm.I32}, n) }
	lib, err := i.g.OpenBytes(i.ctx, "old",
		library(t, dylink.Info{MemorySize: 64, MemoryAlignment: 3}, func(b *wasm.Builder) {
			// two of its nine are 64 bits long
			open := b.ImportFunc(wasi, "path_open", b.Type(many(11), i32))
			seek := b.ImportFunc(wasi, "fd_seek", b.Type(many(5), i32))
			b.ImportFunc(wasi, "fd_tell", b.Type(many(7), i32)) // nothing of the kind
			b.ImportMemory("env", "memory",
				wasm.MemoryType{Limits: wasm.Limits{Max: wasm.MaxPages, HasMax: true},
					Shared: true})
			base := b.ImportGlobal("env", "__memory_base", wasm.GlobalType{Type: wasm.I32})
			b.ActiveData(wasm.ConstGlobal(base), []byte("file"))
			var c wasm.Code
			// folder, flags, name, open flags
			c.I32Const(3).I32Const(0).GlobalGet(base).I32Const(4).I32Const(0)
			// rights: read, seek, tell
			c.I32Const(0x26).I32Const(0).I32Const(0).I32Const(0).I32Const(0)
			c.GlobalGet(base).I32Const(8).I32Add().Call(open)
			b.ExportFunc("open", b.Func(b.Type(nil, i32), nil, &c))
			// seek(low, high, whence): the new offset's low half, or the error below zero
			var s wasm.Code
			s.GlobalGet(base).I32Load(8).LocalGet(0).LocalGet(1).LocalGet(2).GlobalGet(
				base).I32Const(
				16).I32Add().Call(seek).LocalTee(0)
			s.If(wasm.I32).I32Const(0).LocalGet(0).I32Sub().Else().GlobalGet(base).I32Load(16).End()
			b.ExportFunc("seek", b.Func(b.Type(many(3), i32), nil, &s))
		}))
	if err != nil {
		t.Fatal(err)
	}
	i.want(0, lib, "open")
	i.want(7, lib, "seek", 7, 0, 0)
	i.want(5, lib, "seek", -2, -1, 1) // two back
	i.want(-28, lib, "seek", 0, -1, 0)
	if _, err := i.g.OpenBytes(i.ctx, "old", nil, linker.Now); !errors.As(err,
		new(*linker.SymbolError)) {
		t.Errorf("Now, with a type that is no such one: %v", err)
	}
}
