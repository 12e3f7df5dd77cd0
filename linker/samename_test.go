package linker_test

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// plainImage links main-exe.wasm, with the fixtures of one thread to load.
func plainImage(t *testing.T) *linker.Group {
	t.Helper()
	ctx := t.Context()
	rt := wazero.NewRuntimeWithConfig(ctx, linker.NewRuntimeConfig())
	t.Cleanup(func() { rt.Close(t.Context()) })
	main, err := os.ReadFile("testdata/main-exe.wasm")
	if err != nil {
		t.Fatal(err)
	}
	l, err := linker.New(ctx, rt, main, linker.NewConfig().WithFS(os.DirFS("testdata/plain")))
	if err != nil {
		t.Fatal(err)
	}
	return l.Main()
}

func fixtureBytes(t *testing.T, name string) []byte {
	t.Helper()
	bytes, err := os.ReadFile("testdata/plain/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return bytes
}

// Other bytes under the name of a loaded library are an error, and change nothing; the same bytes
// are that library; and when it is closed the name is free.
func TestOtherBytes(t *testing.T) {
	ctx, g := t.Context(), plainImage(t)
	odd, even := fixtureBytes(t, "libodd.wasm"), fixtureBytes(t, "libother.wasm")
	first, err := g.OpenBytes(ctx, "plugin", odd)
	if err != nil {
		t.Fatal(err)
	}
	again, err := g.OpenBytes(ctx, "plugin", slices.Clone(odd))
	if err != nil {
		t.Fatal(err)
	}
	for _, other := range [][]byte{even, odd[:len(odd)-1], []byte("no module")} {
		var oe *linker.OtherBytesError
		if lib, err := g.OpenBytes(ctx, "plugin", other); !errors.As(err, &oe) ||
			oe.Name != "plugin" ||
			lib != nil {
			t.Errorf("%d other bytes: %v, %v", len(other), lib, err)
		}
	}
	for _, lib := range []*linker.Library{first, again} {
		if err := g.CloseLibrary(ctx, lib); err != nil {
			t.Fatal(err)
		}
	}
	if names := g.Linker().Libraries(); len(names) > 0 {
		t.Errorf("still loaded: %v", names)
	}
	lib, err := g.OpenBytes(ctx, "plugin", even)
	if err != nil {
		t.Fatal(err)
	}
	if results, err := g.Call(ctx, lib, "other_add", 1); err != nil || uint32(results[0]) != 1001 {
		t.Errorf("the new library: %v, %v", results, err)
	}
	// A file that was opened under this name is another library, too.
	if _, err := g.Open(ctx, "libodd.wasm"); err != nil {
		t.Fatal(err)
	}
	var oe *linker.OtherBytesError
	if _, err := g.OpenBytes(ctx, "libodd.wasm", even); !errors.As(err, &oe) ||
		oe.File != "libodd.wasm" {
		t.Errorf("the name of a file: %v", err)
	}
	if _, err := g.OpenBytes(ctx, "libodd.wasm", odd); err != nil {
		t.Errorf("the bytes of the file: %v", err)
	}
}

// Bytes are the library that they were given for, also when the linker changes them: here it
// translates exceptions of the older kind.
func TestChangedBytesAreTheSame(t *testing.T) {
	ctx, g := t.Context(), plainImage(t)
	var b wasm.Builder
	b.CustomFirst((&dylink.Info{}).Section())
	catchAll := new(wasm.Code).Raw(0x06, 0x40, 0x19, 0x0b) // try, catch_all, end
	b.ExportFunc("f", b.Func(b.Type(nil, nil), nil, catchAll))
	bytes, err := b.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := g.OpenBytes(ctx, "older", bytes); err != nil {
			t.Fatal(err)
		}
	}
}

// The symbols of a library are those that it defines itself, and the global ones are the first of
// each name.
func TestSymbols(t *testing.T) {
	ctx, g := t.Context(), plainImage(t)
	lib, err := g.Open(ctx, "libdata.wasm")
	if err != nil {
		t.Fatal(err)
	}
	list := lib.Symbols()
	var names []string
	for _, s := range list {
		names = append(names, s.Name)
		found, err := g.Symbol(ctx, lib, s.Name)
		if err != nil || found.Kind != s.Kind || s.Pointer != 0 && found.Pointer != s.Pointer ||
			s.Module != "libdata.wasm" {
			t.Errorf("%+v; the look-up finds %+v, %v", s, found, err)
		}
		if (s.Type != nil) != (s.Kind == linker.Function) {
			t.Errorf("%+v: type %v", s, s.Type)
		}
	}
	if !slices.IsSorted(names) || !slices.Contains(names, "data_value") ||
		!slices.Contains(names, "data_read_value") ||
		slices.Contains(names, "other_value") ||
		slices.Contains(names, "__wasm_call_ctors") {
		t.Errorf("%v", names)
	}
	if all := g.Linker().Symbols(); len(all) <= len(list) {
		t.Errorf("%d global symbols", len(all))
	}
	if none := linker.Default.Symbols(); none != nil {
		t.Errorf("of the default scope: %v", none)
	}
	if err := g.CloseLibrary(ctx, lib); err != nil {
		t.Fatal(err)
	}
	if list := lib.Symbols(); list != nil {
		t.Errorf("of a closed library: %v", list)
	}
}

// The errors of the mistakes that people make first say what to do.
func TestErrorsSayWhatToDo(t *testing.T) {
	ctx, g := t.Context(), plainImage(t)
	header := []byte("\x00asm\x01\x00\x00\x00")
	hidden, err := g.OpenBytes(ctx, "hidden", (&dylink.Info{}).Append(header))
	if err != nil {
		t.Fatal(err)
	}
	_, err = g.Call(ctx, hidden, "plugin_run")
	wantError(
		t,
		err,
		`undefined symbol "plugin_run" in hidden (the library exports nothing`,
		"-fvisibility=default",
	)

	odd, err := g.Open(ctx, "libodd.wasm")
	if err != nil {
		t.Fatal(err)
	}
	_, err = g.Call(ctx, odd, "odd")
	wantError(t, err, "want (i32) -> (i32), found 0 arguments")
	_, err = g.Call(ctx, odd, "odd", 1, 2)
	wantError(t, err, "want (i32) -> (i32), found 2 arguments")
	f, err := g.Func(ctx, odd, "odd")
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.Call(ctx)
	wantError(t, err, "want (i32) -> (i32), found 0 arguments")
	_, err = g.Call(ctx, odd, "even_and_odd")
	if err == nil || strings.Contains(err.Error(), "visibility") {
		t.Errorf("a name that is missing for another reason: %v", err)
	}

	for symbol, want := range map[string]string{
		"_ZNSt3__212basic_stringIcE": "use a main module that has libc++",
		"malloc":                     "the main module must export it, as libraries.MainLibc does",
	} {
		err := error(&linker.UndefinedSymbolError{Module: "plugin.wasm", Symbol: symbol})
		wantError(t, err, "module plugin.wasm: undefined symbol", want)
	}
	_, err = g.Open(ctx, "libneeds_missing.wasm")
	wantError(
		t,
		err,
		"libneeds_missing.wasm",
		`library "libabsent.wasm" not found: tried libabsent.wasm (Config.WithSearchPath, or --lib`,
	)
}

func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%v: no %q", err, part)
		}
	}
}
