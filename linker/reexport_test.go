package linker_test

import (
	"errors"
	"testing"

	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// What a library imports and exports again is a symbol of it, under its own name for it: the same
// function, with the same pointer. Libraries are bound to it, and the library that defines it stays
// loaded.
func TestReexports(t *testing.T) {
	eachImage(t, func(t *testing.T, groups []*image) {
		i := groups[0]
		i.open("other")
		library1 := library(t, dylink.Info{}, func(b *wasm.Builder) {
			twice := b.ImportFunc("env", "main_twice", b.Type(i32, i32))
			add := b.ImportFunc("env", "other_add", b.Type(i32, i32))
			value := b.ImportGlobal("env", "other_value", wasm.GlobalType{Type: wasm.I32})
			b.ExportFunc("own",
				b.Func(b.Type(i32, i32), nil, new(wasm.Code).LocalGet(0).Call(twice)))
			b.ExportFunc("twice_alias", twice)
			b.ExportFunc("main_twice", twice)
			b.ExportFunc("add_alias", add)
			b.ExportGlobal("value_alias", value)
		})
		lib := i.openBytes("reexports", library1)
		uses := i.openBytes("uses",
			library(t, dylink.Info{Needed: []string{"reexports"}}, func(b *wasm.Builder) {
				twice := b.ImportFunc("env", "twice_alias", b.Type(i32, i32))
				b.ExportFunc("via",
					b.Func(b.Type(i32, i32), nil, new(wasm.Code).LocalGet(0).Call(twice)))
			}))
		i.closeLibrary(i.open("other")) // one of two handles
		for _, g := range groups {
			g.want(42, lib, "own", 21)
			g.want(42, lib, "twice_alias", 21)
			g.want(42, uses, "via", 21)
			g.want(1005, lib, "add_alias", 5)
			for alias, name := range map[string]string{
				"twice_alias": "main_twice", "main_twice": "main_twice", "add_alias": "other_add",
				"value_alias": "other_value",
			} {
				if got, want := g.symbol(lib, alias), g.symbol(linker.Default, name); got != want {
					t.Errorf("%s is %d, and %s is %d", alias, got, name, want)
				}
			}
		}
		if _, err := i.g.Symbol(i.ctx, linker.Default, "twice_alias"); err != nil {
			t.Error(err)
		}
		i.closeLibrary(uses)
		i.closeLibrary(lib)
		if _, err := i.g.Symbol(i.ctx, linker.Default, "twice_alias"); !isUndefined(err) {
			t.Errorf("after its library is closed: %v", err)
		}
		i.want(1005, linker.Default, "other_add", 5)
	})
}

// A table or a memory under another name is not the image's, and an error names it.
func TestImportsUnderOtherNames(t *testing.T) {
	i := newImage(t, "main-pie", "threads", nil)
	for name, bytes := range map[string][]byte{
		"callbacks": library(t, dylink.Info{},
			func(b *wasm.Builder) { b.ImportTable("env", "callbacks", table(4)) }),
		"scratch": library(t, dylink.Info{}, func(b *wasm.Builder) {
			b.ImportMemory("env", "scratch",
				wasm.MemoryType{Limits: wasm.Limits{Max: wasm.MaxPages, HasMax: true},
					Shared: true})
		}),
	} {
		_, err := i.g.OpenBytes(i.ctx, name, bytes)
		var wrong *linker.ImportError
		if !errors.As(err, &wrong) || wrong.Namespace != "env" || wrong.Name != name ||
			wrong.Module != name {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// dlsym finds what the linker provides when no module has it, so that a library which stands in for
// it can call it.
func TestDlsymOfWhatIsProvided(t *testing.T) {
	eachMain(t, func(t *testing.T, i *image) {
		d := dlfcn{i, i.open("dlfcn")}
		p := d.find(0, "dlopen")
		if p == 0 {
			t.Fatal(d.lastError())
		}
		two := []api.ValueType{api.ValueTypeI32, api.ValueTypeI32}
		r, err := i.g.CallPointer(i.ctx, uint32(p), two, two[:1],
			uint64(i.cString("libcounter.wasm")), rtldNow)
		if err != nil {
			t.Fatal(err)
		}
		handle := int32(r[0])
		if next := d.find(handle, "counter_next"); next == 0 {
			t.Errorf("dlopen through its pointer: %#x, %s", handle, d.lastError())
		}
		interposer := i.openBytes("interposer", library(t, dylink.Info{}, func(b *wasm.Builder) {
			b.ExportFunc("dlopen",
				b.Func(b.Type([]wasm.ValType{wasm.I32, wasm.I32}, i32), nil,
					new(wasm.Code).I32Const(7)))
		}))
		if q := d.find(0, "dlopen"); q == p || q == 0 {
			t.Errorf("dlopen of the library: %d, and the linker's is %d", q, p)
		}
		if q := i.symbol(linker.Next(interposer), "dlopen"); q != uint32(p) {
			t.Errorf("what is next to it: %d, want %d", q, p)
		}
		if q := d.find(0, "nothing"); q != 0 {
			t.Errorf("nothing: %d", q)
		}
	})
}
