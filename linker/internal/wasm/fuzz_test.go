package wasm_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// fixtures returns the built C fixtures of the linker, by name.
func fixtures(t testing.TB) map[string][]byte {
	t.Helper()
	root := os.DirFS("../../testdata")
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

// TestFixtures decodes and rewrites what a real compiler writes.
func TestFixtures(t *testing.T) {
	for name, file := range fixtures(t) {
		t.Run(name, func(t *testing.T) {
			m := decode(t, file)
			if len(m.Funcs) == 0 || len(m.Exports) == 0 {
				t.Errorf("%d functions, %d exports", len(m.Funcs), len(m.Exports))
			}
			out := rewrite(t, file,
				wasm.RewriteOptions{ExportStart: "__lockstep_start", EmptyData: true})
			changed := []wasm.SectionID{wasm.SectionData, wasm.SectionStart}
			if m.HasStart {
				changed = append(changed, wasm.SectionExport)
			}
			sameSections(t, file, out, changed...)
		})
	}
}

// seed gives the fuzzer modules to start from.
func seed(f *testing.F) {
	f.Add(module())
	f.Add(everything(f))
	f.Add(program(f, true))
	f.Add(module(section(4, 1, 0x40, 0, 0x70, 1, 1, 2, 0xd0, 0x70, 0x0b)))
	f.Add(module([]byte{5, 0x83, 0, 1, 0, 1}, section(11, 1, 2, 0, 0x41, 0, 0x0b, 1, 'x')))
	f.Add(module(section(1, 0xff, 0xff, 0xff, 0xff, 0x0f)))
	for _, file := range fixtures(f) {
		if len(file) < 64<<10 {
			f.Add(file)
		}
	}
}

// FuzzDecode: any bytes give a module or a FormatError inside the file, and what was
// decoded can be asked for everything that it says it has.
func FuzzDecode(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, file []byte) {
		m, err := wasm.Decode(file)
		if err != nil {
			var fe *wasm.FormatError
			if m != nil || !errors.As(err, &fe) || fe.Offset < 0 || fe.Offset > len(file) ||
				!strings.HasPrefix(err.Error(), "wasm: ") {
				t.Fatalf("%v, %v", m, err)
			}
			return
		}
		for _, e := range m.Exports {
			if got, ok := m.ExportByName(e.Name); !ok || got != e {
				t.Fatalf("export %+v is found as %+v, %v", e, got, ok)
			}
		}
		for i := range m.Count(wasm.KindFunc) {
			if _, ok := m.FuncType(uint32(i)); !ok {
				t.Fatalf("function %d has no type", i)
			}
		}
		for i, g := range m.Globals {
			gt, ok := m.GlobalType(uint32(m.Imported(wasm.KindGlobal) + i))
			if !ok || gt != g.Type {
				t.Fatalf("global %d: %v, %v", i, gt, ok)
			}
			_, err := g.Init.Eval(func(uint32) (uint64, bool) { return 0, true })
			if integer := gt.Type == wasm.I32 || gt.Type == wasm.I64; err != nil &&
				(integer || !errors.Is(err, wasm.ErrNotInteger)) {
				t.Fatalf("global %d = %v: %v", i, g.Init, err)
			}
		}
		for _, e := range m.Elements {
			for i := range e.Len() {
				if index, ok := e.Func(i); ok && int(index) >= m.Count(wasm.KindFunc) {
					t.Fatalf("element is function %d", index)
				}
			}
		}
		describe(m)
	})
}

// FuzzRewrite: whatever can be decoded can be rewritten; the result says what was asked for,
// keeps all other sections, and rewriting it again changes nothing.
func FuzzRewrite(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, file []byte) {
		m, err := wasm.Decode(file)
		if err != nil {
			t.Skip("not a module")
		}
		opt := wasm.RewriteOptions{ExportStart: "start", EmptyData: true}
		changed := []wasm.SectionID{wasm.SectionData, wasm.SectionStart}
		if _, taken := m.ExportByName(opt.ExportStart); taken && m.HasStart {
			opt.ExportStart = ""
		}
		if m.HasStart {
			changed = append(changed, wasm.SectionExport)
		}
		if len(m.Memories) == 1 {
			opt.ImportMemory = &wasm.MemoryImport{Module: "env", Name: "memory",
				Type: m.Memories[0]}
			changed = append(changed, wasm.SectionMemory, wasm.SectionImport)
		}
		done, err := wasm.Rewrite(file, m, opt)
		if err != nil {
			t.Fatal(err)
		}
		out := done.Bytes
		got, err := wasm.Decode(out)
		if err != nil {
			t.Fatalf("the result cannot be decoded: %v", err)
		}
		sameSections(t, file, out, changed...)
		for _, k := range []wasm.Kind{wasm.KindFunc, wasm.KindTable, wasm.KindMemory,
			wasm.KindGlobal, wasm.KindTag} {
			if got.Count(k) != m.Count(k) {
				t.Fatalf("%v: %d, were %d", k, got.Count(k), m.Count(k))
			}
		}
		if len(got.Data) != len(m.Data) {
			t.Fatalf("%d data segments, were %d", len(got.Data), len(m.Data))
		}
		for i, d := range got.Data {
			was := m.Data[i]
			if d.Mode != wasm.Passive || was.Mode == wasm.Active && len(d.Bytes) > 0 ||
				was.Mode == wasm.Passive && !bytes.Equal(d.Bytes, was.Bytes) {
				t.Fatalf("data segment %d: %+v, was %+v", i, d, was)
			}
		}
		opt.ImportMemory = nil
		again, err := wasm.Rewrite(out, got, opt)
		if err != nil || !bytes.Equal(again.Bytes, out) {
			t.Fatalf("a second rewrite differs: %v", err)
		}
	})
}
