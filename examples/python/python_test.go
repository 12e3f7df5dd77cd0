package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/stock"
	"github.com/lockstep-wasm/lockstep/stock/cowasm"
)

// expressions use Python itself, its library, and extension modules in C.
func expressions() []string {
	return []string{
		`1 + 2 ** 100`,
		`[x * y for x in range(3) for y in range(3) if x != y]`,
		`sorted({"ü": 1, "a": 2.5, "😀": None}.items())`,
		`__import__("json").dumps({"a": [1, 2.5, None, "ü"]}, sort_keys=True)`,
		`__import__("re").sub(r"(\w)b+", r"\1x", "abbb cb")`,
		`__import__("hashlib").sha256(b"abc").hexdigest()`,
		`str(__import__("decimal").Decimal(1) / 7)`,
		`__import__("zlib").decompress(__import__("zlib").compress(b"x" * 1000)) == b"x" * 1000`,
		`__import__("bz2").compress(b"x" * 1000).hex()`,
		`__import__("lzma").decompress(__import__("lzma").compress(b"x" * 100)) == b"x" * 100`,
		`__import__("unicodedata").name("é")`,
		`__import__("sqlite3").connect(":memory:").execute("select sqlite_version(), 6 * 7").fetchall()`,
		`__import__("xml.etree.ElementTree").etree.ElementTree.fromstring("<a b='1'/>").attrib`,
		`__import__("ctypes").sizeof(__import__("ctypes").c_long)`,
		`"größe".encode("gb18030"), "語".encode("shift_jis")`,
		`__import__("datetime").date(2024, 2, 29).isoformat()`,
		`__import__("random").Random(7).random()`,
	}
}

// newPython starts an interpreter. It is wazero's own: compiling Python takes a minute.
func newPython(t *testing.T, o cowasm.Options) *cowasm.Python {
	t.Helper()
	ctx := context.Background()
	rt := wazero.NewRuntimeWithConfig(ctx,
		wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(linker.Features))
	t.Cleanup(func() {
		if err := rt.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	p, err := cowasm.Open(ctx, rt, o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Python, with its extension modules, does what it should, in one interpreter.
func TestPython(t *testing.T) {
	if testing.Short() {
		t.Skip("it interprets an interpreter")
	}
	var out bytes.Buffer
	p := newPython(t, cowasm.Options{Stdout: &out, Stderr: &out, Packages: []string{cowasm.NumPy},
		Files: map[string][]byte{"/data/data.txt": []byte("three little words")}})
	t.Run("as Node", func(t *testing.T) {
		asNode(t, p, expressions())
		opened(t, p, "_decimal", "zlib", "_sqlite3", "pyexpat", "_ctypes", "_codecs_jp")
	})
	t.Run("scripts", func(t *testing.T) { scripts(t, p, &out) })
	t.Run("NumPy", func(t *testing.T) { numPy(t, p) })
	t.Run("every extension", func(t *testing.T) { everyExtension(t, p) })
}

// Expressions have the values that they have in Node, which finds the same packages.
func asNode(t *testing.T, p *cowasm.Python, expressions []string, packages ...string) {
	t.Helper()
	args := []string{"testdata/node.cjs"}
	for _, name := range append([]string{"python-wasm"}, packages...) {
		manifest, err := stock.Path(name + "/package.json")
		if err != nil {
			t.Fatal(err)
		}
		folder := filepath.Dir(manifest)
		if len(args) > 1 {
			folder = filepath.Join(folder, "dist", "wasm")
		}
		args = append(args, folder)
	}
	in, err := json.Marshal(expressions)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", args...)
	var errs bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(in), &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("node: %v\n%s", err, &errs)
	}
	var want []string
	if err := json.Unmarshal(out, &want); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for i, x := range expressions {
		if got, err := p.Repr(t.Context(), x); err != nil || got != want[i] {
			t.Errorf("%s: %s, %v; in Node %s", x, got, err, want[i])
		}
	}
}

// opened holds that Python has opened extension modules.
func opened(t *testing.T, p *cowasm.Python, names ...string) {
	t.Helper()
	libraries := strings.Join(p.Linker().Libraries(), " ")
	for _, name := range names {
		if !strings.Contains(libraries, "/"+name+".cpython-311") {
			t.Errorf("%s was not opened: %s", name, libraries)
		}
	}
}

// Scripts print, read files that they are given, and fail with exceptions that say where.
func scripts(t *testing.T, p *cowasm.Python, out *bytes.Buffer) {
	t.Helper()
	if err := p.Exec(t.Context(), "def f(n):\n    return n if n < 2 else f(n-1) + f(n-2)\n"+
		"print(f(12), len(open('/data/data.txt').read().split()))"); err != nil {
		t.Error(err)
	}
	if out.String() != "144 3\n" {
		t.Errorf("printed %q", out.String())
	}
	var e *cowasm.Exception
	err := p.Exec(t.Context(), "def g():\n    return [][1]\ng()")
	if !errors.As(err, &e) || !strings.Contains(e.Traceback, `"<script>", line 2, in g`) ||
		err.Error() != "cowasm: Python: IndexError: list index out of range" {
		t.Errorf("error %v", err)
	}
	if err := p.Exec(t.Context(), "print("); !errors.As(err, &e) ||
		!strings.Contains(err.Error(), "SyntaxError") {
		t.Errorf("error %v", err)
	}
	if got, err := p.Repr(t.Context(), "f(10)"); got != "55" || err != nil {
		t.Errorf("afterwards %s, %v", got, err)
	}
}

// Every extension module in C of the package can be imported, all of them in one interpreter.
func everyExtension(t *testing.T, p *cowasm.Python) {
	t.Helper()
	const script = `
import importlib, os, sys
folder = [p for p in sys.path if p.endswith("lib-dynload")][0]
names = sorted({f.split(".")[0] for f in os.listdir(folder) if f.endswith(".so")})
failed = []
for name in names:
    try:
        importlib.import_module(name)
    except Exception as e:
        failed.append((name, str(e)))
result = (len(names), failed)
`
	if err := p.Exec(t.Context(), script); err != nil {
		t.Fatal(err)
	}
	if got, err := p.Repr(t.Context(), "result"); err != nil || got != "(25, [])" {
		t.Errorf("%s, %v", got, err)
	}
}

func TestCommand(t *testing.T) {
	for _, args := range [][]string{{"-nope"}, {"-file", "testdata/none.py", "-cache", ""},
		{"-with", "numpi", "-cache", ""}} {
		if err := command(t.Context(), args, &bytes.Buffer{}, &bytes.Buffer{}); err == nil {
			t.Errorf("%q: no error", args)
		}
	}
}
