package linker_test

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

var i32 = []wasm.ValType{wasm.I32}

// library writes a library.
func library(t testing.TB, info dylink.Info, build func(b *wasm.Builder)) []byte {
	t.Helper()
	bytes := invalid(info, build)
	if _, err := wasm.Decode(bytes); err != nil {
		t.Fatal(err)
	}
	return bytes
}

// invalid builds a library that need not be valid.
func invalid(info dylink.Info, build func(b *wasm.Builder)) []byte {
	var b wasm.Builder
	b.CustomFirst(info.Section())
	build(&b)
	return b.Encode()
}

// is reports whether an error is, or wraps, a T that f accepts.
func is[T error](f func(T) bool) func(error) bool {
	return func(err error) bool {
		var e T
		return errors.As(err, &e) && f(e)
	}
}

func importGlobal(name string, t wasm.GlobalType) func(*wasm.Builder) {
	return func(b *wasm.Builder) { b.ImportGlobal("env", name, t) }
}

func table(min uint32) wasm.TableType {
	return wasm.TableType{Elem: wasm.FuncRef, Limits: wasm.Limits{Min: min}}
}

// brokenLibraries are libraries that cannot be loaded, and what the error must be.
func brokenLibraries(t testing.TB) []struct {
	name  string
	bytes []byte
	want  func(error) bool
} {
	fixture := func(name string) []byte { return readFixture(t, "threads/lib"+name+".wasm") }
	lib := func(info dylink.Info, build func(b *wasm.Builder)) []byte {
		return library(t, info,
			build)
	}
	mem := dylink.Info{MemorySize: 64, MemoryAlignment: 4}
	format := is(func(e *wasm.FormatError) bool {
		return e.Offset > 0 || errors.Is(e, wasm.ErrNotModule)
	})
	limit := func(part string) func(error) bool {
		return is(func(e *linker.LimitError) bool {
			return strings.Contains(e.Limit, part) && e.Value > e.Max
		})
	}
	segment := func(name string) func(error) bool {
		return is(func(e *linker.SegmentError) bool {
			return e.Segment == name && e.Module == "broken" && (e.From < e.Low || e.To > e.High)
		})
	}
	imported := func(name string) func(error) bool {
		return is(func(e *linker.ImportError) bool {
			return e.Name == name && e.Module == "broken"
		})
	}
	undefined := func(name string) func(error) bool {
		return is(func(e *linker.UndefinedSymbolError) bool {
			return e.Symbol == name && e.Module == "broken"
		})
	}
	symbol := func(name, definer string) func(error) bool {
		return is(func(e *linker.SymbolError) bool {
			return e.Symbol == name && e.Definer == definer && e.Module == "broken" &&
				e.Want != e.Found
		})
	}
	trap := func(err error) bool { return strings.Contains(err.Error(), "unreachable") }
	mut := wasm.GlobalType{Type: wasm.I32, Mutable: true}
	constructor := func(b *wasm.Builder, body *wasm.Code) {
		b.ExportFunc("__wasm_call_ctors", b.Func(b.Type(nil, nil), nil, body))
	}
	return []struct {
		name  string
		bytes []byte
		want  func(error) bool
	}{
		{"empty", []byte{}, format},
		{"truncated", fixture("counter")[:200], format},
		{"hostile section size", []byte("\x00asm\x01\x00\x00\x00\x01\xff\xff\xff\xff\x0f"), format},
		{"hostile count", []byte("\x00asm\x01\x00\x00\x00\x01\x05\xff\xff\xff\xff\x0f"), format},
		{"component", []byte("\x00asm\x0d\x00\x01\x00"),
			func(err error) bool { return errors.Is(err, wasm.ErrVersion) }},
		{"not a library", readFixture(t, "main-exe.wasm"),
			func(err error) bool { return errors.Is(err, linker.ErrNotLibrary) }},
		{"needs what is missing", fixture("needs_missing"), is(func(e *linker.NotFoundError) bool {
			return e.Name == "libabsent.wasm" &&
				slices.Equal(e.Searched, []string{"threads/libabsent.wasm"})
		})},
		{"data nobody has", fixture("unresolved_data"), undefined("nobody_has_this_data")},
		{"function as data", fixture("mismatch_kind"), symbol("main_twice", "main-pie")},
		{"data as function",
			lib(mem, func(b *wasm.Builder) { b.ImportFunc("env", "main_value", b.Type(nil, nil)) }),
			symbol("main_value", "main-pie")},
		{"too much data", fixture("huge"), limit("data area")},
		{"more data than the heap has",
			lib(dylink.Info{MemorySize: 63 << 20}, func(*wasm.Builder) {}), func(err error) bool {
				return errors.Is(err, linker.ErrNoMemory)
			}},
		{"too many slots", lib(dylink.Info{TableSize: 1 << 30}, func(b *wasm.Builder) {}),
			limit("function table")},
		{"trap in start", fixture("trap_start"), trap},
		{"trap in constructor", fixture("trap_ctor"), trap},
		{"unknown host function called in constructor", lib(mem, func(b *wasm.Builder) {
			f := b.ImportFunc("nobody", "has_this", b.Type(nil, nil))
			constructor(b, new(wasm.Code).Call(f))
		}), undefined("has_this")},
		{"invalid body", invalid(mem,
			func(b *wasm.Builder) { b.Func(b.Type(nil, i32), nil, new(wasm.Code)) }), format},
		{"data segment outside of its area", lib(mem, func(b *wasm.Builder) {
			b.ImportMemory("env", "memory", wasm.MemoryType{})
			base := b.ImportGlobal("env", "__memory_base", wasm.GlobalType{Type: wasm.I32})
			b.ActiveData(wasm.ConstGlobal(base), make([]byte, 65))
		}), segment("data segment 0")},
		{"data segment at a fixed address", lib(mem, func(b *wasm.Builder) {
			b.ImportMemory("env", "memory", wasm.MemoryType{})
			b.ActiveData(wasm.ConstI32(1024), make([]byte, 8))
		}), segment("data segment 0")},
		{"element segment outside of its slots",
			lib(dylink.Info{TableSize: 1}, func(b *wasm.Builder) {
				tab := b.ImportTable("env", "__indirect_function_table", table(0))
				f := b.Func(b.Type(nil, nil), nil, nil)
				b.ActiveFuncs(tab, wasm.ConstI32(1), f, f)
			}), segment("element segment 0")},
		{"own memory", lib(mem, func(b *wasm.Builder) { b.Memory(1, 1, false) }),
			imported("memory")},
		{"memory maximum", lib(mem, func(b *wasm.Builder) {
			b.ImportMemory("env", "memory",
				wasm.MemoryType{Limits: wasm.Limits{Max: 1, HasMax: true}})
		}), limit("memory (pages)")},
		{"memory minimum", lib(mem, func(b *wasm.Builder) {
			b.ImportMemory("env", "memory", wasm.MemoryType{Limits: wasm.Limits{Min: 2000}})
		}), limit("memory (pages)")},
		{"table maximum", lib(mem, func(b *wasm.Builder) {
			b.ImportTable("env", "__indirect_function_table",
				wasm.TableType{Elem: wasm.FuncRef, Limits: wasm.Limits{Max: 1, HasMax: true}})
		}), limit("function table")},
		{"table of another type", lib(mem, func(b *wasm.Builder) {
			b.ImportTable("env", "t", wasm.TableType{Elem: wasm.ExternRef})
		}), imported("t")},
		{"memory of another namespace",
			lib(mem, func(b *wasm.Builder) { b.ImportMemory("lib", "memory", wasm.MemoryType{}) }),
			imported("memory")},
		{"the linker's namespace",
			lib(mem, func(b *wasm.Builder) {
				b.ImportFunc("lockstep:host", "lazy", b.Type(i32, nil))
			}), imported("lazy")},
		{"wrong type of its base", lib(mem, importGlobal("__memory_base", mut)),
			imported("__memory_base")},
		{"global nobody has", lib(mem, importGlobal("nothing", mut)), undefined("nothing")},
		{"address of 64 bits", lib(mem, func(b *wasm.Builder) {
			b.ImportGlobal("GOT.mem", "main_value", wasm.GlobalType{Type: wasm.I64, Mutable: true})
		}), imported("main_value")},
		{"pointer to data",
			lib(mem, func(b *wasm.Builder) { b.ImportGlobal("GOT.func", "main_value", mut) }),
			symbol("main_value", "main-pie")},
		{"imported twice", lib(mem, func(b *wasm.Builder) {
			b.ImportFunc("env", "f", b.Type(nil, nil))
			b.ImportFunc("env", "f", b.Type(i32, nil))
		}), imported("f")},
		{"replay fails", lib(mem, func(b *wasm.Builder) {
			// The first instance passes; the next finds what it left at an address outside of the
			// data area.
			b.ImportMemory("env", "memory",
				wasm.MemoryType{Limits: wasm.Limits{Max: wasm.MaxPages, HasMax: true}})
			start := b.Func(b.Type(nil, nil), nil,
				new(wasm.Code).I32Const(512).I32Load(0).If().Unreachable().End().
					I32Const(512).I32Const(1).I32Store(0))
			b.Start(start)
		}), trap},
	}
}

// Whatever is wrong with a library: the error says so, the image is as it was, and the next library
// loads.
func TestBrokenLibraries(t *testing.T) {
	i := newImage(t, "main-pie", "threads", nil)
	other := i.spawn()
	i.open("fnptr")
	i.symbol(linker.Default, "fnptr_unreferenced")
	// Some libraries make the guest's heap grow or instantiate a host module before they fail; that
	// is not taken back, and not part of the snapshot.
	for _, c := range brokenLibraries(t) {
		t.Run(c.name, func(t *testing.T) {
			g := []*image{i, other}[len(c.name)%2]
			before := i.l.Snapshot(i.ctx)
			i.l.Memory().WriteUint32Le(512, 0)
			_, err := g.g.OpenBytes(i.ctx, "broken", c.bytes)
			if err == nil {
				t.Fatal("it was loaded")
			}
			var le *linker.LoadError
			if !errors.As(err, &le) || !strings.HasPrefix(err.Error(), "linker: load broken") &&
				le.Module != "libabsent.wasm" {
				t.Errorf("no LoadError: %v", err)
			}
			if !c.want(err) {
				t.Errorf("unexpected error: %v", err)
			}
			if after := i.l.Snapshot(i.ctx); !slices.Equal(before, after) {
				t.Errorf("the image has changed:\n%s", difference(before, after))
			}
			lib, err := g.g.Open(i.ctx, "libcounter.wasm")
			if err != nil {
				t.Fatal(err)
			}
			for _, g := range []*image{i, other} {
				if got := g.unary(g.symbol(linker.Default, "fnptr_unreferenced"), 1); got != 4 {
					t.Errorf("fnptr_unreferenced(1) = %d", got)
				}
			}
			i.want(101, lib, "counter_next")
			other.want(102, lib, "counter_next")
			if err := other.g.CloseLibrary(i.ctx, lib); err != nil {
				t.Fatal(err)
			}
			if after := i.l.Snapshot(i.ctx); !slices.Equal(before, after) {
				t.Errorf("unloading left something:\n%s", difference(before, after))
			}
		})
	}
	if err := i.l.Err(); err != nil {
		t.Error(err)
	}
}

// difference returns the lines that only one of two lists has.
func difference(before, after []string) string {
	var out []string
	for _, line := range before {
		if !slices.Contains(after, line) {
			out = append(out, "- "+line)
		}
	}
	for _, line := range after {
		if !slices.Contains(before, line) {
			out = append(out, "+ "+line)
		}
	}
	return strings.Join(out, "\n")
}

// A name that is nowhere is an error that lists where it was looked for.
func TestNotFound(t *testing.T) {
	i := newImage(t, "main-pie", "threads",
		func(c *linker.Config) *linker.Config {
			return c.WithSearchPath("plain", "threads", "/threads/deep")
		})
	for name, want := range map[string][]string{
		"nothing.wasm": {"plain/nothing.wasm", "threads/nothing.wasm",
			"threads/deep/nothing.wasm"},
		"threads/nothing":  {"threads/nothing"},
		"/threads/nothing": {"threads/nothing"},
		"../nothing":       nil,
	} {
		_, err := i.g.Open(i.ctx, name)
		var nf *linker.NotFoundError
		if !errors.As(err, &nf) || !slices.Equal(nf.Searched, want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	i.want(20, i.open("deep"), "deep", 2)
	if _, err := i.g.Open(i.ctx, "threads"); !errors.As(err, new(*linker.NotFoundError)) {
		t.Errorf("a folder: %v", err)
	}
	bare := newImage(t, "main-pie", "threads",
		func(c *linker.Config) *linker.Config { return c.WithFS(nil) })
	if _, err := bare.g.Open(i.ctx, "libcounter.wasm"); !errors.As(err,
		new(*linker.NotFoundError)) {
		t.Errorf("without a file system: %v", err)
	}
	if _, err := i.g.Open(i.ctx, "threads/deep/"); err == nil || errors.Is(err, fs.ErrClosed) {
		t.Errorf("a folder: %v", err)
	}
}

// An opening that cannot even begin says which library was to be loaded, like all others.
func TestOpenBeforeItBegins(t *testing.T) {
	i := newImage(t, "main-pie", "threads", nil)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	gone := i.spawn()
	if err := gone.g.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name  string
		ctx   context.Context
		group *linker.Group
		want  error
	}{
		{"its context is done", cancelled, i.g, context.Canceled},
		{"its group is closed", t.Context(), gone.g, linker.ErrGroupClosed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := tt.group.Open(tt.ctx, "libctor.wasm")
			var load *linker.LoadError
			if !errors.As(err, &load) || load.Module != "libctor.wasm" || !errors.Is(err, tt.want) {
				t.Errorf("the error is %v, want a LoadError that wraps %v", err, tt.want)
			}
		})
	}
}

// Limits of the configuration hold, and what cannot grow says so.
func TestLimits(t *testing.T) {
	limits := func(name, part string, i *image) {
		t.Helper()
		before := i.l.Snapshot(i.ctx)
		_, err := i.g.Open(i.ctx, "lib"+name+".wasm")
		var le *linker.LimitError
		if !errors.As(err, &le) || !strings.Contains(le.Limit, part) {
			t.Errorf("%s: %v", name, err)
		}
		if after := i.l.Snapshot(i.ctx); !slices.Equal(before, after) {
			t.Errorf("%s: the image has changed:\n%s", name, difference(before, after))
		}
		i.want(8, i.open("notable"), "notable_add", 3, 5)
	}
	limits("chain_a", "modules",
		newImage(t, "main-pie", "threads",
			func(c *linker.Config) *linker.Config { return c.WithMaxModules(2) }))
	limits("manyfn", "function table",
		newImage(t, "main-pie", "threads",
			func(c *linker.Config) *linker.Config { return c.WithMaxTable(40) }))
	limits("manyfn", "function table", newImage(t, "main-fixed", "plain", nil))
	i := newImage(t, "main-fixed", "plain", nil)
	if _, err := i.g.Open(i.ctx, "libbss.wasm"); !errors.Is(err, linker.ErrNoMemory) {
		t.Errorf("a memory that cannot grow: %v", err)
	}
	i = newImage(t, "main-pie", "threads",
		func(c *linker.Config) *linker.Config { return c.WithMaxGroups(2) })
	i.spawn()
	if _, err := i.g.Spawn(i.ctx); err == nil {
		t.Error("a third group")
	}
}

// With everything bound at once, a library that misses a function does not load.
func TestNow(t *testing.T) {
	i := newImage(t, "main-pie", "threads",
		func(c *linker.Config) *linker.Config { return c.WithNow(true) })
	var undefined *linker.UndefinedSymbolError
	if _, err := i.g.Open(i.ctx, "libunresolved.wasm"); !errors.As(err, &undefined) ||
		!strings.HasPrefix(undefined.Symbol, "nobody_has") {
		t.Errorf("libunresolved: %v", err)
	}
	i.want(0, i.open("weak"), "weak_has_function")
	i.open("circle_a")
}
