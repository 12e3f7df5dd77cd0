package linker_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// RTLD_LOCAL of wasi-libc's header means what no flag means.
func TestDlopenFlagsOfWASI(t *testing.T) {
	eachDl(t, func(t *testing.T, d dlfcn) {
		const local = 8
		if h := d.openFile("libcounter.wasm", rtldNow|local); h == 0 {
			t.Errorf("RTLD_LOCAL as wasi-libc has it: %s", d.lastError())
		}
		if _, err := d.g.Symbol(d.ctx, linker.Default, "counter_next"); !isUndefined(err) {
			t.Errorf("it is global: %v", err)
		}
	})
}

// A path that leads out of the file system is said to do so.
func TestDlopenOutside(t *testing.T) {
	eachDl(t, func(t *testing.T, d dlfcn) {
		if h := d.openFile("../libcounter.wasm", rtldNow); h != 0 {
			t.Error("it is opened")
		}
		d.wantError("../libcounter.wasm leads out of the file system")
		var missing *linker.NotFoundError
		_, err := d.g.Open(d.ctx, "../libcounter.wasm")
		if !errors.As(err, &missing) || len(missing.Searched) != 0 ||
			fmt.Sprint(missing.Outside) != "[../libcounter.wasm]" {
			t.Errorf("Open: %v", err)
		}
	})
}

// dladdr tells libraries without data apart, too.
func TestDladdrWithoutData(t *testing.T) {
	eachDl(t, func(t *testing.T, d dlfcn) {
		bases := map[uint32]string{}
		for _, name := range []string{"one", "two"} {
			lib, err := d.g.OpenBytes(d.ctx, name, library(t, dylink.Info{}, func(b *wasm.Builder) {
				b.ExportFunc(name, b.Func(b.Type(nil, nil), nil, new(wasm.Code)))
			}))
			if err != nil {
				t.Fatal(err)
			}
			pointer := d.symbol(lib, name)
			info := uint32(d.call(linker.Default, "malloc", 16))
			if d.call(d.lib, "dlfcn_address", int32(pointer), int32(info)) == 0 {
				t.Fatalf("%s: dladdr finds nothing", name)
			}
			base, _ := d.l.Memory().ReadUint32Le(info + 4)
			if base == 0 || bases[base] != "" {
				t.Errorf("%s has the base %d, %v", name, base, bases)
			}
			bases[base] = name
		}
	})
}

// A library that says that an export is hidden, or its own, offers nothing by that name, and uses
// it itself.
func TestHiddenExports(t *testing.T) {
	for _, flag := range []dylink.Flags{dylink.BindingLocal, dylink.VisibilityHidden} {
		eachImage(t, func(t *testing.T, groups []*image) {
			info := dylink.Info{Exports: []dylink.ExportInfo{{Name: "main_twice", Flags: flag},
				{Name: "own", Flags: flag}}}
			lib, err := groups[0].g.OpenBytes(groups[0].ctx, "libhidden",
				library(t, info, func(b *wasm.Builder) {
					sig := b.Type(i32, i32)
					own := b.Func(sig, nil, new(wasm.Code).I32Const(77))
					b.ExportFunc("own", own)
					b.ExportFunc("main_twice", own)
					b.ExportFunc("shown", b.Func(sig, nil, new(wasm.Code).LocalGet(0).Call(own)))
				}))
			if err != nil {
				t.Fatal(err)
			}
			for _, g := range groups {
				g.want(77, lib, "shown", 1)
				g.want(8, linker.Default, "main_twice", 4)
				for _, name := range []string{"own", "main_twice"} {
					if _, err := g.g.Symbol(g.ctx, lib, name); !isUndefined(err) {
						t.Errorf("%s: %v", name, err)
					}
				}
			}
		})
	}
}

// The stubs that a C library has of <dlfcn.h> are for others to replace; what any other library
// defines is meant.
func TestStubsOfTheCLibrary(t *testing.T) {
	stub := library(t, dylink.Info{}, func(b *wasm.Builder) {
		b.ExportFunc("dlerror", b.Func(b.Type(nil, i32), nil, new(wasm.Code).I32Const(1234)))
		b.ExportFunc("puts", b.Func(b.Type(i32, i32), nil, new(wasm.Code).I32Const(55)))
	})
	user := library(t, dylink.Info{}, func(b *wasm.Builder) {
		b.ImportTable("env", "__indirect_function_table", wasm.TableType{Elem: wasm.FuncRef})
		sig := b.Type(nil, i32)
		dlerror := b.ImportFunc("env", "dlerror", sig)
		puts := b.ImportFunc("env", "puts", b.Type(i32, i32))
		pointer := b.ImportGlobal("GOT.func", "dlerror",
			wasm.GlobalType{Type: wasm.I32, Mutable: true})
		b.ExportFunc("direct", b.Func(sig, nil, new(wasm.Code).Call(dlerror)))
		b.ExportFunc("indirect",
			b.Func(sig, nil, new(wasm.Code).GlobalGet(pointer).CallIndirect(sig, 0)))
		b.ExportFunc("puts_of_libc", b.Func(sig, nil, new(wasm.Code).I32Const(0).Call(puts)))
	})
	for name, want := range map[string]int32{"libdl.so": 0, "usr/lib/libc.so.6": 0,
		"libinterposer.so": 1234} {
		i := newImage(t, "main-pie", "threads", nil)
		if _, err := i.g.OpenBytes(i.ctx, name, stub); err != nil {
			t.Fatal(err)
		}
		lib, err := i.g.OpenBytes(i.ctx, "libuser", user)
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range []*image{i, i.spawn()} {
			g.want(want, lib, "direct")
			g.want(want, lib, "indirect")
			g.want(55, lib, "puts_of_libc")
		}
	}
}
