package wasm_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// rewrite rewrites a module and checks that the engine takes the result.
func rewrite(t testing.TB, file []byte, opt wasm.RewriteOptions) []byte {
	t.Helper()
	before := bytes.Clone(file)
	opt.EmptyData = true
	done, err := wasm.Rewrite(file, decode(t, file), opt)
	if err != nil {
		t.Fatal(err)
	}
	out := done.Bytes
	if !bytes.Equal(before, file) {
		t.Fatal("the input was changed")
	}
	decode(t, out)
	ctx, r := newRuntime(t)
	if _, err := r.CompileModule(ctx, out); err != nil {
		t.Fatalf("the engine refuses the result: %v", err)
	}
	return out
}

// program returns a module with a memory, data, a table, a start function and exports:
// peek(address) reads a byte, started() tells whether the start function ran, grow(n) grows
// the table, init(to, from, n) copies from the active segment, passive(to, from, n) from the
// passive one.
func program(t testing.TB, withInit bool) []byte {
	t.Helper()
	code := func() *wasm.Code { return new(wasm.Code) }
	var b wasm.Builder
	void, one, three := b.Type(nil, nil), b.Type(i32, i32), b.Type(threeI32, nil)
	table := b.Table(wasm.TableType{Elem: wasm.FuncRef,
		Limits: wasm.Limits{Min: 1, Max: 2, HasMax: true}})
	memory := b.Memory(1, 3, false)
	flag := b.Global(wasm.I32, true, wasm.ConstI32(0))
	b.ExportGlobal("started", flag)
	b.ExportMemory("memory", memory)
	b.ExportFunc("peek", b.Func(one, nil, code().LocalGet(0).I32Load8U(0)))
	b.ExportFunc("grow",
		b.Func(one, nil, code().RefNull(wasm.FuncRef).LocalGet(0).TableGrow(table)))
	b.Start(b.Func(void, nil, code().GlobalGet(flag).I32Const(1).I32Add().GlobalSet(flag)))
	b.ActiveData(wasm.ConstI32(100), []byte("active"))
	b.PassiveData([]byte("passive"))
	if withInit {
		args := func() *wasm.Code { return code().LocalGet(0).LocalGet(1).LocalGet(2) }
		b.ExportFunc("init", b.Func(three, nil, args().MemoryInit(0)))
		b.ExportFunc("passive", b.Func(three, nil, args().MemoryInit(1)))
	}
	return build(t, &b)
}

// memoryModule returns a module that exports a memory.
func memoryModule(t testing.TB, min, max uint32) []byte {
	t.Helper()
	var b wasm.Builder
	b.ExportMemory("memory", b.Memory(min, max, false))
	return build(t, &b)
}

func TestRewriteNothing(t *testing.T) {
	var b wasm.Builder
	b.Table(wasm.TableType{Elem: wasm.FuncRef, Limits: wasm.Limits{Min: 1}})
	b.PassiveData([]byte("passive"))
	for name, file := range map[string][]byte{
		"empty":       module(),
		"passive":     build(t, &b),
		"padded size": module([]byte{5, 0x83, 0, 1, 0, 1}),
	} {
		t.Run(name, func(t *testing.T) {
			all := wasm.RewriteOptions{ExportStart: "start"}
			if out := rewrite(t, file, all); !bytes.Equal(out, file) {
				t.Fatalf("%x became %x", file, out)
			}
		})
	}
}

func TestRewriteData(t *testing.T) {
	ctx, r := newRuntime(t)
	file := program(t, true)
	out := rewrite(t, file, wasm.RewriteOptions{})
	before := instantiate(t, ctx, r, "before", file)
	after := instantiate(t, ctx, r, "after", out)
	if got := call(t, ctx, before, "peek", 100); got != 'a' {
		t.Fatalf("before: %q", rune(got))
	}
	if got := call(t, ctx, after, "peek", 100); got != 0 {
		t.Fatalf("after: the data was written: %q", rune(got))
	}
	call(t, ctx, after, "passive", 200, 0, 7)
	if got := call(t, ctx, after, "peek", 206); got != 'e' {
		t.Fatalf("the passive segment changed: %q", rune(got))
	}
	// An active segment counts as dropped: only nothing can be copied from it.
	call(t, ctx, after, "init", 0, 0, 0)
	if _, err := after.ExportedFunction("init").Call(ctx, 0, 0, 1); err == nil {
		t.Fatal("the emptied segment holds something")
	}
	if got := after.ExportedGlobal("started").Get(); got != 1 {
		t.Fatalf("the start function ran %d times", got)
	}
	sameSections(t, file, out, wasm.SectionData)
}

// TestRewriteDataWithoutCount has passive segments afterwards, but no data count section.
func TestRewriteDataWithoutCount(t *testing.T) {
	file := program(t, false)
	if decode(t, file).HasDataCount {
		t.Fatal("there is a data count section")
	}
	out := rewrite(t, file, wasm.RewriteOptions{})
	m := decode(t, out)
	if m.HasDataCount || m.Data[0].Mode != wasm.Passive || len(m.Data[0].Bytes) != 0 ||
		string(m.Data[1].Bytes) != "passive" {
		t.Fatalf("%+v", m.Data)
	}
}

func TestRewriteMemory(t *testing.T) {
	limits := wasm.MemoryType{Limits: wasm.Limits{Min: 2, Max: 8, HasMax: true}}
	opt := wasm.RewriteOptions{ImportMemory: &wasm.MemoryImport{Module: "host", Name: "memory",
		Type: limits}}
	other := func() *wasm.Builder {
		var b wasm.Builder
		b.ImportGlobal("host2", "g", wasm.GlobalType{Type: wasm.I32})
		b.ExportMemory("memory", b.Memory(1, 3, false))
		return &b
	}
	for name, file := range map[string][]byte{"no imports": program(t, true),
		"other imports": build(t, other())} {
		t.Run(name, func(t *testing.T) {
			ctx, r := newRuntime(t)
			out := rewrite(t, file, opt)
			m := decode(t, out)
			if len(m.Memories) != 0 || m.Imported(wasm.KindMemory) != 1 {
				t.Fatalf("%d memories, %d imported", len(m.Memories), m.Imported(wasm.KindMemory))
			}
			if got, _ := m.MemoryType(0); got != limits {
				t.Fatalf("limits %v, want %v", got, limits)
			}
			host := instantiate(t, ctx, r, "host", memoryModule(t, 2, 8))
			if name == "other imports" {
				var b wasm.Builder
				b.ExportGlobal("g", b.Global(wasm.I32, false, wasm.ConstI32(1)))
				instantiate(t, ctx, r, "host2", build(t, &b))
			}
			inst := instantiate(t, ctx, r, "", out)
			host.Memory().WriteByte(7, 'h')
			if got, ok := inst.ExportedMemory("memory").ReadByte(7); !ok || got != 'h' {
				t.Fatalf("the exported memory is another one: %q", got)
			}
			sameSections(t, file, out, wasm.SectionImport, wasm.SectionMemory, wasm.SectionData)
		})
	}
}

func TestRewriteStart(t *testing.T) {
	var bare wasm.Builder // without exports
	bare.Start(bare.Func(bare.Type(nil, nil), nil, nil))
	bare.CustomFirst("dylink.0", []byte{1})
	bare.Custom("last", []byte{2})
	for name, file := range map[string][]byte{"exports": program(t, true),
		"no exports": build(t, &bare)} {
		t.Run(name, func(t *testing.T) {
			ctx, r := newRuntime(t)
			out := rewrite(t, file, wasm.RewriteOptions{ExportStart: "__start"})
			m, was := decode(t, out), decode(t, file)
			e, ok := m.ExportByName("__start")
			if m.HasStart || !ok || e.Kind != wasm.KindFunc || e.Index != was.Start {
				t.Fatalf("start %v, export %+v %v", m.HasStart, e, ok)
			}
			if len(m.Exports) != len(was.Exports)+1 {
				t.Fatalf("%d exports, there were %d", len(m.Exports), len(was.Exports))
			}
			inst := instantiate(t, ctx, r, "", out)
			if g := inst.ExportedGlobal("started"); g != nil && g.Get() != 0 {
				t.Fatal("the start function ran")
			}
			call(t, ctx, inst, "__start")
			if g := inst.ExportedGlobal("started"); g != nil && g.Get() != 1 {
				t.Fatal("the exported start function did nothing")
			}
			sameSections(t, file, out, wasm.SectionExport, wasm.SectionStart, wasm.SectionData)
		})
	}
}

// TestRewriteSharedInstances is what all this is for: instances that share a memory and do
// not overwrite what was changed in it.
func TestRewriteSharedInstances(t *testing.T) {
	ctx, r := newRuntime(t)
	opt := wasm.RewriteOptions{
		ImportMemory: &wasm.MemoryImport{Module: "host", Name: "memory",
			Type: wasm.MemoryType{Limits: wasm.Limits{Min: 1, Max: 3, HasMax: true}}},
		ExportStart: "__start",
	}
	file := program(t, true)
	out := rewrite(t, file, opt)
	host := instantiate(t, ctx, r, "host", memoryModule(t, 1, 3))
	for _, d := range decode(t, file).Data {
		if d.Mode == wasm.Active {
			at, err := d.Offset.Eval(nil)
			if err != nil || !host.Memory().Write(uint32(at), d.Bytes) {
				t.Fatal(at, err)
			}
		}
	}
	for i := range 3 {
		inst := instantiate(t, ctx, r, "", out)
		if got := call(t, ctx, inst, "peek", 100); got != uint64('a'+i) {
			t.Fatalf("instance %d reads %q", i, rune(got))
		}
		inst.ExportedMemory("memory").WriteByte(100, byte('a'+i+1))
	}
	sameSections(t, file, out, wasm.SectionImport, wasm.SectionMemory,
		wasm.SectionExport, wasm.SectionStart, wasm.SectionData)
}

// sameSections checks that all sections but custom ones and the given ones are the same bytes.
func sameSections(t testing.TB, before, after []byte, changed ...wasm.SectionID) {
	t.Helper()
	rest := func(file []byte) []byte {
		var b []byte
		for _, s := range decode(t, file).Sections {
			if s.ID != wasm.SectionCustom && !bytes.ContainsRune(ids(changed), rune(s.ID)) {
				b = append(b, file[s.Offset:s.End]...)
			}
		}
		return b
	}
	if !bytes.Equal(rest(before), rest(after)) {
		t.Fatalf("sections other than %v changed", changed)
	}
}

func ids(list []wasm.SectionID) []byte {
	b := make([]byte, len(list))
	for i, id := range list {
		b[i] = byte(id)
	}
	return b
}

func TestRewriteErrors(t *testing.T) {
	memory := func(limits wasm.Limits, shared bool) wasm.RewriteOptions {
		return wasm.RewriteOptions{ImportMemory: &wasm.MemoryImport{Module: "env", Name: "memory",
			Type: wasm.MemoryType{Limits: limits, Shared: shared}}}
	}
	file := program(t, true)
	tests := []struct {
		name     string
		in, from []byte
		opt      wasm.RewriteOptions
		want     string
	}{
		{"no memory", module(), module(), memory(wasm.Limits{}, false),
			`"env" "memory": the module defines 0 memories`},
		{"maximum below minimum", file, file,
			memory(wasm.Limits{Min: 2, Max: 1, HasMax: true}, false), "impossible limits"},
		{"too big", file, file, memory(wasm.Limits{Min: 65537}, false), "impossible limits"},
		{"shared without maximum", file, file, memory(wasm.Limits{Min: 1}, true),
			"impossible limits"},
		{"import name", file, file,
			wasm.RewriteOptions{ImportMemory: &wasm.MemoryImport{Module: "\xff"}}, "not UTF-8"},
		{"export name", file, file, wasm.RewriteOptions{ExportStart: "\xff"}, "not UTF-8"},
		{"export taken", file, file, wasm.RewriteOptions{ExportStart: "peek"},
			`export "peek" is taken`},
		{"other bytes", file[:len(file)-1], file, wasm.RewriteOptions{},
			"not those that were decoded"},
		{"more bytes", append(bytes.Clone(file), 0), file, wasm.RewriteOptions{},
			"not those that were decoded"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := wasm.Rewrite(tt.in, decode(t, tt.from), tt.opt)
			var re *wasm.RewriteError
			if !errors.As(err, &re) || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("%v, want a RewriteError with %q", err, tt.want)
			}
		})
	}
}

// TestRewriteEverything runs all options over the module that has everything.
func TestRewriteEverything(t *testing.T) {
	out := rewrite(t, everything(t), wasm.RewriteOptions{
		ImportMemory: &wasm.MemoryImport{Module: "env", Name: "memory",
			Type: wasm.MemoryType{Limits: wasm.Limits{Min: 1, Max: 2, HasMax: true}, Shared: true}},
		ExportStart: "start",
	})
	got := strings.Join(describe(decode(t, out)), "\n")
	for _, want := range []string{
		"import env memory: memory min 1, max 2, shared", "export start: func 2",
		"export memory: memory 0", `data passive 0 () ""`, `data passive 0 () "passive"`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in:\n%s", want, got)
		}
	}
	for _, gone := range []string{"\nmemory", "\nstart", "data active", "custom"} {
		if strings.Contains(got, gone) {
			t.Errorf("%q is left in:\n%s", gone, got)
		}
	}
}

// TestBridgeOverInstances builds the kind of module that the linker will: it imports from one
// instance, exports under other names, and puts functions in a table from a passive segment.
func TestBridgeOverInstances(t *testing.T) {
	ctx, r := newRuntime(t)
	var lib wasm.Builder
	get := lib.Type(nil, i32)
	lib.ExportFunc("one", lib.Func(get, nil, new(wasm.Code).I32Const(1)))
	lib.ExportFunc("two", lib.Func(get, nil, new(wasm.Code).I32Const(2)))
	lib.ExportTable("table",
		lib.Table(wasm.TableType{Elem: wasm.FuncRef, Limits: wasm.Limits{Min: 4}}))
	instantiate(t, ctx, r, "lib", build(t, &lib))

	var b wasm.Builder
	get = b.Type(nil, i32)
	one, two := b.ImportFunc("lib", "one", get), b.ImportFunc("lib", "two", get)
	table := b.ImportTable("lib", "table", wasm.TableType{Elem: wasm.FuncRef})
	seg := b.PassiveFuncs(one, two)
	b.ExportFunc("put", b.Func(b.Type(twoI32, nil), nil,
		new(wasm.Code).LocalGet(0).LocalGet(1).I32Const(1).TableInit(seg, table)))
	b.ExportFunc("call",
		b.Func(b.Type(i32, i32), nil, new(wasm.Code).LocalGet(0).CallIndirect(get, table)))
	b.ExportFunc("renamed", two)
	inst := instantiate(t, ctx, r, "", build(t, &b))
	call(t, ctx, inst, "put", 3, 1)
	call(t, ctx, inst, "put", 2, 0)
	for name, got := range map[string]uint64{"slot 3": call(t, ctx, inst, "call", 3),
		"renamed": call(t, ctx, inst, "renamed")} {
		if got != 2 {
			t.Errorf("%s: %d, want 2", name, got)
		}
	}
	if got := call(t, ctx, inst, "call", 2); got != 1 {
		t.Errorf("slot 2: %d, want 1", got)
	}
}

// Imports from other namespaces are the same imports, and all else is as it was.
func TestRewriteNamespaces(t *testing.T) {
	var b wasm.Builder
	f := b.ImportFunc("env", "f", b.Type(nil, []wasm.ValType{wasm.I32}))
	b.ImportFunc("env", "g", b.Type([]wasm.ValType{wasm.I64}, nil))
	b.ImportGlobal("env", "base", wasm.GlobalType{Type: wasm.I32})
	b.ImportTable("env", "table", wasm.TableType{Elem: wasm.FuncRef})
	b.ExportFunc("call", b.Func(b.Type(nil, []wasm.ValType{wasm.I32}), nil,
		new(wasm.Code).Call(f)))
	b.Memory(1, 2, false)
	file := build(t, &b)
	out := rewrite(t, file, wasm.RewriteOptions{
		ImportMemory: &wasm.MemoryImport{Module: "host", Name: "memory",
			Type: wasm.MemoryType{Limits: wasm.Limits{Min: 1, Max: 2, HasMax: true}}},
		Namespace: func(x *wasm.Import) string {
			if x.Kind == wasm.KindFunc {
				return "part:" + x.Name
			}
			return x.Module
		}})
	was, is := decode(t, file).Imports, decode(t, out).Imports
	if len(is) != len(was)+1 || is[len(was)].Name != "memory" {
		t.Fatalf("imports %+v", is)
	}
	for i, want := range []string{"part:f", "part:g", "env", "env"} {
		got := is[i]
		if got.Module != want {
			t.Errorf("%s is imported from %s", got.Name, got.Module)
		}
		if got.Module = was[i].Module; got != was[i] {
			t.Errorf("import %d is %+v, was %+v", i, got, was[i])
		}
	}
	sameSections(t, file, out, wasm.SectionImport, wasm.SectionMemory)
}
