package linker_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/leb"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// million is how many of something a hostile module has.
const million = 1000000

// rawSection is a section of a module as it is, with its id and size.
func rawSection(id wasm.SectionID, body []byte) []byte {
	return leb.AppendBytes([]byte{byte(id)}, body)
}

// rawModule is a library without data and table entries, and then the given sections.
func rawModule(sections ...[]byte) []byte {
	var info dylink.Info
	return slices.Concat(append([][]byte{info.Append([]byte("\x00asm\x01\x00\x00\x00"))},
		sections...)...)
}

// rawVector is a vector of n times the same element.
func rawVector(n int, element ...byte) []byte {
	return append(leb.AppendU32(nil, uint32(n)), bytes.Repeat(element, n)...)
}

// numbered is a vector of n elements which have a number in them.
func numbered(n int, element func(i int) []byte) []byte {
	out := leb.AppendU32(nil, uint32(n))
	for i := range n {
		out = append(out, element(i)...)
	}
	return out
}

// Modules beyond their dylink.0: numbers of things, sizes, names, and unexpected features. Each is
// refused with a typed error that names the module, of bounded length, and the image is as it was.
func TestHostileModules(t *testing.T) {
	const (
		noFunc = "\x60\x00\x00" // the type () -> ()
		i32    = byte(wasm.I32)
	)
	format := is(func(e *wasm.FormatError) bool { return e.Offset > 0 && e.Reason != "" })
	limit := func(part string) func(error) bool {
		return is(func(e *linker.LimitError) bool {
			return strings.Contains(e.Limit, part) && e.Value > e.Max
		})
	}
	tooMany := func(of string) func(error) bool {
		return is(func(e *wasm.FormatError) bool {
			return errors.Is(e, wasm.ErrTooMany) && strings.Contains(e.Reason, " "+of+": ")
		})
	}
	imported := func(name string) func(error) bool {
		return is(func(e *linker.ImportError) bool {
			return e.Name == name && e.Module == "hostile"
		})
	}
	unsupported := func(err error) bool {
		return format(err) && errors.Is(err, wasm.ErrUnsupported)
	}
	// what the engine refuses when it compiles
	engine := func(err error) bool { return errors.As(err, new(*linker.LoadError)) }
	types := rawSection(wasm.SectionType, rawVector(1, []byte(noFunc)...))
	function := rawSection(wasm.SectionFunction, []byte{1, 0})
	code := rawSection(wasm.SectionCode, []byte{1, 2, 0, 0x0b})
	body := func(b []byte) []byte {
		return rawSection(wasm.SectionCode, append([]byte{1}, leb.AppendBytes(nil, b)...))
	}
	long := strings.Repeat("long_name_", 10000)
	imports := func(b ...byte) []byte { return rawSection(wasm.SectionImport, b) }
	name := func(s string) []byte { return leb.AppendName(nil, s) }
	library := func(info dylink.Info, build func(b *wasm.Builder)) []byte {
		return library(t, info,
			build)
	}

	b := newBooks(newRuntime(t))
	i := newImageIn(t, b, "main-pie", "threads",
		func(c *linker.Config) *linker.Config { return c.WithMaxTable(1 << 16) })
	other := i.spawn()
	before := records(i, b)
	size, entries := i.l.Memory().Size(), i.l.TableLength()
	for _, c := range []struct {
		name   string
		module []byte
		want   func(error) bool
	}{
		{"a million exports",
			rawModule(types, function,
				rawSection(wasm.SectionExport, numbered(million, func(i int) []byte {
					return append(name(fmt.Sprint(i)), 0, 0)
				})), code), tooMany("exports")},
		{"a million imports", rawModule(types, imports(numbered(million, func(i int) []byte {
			return append(append(name("env"), name(fmt.Sprint(i))...), 0, 0)
		})...)), tooMany("imports")},
		{"a million globals",
			rawModule(rawSection(wasm.SectionGlobal, rawVector(million+1, i32, 0, 0x41, 0, 0x0b))),
			tooMany("globals")},
		{"a million functions",
			rawModule(types, rawSection(wasm.SectionFunction, rawVector(million+1, 0)),
				rawSection(wasm.SectionCode, rawVector(million+1, 2, 0, 0x0b))),
			tooMany("functions")},
		{"a million types",
			rawModule(rawSection(wasm.SectionType, rawVector(million+1, []byte(noFunc)...))),
			tooMany("types")},
		{"a million data segments",
			rawModule(rawSection(wasm.SectionData, rawVector(million, 1, 0))),
			tooMany("data segments")},
		{"a million tables",
			rawModule(rawSection(wasm.SectionTable, rawVector(million, byte(wasm.FuncRef), 0, 0))),
			tooMany("tables")},
		{"a million element segments",
			rawModule(rawSection(wasm.SectionElement, rawVector(million, 1, 0, 0))),
			tooMany("element segments")},
		{"a type with a million parameters", rawModule(rawSection(wasm.SectionType,
			slices.Concat([]byte{1, 0x60}, rawVector(million, i32), []byte{0}))),
			tooMany("parameters")},
		{"a memory of more than 4 GiB",
			rawModule(imports(slices.Concat([]byte{1}, name("env"), name("memory"), []byte{2, 0},
				leb.AppendU32(nil, 65537))...)), format},
		{"an imported table of 2^27", library(dylink.Info{}, func(b *wasm.Builder) {
			b.ImportTable("env", "__indirect_function_table", table(1<<27))
		}), limit("function table (entries)")},
		{"a table of its own of 2^27",
			invalid(dylink.Info{}, func(b *wasm.Builder) { b.Table(table(1 << 27)) }),
			tooMany("entries of tables")},
		{"many tables of its own", invalid(dylink.Info{}, func(b *wasm.Builder) {
			for range 1000 {
				b.Table(table(1 << 20))
			}
		}), tooMany("entries of tables")},
		{"an element segment of a million functions", library(dylink.Info{}, func(b *wasm.Builder) {
			tab := b.ImportTable("env", "__indirect_function_table", table(0))
			f := b.Func(b.Type(nil, nil), nil, nil)
			b.ActiveFuncs(tab, wasm.ConstI32(1), slices.Repeat([]uint32{f}, million)...)
		}), is(func(e *linker.SegmentError) bool {
			return e.Segment == "element segment 0" &&
				e.Module == "hostile"
		})},
		{"an element segment larger than the file",
			rawModule(types, imports(slices.Concat([]byte{1}, name("env"), name("t"),
				[]byte{1, 0x70, 0, 0})...), rawSection(wasm.SectionElement,
				append([]byte{1, 0, 0x41, 0, 0x0b}, leb.AppendU32(nil, 1<<32-1)...))), format},
		{"blocks a million deep, unbalanced",
			rawModule(types, function,
				body(append(append([]byte{0}, bytes.Repeat([]byte{0x02, 0x40}, million)...),
					0x0b))), engine},
		{"2^32-1 locals", rawModule(types, function,
			body(append(append([]byte{1}, leb.AppendU32(nil, 1<<32-1)...), i32, 0x0b))),
			tooMany("locals")},
		{"a custom section longer than the file",
			append(rawModule(), 0, 0xff, 0xff, 0xff, 0xff, 0x0f), format},
		{"a custom section whose name is longer than it",
			rawModule(rawSection(0, []byte{0xff, 0xff, 0xff, 0xff, 0x0f, 'x'})), format},
		{"a section length of six bytes",
			append(rawModule(), 0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00), format},
		{"the same export twice",
			rawModule(types, function,
				rawSection(wasm.SectionExport,
					slices.Concat([]byte{2}, name(long), []byte{0, 0}, name(long), []byte{0, 0})),
				code), format},
		{"an export of a function that is not there",
			rawModule(types, function,
				rawSection(wasm.SectionExport, slices.Concat([]byte{1}, name("f"), []byte{0, 7})),
				code), format},
		{"an export that is not UTF-8",
			rawModule(types, function,
				rawSection(wasm.SectionExport, []byte{1, 2, 0xff, 0xfe, 0, 0}), code), format},
		{"dylink.0 twice", rawModule(new(dylink.Info).Encode()),
			is(func(e *dylink.FormatError) bool { return e.Offset > 8 })},
		{"dylink.0 and dylink", rawModule((&dylink.Info{Legacy: true}).Encode()),
			is(func(e *dylink.FormatError) bool { return e.Offset > 8 })},
		{"a memory of 64 bits",
			rawModule(imports(slices.Concat([]byte{1}, name("env"), name("memory"),
				[]byte{2, 4, 1})...)), unsupported},
		{"two memories", invalid(dylink.Info{}, func(b *wasm.Builder) {
			b.ImportMemory("env", "memory", wasm.MemoryType{})
			b.ImportMemory("env", "second", wasm.MemoryType{})
		}), unsupported},
		{"a shared memory without a maximum",
			rawModule(imports(slices.Concat([]byte{1}, name("env"), name("memory"),
				[]byte{2, 2, 1})...)), format},
		{"a table of externref", library(dylink.Info{}, func(b *wasm.Builder) {
			b.ImportTable("env", "__indirect_function_table", wasm.TableType{Elem: wasm.ExternRef})
		}), imported("__indirect_function_table")},
		{"a global with a name of 100 kB", library(dylink.Info{}, func(b *wasm.Builder) {
			b.ImportGlobal("env", long, wasm.GlobalType{Type: wasm.I32})
		}), is(func(e *linker.UndefinedSymbolError) bool {
			return e.Symbol == long &&
				e.Module == "hostile"
		})},
		{"a global of a namespace of 100 kB", library(dylink.Info{}, func(b *wasm.Builder) {
			b.ImportGlobal(long, long, wasm.GlobalType{Type: wasm.I32})
		}), imported(long)},
		{"a needed library with a name of 100 kB",
			library(dylink.Info{Needed: []string{long}}, func(*wasm.Builder) {}),
			func(err error) bool { return errors.Is(err, syscall.ENAMETOOLONG) }},
		{"an invalid body in a function with a name of 100 kB",
			invalid(dylink.Info{}, func(b *wasm.Builder) {
				b.ExportFunc(long, b.Func(b.Type(nil, []wasm.ValType{wasm.I32}), nil, nil))
			}), format},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := other.g.OpenBytes(i.ctx, "hostile", c.module)
			var le *linker.LoadError
			if !errors.As(err, &le) || !strings.HasPrefix(err.Error(), "linker: load hostile") ||
				!c.want(err) {
				t.Fatalf("OpenBytes: %.1000v", err)
			}
			checkText(t, err)
			if got := i.l.Memory().Size(); got != size {
				t.Errorf("the memory has grown from %d to %d", size, got)
			}
			if got := i.l.TableLength(); got != entries {
				t.Errorf("the table has grown from %d to %d", entries, got)
			}
			if after := records(i, b); !slices.Equal(before, after) {
				t.Errorf("the image has changed:\n%s", difference(before, after))
			}
		})
	}
}

// What a library exports under the names of the linker and of the toolchain is not taken for
// theirs: not by other libraries, and not by the linker.
func TestHostileNames(t *testing.T) {
	i := newImage(t, "main-pie", "threads", nil)
	for n, name := range []string{"__memory_base", "__table_base", "__stack_pointer",
		"__indirect_function_table", "memory", "__tls_base",
		"lockstep:waits", "lockstep:start", "put", "link", "grow", "table", "",
		"GOT.mem.main_value"} {
		for kind, export := range map[string]func(b *wasm.Builder){
			"function": func(b *wasm.Builder) {
				b.ExportFunc(name, b.Func(b.Type(nil, i32), nil, new(wasm.Code).I32Const(1)))
			},
			"data": func(b *wasm.Builder) {
				b.ExportGlobal(name, b.Global(wasm.I32, false, wasm.ConstI32(1)))
			},
			"variable": func(b *wasm.Builder) {
				b.ExportGlobal(name, b.Global(wasm.I32, true, wasm.ConstI32(1)))
			},
		} {
			lib, err := i.g.OpenBytes(i.ctx, fmt.Sprint("hostile", n, kind),
				library(t, dylink.Info{MemorySize: 16}, export))
			if err != nil {
				t.Errorf("%s %q: %v", kind, name, err)
				continue
			}
			for _, other := range []string{"counter", "fnptr", "data"} {
				next := i.open(other)
				switch other {
				case "counter":
					i.want(101, next, "counter_next")
				case "fnptr":
					if got := i.unary(i.symbol(next, "fnptr_unreferenced"), 1); got != 4 {
						t.Errorf("%s %q: fnptr_unreferenced(1) = %d", kind, name, got)
					}
				case "data":
					i.want(1003, next, "data_call", 2, 3)
				}
				if err := i.g.CloseLibrary(i.ctx, next); err != nil {
					t.Fatal(err)
				}
			}
			if err := i.g.CloseLibrary(i.ctx, lib); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// Blocks in blocks, deeper than compilers write them, take no more than time: neither the linker
// nor the engine runs out of stack.
func TestDeepBlocks(t *testing.T) {
	const depth = 2000
	i := newImage(t, "main-pie", "threads", nil)
	lib, err := i.g.OpenBytes(i.ctx, "deep", library(t, dylink.Info{}, func(b *wasm.Builder) {
		var c wasm.Code
		for range depth {
			c.Block()
		}
		for range depth {
			c.End()
		}
		b.ExportFunc("deep", b.Func(b.Type(nil, i32), nil, c.I32Const(depth)))
	}))
	if err != nil {
		t.Fatal(err)
	}
	i.want(depth, lib, "deep")
}

// compilations is a runtime that notes with how many workers it was to compile.
type compilations struct {
	wazero.Runtime
	workers []int
}

func (c *compilations) CompileModule(ctx context.Context, bytes []byte) (wazero.CompiledModule,
	error) {
	c.workers = append(c.workers, experimental.GetCompilationWorkers(ctx))
	return c.Runtime.CompileModule(ctx, bytes)
}

// The engine compiles with the workers of the caller's context. With several, the end of the
// context ends compiling, and the image is as it was.
func TestCompilationWorkers(t *testing.T) {
	rt := &compilations{Runtime: newRuntime(t)}
	i := newImageIn(t, rt, "main-pie", "threads", nil)
	rt.workers = nil
	ctx, cancel := context.WithCancel(experimental.WithCompilationWorkers(i.ctx, 3))
	lib, err := i.g.Open(ctx, "libcounter.wasm")
	if err != nil {
		t.Fatal(err)
	}
	if len(rt.workers) == 0 || slices.ContainsFunc(rt.workers, func(n int) bool { return n != 3 }) {
		t.Errorf("compiled with %v workers, want 3", rt.workers)
	}
	i.want(101, lib, "counter_next")
	if err := i.g.CloseLibrary(i.ctx, lib); err != nil {
		t.Fatal(err)
	}
	cancel()
	before := i.l.Snapshot(i.ctx)
	if _, err := i.g.Open(ctx, "libdata.wasm"); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of the context: %v", err)
	}
	if after := i.l.Snapshot(i.ctx); !slices.Equal(before, after) {
		t.Errorf("the image has changed:\n%s", difference(before, after))
	}
}
