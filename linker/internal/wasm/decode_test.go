package wasm_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// describe lists what was decoded, one item a line.
func describe(m *wasm.Module) []string {
	var s []string
	add := func(format string, args ...any) { s = append(s, fmt.Sprintf(format, args...)) }
	for _, i := range m.Imports {
		switch i.Kind {
		case wasm.KindFunc, wasm.KindTag:
			add("import %s %s: %v %v", i.Module, i.Name, i.Kind, m.Types[i.Type])
		case wasm.KindTable:
			add("import %s %s: %v %v", i.Module, i.Name, i.Kind, i.Table)
		case wasm.KindMemory:
			add("import %s %s: %v %v", i.Module, i.Name, i.Kind, i.Memory)
		case wasm.KindGlobal:
			add("import %s %s: %v %v", i.Module, i.Name, i.Kind, i.Global)
		}
	}
	for i := range m.Funcs {
		t, _ := m.FuncType(uint32(m.Imported(wasm.KindFunc) + i))
		add("func %v", t)
	}
	for _, t := range m.Tables {
		add("table %v %v", t.Type, t.Init)
	}
	for _, t := range m.Memories {
		add("memory %v", t)
	}
	for i := range m.Tags {
		t, _ := m.TagType(uint32(m.Imported(wasm.KindTag) + i))
		add("tag %v", t)
	}
	for _, g := range m.Globals {
		add("global %v = %v", g.Type, g.Init)
	}
	for _, e := range m.Exports {
		add("export %s: %v %d", e.Name, e.Kind, e.Index)
	}
	if m.HasStart {
		add("start %d", m.Start)
	}
	for _, e := range m.Elements {
		line := fmt.Sprintf("elements %v %d (%v) %v:", e.Mode, e.Table, e.Offset, e.Type)
		for i := range e.Len() {
			if f, ok := e.Func(i); ok {
				line += fmt.Sprintf(" %d", f)
			} else {
				line += fmt.Sprintf(" <%v>", e.Exprs[i])
			}
		}
		add("%s", line)
	}
	if m.HasDataCount {
		add("data count %d", m.DataCount)
	}
	for _, d := range m.Data {
		add("data %v %d (%v) %q", d.Mode, d.Memory, d.Offset, d.Bytes)
	}
	for _, c := range m.Customs {
		add("custom %s %x", c.Name, c.Payload)
	}
	return s
}

func TestDecodeEverything(t *testing.T) {
	want := []string{
		`import env f: func () -> (i32)`,
		`import env t: table funcref, min 4`,
		`import env base: global i32`,
		`import env sp: global mut i32`,
		`import env tag: tag (i32) -> ()`,
		`func () -> (i32)`,
		`func () -> ()`,
		`table externref, min 1, max 2 `,
		`memory min 1, max 2`,
		`tag (i32) -> ()`,
		`global i32 = global.get 0; i32.const 8; i32.add`,
		`global mut i64 = i64.const -1`,
		`global f32 = f32.const 1.5`,
		`global f64 = f64.const -2.5`,
		`global v128 = v128.const`,
		`global funcref = ref.func 1`,
		`global externref = ref.null externref`,
		`export main: func 1`,
		`export own: table 1`,
		`export memory: memory 0`,
		`export base: global 0`,
		`export tag: tag 1`,
		`start 2`,
		`elements active 0 (global.get 0) funcref: 1 0`,
		`elements passive 0 () funcref: 1`,
		`elements active 1 (global.get 0) externref: <ref.null externref>`,
		`elements declarative 0 () funcref: 2`,
		`elements active 0 (global.get 0) funcref: 1 <ref.null funcref>`,
		`elements passive 0 () funcref: 0`,
		`elements declarative 0 () funcref: 0`,
		`data count 2`,
		`data active 0 (global.get 0) "active"`,
		`data passive 0 () "passive"`,
		`custom first 0102`,
		`custom last 03`,
	}
	file := everything(t)
	got := describe(decode(t, file))
	if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
		t.Fatalf("got:\n%s\nwant:\n%s", g, w)
	}
	_, r := newRuntime(t)
	if _, err := r.CompileModule(t.Context(), file); err != nil {
		t.Fatalf("the engine refuses what was decoded: %v", err)
	}
}

func TestModuleLookups(t *testing.T) {
	file := everything(t)
	m := decode(t, file)
	for kind, want := range map[wasm.Kind][2]int{
		wasm.KindFunc: {1, 3}, wasm.KindTable: {1, 2}, wasm.KindMemory: {0, 1},
		wasm.KindGlobal: {2, 9}, wasm.KindTag: {1, 2}, wasm.Kind(9): {0, 0},
	} {
		if m.Imported(kind) != want[0] || m.Count(kind) != want[1] {
			t.Errorf("%v: %d imported of %d, want %v", kind, m.Imported(kind), m.Count(kind), want)
		}
	}
	if f, ok := m.FuncType(0); !ok || f.String() != "() -> (i32)" {
		t.Errorf("imported function: %v %v", f, ok)
	}
	if f, ok := m.TagType(0); !ok || f.String() != "(i32) -> ()" {
		t.Errorf("imported tag: %v %v", f, ok)
	}
	if f, ok := m.TableType(0); !ok || f.Elem != wasm.FuncRef {
		t.Errorf("imported table: %v %v", f, ok)
	}
	if f, ok := m.TableType(1); !ok || f.Elem != wasm.ExternRef {
		t.Errorf("own table: %v %v", f, ok)
	}
	if f, ok := m.MemoryType(0); !ok || f.Min != 1 {
		t.Errorf("memory: %v %v", f, ok)
	}
	if g, ok := m.GlobalType(1); !ok || !g.Mutable {
		t.Errorf("imported global: %v %v", g, ok)
	}
	if g, ok := m.GlobalType(3); !ok || g.String() != "mut i64" {
		t.Errorf("own global: %v %v", g, ok)
	}
	const beyond = 1 << 31
	_, f := m.FuncType(beyond)
	_, tb := m.TableType(beyond)
	_, mem := m.MemoryType(beyond)
	_, g := m.GlobalType(beyond)
	_, tag := m.TagType(beyond)
	if f || tb || mem || g || tag {
		t.Error("an index beyond the end has a type")
	}
	if imp, ok := m.ImportOf(wasm.KindGlobal, 1); !ok || imp.Name != "sp" {
		t.Errorf("import behind global 1: %v %v", imp, ok)
	}
	if _, ok := m.ImportOf(wasm.KindFunc, 1); ok {
		t.Error("a definition has an import")
	}
	if e, ok := m.ExportByName("own"); !ok || e.Kind != wasm.KindTable || e.Index != 1 {
		t.Errorf("export: %v %v", e, ok)
	}
	if _, ok := m.ExportByName("nobody"); ok {
		t.Error("an export that is not there")
	}
	c, ok := m.Custom("first")
	if !ok || !bytes.Equal(file[c.Offset:c.Offset+len(c.Payload)], []byte{1, 2}) {
		t.Errorf("custom section: %v %v", c, ok)
	}
	if _, ok := m.Custom("nothing"); ok {
		t.Error("a custom section that is not there")
	}
	s, ok := m.Section(wasm.SectionTag)
	if !ok || file[s.Offset] != byte(wasm.SectionTag) || s.Payload >= s.End {
		t.Errorf("tag section: %+v %v", s, ok)
	}
	if _, ok := decode(t, module()).Section(wasm.SectionCode); ok {
		t.Error("an empty module has a code section")
	}
	d := m.Data[0]
	if at := bytes.Index(file, d.Bytes); &d.Bytes[0] != &file[at] {
		t.Error("data was copied")
	}
}

func TestFuncTypeKeys(t *testing.T) {
	a := wasm.FuncType{Params: i32, Results: i32}
	b := wasm.FuncType{Params: twoI32}
	c := wasm.FuncType{Results: twoI32}
	if a.Key() == b.Key() || b.Key() == c.Key() || a.Equal(c) {
		t.Error("different signatures have one key")
	}
	if !a.Equal(wasm.FuncType{Params: []wasm.ValType{wasm.I32},
		Results: []wasm.ValType{wasm.I32}}) {
		t.Error("equal signatures differ")
	}
	if s := (wasm.FuncType{Params: []wasm.ValType{wasm.I32, wasm.I64},
		Results: []wasm.ValType{wasm.F32}}).String(); s != "(i32, i64) -> (f32)" {
		t.Error(s)
	}
}

// TestDecodeAccepts feeds hand-written forms that the builder does not write.
func TestDecodeAccepts(t *testing.T) {
	tests := []struct {
		name string
		in   []byte
		want string // the last line of its description
	}{
		{"padded size", module([]byte{5, 0x83, 0, 1, 0, 1}), "memory min 1"},
		{"funcref spelled out", module(section(4, 1, 0x63, 0x70, 0, 1)), "table funcref, min 1 "},
		{"exnref null", module(section(6, 1, 0x69, 0, 0xd0, 0x69, 0x0b)),
			"global exnref = ref.null exnref"},
		{"table with initial value", module(section(4, 1, 0x40, 0, 0x70, 0, 1, 0xd0, 0x70, 0x0b)),
			"table funcref, min 1 ref.null funcref"},
		{"explicit table",
			module(section(4, 1, 0x70, 0, 1), section(9, 1, 2, 0, 0x41, 0, 0x0b, 0, 0)),
			"elements active 0 (i32.const 0) funcref:"},
		{"explicit memory",
			module(section(5, 1, 0, 1), section(11, 1, 2, 0, 0x41, 3, 0x0b, 1, 'x')),
			`data active 0 (i32.const 3) "x"`},
		{"empty sections", module(section(1, 0), section(2, 0), section(10, 0)), ""},
		{"shared", module(section(5, 1, 3, 1, 2)), "memory min 1, max 2, shared"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			lines := describe(decode(t, tt.in))
			got := ""
			if len(lines) > 0 {
				got = lines[len(lines)-1]
			}
			if got != tt.want {
				t.Fatalf("got %q, want %q", got, tt.want)
			}
		})
	}
}
