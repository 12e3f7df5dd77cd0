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

// wantLog compares what the guest has logged, and clears it.
func (i *image) wantLog(want ...int32) {
	i.Helper()
	if got := i.log(); !slices.Equal(got, want) {
		i.Errorf("log: %v, want %v", got, want)
	}
	i.call(linker.Default, "log_clear")
}

// Destructors run once, when the last handle is given up, in reverse order of registration, those
// of a library before those of what it needs, in the group that closes.
func TestDestructors(t *testing.T) {
	eachImage(t, func(t *testing.T, groups []*image) {
		i, last := groups[0], groups[len(groups)-1]
		before := i.l.Snapshot(i.ctx)
		for range 3 {
			lib := i.open("dtor")
			again := last.open("dtor")
			// static objects of functions register when they are first needed
			for n, g := range groups {
				g.want(0, lib, "dtor_register", int32(610+n))
			}
			i.want(0, lib, "dtor_base_atexit")
			i.closeLibrary(lib)
			i.wantLog()
			last.closeLibrary(again)
			want := []int32{601, 602, 604, 603}
			for n := range groups {
				want = slices.Insert(want, 0, int32(610+n))
			}
			i.wantLog(want...)
			if after := i.l.Snapshot(i.ctx); !slices.Equal(before, after) {
				t.Errorf("unloading left something:\n%s", difference(before, after))
			}
		}
	})
}

// Only what is unloaded is destroyed: a library that others still use is not, and its destructors
// run when it goes.
func TestDestructorsOfWhatIsUsed(t *testing.T) {
	eachImage(t, func(t *testing.T, groups []*image) {
		i := groups[0]
		lib := i.open("dtor")
		base := i.open("dtor_base")
		i.closeLibrary(lib)
		i.wantLog(601, 602)
		i.closeLibrary(base)
		i.wantLog(603)
		i.closeLibrary(i.openAs("dtor", linker.NoDelete))
		i.wantLog()
	})
}

// Destructors can use all that the library is bound to, and what is looked for only then.
func TestDestructorsUseOthers(t *testing.T) {
	eachImage(t, func(t *testing.T, groups []*image) {
		i := groups[0]
		i.open("odd")
		i.open("even")
		lib := i.open("dtor_main")
		i.want(800, lib, "dtor_main_value")
		groups[len(groups)-1].closeLibrary(lib)
		i.wantLog(801)
	})
}

// A destructor that traps is reported; the others run, and the library is unloaded.
func TestDestructorTraps(t *testing.T) {
	eachImage(t, func(t *testing.T, groups []*image) {
		i := groups[0]
		before := i.l.Snapshot(i.ctx)
		lib := i.open("dtor_trap")
		var de *linker.DestructorError
		if err := i.g.CloseLibrary(i.ctx, lib); !errors.As(err, &de) ||
			de.Module != "libdtor_trap.wasm" || de.Pointer == 0 {
			t.Errorf("error: %v", err)
		}
		i.wantLog(701, 702, 703)
		if after := i.l.Snapshot(i.ctx); !slices.Equal(before, after) {
			t.Errorf("unloading left something:\n%s", difference(before, after))
		}
		if _, err := i.try(lib, "dtor_trap_value"); !errors.Is(err, linker.ErrLibraryClosed) {
			t.Errorf("using the library: %v", err)
		}
		again := i.open("dtor_trap")
		i.want(7, again, "dtor_trap_value")
		if err := groups[len(groups)-1].g.CloseLibrary(i.ctx, again); !errors.As(err, &de) {
			t.Errorf("error: %v", err)
		}
	})
	i := newImage(t, "main-pie", "threads",
		func(c *linker.Config) *linker.Config { return c.WithTrapClosesGroup(true) })
	other := i.spawn()
	if err := other.g.CloseLibrary(i.ctx, other.open("dtor_trap")); !errors.As(err,
		new(*linker.DestructorError)) {
		t.Errorf("error: %v", err)
	}
	if _, err := other.try(linker.Default, "main_twice", 1); !errors.Is(err,
		linker.ErrGroupClosed) {
		t.Errorf("a trap was to close the group: %v", err)
	}
	i.wantLog(701, 702, 703)
}

// A guest that exits in a destructor ends its group; the library is unloaded for the others.
func TestDestructorExits(t *testing.T) {
	eachThreaded(t, func(t *testing.T, i *image) {
		bytes := library(t, dylink.Info{TableSize: 2}, func(b *wasm.Builder) {
			exit := b.ImportFunc("wasi_snapshot_preview1", "proc_exit", b.Type(i32, nil))
			atexit := b.ImportFunc("env", "atexit", b.Type(i32, i32))
			appendLog := b.ImportFunc("env", "log_append", b.Type(i32, nil))
			base := b.ImportGlobal("env", "__table_base", wasm.GlobalType{Type: wasm.I32})
			functions := b.ImportTable("env", "__indirect_function_table",
				wasm.TableType{Elem: wasm.FuncRef, Limits: wasm.Limits{Min: 2}})
			leave := b.Func(b.Type(nil, nil), nil, new(wasm.Code).I32Const(4).Call(exit))
			never := b.Func(b.Type(nil, nil), nil, new(wasm.Code).I32Const(1).Call(appendLog))
			b.ActiveFuncs(functions, wasm.ConstGlobal(base), leave, never)
			b.ExportFunc("__wasm_call_ctors", b.Func(b.Type(nil, nil), nil, new(wasm.Code).
				GlobalGet(base).I32Const(1).I32Add().Call(atexit).Drop().
				GlobalGet(base).Call(atexit).Drop()))
		})
		other := i.spawn()
		lib, err := other.g.OpenBytes(i.ctx, "leaves", bytes)
		if err != nil {
			t.Fatal(err)
		}
		var exit *sys.ExitError
		if err := other.g.CloseLibrary(i.ctx, lib); !errors.As(err, &exit) || exit.ExitCode() != 4 {
			t.Errorf("error: %v", err)
		}
		if _, err := other.try(linker.Default, "main_twice", 1); !errors.Is(err,
			linker.ErrGroupClosed) {
			t.Errorf("the guest has exited: %v", err)
		}
		if got := i.l.Libraries(); len(got) != 0 {
			t.Errorf("libraries: %v", got)
		}
		i.wantLog()
	})
}

// Once a destructor has run, the operation is finished whatever the context says; before, it is
// cancelled.
func TestDestructorsAndCancellation(t *testing.T) {
	eachThreaded(t, func(t *testing.T, i *image) {
		lib := i.open("dtor")
		ctx, cancel := context.WithCancel(i.ctx)
		cancel()
		if err := i.g.CloseLibrary(ctx, lib); !errors.Is(err, context.Canceled) {
			t.Errorf("a context that has ended: %v", err)
		}
		i.wantLog()
		i.closeLibrary(lib)
		i.wantLog(601, 602, 603)

		ctx, cancel = context.WithCancel(i.ctx)
		rt := newRuntime(t)
		_, err := rt.NewHostModuleBuilder("env").NewFunctionBuilder().WithFunc(
			func(context.Context) { cancel() }).
			Export("cancel").Instantiate(ctx)
		if err != nil {
			t.Fatal(err)
		}
		j := newImageIn(t, rt, "main-pie", "threads", nil)
		other := j.spawn()
		bytes := library(t, dylink.Info{TableSize: 1}, func(b *wasm.Builder) {
			host := b.ImportFunc("env", "cancel", b.Type(nil, nil))
			atexit := b.ImportFunc("env", "atexit", b.Type(i32, i32))
			base := b.ImportGlobal("env", "__table_base", wasm.GlobalType{Type: wasm.I32})
			functions := b.ImportTable("env", "__indirect_function_table",
				wasm.TableType{Elem: wasm.FuncRef, Limits: wasm.Limits{Min: 1}})
			b.ActiveFuncs(functions, wasm.ConstGlobal(base),
				b.Func(b.Type(nil, nil), nil, new(wasm.Code).Call(host)))
			b.ExportFunc("__wasm_call_ctors",
				b.Func(b.Type(nil, nil), nil, new(wasm.Code).GlobalGet(base).Call(atexit).Drop()))
		})
		cancelling, err := other.g.OpenBytes(j.ctx, "cancelling", bytes)
		if err != nil {
			t.Fatal(err)
		}
		if err := other.g.CloseLibrary(ctx, cancelling); err != nil || ctx.Err() == nil {
			t.Errorf("cancelled in a destructor: %v", err)
		}
		if got := j.l.Libraries(); len(got) != 0 {
			t.Errorf("libraries: %v", got)
		}
	})
}

// A load that fails takes its destructors with it.
func TestDestructorsOfFailedLoad(t *testing.T) {
	i := newImage(t, "main-pie", "threads", nil)
	if _, err := i.g.OpenBytes(i.ctx, "fails",
		library(t, dylink.Info{TableSize: 1, Needed: []string{"libdtor.wasm"}},
			func(b *wasm.Builder) {
				b.ExportFunc("__wasm_call_ctors",
					b.Func(b.Type(nil, nil), nil, new(wasm.Code).Unreachable()))
			})); err == nil {
		t.Fatal("loaded")
	}
	i.open("counter")
	if err := i.l.Close(i.ctx); err != nil {
		t.Errorf("Close: %v", err)
	}
	i.openFails(linker.ErrClosed)
}

func (i *image) openFails(want error) {
	i.Helper()
	if _, err := i.g.Open(i.ctx, "libcounter.wasm"); !errors.Is(err, want) {
		i.Errorf("error: %v, want %v", err, want)
	}
}

// Close runs the destructors of what is still loaded, what was loaded last first, and reports what
// they fail with.
func TestCloseDestroys(t *testing.T) {
	for _, m := range mains {
		t.Run(m.name, func(t *testing.T) {
			ctx := context.Background()
			rt := newRuntime(t)
			var log []int32
			env := rt.NewHostModuleBuilder("env").NewFunctionBuilder().
				WithFunc(func(_ context.Context, n int32) {
					log = append(log, n)
				}).Export("host_log")
			if _, err := env.Instantiate(ctx); err != nil {
				t.Fatal(err)
			}
			config := linker.NewConfig().WithFS(fixtures()).WithSearchPath(m.libs)
			l, err := linker.New(ctx, rt, readFixture(t, m.name+".wasm"), config)
			if err != nil {
				t.Fatal(err)
			}
			for n, name := range []string{"first", "second"} {
				bytes := library(t, dylink.Info{TableSize: 1}, func(b *wasm.Builder) {
					host := b.ImportFunc("env", "host_log", b.Type(i32, nil))
					atexit := b.ImportFunc("env", "__cxa_atexit",
						b.Type([]wasm.ValType{wasm.I32, wasm.I32, wasm.I32}, i32))
					base := b.ImportGlobal("env", "__table_base", wasm.GlobalType{Type: wasm.I32})
					functions := b.ImportTable("env", "__indirect_function_table",
						wasm.TableType{Elem: wasm.FuncRef, Limits: wasm.Limits{Min: 1}})
					b.ActiveFuncs(functions, wasm.ConstGlobal(base),
						b.Func(b.Type(i32, nil), nil, new(wasm.Code).LocalGet(0).Call(host)))
					b.ExportFunc("__wasm_call_ctors", b.Func(b.Type(nil, nil), nil, new(wasm.Code).
						GlobalGet(base).I32Const(int32(10*n+1)).I32Const(0).Call(atexit).Drop().
						GlobalGet(base).I32Const(int32(10*n+2)).I32Const(0).Call(atexit).Drop()))
				})
				if _, err := l.Main().OpenBytes(ctx, name, bytes); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := l.Main().Open(ctx, "libdtor_trap.wasm"); err != nil {
				t.Fatal(err)
			}
			cancelled, cancel := context.WithCancel(ctx)
			cancel()
			// There is no group to wait for, so a context that has ended changes nothing.
			if err := l.Close(cancelled); !errors.As(err, new(*linker.DestructorError)) {
				t.Errorf("Close: %v", err)
			}
			if !slices.Equal(log, []int32{12, 11, 2, 1}) {
				t.Errorf("log: %v", log)
			}
			if err := l.Close(ctx); err != nil {
				t.Errorf("Close again: %v", err)
			}
		})
	}
}

// A preloaded library's constructor runs before the main module's.
func TestPreloadIsEarly(t *testing.T) {
	for _, m := range mains {
		t.Run(m.name, func(t *testing.T) {
			i := newImage(t, m.name, m.libs,
				func(c *linker.Config) *linker.Config { return c.WithPreload("libearly.wasm") })
			i.wantLog(500)
			i.want(1, linker.Default, "main_constructed")
			i.want(5, linker.Default, "early_value")
		})
	}
}
