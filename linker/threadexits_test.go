package linker_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/tetratelabs/wazero/sys"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

func (i *image) closeGroup() {
	i.Helper()
	if err := i.g.Close(i.ctx); err != nil {
		i.Fatal(err)
	}
}

func (i *image) wantLibraries(want ...string) {
	i.Helper()
	if got := i.l.Libraries(); !slices.Equal(got, want) {
		i.Errorf("libraries: %v, want %v", got, want)
	}
}

// A library that is closed has the destructors of the closing group's thread-local objects run
// first, in reverse order, then those of its static objects; each time that it is loaded.
func TestThreadDestructorsAtClose(t *testing.T) {
	eachImage(t, func(t *testing.T, groups []*image) {
		i := groups[len(groups)-1]
		before := i.l.Snapshot(i.ctx)
		for range 3 {
			lib := groups[0].open("thread_dtor")
			i.want(23, lib, "thread_dtor_touch", 10)
			i.want(43, lib, "thread_dtor_touch", 20) // registered once
			i.want(0, lib, "thread_dtor_again", 31)
			i.closeLibrary(lib)
			i.wantLog(31, 32, 22, 21, 950)
			i.wantLibraries()
			if after := i.l.Snapshot(i.ctx); !slices.Equal(before, after) {
				t.Errorf("unloading left something:\n%s", difference(before, after))
			}
		}
	})
}

// Each group's destructors run when it closes, the linker's last; a library is not unloaded before
// the groups have closed that have some of it, and then at once.
func TestThreadDestructorsKeepLibraries(t *testing.T) {
	for _, m := range mains[:2] { // those with thread-local storage
		t.Run(m.name, func(t *testing.T) {
			i := newImage(t, m.name, m.libs, nil)
			before := i.l.Snapshot(i.ctx)
			a, b, idle := i.spawn(), i.spawn(), i.spawn()
			lib := i.open("thread_dtor")
			pointer := i.symbol(lib, "thread_dtor_touch")
			for n, g := range []*image{i, a, b} {
				g.want(int32(200*n+3), lib, "thread_dtor_touch", int32(100*n))
			}
			idle.closeGroup()
			i.wantLog()
			i.closeLibrary(lib)
			i.wantLog() // not even this group's, which may go on using it through others
			i.wantLibraries("libthread_dtor.wasm")
			if got := b.unary(pointer, 500); got != 1003 {
				t.Errorf("thread_dtor_touch(500) = %d", got)
			}
			a.closeGroup()
			i.wantLog(102, 101)
			again := i.openAs("thread_dtor", linker.NoLoad)
			i.closeLibrary(again)
			i.wantLog()
			if _, err := i.g.Call(i.ctx, lib, "thread_dtor_touch", 1); !errors.Is(err,
				linker.ErrLibraryClosed) {
				t.Errorf("the handle: %v", err)
			}
			// The first group still has some, and they run when the library is unloaded by a group
			// that may: itself.
			b.closeGroup()
			i.wantLog(502, 501)
			i.wantLibraries("libthread_dtor.wasm")
			i.closeLibrary(i.open("counter"))
			i.wantLog(2, 1, 950)
			i.wantLibraries()
			if after := i.l.Snapshot(i.ctx); !slices.Equal(before, after) {
				t.Errorf("unloading left something:\n%s", difference(before, after))
			}

			c := i.spawn()
			lib = i.open("thread_dtor")
			c.want(3, lib, "thread_dtor_touch", 0)
			i.closeLibrary(lib)
			i.wantLibraries("libthread_dtor.wasm")
			c.closeGroup()
			i.wantLog(2, 1, 950)
			i.wantLibraries()
		})
	}
}

// Nothing of a group runs after a trap that ends it, or an exit; the libraries that it held can be
// unloaded then.
func TestNoThreadDestructorsAfterTrap(t *testing.T) {
	i := newImage(t, "main-pie", "threads",
		func(c *linker.Config) *linker.Config { return c.WithTrapClosesGroup(true) })
	lib := i.open("thread_dtor")
	a := i.spawn()
	if _, err := a.try(lib, "thread_dtor_touch_and_trap", 10); err == nil {
		t.Fatal("no trap")
	}
	if err := a.g.Close(i.ctx); err != nil {
		t.Error(err)
	}
	i.wantLog()
	i.closeLibrary(lib)
	i.wantLog(950)
	i.wantLibraries()
}

// A destructor that traps is reported, and the others run.
func TestThreadDestructorTraps(t *testing.T) {
	eachThreaded(t, func(t *testing.T, i *image) {
		lib := i.open("thread_dtor")
		for range 2 {
			g := i.spawn()
			g.want(0, lib, "thread_dtor_again", 41)
			g.want(0, lib, "thread_dtor_trap", 0)
			g.want(0, lib, "thread_dtor_again", 51)
			var de *linker.DestructorError
			if err := g.g.Close(i.ctx); !errors.As(err, &de) || de.Module != "libthread_dtor.wasm" {
				t.Errorf("Close: %v", err)
			}
			i.wantLog(51, 52, 41, 42)
			if _, err := g.try(linker.Default, "main_twice", 1); !errors.Is(err,
				linker.ErrGroupClosed) {
				t.Errorf("the group: %v", err)
			}
		}
		i.want(0, lib, "thread_dtor_trap", 0)
		if err := i.g.CloseLibrary(i.ctx, lib); !errors.As(err, new(*linker.DestructorError)) {
			t.Errorf("CloseLibrary: %v", err)
		}
		i.wantLog(950)
		i.wantLibraries()
	})
}

// Those of a thread that the guest starts run when its function returns, not when it traps.
func TestThreadDestructorsOfThreads(t *testing.T) {
	eachWithThreads(t, nil, func(t *testing.T, i *image, threads *linker.Library) {
		lib := i.open("thread_dtor")
		run := func(name string, argument int32) {
			if i.call(threads, "thread_create", int32(i.symbol(lib, name)), argument) == 0 {
				t.Fatal("no thread")
			}
		}
		run("thread_dtor_touch", 60)
		i.wait()
		i.wantLog(62, 61)
		run("thread_dtor_touch_and_trap", 70)
		var te *linker.ThreadError
		if err := i.l.Wait(i.ctx); !errors.As(err, &te) ||
			errors.As(err, new(*linker.DestructorError)) {
			t.Errorf("Wait: %v", err)
		}
		i.wantLog()
		run("thread_dtor_trap", 0)
		if err := i.l.Wait(i.ctx); !errors.As(err, &te) ||
			!errors.As(err, new(*linker.DestructorError)) {
			t.Errorf("Wait: %v", err)
		}
		i.closeLibrary(lib)
		i.wantLog(950)
	})
}

// threadExits is a library whose functions register thread-local destructors that call the host
// with their argument. leave is what the function "leave" registers: one that exits. Its
// constructor registers one, too, and traps if it is to fail.
func threadExits(t *testing.T, fails bool) []byte {
	return library(t, dylink.Info{TableSize: 2}, func(b *wasm.Builder) {
		host := b.ImportFunc("test", "log", b.Type(i32, nil))
		exit := b.ImportFunc("wasi_snapshot_preview1", "proc_exit", b.Type(i32, nil))
		three := []wasm.ValType{wasm.I32, wasm.I32, wasm.I32}
		register := b.ImportFunc("env", "__cxa_thread_atexit", b.Type(three, i32))
		base := b.ImportGlobal("env", "__table_base", wasm.GlobalType{Type: wasm.I32})
		functions := b.ImportTable("env", "__indirect_function_table",
			wasm.TableType{Elem: wasm.FuncRef, Limits: wasm.Limits{Min: 2}})
		b.ActiveFuncs(functions, wasm.ConstGlobal(base),
			b.Func(b.Type(i32, nil), nil, new(wasm.Code).LocalGet(0).Call(host)),
			b.Func(b.Type(i32, nil), nil, new(wasm.Code).LocalGet(0).Call(exit)))
		b.ExportFunc("register", b.Func(b.Type(i32, i32), nil, new(wasm.Code).
			GlobalGet(base).LocalGet(0).I32Const(0).Call(register)))
		b.ExportFunc("leave", b.Func(b.Type(i32, i32), nil, new(wasm.Code).
			GlobalGet(base).I32Const(1).I32Add().LocalGet(0).I32Const(0).Call(register)))
		code := new(wasm.Code).GlobalGet(base).I32Const(1).I32Const(0).Call(register).Drop()
		if fails {
			code = code.Unreachable()
		}
		b.ExportFunc("__wasm_call_ctors", b.Func(b.Type(nil, nil), nil, code))
	})
}

func hostLog(t *testing.T, i *image) *[]int32 {
	log := new([]int32)
	b := i.rt.NewHostModuleBuilder("test").NewFunctionBuilder().WithFunc(
		func(_ context.Context, n int32) { *log = append(*log, n) })
	if _, err := b.Export("log").Instantiate(i.ctx); err != nil {
		t.Fatal(err)
	}
	return log
}

// The linker's Close runs those of every group that Go has spawned, before the destructors of
// libraries.
func TestLinkerCloseEndsThreads(t *testing.T) {
	i := newImage(t, "main-pie", "threads", nil)
	log := hostLog(t, i)
	a := i.spawn()
	lib, err := i.g.OpenBytes(i.ctx, "exits", threadExits(t, false))
	if err != nil {
		t.Fatal(err)
	}
	i.want(0, lib, "register", 2)
	a.want(0, lib, "register", 10)
	a.want(0, lib, "register", 11)
	if err := i.l.Close(i.ctx); err != nil {
		t.Error(err)
	}
	if !slices.Equal(*log, []int32{2, 1, 11, 10}) {
		t.Errorf("log: %v", *log)
	}
}

// A load that fails takes with it what its constructor has registered.
func TestThreadDestructorsOfFailedLoad(t *testing.T) {
	i := newImage(t, "main-pie", "threads", nil)
	log := hostLog(t, i)
	a := i.spawn()
	if _, err := a.g.OpenBytes(i.ctx, "fails", threadExits(t, true)); err == nil {
		t.Fatal("loaded")
	}
	a.closeGroup()
	if len(*log) != 0 {
		t.Errorf("log: %v", *log)
	}
	i.wantLibraries()
}

// A guest that exits in one ends its group as elsewhere; what is left does not run.
func TestThreadDestructorExits(t *testing.T) {
	i := newImage(t, "main-pie", "threads", nil)
	log := hostLog(t, i)
	lib, err := i.g.OpenBytes(i.ctx, "exits", threadExits(t, false))
	if err != nil {
		t.Fatal(err)
	}
	a := i.spawn()
	a.want(0, lib, "register", 10)
	a.want(0, lib, "leave", 4)
	a.want(0, lib, "register", 11)
	var exit *sys.ExitError
	if err := a.g.Close(i.ctx); !errors.As(err, &exit) || exit.ExitCode() != 4 {
		t.Errorf("Close: %v", err)
	}
	if !slices.Equal(*log, []int32{11}) {
		t.Errorf("log: %v", *log)
	}
	if err := a.g.Close(i.ctx); err != nil {
		t.Errorf("Close again: %v", err)
	}
	i.closeLibrary(lib)
	i.wantLibraries()
	if !slices.Equal(*log, []int32{11, 1}) {
		t.Errorf("log: %v", *log)
	}
}
