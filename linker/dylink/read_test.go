package dylink_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/leb"
	"pgregory.net/rapid"
)

const header = "\x00asm\x01\x00\x00\x00"

// headerEnd is where the first section of a module starts.
const headerEnd = len(header)

// module returns a module whose first section is custom, with the given name and content.
func module(name string, content ...byte) []byte {
	return section([]byte(header), name, content...)
}

// section appends a custom section.
func section(b []byte, name string, content ...byte) []byte {
	return leb.AppendBytes(append(b, 0), append(leb.AppendName(nil, name), content...))
}

// list returns a length and names.
func list(names ...string) []byte {
	b := leb.AppendU32(nil, uint32(len(names)))
	for _, n := range names {
		b = leb.AppendName(b, n)
	}
	return b
}

// sub returns a sub-section.
func sub(code byte, content ...byte) []byte { return leb.AppendBytes([]byte{code}, content) }

// symbols are descriptions of n nameless symbols without flags.
func symbols(n, size int) []byte {
	return append(leb.AppendU32(nil, uint32(n)), make([]byte, n*size)...)
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func TestRead(t *testing.T) {
	mem := sub(1, 0x80, 0x20, 4, 3, 1)
	tests := []struct {
		name string
		in   []byte
		want dylink.Info
	}{
		{"empty", module("dylink.0"), dylink.Info{}},
		{"memory", module("dylink.0", mem...),
			dylink.Info{MemorySize: 4096, MemoryAlignment: 4, TableSize: 3, TableAlignment: 1}},
		{"last memory counts", module("dylink.0", join(mem, sub(1, 1, 0, 2, 0))...),
			dylink.Info{MemorySize: 1, TableSize: 2}},
		{"any order, repeated",
			module("dylink.0",
				join(sub(5, list("/a")...), sub(2, list("x", "y")...), mem, sub(2, list("z")...),
					sub(5, list("$ORIGIN", "/b")...))...),
			dylink.Info{MemorySize: 4096, MemoryAlignment: 4, TableSize: 3, TableAlignment: 1,
				Needed: []string{"x", "y", "z"}, RuntimePath: []string{"/a", "$ORIGIN", "/b"}}},
		{"unknown skipped",
			module("dylink.0", join(sub(6, 1, 2, 3), sub(0), sub(200, 9), sub(2, list("x")...))...),
			dylink.Info{Needed: []string{"x"}}},
		{"symbols", module("dylink.0", join(
			sub(3, 2, 1, 'a', 0x80, 2, 1, 'b', 1),
			sub(4, 1, 3, 'e', 'n', 'v', 1, 'c', 0x91, 0x80, 4))...),
			dylink.Info{
				Exports: []dylink.ExportInfo{{Name: "a", Flags: dylink.TLS},
					{Name: "b", Flags: dylink.BindingWeak}},
				Imports: []dylink.ImportInfo{{Module: "env", Field: "c",
					Flags: dylink.BindingWeak | dylink.Undefined | 1<<16}},
			}},
		{"largest alignment", module("dylink.0", sub(1, 0, 31, 0, 31)...),
			dylink.Info{MemoryAlignment: 31, TableAlignment: 31}},
		{"largest size", module("dylink.0", sub(1, 0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0, 0)...),
			dylink.Info{MemorySize: 1<<32 - 1}},
		{"largest size of largest alignment",
			module("dylink.0", sub(1, 0x80, 0x80, 0x80, 0x80, 8, 31, 0, 0)...),
			dylink.Info{MemorySize: 1 << 31, MemoryAlignment: 31}},
		{"older", module("dylink", 8, 2, 1, 0, 1, 1, 'x'),
			dylink.Info{Legacy: true, MemorySize: 8, MemoryAlignment: 2, TableSize: 1,
				Needed: []string{"x"}}},
		{"other sections follow", section(module("dylink.0", mem...), "dylink", 0xff),
			dylink.Info{MemorySize: 4096, MemoryAlignment: 4, TableSize: 3, TableAlignment: 1}},
		{"rest not checked", append(module("dylink.0", mem...), 0xff),
			dylink.Info{MemorySize: 4096, MemoryAlignment: 4, TableSize: 3, TableAlignment: 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := dylink.Read(tt.in)
			if err != nil || !reflect.DeepEqual(*got, tt.want) {
				t.Fatalf("%+v, %v; want %+v", got, err, tt.want)
			}
		})
	}
}

func TestReadErrors(t *testing.T) {
	none := errors.New("none") // for errors without a cause
	const content = headerEnd + 1 + 1 + 1 + len("dylink.0")
	d0 := func(parts ...[]byte) []byte { return module("dylink.0", join(parts...)...) }
	huge := []byte{0xff, 0xff, 0xff, 0xff, 0x0f}
	tooMany := make([]string, dylink.MaxNeeded+1)
	tests := []struct {
		name   string
		in     []byte
		offset int
		reason string
		cause  error
	}{
		{"nothing", nil, 0, "not a WebAssembly module", dylink.ErrNotModule},
		{"text", []byte("#!/bin/sh"), 0, "not a WebAssembly module", dylink.ErrNotModule},
		{"half a header", []byte("\x00asm\x01"), 5, "version", leb.ErrTruncated},
		{"component", []byte("\x00asm\x0d\x00\x01\x00"), 4, "component", dylink.ErrVersion},
		{"cut in the section", module("dylink.0", sub(1, 0, 0, 0, 0)...)[:content+1], 10,
			"bytes wanted", leb.ErrTruncated},
		{"cut in another section", append([]byte(header), 1, 5), 10, "5 bytes wanted, 0 left",
			leb.ErrTruncated},
		{"cut behind the first", append(section([]byte(header), "name"), 1, 5), 17,
			"5 bytes wanted, 0 left", leb.ErrTruncated},
		{"section name", append([]byte(header), 0, 2, 1, 0xff), 11, "UTF-8", leb.ErrUTF8},
		{"not first", section(module("name"), "dylink.0"), 15, "dylink.0 is not the first section",
			none},
		{"older not first", section(append([]byte(header), 1, 1, 0), "dylink", 0), 11,
			"dylink is not the first section", none},
		{"sub-section size", d0([]byte{1, 9, 0}), content + 2, "9 bytes wanted, 1 left",
			leb.ErrTruncated},
		{"sub-section without size", d0([]byte{1}), content + 1, "size of a sub-section",
			leb.ErrTruncated},
		{"memory cut", d0(sub(1, 0, 0, 0)), content + 5, "table alignment", leb.ErrTruncated},
		{"memory alignment", d0(sub(1, 0, 32, 0, 0)), content + 3, "memory alignment 2^32", none},
		{"table alignment", d0(sub(1, 0, 0, 0, 0xff, 1)), content + 5, "table alignment 2^255",
			none},
		{"memory beyond 4 GiB", d0(sub(1, 0x81, 0x80, 0x80, 0x80, 8, 31, 0, 0)), content + 2,
			"memory size 2147483649 with alignment 2^31 exceeds", none},
		{"table beyond 2^32", d0(sub(1, join([]byte{0, 0}, huge, []byte{1})...)), content + 4,
			"table size 4294967295 with alignment 2^1 exceeds", none},
		{"integer too large", d0(sub(1, 0xff, 0xff, 0xff, 0xff, 0x1f, 0, 0, 0)), content + 2,
			"too large", leb.ErrTooLarge},
		{"left over in memory", d0(sub(1, 0, 0, 0, 0, 7)), content + 6, "1 bytes left over", none},
		{"left over in needed", d0(sub(2, 1, 1, 'x', 0)), content + 5, "1 bytes left over", none},
		{"left over in exports", d0(sub(3, 0, 0)), content + 3, "1 bytes left over", none},
		{"left over in imports", d0(sub(4, 0, 0)), content + 3, "1 bytes left over", none},
		{"left over in paths", d0(sub(5, 0, 0)), content + 3, "1 bytes left over", none},
		{"hostile needed", d0(sub(2, huge...)), content + 2, "cannot fit", leb.ErrTruncated},
		{"hostile exports", d0(sub(3, huge...)), content + 2, "cannot fit", leb.ErrTruncated},
		{"hostile imports", d0(sub(4, huge...)), content + 2, "cannot fit", leb.ErrTruncated},
		{"hostile name", d0(sub(2, append([]byte{1}, huge...)...)), content + 8, "bytes wanted",
			leb.ErrTruncated},
		{"name not UTF-8", d0(sub(2, 1, 1, 0xff)), content + 4, "UTF-8", leb.ErrUTF8},
		{"name with NUL", d0(sub(2, list("a\x00b")...)), content + 3, `"a\x00b" holds NUL`, none},
		{"export with NUL", d0(sub(3, 1, 1, 0, 0)), content + 3, "holds NUL", none},
		{"import with NUL", d0(sub(4, 1, 1, 'm', 1, 0, 0)), content + 5, "holds NUL", none},
		{"path with NUL", d0(sub(5, list("\x00")...)), content + 3, "holds NUL", none},
		{"export flags", d0(sub(3, 1, 1, 'a')), content + 5, "flags of an export",
			leb.ErrTruncated},
		{"older cut", module("dylink", 0, 0, 0), headerEnd + 12, "table alignment",
			leb.ErrTruncated},
		{"older alignment", module("dylink", 0, 99, 0, 0, 0), headerEnd + 10,
			"memory alignment 2^99", none},
		{"older left over", module("dylink", 0, 0, 0, 0, 0, 1), headerEnd + 14, "1 bytes left over",
			none},
		{"too many needed", d0(sub(2, list(tooMany...)...)), -1, "1025 needed libraries", none},
		{"too many exports", d0(sub(3, symbols(dylink.MaxSymbols+1, 2)...)), -1, "100001 exports",
			none},
		{"too many imports", d0(sub(4, symbols(dylink.MaxSymbols+1, 3)...)), -1, "100001 imports",
			none},
		{"too many needed in parts", d0(sub(2, list(tooMany[1:]...)...), sub(2, list("x")...)), -1,
			"1025 needed libraries", none},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			info, err := dylink.Read(tt.in)
			var fe *dylink.FormatError
			if info != nil || !errors.As(err, &fe) {
				t.Fatalf("%+v, %v; want a FormatError", info, err)
			}
			if tt.offset >= 0 && fe.Offset != tt.offset || !strings.Contains(fe.Reason, tt.reason) {
				t.Errorf("%v; want offset %#x, reason %q", err, tt.offset, tt.reason)
			}
			if tt.cause == none && fe.Err != nil || tt.cause != none && !errors.Is(err, tt.cause) {
				t.Errorf("cause %v, want %v", fe.Err, tt.cause)
			}
			if !strings.HasPrefix(err.Error(), "dylink: ") || errors.Is(err, dylink.ErrNotLibrary) {
				t.Errorf("prefix, or taken for an executable: %v", err)
			}
		})
	}
}

func TestReadNotLibrary(t *testing.T) {
	for name, in := range map[string][]byte{
		"empty module":   []byte(header),
		"type section":   append([]byte(header), 1, 1, 0),
		"custom section": module("name", 1, 2, 3),
		"similar name":   module("dylink.1"),
	} {
		t.Run(name, func(t *testing.T) {
			if info, err := dylink.Read(in); info != nil || !errors.Is(err, dylink.ErrNotLibrary) {
				t.Fatalf("%+v, %v", info, err)
			}
		})
	}
}

// TestReadTruncated cuts a module everywhere inside its section.
func TestReadTruncated(t *testing.T) {
	info := dylink.Info{MemorySize: 1000, MemoryAlignment: 3, Needed: []string{"liba.so"},
		Exports: []dylink.ExportInfo{{Name: "e", Flags: 1}},
		Imports: []dylink.ImportInfo{{Module: "env", Field: "i"}}}
	file := info.Append([]byte(header))
	for n := range file {
		_, err := dylink.Read(file[:n])
		var fe *dylink.FormatError
		if n == headerEnd && errors.Is(err, dylink.ErrNotLibrary) {
			continue // a whole module, without sections
		}
		if !errors.As(err, &fe) || fe.Offset > n {
			t.Fatalf("cut at %d: %v", n, err)
		}
	}
}

func TestFlags(t *testing.T) {
	for want, f := range map[string]dylink.Flags{
		"0":                     0,
		"BINDING_WEAK":          dylink.BindingWeak,
		"BINDING_LOCAL|0x8000":  dylink.BindingLocal | 0x8000,
		"VISIBILITY_HIDDEN|TLS": dylink.TLS | dylink.VisibilityHidden,
		"UNDEFINED|EXPORTED|EXPLICIT_NAME|NO_STRIP|ABSOLUTE": 0x2f0,
		"0x8": 8,
	} {
		if f.String() != want {
			t.Errorf("%#x is %q, want %q", uint32(f), f, want)
		}
	}
	if f := dylink.TLS | dylink.Absolute; !f.Has(dylink.TLS) || f.Has(dylink.TLS|dylink.Exported) {
		t.Error("Has")
	}
}

// drawInfo draws what a section can hold.
func drawInfo(t *rapid.T) dylink.Info {
	name := rapid.String().Filter(func(s string) bool { return !strings.Contains(s, "\x00") })
	names := func(label string) []string {
		return optional(rapid.SliceOfN(name, 0, 5).Draw(t, label))
	}
	size := rapid.Uint32Range(0, 1<<31) // with any alignment it fits
	align := rapid.Uint32Range(0, 31)
	flags := rapid.Custom(func(t *rapid.T) dylink.Flags {
		return dylink.Flags(rapid.Uint32().Draw(t, "flags"))
	})
	info := dylink.Info{
		Legacy:          rapid.Bool().Draw(t, "legacy"),
		MemorySize:      size.Draw(t, "memory size"),
		MemoryAlignment: align.Draw(t, "memory alignment"),
		TableSize:       size.Draw(t, "table size"),
		TableAlignment:  align.Draw(t, "table alignment"),
		Needed:          names("needed"),
	}
	if info.Legacy {
		return info
	}
	info.RuntimePath = names("runtime path")
	info.Exports = optional(rapid.SliceOfN(rapid.Custom(func(t *rapid.T) dylink.ExportInfo {
		return dylink.ExportInfo{Name: name.Draw(t, "name"), Flags: flags.Draw(t, "flags")}
	}), 0, 5).Draw(t, "exports"))
	info.Imports = optional(rapid.SliceOfN(rapid.Custom(func(t *rapid.T) dylink.ImportInfo {
		return dylink.ImportInfo{Module: name.Draw(t, "module"), Field: name.Draw(t, "field"),
			Flags: flags.Draw(t, "flags")}
	}), 0, 5).Draw(t, "imports"))
	return info
}

// optional returns nil for an empty list: a section does not tell them apart.
func optional[T any](list []T) []T {
	if len(list) == 0 {
		return nil
	}
	return list
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawInfo(t)
		got, err := dylink.Read(append([]byte(header), want.Encode()...))
		if err != nil || !reflect.DeepEqual(*got, want) {
			t.Fatalf("%+v, %v; want %+v", got, err, want)
		}
	})
}

// fixtures returns the built C fixtures of the linker, by name.
func fixtures(t testing.TB) map[string][]byte {
	t.Helper()
	root := os.DirFS("../testdata")
	files := map[string][]byte{}
	for _, pattern := range []string{"*.wasm", "*/*.wasm", "*/*/*.wasm"} {
		paths, err := fs.Glob(root, pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range paths {
			if files[p], err = fs.ReadFile(root, p); err != nil {
				t.Fatal(err)
			}
		}
	}
	if len(files) == 0 {
		t.Fatal("the linker's testdata holds no module")
	}
	return files
}

// TestFixtures reads what a real compiler writes.
func TestFixtures(t *testing.T) {
	libraries, withNeeded, withPath := 0, 0, 0
	for name, file := range fixtures(t) {
		info, err := dylink.Read(file)
		switch {
		case errors.Is(err, dylink.ErrNotLibrary):
			if strings.HasPrefix(name[strings.LastIndex(name, "/")+1:], "lib") {
				t.Errorf("%s is no library", name)
			}
			continue
		case err != nil:
			t.Errorf("%s: %v", name, err)
			continue
		}
		libraries++
		if len(info.Needed) > 0 {
			withNeeded++
		}
		if len(info.RuntimePath) > 0 {
			withPath++
		}
		again, err := dylink.Read(info.Append([]byte(header)))
		if err != nil || !reflect.DeepEqual(again, info) {
			t.Errorf("%s: %+v becomes %+v, %v", name, info, again, err)
		}
	}
	if libraries == 0 || withNeeded == 0 || withPath == 0 {
		t.Errorf("%d libraries, %d with NEEDED, %d with RUNTIME_PATH", libraries, withNeeded,
			withPath)
	}
}
