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

// exitInConstructor is a library whose constructor exits with a code.
func exitInConstructor(t testing.TB, code int32) []byte {
	return library(t, dylink.Info{MemorySize: 64, MemoryAlignment: 4}, func(b *wasm.Builder) {
		exit := b.ImportFunc("wasi_snapshot_preview1", "proc_exit", b.Type(i32, nil))
		b.ExportFunc("half_loaded", b.Func(b.Type(nil, i32), nil, new(wasm.Code).I32Const(1)))
		b.ExportFunc("__wasm_call_ctors",
			b.Func(b.Type(nil, nil), nil, new(wasm.Code).I32Const(code).Call(exit)))
	})
}

// A guest that exits in a constructor ends its group with its code, as it would in a call. No other
// group sees anything of the library, and the image goes on without the group.
func TestExitInConstructor(t *testing.T) {
	eachThreaded(t, func(t *testing.T, i *image) {
		keep := i.open("fnptr")
		i.spawn() // so that the next one's number is not the first free one
		before := i.l.Snapshot(i.ctx)
		leader := i.spawn()
		_, err := leader.g.OpenBytes(i.ctx, "broken", exitInConstructor(t, 3))
		var exit *sys.ExitError
		var le *linker.LoadError
		if !errors.As(err, &exit) || exit.ExitCode() != 3 || !errors.As(err, &le) ||
			le.Module != "broken" {
			t.Fatalf("Open: %v", err)
		}
		if _, err := leader.try(linker.Default, "main_twice", 1); !errors.Is(err,
			linker.ErrGroupClosed) || !errors.As(err, &exit) {
			t.Errorf("a call in the group that exited: %v", err)
		}
		if after := i.l.Snapshot(i.ctx); !slices.Equal(before, after) {
			t.Errorf("the image has changed:\n%s", difference(before, after))
		}
		if _, err := i.g.Symbol(i.ctx, linker.Default, "half_loaded"); !errors.As(err,
			new(*linker.UndefinedSymbolError)) {
			t.Errorf("a symbol of the half-loaded library: %v", err)
		}
		i.want(6, keep, "fnptr_unreferenced", 3)
		i.spawn().want(101, i.open("counter"), "counter_next")
	})
}

// A constructor that loads a library which cannot be loaded may go on without it: of that library
// nothing is left, while its own is there.
func TestConstructorGoesOnWithoutAnother(t *testing.T) {
	rt := newRuntime(t)
	var inner error
	_, err := rt.NewHostModuleBuilder("env").NewFunctionBuilder().WithFunc(
		func(ctx context.Context) {
			_, inner = linker.GroupFromContext(ctx).Open(ctx, "libtrap_ctor.wasm")
		}).Export("try_open").Instantiate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	bold := library(t, dylink.Info{MemorySize: 64, MemoryAlignment: 4}, func(b *wasm.Builder) {
		open := b.ImportFunc("env", "try_open", b.Type(nil, nil))
		b.ExportFunc("bold", b.Func(b.Type(nil, i32), nil, new(wasm.Code).I32Const(5)))
		b.ExportFunc("__wasm_call_ctors", b.Func(b.Type(nil, nil), nil, new(wasm.Code).Call(open)))
	})
	i := newImageIn(t, rt, "main-pie", "threads", nil)
	other := i.spawn()
	before := i.l.Snapshot(i.ctx)
	lib, err := i.g.OpenBytes(i.ctx, "bold", bold)
	if err != nil {
		t.Fatal(err)
	}
	if le := (*linker.LoadError)(nil); !errors.As(inner, &le) || le.Module != "libtrap_ctor.wasm" {
		t.Errorf("the inner error: %v", inner)
	}
	if got := i.l.Libraries(); !slices.Equal(got, []string{"bold"}) {
		t.Errorf("libraries: %v", got)
	}
	for _, g := range []*image{i, other} {
		g.want(5, lib, "bold")
	}
	if err := other.g.CloseLibrary(i.ctx, lib); err != nil {
		t.Fatal(err)
	}
	if after := i.l.Snapshot(i.ctx); !slices.Equal(before, after) {
		t.Errorf("the image has changed:\n%s", difference(before, after))
	}
}
