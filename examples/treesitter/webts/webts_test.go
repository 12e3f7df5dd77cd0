package webts

import (
	"context"
	"errors"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

func TestTextIsHandedOutInChunks(t *testing.T) {
	tests := []struct {
		name, source, want string
	}{
		{"empty", "", ""},
		{"short", "package p", "package p"},
		{"one chunk", strings.Repeat("x", maxChunk), strings.Repeat("x", maxChunk)},
		{"a unit more", strings.Repeat("x", maxChunk+1), strings.Repeat("x", maxChunk+1)},
		{"several chunks", strings.Repeat("äöü\n", 10000), strings.Repeat("äöü\n", 10000)},
		{"a pair across the border", strings.Repeat("x", maxChunk-1) + "😀y",
			strings.Repeat("x", maxChunk-1) + "😀y"},
		{"not UTF-8", "a\xffb", "a\ufffdb"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			source := newText(tt.source)
			var units []uint16
			for {
				chunk := source.chunk(uint32(len(units)))
				if len(chunk) == 0 {
					break
				}
				if len(chunk) > maxChunk {
					t.Fatalf("a chunk of %d units, want at most %d", len(chunk), maxChunk)
				}
				units = append(units, chunk...)
			}
			if got := string(utf16.Decode(units)); got != tt.want {
				t.Errorf("chunks of %d bytes join to %d bytes of another text", len(tt.want),
					len(got))
			}
			if got := source.chunk(1 << 31); len(got) != 0 {
				t.Errorf("chunk far behind the end has %d units", len(got))
			}
		})
	}
}

func TestIndent(t *testing.T) {
	tests := []struct {
		name, tree string
		want       []string
	}{
		{"empty", "", nil},
		{"leaf", "(document)", []string{"(document)"}},
		{"children", "(a (b) (c (d)))", []string{"(a", "  (b)", "  (c", "    (d)))"}},
		{"fields", "(f name: (id) body: (block (x)))",
			[]string{"(f", "  name: (id)", "  body: (block", "    (x)))"}},
		{"missing token", `(a (MISSING ";") (b))`, []string{"(a", `  (MISSING ";")`, "  (b))"}},
		{"missing parenthesis", `(a (MISSING ")") (b))`,
			[]string{"(a", `  (MISSING ")")`, "  (b))"}},
		{"missing quotation mark", `(a (MISSING """) (b))`,
			[]string{"(a", `  (MISSING """)`, "  (b))"}},
		{"missing node", `(a (MISSING identifier) (b))`,
			[]string{"(a", "  (MISSING identifier)", "  (b))"}},
		{"field of a missing node", `(a name: (MISSING identifier))`,
			[]string{"(a", "  name: (MISSING identifier))"}},
		{"unexpected character", `(a (ERROR (UNEXPECTED '(')) (b))`,
			[]string{"(a", "  (ERROR", "    (UNEXPECTED '('))", "  (b))"}},
		{"unexpected quotation mark", `(a (UNEXPECTED ''') (b))`,
			[]string{"(a", "  (UNEXPECTED ''')", "  (b))"}},
		{"cut short", `(a (MISSING "`, []string{"(a", `  (MISSING "`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want := strings.Join(tt.want, "\n")
			if want != "" {
				want += "\n"
			}
			if got := Indent(tt.tree); got != want {
				t.Errorf("Indent(%s) =\n%s\nwant\n%s", tt.tree, got, want)
			}
		})
	}
}

// FuzzIndent checks that nothing but white space is ever added or taken away.
func FuzzIndent(f *testing.F) {
	f.Add(`(a name: (b (MISSING ";")) (UNEXPECTED '\0'))`)
	f.Add(`)( "`)
	f.Add(` (a) ) (b`)
	f.Fuzz(func(t *testing.T, tree string) {
		squeeze := func(s string) string {
			return strings.NewReplacer(" ", "", "\n", "").Replace(s)
		}
		if got := Indent(tree); squeeze(got) != squeeze(tree) {
			t.Errorf("Indent(%q) = %q", tree, got)
		}
	})
}

// hostCaller instantiates the host and a module, written byte by byte, that has two pages of memory
// (at most three) and re-exports a host function of the given type under the name "f".
func hostCaller(t *testing.T, name string, params, results int) api.Module {
	t.Helper()
	ctx := t.Context()
	rt := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter())
	t.Cleanup(func() { _ = rt.Close(context.Background()) })
	if err := InstantiateHost(ctx, rt); err != nil {
		t.Fatal(err)
	}
	section := func(id byte, payload ...byte) []byte {
		return append([]byte{id, byte(len(payload))}, payload...)
	}
	i32 := func(n int) []byte { return []byte(string(rune(n)) + strings.Repeat("\x7f", n)) }
	word := func(s string) []byte { return append([]byte{byte(len(s))}, s...) }
	join := func(parts ...[]byte) (all []byte) {
		for _, p := range parts {
			all = append(all, p...)
		}
		return all
	}
	body := []byte{0} // no locals
	for i := range params {
		body = append(body, 0x20, byte(i)) // local.get
	}
	body = append(body, 0x10, 0, 0x0b) // call 0; end
	wasm := join([]byte("\x00asm\x01\x00\x00\x00"),
		section(1, join([]byte{1, 0x60}, i32(params), i32(results))...),
		section(2, join([]byte{1}, word("env"), word(name), []byte{0, 0})...),
		section(3, 1, 0),
		section(5, 1, 1, 2, 3),
		section(7, join([]byte{2}, word("f"), []byte{0, 1}, word("memory"), []byte{2, 0})...),
		section(10, join([]byte{1, byte(len(body))}, body)...))
	m, err := rt.Instantiate(ctx, wasm)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestParseCallback(t *testing.T) {
	m := hostCaller(t, "tree_sitter_parse_callback", 5, 0)
	f := m.ExportedFunction("f")
	ctx := withSource(t.Context(), newText("aé😀"))
	if _, err := f.Call(ctx, 64, 1, 0, 0, 32); err != nil {
		t.Fatal(err)
	}
	if n, _ := m.Memory().ReadUint32Le(32); n != 3 {
		t.Errorf("%d units, want 3", n)
	}
	if got, _ := m.Memory().Read(64, 6); string(got) != "\xe9\x00\x3d\xd8\x00\xde" {
		t.Errorf("buffer holds % x", got)
	}
	if _, err := f.Call(ctx, 64, 4, 0, 0, 32); err != nil {
		t.Fatal(err)
	}
	if n, _ := m.Memory().ReadUint32Le(32); n != 0 {
		t.Errorf("%d units at the end, want 0", n)
	}
	for _, args := range [][]uint64{{0xfffffff0, 0, 0, 0, 32}, {64, 0, 0, 0, 0xfffffffe}} {
		if _, err := f.Call(ctx, args...); err == nil ||
			!strings.Contains(err.Error(), "outside the memory") {
			t.Errorf("parse callback with %v: error %v", args, err)
		}
	}
}

func TestResizeHeap(t *testing.T) {
	m := hostCaller(t, "emscripten_resize_heap", 1, 1)
	tests := []struct {
		size, want uint64
		pages      uint32
	}{
		{1, 1, 2}, {2 * pageSize, 1, 2}, {4 * pageSize, 0, 2}, {0xffffffff, 0, 2},
		{2*pageSize + 1, 1, 3}, {3 * pageSize, 1, 3},
	}
	for _, tt := range tests {
		got, err := m.ExportedFunction("f").Call(t.Context(), tt.size)
		if err != nil {
			t.Fatal(err)
		}
		if got[0] != tt.want || m.Memory().Size() != tt.pages*pageSize {
			t.Errorf("emscripten_resize_heap(%#x) = %d, memory %d bytes; want %d, %d pages",
				tt.size, got[0], m.Memory().Size(), tt.want, tt.pages)
		}
	}
}

func TestProgressFollowsTheContext(t *testing.T) {
	m := hostCaller(t, "tree_sitter_progress_callback", 2, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for _, want := range []uint64{0, 1} {
		got, err := m.ExportedFunction("f").Call(ctx, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		if got[0] != want {
			t.Errorf("progress callback = %d, want %d", got[0], want)
		}
		cancel()
	}
}

func TestAbortIsAnError(t *testing.T) {
	m := hostCaller(t, "_abort_js", 0, 0)
	if _, err := m.ExportedFunction("f").Call(t.Context()); !errors.Is(err, ErrAborted) {
		t.Errorf("_abort_js: error %v, want %v", err, ErrAborted)
	}
}
