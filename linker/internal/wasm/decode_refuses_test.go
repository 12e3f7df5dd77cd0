package wasm_test

import (
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker/internal/leb"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// TestDecodeErrors feeds hand-written sections that are wrong in one way each.
func TestDecodeErrors(t *testing.T) {
	sec := section
	types := sec(1, 2, 0x60, 0, 0, 0x60, 1, 0x7f, 1, 0x7f) // () -> (), (i32) -> (i32)
	funcs := sec(3, 2, 0, 1)
	code := sec(10, 2, 2, 0, 0x0b, 4, 0, 0x20, 0, 0x0b)
	table := sec(4, 1, 0x70, 0, 1)
	memory := sec(5, 1, 0, 1)
	huge := []byte{0xff, 0xff, 0xff, 0xff, 0x0f}
	none := errors.New("none") // for errors without a cause
	tests := []struct {
		name    string
		in      []byte
		section string
		offset  int // -1: not checked
		reason  string
		cause   error
	}{
		{"empty file", nil, "", 0, "not a WebAssembly module", wasm.ErrNotModule},
		{"other file", []byte("\x7fELF...."), "", 0, "not a", wasm.ErrNotModule},
		{"no version", []byte("\x00asm\x01"), "", 5, "version", leb.ErrTruncated},
		{"version 2", []byte("\x00asm\x02\x00\x00\x00"), "", 4, "unsupported", wasm.ErrVersion},
		{"component", []byte("\x00asm\x0d\x00\x01\x00"), "", 4, "component", wasm.ErrVersion},
		{"section without size", module([]byte{1}), "type", 9, "section size", leb.ErrTruncated},
		{"section too long", module([]byte{1, 5, 0}), "type", 10, "5 bytes wanted, 1 left",
			leb.ErrTruncated},
		{"unknown section", module(sec(14)), "unknown", 8, "14 is unknown", none},
		{"section twice", module(types, types), "type", 19, "repeated", none},
		{"wrong order", module(memory, table), "table", 13, "out of order", none},
		{"tag after global", module(types, sec(6, 0), sec(13, 0)), "tag", -1, "out of order", none},
		{"data count after code", module(sec(10, 0), sec(12, 0)), "data count", -1, "out of order",
			none},
		{"bytes left over", module(sec(1, 0, 9)), "type", 11, "1 bytes left over", none},
		{"hostile count", module(sec(1, huge...)), "type", 10, "cannot fit", leb.ErrTruncated},
		{"integer too long", module(sec(1, 0x80, 0x80, 0x80, 0x80, 0x80, 0)), "type", 10,
			"too long", leb.ErrOverlong},
		{"type form", module(sec(1, 1, 0x40, 0, 0)), "type", 11, "0x40 is unknown", none},
		{"struct type", module(sec(1, 1, 0x5f, 0, 0)), "type", 11, "unsupported",
			wasm.ErrUnsupported},
		{"value type", module(sec(1, 1, 0x60, 1, 0x01, 0)), "type", 13, "0x1 is unknown", none},
		{"typed reference", module(sec(1, 1, 0x60, 1, 0x63, 0, 0)), "type", 14, "heap type 0",
			wasm.ErrUnsupported},
		{"non-null reference", module(sec(1, 1, 0x60, 1, 0x64, 0x70, 0)), "type", 13,
			"cannot be null", wasm.ErrUnsupported},
		{"hostile parameters", module(sec(1, append([]byte{1, 0x60}, huge...)...)), "type", 12,
			"cannot fit", leb.ErrTruncated},
		{"custom name", module(sec(0, 2, 0xff, 0xfe)), "custom", 11, "UTF-8", leb.ErrUTF8},
		{"custom name too long", module(sec(0, 9, 'a')), "custom", 11, "name", leb.ErrTruncated},
		{"import name", module(sec(2, 1, 1, 0xc0, 1, 'f', 0, 0)), "import", 12, "UTF-8",
			leb.ErrUTF8},
		{"import kind", module(sec(2, 1, 1, 'm', 1, 'f', 5)), "import", 15, `"m" "f": kind 5`,
			none},
		{"import type", module(types, sec(2, 1, 1, 'm', 0, 0, 2)), "import", -1, "type 2 of 2",
			none},
		{"import tag attribute", module(types, sec(2, 1, 1, 'm', 0, 4, 1, 0)), "import", -1,
			"attribute 0x1", none},
		{"import of no module", module(types, sec(2, 1, 0, 0, 0, 0)), "import", 22,
			"module name is empty", wasm.ErrUnsupported},
		{"function type", module(types, sec(3, 1, 7)), "function", -1, "type 7 of 2", none},
		{"table type", module(sec(4, 1, 0x7f, 0, 0)), "table", 11, "i32 is not a reference", none},
		{"table shared", module(sec(4, 1, 0x70, 3, 0, 1)), "table", -1, "shared",
			wasm.ErrUnsupported},
		{"table limits", module(sec(4, 1, 0x70, 1, 2, 1)), "table", 12, "below the minimum", none},
		{"table form", module(sec(4, 1, 0x40, 1, 0x70, 0, 0)), "table", 11, "form 0x1", none},
		{"memory64", module(sec(5, 1, 4, 1)), "memory", 11, "64-bit", wasm.ErrUnsupported},
		{"memory flags", module(sec(5, 1, 8, 1)), "memory", 11, "flags 0x8", none},
		{"memory too big", module(sec(5, 1, 0, 0x81, 0x80, 0x04)), "memory", 11, "exceed 65536",
			none},
		{"memory shared", module(sec(5, 1, 2, 1)), "memory", 11, "without a maximum", none},
		{"tag with results", module(types, sec(13, 1, 0, 1)), "tag", -1, "has results", none},
		{"mutability", module(sec(6, 1, 0x7f, 2, 0x41, 0, 0x0b)), "global", 12, "mutability 0x2",
			none},
		{"global type", module(sec(6, 1, 0x7e, 0, 0x41, 0, 0x0b)), "global", 13,
			"gives i32, not i64", none},
		{"global of itself", module(sec(6, 1, 0x7f, 0, 0x23, 0, 0x0b)), "global", 13,
			"global 0 of 0", none},
		{"global of mutable", module(sec(6, 2, 0x7f, 1, 0x41, 0, 0x0b, 0x7f, 0, 0x23, 0, 0x0b)),
			"global", -1, "mutable", none},
		{"empty expression", module(sec(6, 1, 0x7f, 0, 0x0b, 0)), "global", 13, "0 values", none},
		{"two values", module(sec(6, 1, 0x7f, 0, 0x41, 0, 0x41, 0, 0x0b)), "global", 13, "2 values",
			none},
		{"lone add", module(sec(6, 1, 0x7f, 0, 0x41, 0, 0x6a, 0x0b)), "global", 15,
			"i32.add lacks two", none},
		{"mixed add", module(sec(6, 1, 0x7f, 0, 0x41, 0, 0x42, 0, 0x6a, 0x0b)), "global", -1,
			"i32.add lacks two", none},
		{"not constant", module(sec(6, 1, 0x7f, 0, 0x10, 0, 0x0b)), "global", 13,
			"0x10 is not constant", none},
		{"not constant vector", module(sec(6, 1, 0x7b, 0, 0xfd, 0x0d, 0x0b)), "global", 13,
			"vector instruction 0xd", none},
		{"unclosed expression", module(sec(6, 1, 0x7f, 0, 0x41, 0)), "global", 15,
			"constant expression", leb.ErrTruncated},
		{"function reference", module(sec(6, 1, 0x70, 0, 0xd2, 0, 0x0b)), "global", -1,
			"function 0 of 0", none},
		{"null of a type", module(sec(6, 1, 0x70, 0, 0xd0, 0, 0x0b)), "global", -1, "heap type 0",
			wasm.ErrUnsupported},
		{"export kind", module(sec(7, 1, 1, 'e', 9, 0)), "export", 13, `"e": kind 9`, none},
		{"export index", module(memory, sec(7, 1, 1, 'e', 2, 1)), "export", -1,
			`"e": memory 1 of 1`, none},
		{"export twice", module(memory, sec(7, 2, 1, 'e', 2, 0, 1, 'e', 2, 0)), "export", -1,
			`"e" is repeated`, none},
		{"start index", module(sec(8, 0)), "start", 10, "function 0 of 0", none},
		{"start type", module(types, funcs, sec(8, 1), code), "start", -1, "(i32) -> (i32)", none},
		{"element flags", module(sec(9, 1, 8, 0, 0)), "element", 11, "flags 0x8", none},
		{"element table", module(sec(9, 1, 0, 0x41, 0, 0x0b, 0)), "element", 11, "table 0 of 0",
			none},
		{"element kind", module(sec(9, 1, 1, 1, 0)), "element", 12, "kind 0x1", none},
		{"element function", module(sec(9, 1, 1, 0, 1, 0)), "element", 14, "function 0 of 0", none},
		{"element type", module(table, sec(9, 1, 6, 0, 0x41, 0, 0x0b, 0x6f, 0)), "element", -1,
			"externref for a table of funcref", none},
		{"element offset", module(table, sec(9, 1, 0, 0x42, 0, 0x0b, 0)), "element", -1,
			"gives i64, not i32", none},
		{"element value", module(sec(9, 1, 5, 0x70, 1, 0x41, 0, 0x0b)), "element", -1,
			"gives i32, not funcref", none},
		{"bodies missing", module(types, funcs), "code", 24, "0 function bodies for 2", none},
		{"bodies too few", module(types, funcs, sec(10, 1, 2, 0, 0x0b)), "code", -1,
			"1 function bodies for 2", none},
		{"body too long", module(types, funcs, sec(10, 2, 2, 0, 0x0b, 9, 0)), "code", -1,
			"function body", leb.ErrTruncated},
		{"data flags", module(memory, sec(11, 1, 3, 0)), "data", -1, "flags 0x3", none},
		{"data memory", module(memory, sec(11, 1, 2, 1, 0x41, 0, 0x0b, 0)), "data", -1,
			"memory 1 of 1", none},
		{"data too long", module(sec(11, 1, 1, 5, 0)), "data", 13, "5 bytes wanted",
			leb.ErrTruncated},
		{"data count", module(sec(12, 2), sec(11, 1, 1, 0)), "data", 16, "count says 2", none},
		{"data missing", module(sec(12, 2)), "data", 11, "0 data segments", none},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, err := wasm.Decode(tt.in)
			var fe *wasm.FormatError
			if m != nil || !errors.As(err, &fe) {
				t.Fatalf("%v, %v; want a FormatError", m, err)
			}
			if fe.Section != tt.section || tt.offset >= 0 && fe.Offset != tt.offset ||
				!strings.Contains(fe.Reason, tt.reason) {
				t.Errorf("%v; want section %q, offset %#x, reason %q", err, tt.section, tt.offset,
					tt.reason)
			}
			if !strings.HasPrefix(err.Error(), "wasm: ") {
				t.Errorf("prefix: %v", err)
			}
			if tt.cause == none && fe.Err != nil || tt.cause != none && !errors.Is(err, tt.cause) {
				t.Errorf("cause %v, want %v", fe.Err, tt.cause)
			}
		})
	}
}

// TestDecodeTruncated cuts a module everywhere: never a panic, and an error with an offset
// inside the file unless the cut happens to leave a whole module.
func TestDecodeTruncated(t *testing.T) {
	file := everything(t)
	for n := range file {
		_, err := wasm.Decode(file[:n])
		var fe *wasm.FormatError
		if err != nil && (!errors.As(err, &fe) || fe.Offset > n) {
			t.Fatalf("cut at %d: %v", n, err)
		}
		if err == nil && n < len("\x00asm0000") {
			t.Fatalf("cut at %d is accepted", n)
		}
	}
}

// TestDecodeHostileCounts lets every vector claim 2³²-1 elements: nothing is allocated for them.
func TestDecodeHostileCounts(t *testing.T) {
	huge := []byte{0xff, 0xff, 0xff, 0xff, 0x0f}
	files := map[string][]byte{
		"parameters":      module(section(1, append([]byte{1, 0x60}, huge...)...)),
		"results":         module(section(1, append([]byte{1, 0x60, 0}, huge...)...)),
		"element indices": module(section(9, append([]byte{1, 1, 0}, huge...)...)),
		"element values":  module(section(9, append([]byte{1, 5, 0x70}, huge...)...)),
		"body": module(section(1, 1, 0x60, 0, 0), section(3, 1, 0),
			section(10, append([]byte{1}, huge...)...)),
		"data": module(section(11, append([]byte{1, 1}, huge...)...)),
		"name": module(section(0, huge...)),
	}
	for _, id := range []wasm.SectionID{1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 13} {
		files[id.String()+" section"] = module(section(id, huge...))
	}
	for name, file := range files {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := wasm.Decode(file)
			runtime.ReadMemStats(&after)
			if !errors.Is(err, leb.ErrTruncated) {
				t.Errorf("%v, want ErrTruncated", err)
			}
			if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
				t.Errorf("%d bytes were allocated for %d bytes of input", n, len(file))
			}
		})
	}
}
