package linker_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// A main module may import them, too.
func TestDlopenFromMain(t *testing.T) {
	var b wasm.Builder
	open := b.ImportFunc("env", "dlopen", b.Type([]wasm.ValType{wasm.I32, wasm.I32}, i32))
	find := b.ImportFunc("env", "dlsym", b.Type([]wasm.ValType{wasm.I32, wasm.I32}, i32))
	b.ExportMemory("memory", b.Memory(2, 64, false))
	table := b.Table(wasm.TableType{Elem: wasm.FuncRef})
	b.ExportTable("__indirect_function_table", table)
	b.ExportGlobal("__heap_base", b.Global(wasm.I32, false, wasm.ConstI32(65536)))
	b.ActiveData(wasm.ConstI32(1024), []byte("libtypes.wasm\x00types_i64\x00"))
	b.ExportFunc("run", b.Func(b.Type(nil, i32), nil, new(wasm.Code).
		I32Const(1024).I32Const(rtldNow|rtldGlobal).Call(open).I32Const(1038).Call(find)))
	main, err := b.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	l, err := linker.New(ctx, newRuntime(t), main,
		linker.NewConfig().WithFS(fixtures()).WithSearchPath("plain"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close(ctx)
	r, err := l.Main().Call(ctx, linker.Default, "run")
	if err != nil {
		t.Fatal(err)
	}
	sym, err := l.Main().Symbol(ctx, linker.Default, "types_i64")
	if err != nil || sym.Pointer != uint32(r[0]) || r[0] == 0 {
		t.Errorf("dlsym: %d, want %d, %v", r[0], sym.Pointer, err)
	}
}

// What RTLD_GLOBAL, RTLD_NOLOAD, RTLD_NODELETE and RTLD_NOW ask for.
func TestDlopenFlags(t *testing.T) {
	eachDl(t, func(t *testing.T, d dlfcn) {
		if h := d.openFile("libcounter.wasm", rtldNow|rtldNoLoad); h != 0 {
			t.Errorf("RTLD_NOLOAD of what is not loaded: %d", h)
		}
		d.wantError("not loaded")
		counter := d.openFile("libcounter.wasm", rtldNow|rtldNoDelete)
		if p := d.find(0, "counter_next"); p != 0 {
			t.Errorf("found in the global scope: %d", p)
		}
		d.wantError("counter_next")
		if h := d.openFile("libcounter.wasm", rtldNow|rtldNoLoad|rtldGlobal); h != counter {
			t.Errorf("RTLD_NOLOAD of what is loaded: %d, want %d", h, counter)
		}
		if p := d.find(0, "counter_next"); p == 0 {
			t.Errorf("not found in the global scope: %s", d.lastError())
		}
		d.closeHandle(counter)
		d.closeHandle(counter)
		if got := d.l.Libraries(); !slices.Contains(got, "libcounter.wasm") {
			t.Errorf("RTLD_NODELETE: libraries %v", got)
		}
		if h := d.openFile("libunresolved.wasm", rtldNow); h != 0 {
			t.Errorf("RTLD_NOW of what lacks functions: %d", h)
		}
		d.wantError("nobody_has_th")
		if h := d.openFile("libunresolved.wasm", rtldLazy); h == 0 {
			t.Errorf("RTLD_LAZY of what lacks functions: %s", d.lastError())
		}
	})
}

// A handle that a constructor got from an operation that failed in the end is none.
func TestDlopenTakenBack(t *testing.T) {
	i := newImage(t, "main-pie", "threads", nil)
	lib := i.open("dlfcn")
	i.open("counter")
	d := dlfcn{i, lib}
	name := i.cString("libcounter.wasm")
	fails := library(t, dylink.Info{}, func(b *wasm.Builder) {
		open := b.ImportFunc("env", "dlopen", b.Type([]wasm.ValType{wasm.I32, wasm.I32}, i32))
		log := b.ImportFunc("env", "log_append", b.Type(i32, nil))
		b.ExportFunc("__wasm_call_ctors", b.Func(b.Type(nil, nil), nil, new(wasm.Code).
			I32Const(name).I32Const(rtldNow).Call(open).Call(log).Unreachable()))
	})
	if _, err := i.g.OpenBytes(i.ctx, "fails", fails); err == nil {
		t.Fatal("the constructor trapped, and nothing failed")
	}
	log := i.log()
	if len(log) != 1 || log[0] == 0 {
		t.Fatalf("log: %v", log)
	}
	if r := d.closeHandle(log[0]); r != -1 {
		t.Errorf("dlclose: %d", r)
	}
	d.wantError("not the handle")
}

// dladdr names file and symbol, of functions and of data, and its strings go with the library.
func TestDladdr(t *testing.T) {
	eachMain(t, func(t *testing.T, i *image) {
		d := dlfcn{i, i.open("dlfcn")}
		info := i.call(linker.Default, "malloc", 16)
		word := func(k int32) int32 { return i.call(linker.Default, "peek32", info+4*k) }
		before := i.l.Snapshot(i.ctx)
		lib := i.open("other")
		for symbol, module := range map[string]string{"other_add": "libother.wasm",
			"other_value": "libother.wasm", "main_value": ""} {
			p := i.symbol(linker.Default, symbol)
			for range 2 {
				i.want(1, d.lib, "dlfcn_address", int32(p), info)
				if file, name := i.goString(word(0)),
					i.goString(word(2)); !strings.HasSuffix(file, module) || name != symbol ||
					uint32(word(3)) != p {
					t.Errorf("%s: %q, %q, %#x", symbol, file, name, word(3))
				}
			}
		}
		i.want(0, d.lib, "dlfcn_address", 0, info)
		i.want(0, d.lib, "dlfcn_address", -1, info)
		i.want(0, d.lib, "dlfcn_address", int32(i.symbol(linker.Default, "main_value")), -4)
		if err := i.g.CloseLibrary(i.ctx, lib); err != nil {
			t.Fatal(err)
		}
		// The two strings of the main module stay; nothing of the library does.
		if after := i.l.Snapshot(i.ctx); len(after) > len(before)+2+2 {
			t.Errorf("the image has changed:\n%s", difference(before, after))
		}
	})
}

// A handle that a failed constructor's load took back is an error, however often it is used, and
// the library can be opened again.
func TestStaleGuestHandle(t *testing.T) {
	i := newImage(t, "main-pie", "threads", nil)
	d := dlfcn{i, i.open("dlfcn")}
	i.open("counter") // what the handle stands for stays, and only that opening of it goes
	name := i.cString("libcounter.wasm")
	fails := library(t, dylink.Info{}, func(b *wasm.Builder) {
		open := b.ImportFunc("env", "dlopen", b.Type([]wasm.ValType{wasm.I32, wasm.I32}, i32))
		log := b.ImportFunc("env", "log_append", b.Type(i32, nil))
		b.ExportFunc("__wasm_call_ctors", b.Func(b.Type(nil, nil), nil, new(wasm.Code).
			I32Const(name).I32Const(rtldNow).Call(open).Call(log).
			I32Const(name).I32Const(rtldNow).Call(open).Call(log).Unreachable()))
	})
	if _, err := i.g.OpenBytes(i.ctx, "fails", fails); err == nil {
		t.Fatal("the constructor trapped, and nothing failed")
	}
	handle := i.log()[0]
	for range 3 {
		if r := d.closeHandle(handle); r != -1 {
			t.Errorf("dlclose: %d", r)
		}
		d.wantError("not the handle")
		if p := d.find(handle, "counter_next"); p != 0 {
			t.Errorf("dlsym: %d", p)
		}
		d.wantError("not the handle")
	}
	again := d.openFile("libcounter.wasm", rtldNow)
	if p := d.find(again, "counter_next"); p == 0 {
		t.Errorf("dlsym: %s", d.lastError())
	}
	if r := d.closeHandle(again); r != 0 {
		t.Errorf("dlclose: %s", d.lastError())
	}
}
