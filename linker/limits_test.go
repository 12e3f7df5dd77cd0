package linker_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// limited accepts a *LimitError of a name with a maximum.
func limited(name string, most uint64) func(error) bool {
	return is(func(e *linker.LimitError) bool {
		return e.Limit == name && e.Max == most && e.Value > most
	})
}

// The table of limits in SECURITY.md is that of the code, and every option in it exists.
func TestLimitsTable(t *testing.T) {
	text, err := os.ReadFile("../SECURITY.md")
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	strict := linker.Untrusted().Limits()
	for k, l := range linker.NewConfig().Limits() {
		if l.Value != l.Default {
			t.Errorf("%s: %d, and the default is %d", l.What, l.Value, l.Default)
		}
		if _, ok := reflect.TypeFor[*linker.Config]().MethodByName(l.Option); !ok {
			t.Errorf("there is no option %s", l.Option)
		}
		name := l.Name
		if name == "" {
			name = "–"
		}
		rows = append(rows,
			fmt.Sprintf("| %s | `%s` | %d | %d | %s |", l.What, l.Option, l.Default,
				strict[k].Value, name))
	}
	want := strings.Join(rows, "\n") + "\n"
	if !strings.Contains(string(text), want) {
		t.Errorf("SECURITY.md does not have this table:\n%s", want)
	}
}

// The options of all limits hold: what each sets is what Limits says.
func TestLimitsAreSet(t *testing.T) {
	c := linker.NewConfig().WithMemoryPages(0,
		11).WithMaxTable(12).WithMaxModules(13).WithMaxDepth(14).
		WithMaxNesting(15).WithMaxGroups(16).WithMaxFile(17).WithMaxCompileCost(
		18*time.Microsecond).
		WithMaxFunctionCost(19*time.Microsecond).WithCompilers(20, 1).WithCodeCache(21).
		WithMaxAbandoned(22).WithMaxImports(23).WithMaxElements(24).WithMaxFolders(25).
		WithMaxNames(26).WithMaxOwnTables(27).WithMaxStartData(28).WithMaxString(29).
		WithMaxHandles(30).WithMaxDestructors(31).WithMaxSignatures(32).WithMaxTrampolines(33).
		WithPointerQuarantine(34).WithMaxCalls(35)
	for k, l := range c.Limits() {
		if l.Value != uint64(11+k) {
			t.Errorf("%s of %s is %d, want %d", l.Option, l.What, l.Value, 11+k)
		}
	}
}

// reexport is a library that exports what it imports from the host as functions call_NAME.
func reexport(t testing.TB, namespace, name string, params int, results []wasm.ValType) []byte {
	return library(t, dylink.Info{}, func(b *wasm.Builder) {
		typ := b.Type(slices.Repeat(i32, params), results)
		f := b.ImportFunc(namespace, name, typ)
		var c wasm.Code
		for p := range params {
			c.LocalGet(uint32(p))
		}
		b.ExportFunc("call_"+name, b.Func(typ, nil, c.Call(f)))
	})
}

// reexported opens such a library.
func (i *image) reexported(namespace, name string, params int,
	results []wasm.ValType) *linker.Library {
	i.Helper()
	lib, err := i.g.OpenBytes(i.ctx, namespace+"."+name,
		reexport(i, namespace, name, params, results))
	if err != nil {
		i.Fatal(err)
	}
	return lib
}

// dlError returns what dlerror says, empty for nothing.
func (i *image) dlError(lib *linker.Library) string {
	i.Helper()
	if text := i.call(lib, "call_dlerror"); text != 0 {
		return i.goString(text)
	}
	return ""
}

// Names that guests hand over are copied up to a limit, and a longer one is an error to the guest,
// for which next to nothing is allocated.
func TestLongNames(t *testing.T) {
	const size, most = 1 << 20, 1000
	i := newImage(t, "main-pie", "threads",
		func(c *linker.Config) *linker.Config { return c.WithMaxString(most) })
	errs := i.reexported("env", "dlerror", 0, i32)
	name := i.call(linker.Default, "malloc", size)
	b, ok := i.l.View(uint32(name), size)
	if !ok || name == 0 {
		t.Fatal("there is no memory")
	}
	for k := range b {
		b[k] = 'a'
	}
	too := "linker: string of a guest (bytes): 1001 needed, at most 1000 possible"
	for _, f := range []string{"dlopen", "dlsym"} {
		lib := i.reexported("env", f, 2, i32)
		before := allocated()
		args := map[string][]int32{"dlopen": {name, 2}, "dlsym": {0, name}}[f]
		i.want(0, lib, "call_"+f, args...)
		if used := allocated() - before; used > size/4 {
			t.Errorf("%s: %d bytes were allocated", f, used)
		}
		if got := i.dlError(errs); got != too {
			t.Errorf("%s: %q", f, got)
		}
		b[most] = 0 // now it is as long as a name may be
		i.want(0, lib, "call_"+f, args...)
		if got := i.dlError(errs); got == "" || got == too {
			t.Errorf("%s of a name of %d bytes: %q", f, most, got)
		}
		b[most] = 'a'
	}
	const inval, noexec = 28, 45
	open := i.reexported("wasix_32v1", "dlopen", 8, i32)
	symbol := i.reexported("wasix_32v1", "dlsym", 6, i32)
	before := allocated()
	i.want(inval, open, "call_dlopen", name, size, 2, name, 100, 0, 0, name)
	i.want(inval, open, "call_dlopen", name, 10, 2, name, 100, name, size, name)
	i.want(inval, symbol, "call_dlsym", 0, name, size, name, 100, name)
	if used := allocated() - before; used > size/4 {
		t.Errorf("WASIX: %d bytes were allocated", used)
	}
	i.want(noexec, open, "call_dlopen", name, most, 2, name, 100, 0, 0, name)
}

// A guest has so many handles open at once, and the error is dlerror's. Closing one makes room.
func TestHandleLimit(t *testing.T) {
	i := newImage(t, "main-pie", "threads",
		func(c *linker.Config) *linker.Config { return c.WithMaxHandles(3) })
	open, errs := i.reexported("env", "dlopen", 2, i32), i.reexported("env", "dlerror", 0, i32)
	closes := i.reexported("env", "dlclose", 1, i32)
	name := i.cString("libcounter.wasm")
	var handle int32
	for range 3 {
		if handle = i.call(open, "call_dlopen", name, 2); handle == 0 {
			t.Fatal(i.dlError(errs))
		}
	}
	i.want(0, open, "call_dlopen", name, 2)
	if got := i.dlError(
		errs); got != "linker: handles that guests have open: 4 needed, at most 3 possible" {
		t.Errorf("dlerror: %q", got)
	}
	i.want(0, closes, "call_dlclose", handle)
	i.want(handle, open, "call_dlopen", name, 2)
	for range 3 {
		i.want(0, closes, "call_dlclose", handle)
	}
	i.want(-1, closes, "call_dlclose", handle)
}

// Guests register so many destructors of a library, and in a group; those that are there run.
func TestDestructorLimit(t *testing.T) {
	for _, f := range []string{"__cxa_atexit", "__cxa_thread_atexit"} {
		t.Run(f, func(t *testing.T) {
			i := newImage(t, "main-pie", "threads",
				func(c *linker.Config) *linker.Config { return c.WithMaxDestructors(2) })
			lib := i.reexported("env", f, 3, i32)
			log := int32(i.symbol(linker.Default, "log_append"))
			i.want(0, lib, "call_"+f, log, 1, 0)
			i.want(0, lib, "call_"+f, log, 2, 0)
			i.want(-1, lib, "call_"+f, log, 3, 0)
		})
	}
}

// Go calls function pointers of so many signatures, and guests prepare closures of so many;
// destructors are called nevertheless.
func TestSignatureLimit(t *testing.T) {
	i := newImage(t, "main-pie", "threads",
		func(c *linker.Config) *linker.Config { return c.WithMaxSignatures(2) })
	call := func(params int) error {
		_, err := i.g.CallPointer(i.ctx, 1<<20,
			slices.Repeat([]api.ValueType{api.ValueTypeI64}, params), nil,
			make([]uint64, params)...)
		return err
	}
	full := limited("signatures of function pointers", 2)
	for params, want := range []bool{false, false, true, true} {
		if err := call(params); full(err) != want {
			t.Errorf("%d parameters: %v", params, err)
		}
	}
	if err := call(1); full(err) {
		t.Errorf("a signature that is known: %v", err)
	}
	lib := i.open("dtor")
	if err := i.g.CloseLibrary(i.ctx, lib); err != nil {
		t.Errorf("a library with destructors: %v", err)
	}
}

// Guests prepare so many closures.
func TestPreparedClosureLimit(t *testing.T) {
	const inval, nomem = 28, 48
	i := newImage(t, "main-pie", "threads",
		func(c *linker.Config) *linker.Config { return c.WithMaxTrampolines(1) })
	lib, err := i.g.OpenBytes(i.ctx, "wasix", wasixCall(t))
	if err != nil {
		t.Fatal(err)
	}
	out, types := i.call(linker.Default, "malloc", 4), i.cString("\x00\x01")
	allocate := func() int32 {
		i.want(0, lib, "call_closure_allocate", out)
		return i.call(linker.Default, "peek32", out)
	}
	one, two := allocate(), allocate()
	i.want(0, lib, "call_closure_prepare", 0, one, types, 1, types, 1, 0)
	i.want(0, lib, "call_closure_prepare", 0, one, types, 1, types, 1, 4) // it has one already
	i.want(nomem, lib, "call_closure_prepare", 0, one, types, 2, types, 1, 0)
	i.want(nomem, lib, "call_closure_prepare", 0, two, types, 1, types, 1, 0)
	i.want(inval, lib, "call_closure_prepare", 0, 1, types, 1, types, 1, 0)
}

// A library that is asked for by ever new names is one library, and not all names are kept.
func TestManyNames(t *testing.T) {
	i := newImage(t, "main-pie", "threads",
		func(c *linker.Config) *linker.Config { return c.WithMaxNames(5) })
	for k := range 100 {
		lib, err := i.g.Open(i.ctx, strings.Repeat("./", k)+"threads/libcounter.wasm")
		if err != nil {
			t.Fatal(err)
		}
		i.want(int32(101+k), lib, "counter_next")
	}
	names := slices.DeleteFunc(i.l.Snapshot(i.ctx),
		func(line string) bool { return !strings.HasPrefix(line, "name ") })
	slices.Sort(names)
	if names = slices.Compact(names); len(names) != 6 {
		t.Errorf("names:\n%s", strings.Join(names, "\n"))
	}
}

// Under Untrusted whatever runs while a library is loaded ends with its context: constructors and
// start functions that compute for ever, or wait for what does not come.
func TestUntrusted(t *testing.T) {
	rt := newRuntime(t)
	l, err := linker.New(t.Context(), rt, readFixture(t, "main-pie.wasm"), linker.Untrusted())
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close(t.Context())
	memory := wasm.MemoryType{Limits: wasm.Limits{Max: wasm.MaxPages, HasMax: true}, Shared: true}
	loop := func() *wasm.Code { return new(wasm.Code).Loop().Br(0).End() }
	wait := func() *wasm.Code {
		return new(wasm.Code).I32Const(1024).I32Const(0).I64Const(-1).Raw(0xfe, 0x01, 2, 0).Drop()
	}
	for name, module := range map[string]func(b *wasm.Builder){
		"constructor computes": func(b *wasm.Builder) {
			b.ExportFunc("__wasm_call_ctors", b.Func(b.Type(nil, nil), nil, loop()))
		},
		"constructor waits": func(b *wasm.Builder) {
			b.ImportMemory("env", "memory", memory)
			b.ExportFunc("__wasm_call_ctors", b.Func(b.Type(nil, nil), nil, wait()))
		},
		"start function computes": func(b *wasm.Builder) {
			b.Start(b.Func(b.Type(nil, nil), nil, loop()))
		},
		"start function waits": func(b *wasm.Builder) {
			b.ImportMemory("env", "memory", memory)
			b.Start(b.Func(b.Type(nil, nil), nil, wait()))
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			defer cancel()
			_, err := l.Main().OpenBytes(ctx, name, library(t, dylink.Info{MemorySize: 16}, module))
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Open: %v", err)
			}
			if libs := l.Libraries(); len(libs) > 0 {
				t.Errorf("libraries: %v", libs)
			}
		})
	}
}
