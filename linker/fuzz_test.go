package linker_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/linker"
)

// fuzzed is an image in which fuzzed modules are opened. It is made anew when a guest has changed it in a way that is a
// guest's right: a constructor may write everywhere in memory.
type fuzzed struct {
	*image
	b      *books
	other  *image
	before []string
}

func newFuzzed(ctx context.Context, t testing.TB) *fuzzed {
	t.Helper()
	rt := wazero.NewRuntimeWithConfig(ctx, linker.NewRuntimeConfig().WithCloseOnContextDone(true))
	b := newBooks(rt)
	l, err := linker.New(ctx, b, readFixture(t, "main-exe.wasm"), linker.NewConfig().WithFS(fixtures()).WithSearchPath("plain").
		WithMemoryPages(0, 128).WithMaxTable(4096).WithMaxModules(16))
	if err != nil {
		t.Fatal(err)
	}
	i := &image{TB: t, ctx: ctx, rt: b, l: l, g: l.Main()}
	other := i.spawn()
	f := &fuzzed{image: i, b: b, other: other}
	lib := i.open("counter") // what is compiled at the first use stays
	i.symbol(lib, "counter_next")
	if err := i.g.CloseLibrary(ctx, lib); err != nil {
		t.Fatal(err)
	}
	f.before = f.ledger()
	return f
}

// ledger is the snapshot without what a guest may change by itself.
func (f *fuzzed) ledger() []string {
	return append(f.l.Snapshot(f.ctx), f.l.Details(f.ctx)...)
}

func (f *fuzzed) close() {
	if err := errors.Join(f.l.Close(context.Background()), f.rt.Close(context.Background())); err != nil {
		f.Fatal(err)
	}
	if instances, codes := f.b.open(); instances+codes > 0 {
		f.Fatalf("%d instances and %d codes are left", instances, codes)
	}
}

// FuzzOpen: whatever the bytes are, opening them neither panics nor hangs nor leaks; it is a *LoadError and leaves the image
// as it was, or it gives a library that can be closed, which does too.
func FuzzOpen(f *testing.F) {
	names := wasmFiles(f, "testdata/plain")
	for _, name := range names {
		module := readFixture(f, "plain/"+name)
		if len(module) > 8<<10 {
			continue
		}
		f.Add(module)
		f.Add(module[:len(module)/2])
		for _, at := range []int{9, len(module) / 3, len(module) - 3} { // the section's size, somewhere, in the code or the data
			mutated := slices.Clone(module)
			mutated[at] ^= 0x55
			f.Add(mutated)
		}
	}
	for _, c := range brokenLibraries(f) {
		if len(c.bytes) < 8<<10 {
			f.Add(c.bytes)
		}
	}
	f.Add(section(subsection(1, 1<<32-1, 31, 1<<32-1, 31)))
	f.Fuzz(func(t *testing.T, module []byte) {
		if len(module) > 1<<16 {
			t.Skip("too large to be worth its time")
		}
		// A start function or a constructor may run for ever; the engine ends it with the context.
		ctx := context.Background()
		i := newFuzzed(ctx, t)
		defer i.close()
		limited, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		lib, err := i.other.g.OpenBytes(limited, "fuzzed", module)
		if err == nil {
			i.closeFuzzed(limited, lib)
			return
		}
		if le := (*linker.LoadError)(nil); !errors.As(err, &le) {
			t.Fatalf("no LoadError: %v", err)
		}
		if limited.Err() != nil || errors.Is(err, linker.ErrGroupClosed) {
			return // what the engine ended with the context, it has closed
		}
		if after := i.ledger(); !slices.Equal(i.before, after) {
			t.Fatalf("the image has changed:\n%s", difference(i.before, after))
		}
	})
}

// closeFuzzed unloads the library. Its constructors may have made the image different, with all that guests can ask for; of
// itself nothing is left.
func (f *fuzzed) closeFuzzed(ctx context.Context, lib *linker.Library) {
	f.Helper()
	err := f.g.CloseLibrary(ctx, lib)
	if d := (*linker.DestructorError)(nil); err != nil && !errors.As(err, &d) && ctx.Err() == nil {
		f.Fatalf("CloseLibrary: %v", err)
	}
	if ctx.Err() == nil && slices.Contains(f.l.Libraries(), "fuzzed") {
		f.Fatal("the library is still loaded")
	}
}
