package linker_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

const (
	// openingsPerImage is how many modules are opened in one image before it is replaced: wazero's
	// tables keep what has ever imported them.
	openingsPerImage = 256
	// guestTime is how long guest code may run in one opening before the engine ends it.
	guestTime = 200 * time.Millisecond
	// openingTime is how long an opening may take in all. Only what hangs takes as long.
	openingTime = time.Minute
	// bytesPerOpening and bytesPerByte are how much may be allocated for an opening, and for each
	// byte of the module. Most of it is a copy of the memory that is kept while start functions
	// run.
	bytesPerOpening, bytesPerByte = 64 << 20, 4 << 10
	// largestFuzzed is the size in bytes above which a module is not worth its time.
	largestFuzzed = 1 << 16
)

// fuzzed is an image in which one fuzzed module after the other is opened. Making an image takes
// longer than refusing a module, and so it is kept as long as nothing but the linker has touched
// it: a failed opening leaves it as it was, and that is what is checked each time. Once guest code
// may have run, which has a right to change things, the next module gets a new image.
//
// The modules are interpreted, because compiling them to machine code takes most of the time, and
// is wazero's work.
type fuzzed struct {
	cache  wazero.CompilationCache
	image  *image // nil before the first opening, and after one that has used it up
	books  *books
	other  *image // another group's view: modules are opened there
	third  *image // one that takes part only
	before []string
	memory []byte
	opened int

	reached map[string]bool // the points that the present opening has come to
}

func newFuzzed(f testing.TB) *fuzzed {
	cache := wazero.NewCompilationCache()
	x := &fuzzed{cache: cache, reached: map[string]bool{}}
	f.Cleanup(func() {
		if err := x.close(); err != nil {
			f.Error(err)
		}
		if err := cache.Close(context.Background()); err != nil {
			f.Error(err)
		}
	})
	return x
}

// prepare makes an image, unless there is one.
func (x *fuzzed) prepare(t *testing.T) {
	t.Helper()
	if x.image != nil && x.opened < openingsPerImage {
		x.image.TB, x.other.TB, x.third.TB = t, t, t
		return
	}
	if err := x.close(); err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	x.books = newBooks(wazero.NewRuntimeWithConfig(ctx,
		wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(linker.Features).
			WithCloseOnContextDone(true).WithCompilationCache(x.cache)))
	config := linker.NewConfig().WithFS(fixtures()).WithSearchPath("plain").WithMemoryPages(0,
		128).WithMaxTable(4096).WithMaxModules(16).
		WithLoopSafepoints(true). // the engine itself does not end a row of tail calls
		WithHook(func(_ context.Context, _ *linker.Group, point string) error {
			x.reached[point] = true
			return nil
		})
	l, err := linker.New(ctx, x.books, readFixture(t, "main-exe.wasm"), config)
	if err != nil {
		t.Fatal(err)
	}
	x.opened = 0
	x.image = &image{TB: t, ctx: ctx, rt: x.books, l: l, g: l.Main()}
	x.other, x.third = x.image.spawn(), x.image.spawn()
	// What is compiled or instantiated at its first use stays: what puts functions into tables, and
	// the host's modules.
	x.image.symbol(linker.Default, "main_triple")
	threaded, err := l.Main().Open(ctx, "threads/libctor.wasm")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Main().CloseLibrary(ctx, threaded); err != nil {
		t.Fatal(err)
	}
	for _, namespace := range []string{"wasi_snapshot_preview1", "wasix_32v1"} {
		module := library(t, wasmInfo,
			func(b *wasm.Builder) { b.ImportFunc(namespace, "nothing", b.Type(nil, nil)) })
		lib, err := l.Main().OpenBytes(ctx, namespace, module)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Main().CloseLibrary(ctx, lib); err != nil {
			t.Fatal(err)
		}
	}
	x.before, x.memory = records(x.image, x.books), x.bytes()
}

// bytes returns a copy of the memory in use.
func (x *fuzzed) bytes() []byte {
	all, _ := x.image.l.Memory().Read(0, x.image.l.Memory().Size())
	return slices.Clone(all)
}

// close ends the image and checks that everything that was made in it is closed. Guest code may
// have registered a destructor that fails.
func (x *fuzzed) close() error {
	if x.image == nil {
		return nil
	}
	err := x.image.l.Close(context.Background())
	if d := (*linker.DestructorError)(nil); errors.As(err, &d) &&
		x.reached[linker.Points.Instantiate] {
		err = nil
	}
	err = errors.Join(err, x.books.Close(context.Background()))
	x.image = nil
	if instances, codes := x.books.open(); err == nil && instances+codes > 0 {
		err = errors.New("after closing, there are instances or compiled modules left")
	}
	return err
}

// open opens a module and checks what holds for all modules, whatever is in them: the opening
// neither panics nor hangs nor leaks; it ends with a *LoadError of bounded length and leaves
// everything as it was, or with a library, and unloading that one does.
func (x *fuzzed) open(t *testing.T, module []byte) {
	if len(module) > largestFuzzed {
		t.Skip("too large to be worth its time")
	}
	x.openAny(t, module)
}

// openAny is open for a module of any size.
func (x *fuzzed) openAny(t *testing.T, module []byte) {
	x.prepare(t)
	x.opened++
	clear(x.reached)
	hangs := time.AfterFunc(openingTime, func() {
		debug.SetTraceback("all")
		panic(fmt.Sprintf("opening the module hangs: %x", module[:min(len(module), 1<<13)]))
	})
	defer hangs.Stop()
	ctx, cancel := context.WithTimeout(context.Background(), guestTime)
	defer cancel()
	n, bytes := runtime.NumGoroutine(), allocatedBytes()
	lib, err := x.other.g.OpenBytes(ctx, "fuzzed", module)
	if err := settle(n); err != nil {
		t.Fatal(err)
	}
	bytes = allocatedBytes() - bytes
	if most := bytesPerOpening + bytesPerByte*uint64(len(module)); bytes > most {
		t.Fatalf("opening %d bytes allocates %d, more than %d", len(module), bytes, most)
	}
	defer func() {
		if err == nil || x.reached[linker.Points.Instantiate] || t.Failed() {
			if err := x.close(); err != nil {
				t.Error(err)
			}
		}
	}()
	if err != nil {
		x.refused(ctx, t, err)
	} else {
		x.unload(ctx, t, lib, module)
	}
}

// allocatedBytes returns how many bytes were ever allocated.
func allocatedBytes() uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

// settle waits until there are only n goroutines again. Those with which the engine watches a
// context end soon after the call that they belong to.
func settle(n int) error {
	for range 100000 {
		if runtime.NumGoroutine() <= n {
			return nil
		}
		runtime.Gosched()
	}
	if left := goroutines(); left > 0 {
		return fmt.Errorf("%d goroutines of the linker or the engine are left", left)
	}
	return nil
}

// refused checks what an opening that failed has left.
func (x *fuzzed) refused(ctx context.Context, t *testing.T, err error) {
	t.Helper()
	if le := (*linker.LoadError)(nil); !errors.As(err, &le) {
		t.Fatalf("no LoadError: %v", err)
	}
	checkText(t, err)
	if ctx.Err() != nil || errors.Is(err, linker.ErrGroupClosed) {
		x.reached[linker.Points.Instantiate] = true
		return // what the engine ended with the context, it has closed
	}
	// Constructors that have run may have asked for the text of an error, which stays.
	text := func(line string) bool {
		return x.reached[linker.Points.Instantiate] && strings.HasSuffix(line, " of a group")
	}
	after := slices.DeleteFunc(records(x.image, x.books), text)
	if !slices.Equal(slices.DeleteFunc(slices.Clone(x.before), text), after) {
		t.Fatalf("after %d openings, the image has changed:\n%s\nby an opening that failed: %v",
			x.opened, difference(x.before, after), err)
	}
	// From then on the guest's allocator may have changed what it keeps in the memory.
	if x.reached[linker.Points.Memory] {
		x.memory = x.bytes()
	} else if !bytes.Equal(x.memory, x.bytes()) {
		t.Fatalf("after %d openings, the memory has changed by one that failed: %v", x.opened, err)
	}
}

// unload looks all symbols up and unloads the library. Its constructors may have made the image
// different, with all that guests can ask for; of the library itself nothing is left, and of one
// without code that runs by itself nothing at all.
func (x *fuzzed) unload(ctx context.Context, t *testing.T, lib *linker.Library, module []byte) {
	t.Helper()
	src, err := wasm.Decode(module)
	if err != nil {
		t.Fatalf("a library that cannot be decoded: %v", err)
	}
	for i, e := range src.Exports {
		if i == 16 {
			break
		}
		_, err := x.image.g.Symbol(ctx, lib, e.Name)
		if ctx.Err() != nil {
			return // what the engine ended with the context, it has closed
		}
		if err != nil {
			checkText(t, err)
		}
	}
	err = x.image.g.CloseLibrary(ctx, lib)
	if ctx.Err() != nil {
		return
	}
	if d := (*linker.DestructorError)(nil); err != nil && !errors.As(err, &d) {
		t.Fatalf("CloseLibrary: %v", err)
	}
	if slices.Contains(x.image.l.Libraries(), "fuzzed") {
		t.Fatal("the library is still loaded")
	}
	if runs := src.HasStart ||
		slices.ContainsFunc(src.Exports,
			func(e wasm.Export) bool { return strings.HasPrefix(e.Name, "_") }); runs {
		return
	}
	if after := records(x.image, x.books); !sameRecords(x.before, after) {
		t.Fatalf("the library has left something:\n%s", difference(x.before, after))
	}
}

// sameRecords compares ledgers but for what stays when a library is unloaded: table entries that
// are free or in quarantine, the number of commits, and instances that the engine's tables keep.
func sameRecords(a, b []string) bool {
	stays := func(line string) bool {
		return strings.HasPrefix(line, "slots: ") || strings.HasPrefix(line, "links: length") ||
			strings.HasSuffix(line, "codes")
	}
	return slices.Equal(slices.DeleteFunc(slices.Clone(a), stays),
		slices.DeleteFunc(slices.Clone(b), stays))
}

// longestText is how long, in bytes, the text of an error may be, whatever is in the module.
const longestText = 4096

// checkText checks an error's text: what a module says in it is bounded and quoted.
func checkText(t *testing.T, err error) {
	t.Helper()
	text := err.Error()
	// of a symbol that the linker itself defines
	once := strings.ReplaceAll(text, "of linker: ", "")
	if !strings.HasPrefix(once, "linker: ") || strings.Contains(once[1:], "linker: ") {
		t.Errorf("the text does not begin with the package, once: %.200q", text)
	}
	if len(text) > longestText {
		t.Errorf("the text has %d bytes: %.200q…", len(text), text)
	}
}
