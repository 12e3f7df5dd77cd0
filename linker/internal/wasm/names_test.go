package wasm_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker/internal/leb"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// named returns a library of two functions with custom sections behind it.
func named(customs ...[]byte) []byte {
	var b wasm.Builder
	t := b.Type(nil, nil)
	b.Func(t, nil, nil)
	b.ExportFunc("f", b.Func(t, nil, new(wasm.Code).Unreachable()))
	return slices.Concat(append([][]byte{b.Encode()}, customs...)...)
}

// custom returns a custom section.
func custom(name string, payload ...byte) []byte {
	return section(wasm.SectionCustom, append(leb.AppendName(nil, name), payload...)...)
}

// TestRewriteNames: whatever a name section and other custom sections hold, the module is rewritten
// to one that the engine takes, with the names that can be understood.
func TestRewriteNames(t *testing.T) {
	huge := []byte{0xff, 0xff, 0xff, 0xff, 0x0f}
	long := strings.Repeat("é", 1000)
	for _, tt := range []struct {
		name    string
		customs [][]byte
		want    string // the payload of the name section, "" if there is none
	}{
		{"none", nil, ""},
		{"an empty section", [][]byte{custom("")}, ""},
		{"an empty section of names", [][]byte{custom("name")}, ""},
		{"another section without payload", [][]byte{custom("marker")}, ""},
		{"debugging without payload", [][]byte{custom(".debug_info")}, ""},
		{"a module's name", [][]byte{custom("name", 0, 2, 1, 'm')}, "\x00\x02\x01m"},
		{"functions", [][]byte{custom("name", 1, 7, 2, 0, 1, 'a', 1, 1, 'b')},
			"\x01\x07\x02\x00\x01a\x01\x01b"},
		{"Latin-1", [][]byte{custom("name", 1, 7, 1, 1, 4, 'c', 'a', 'f', 0xe9)},
			"\x01\x09\x01\x01\x06caf\ufffd"},
		{"a function twice", [][]byte{custom("name", 1, 7, 2, 1, 1, 'a', 1, 1, 'b')},
			"\x01\x04\x01\x01\x01a"},
		{"functions that are not there", [][]byte{custom("name", 1, 7, 2, 0, 1, 'a', 2, 1, 'b')},
			"\x01\x04\x01\x00\x01a"},
		{"locals and globals", [][]byte{custom("name", 2, 1, 0, 7, 4, 1, 0, 1, 'g')}, ""},
		{"a second one", [][]byte{custom("name", 0, 2, 1, 'm'), custom("name", 0, 2, 1, 'n')},
			"\x00\x02\x01m"},
		{"an end within a name", [][]byte{custom("name", 1, 6, 2, 0, 1, 'a', 1, 9)},
			"\x01\x04\x01\x00\x01a"},
		{"an end within a subsection", [][]byte{custom("name", 0, 2, 1, 'm', 1, 9, 1)},
			"\x00\x02\x01m"},
		{"an end within a size", [][]byte{custom("name", 0, 2, 1, 'm', 1, 0x80)}, "\x00\x02\x01m"},
		{"many functions", [][]byte{custom("name", slices.Concat([]byte{1, 5}, huge)...)}, ""},
		{"many locals", [][]byte{custom("name", slices.Concat([]byte{2, 7, 1, 0}, huge)...)}, ""},
		{"a long name", [][]byte{custom("name",
			slices.Concat([]byte{0}, leb.AppendBytes(nil, leb.AppendName(nil, long)))...)},
			"\x00\x82\x08\x80\x08" + long[:1024]},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := named(tt.customs...)
			out := rewrite(t, file, wasm.RewriteOptions{}) // compiles it, too
			m := decode(t, out)
			if c, ok := m.Custom("name"); string(c.Payload) != tt.want || ok != (tt.want != "") {
				t.Errorf("names %q, want %q", c.Payload, tt.want)
			}
			if len(m.Customs) > 1 || tt.want == "" && len(m.Customs) > 0 {
				t.Errorf("%d custom sections", len(m.Customs))
			}
		})
	}
}

// TestRewriteKeepsNames: the engine's stack trace has the names of the functions, also when a
// table of hooks was added.
func TestRewriteKeepsNames(t *testing.T) {
	var b wasm.Builder
	void := b.Type(nil, nil)
	inner := b.Func(void, nil, new(wasm.Code).Unreachable())
	b.ExportFunc("f", b.Func(void, nil, new(wasm.Code).Call(inner)))
	b.Custom("name", []byte{1, 15, 2, 0, 5, 'i', 'n', 'n', 'e', 'r', 1, 5, 'o', 'u', 't', 'e', 'r'})
	file := build(t, &b)
	ctx, r := newRuntime(t)
	var count wasm.Builder
	count.ExportGlobal("count", count.Global(wasm.I32, true, wasm.ConstI32(1<<30)))
	instantiate(t, ctx, r, "polls", build(t, &count))
	for i, opt := range []wasm.RewriteOptions{{},
		{Safepoints: &wasm.Safepoints{Module: "polls", Name: "count", Export: "hooks"}}} {
		inst := instantiate(t, ctx, r, fmt.Sprint(i), rewrite(t, file, opt))
		_, err := inst.ExportedFunction("f").Call(ctx)
		if err == nil || !strings.Contains(err.Error(), ".inner()") ||
			!strings.Contains(err.Error(), ".outer()") {
			t.Errorf("%+v: %v", opt, err)
		}
	}
}

// TestRewriteDebug: what debuggers read is kept for code that stays where it is.
func TestRewriteDebug(t *testing.T) {
	file := named(custom(".debug_info", 1, 2), custom(".debug_line", 3),
		custom("sourceMappingURL", 1, 'x'))
	m := decode(t, rewrite(t, file, wasm.RewriteOptions{}))
	if len(m.Customs) != 2 || m.Customs[0].Name != ".debug_info" ||
		string(m.Customs[1].Payload) != "\x03" {
		t.Errorf("%v", m.Customs)
	}
}
