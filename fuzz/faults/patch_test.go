package faults_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/build"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lockstep-wasm/lockstep/fuzz/faults"
)

const (
	header = "Name: a: b\nWhat: it is\n wrong\nCaught-By: unit: TestX\nCaught-By: race: TestY\n\n"
	diff   = "diff --git a/f.go b/f.go\n--- a/f.go\n+++ b/f.go\n" +
		"@@ -2,5 +2,5 @@ func f() {\n b\n c\n-d\n+D\n e\n f\n"
	newFile = "diff --git a/f b/f\nnew file mode 100644\n--- /dev/null\n+++ b/f\n@@ -0,0 +1 " +
		"@@\n+x\n"
)

// A patch file is read whole: its header's values, and both sides of each hunk.
func TestPatchIsRead(t *testing.T) {
	f, err := faults.Parse([]byte(header + diff))
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprintf("%q", []any{f.Name, f.What, f.By, f.Changes})
	want := `["a: b" "it is wrong" ["unit: TestX" "race: TestY"] ` +
		`[{"f.go" [{["b\n" "c\n" "d\n" "e\n" "f\n"] ["b\n" "c\n" "D\n" "e\n" "f\n"] '\x02' '\x02'}]}]]`
	if got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	flags := "Name: n\nWhat: w\nTLC: NoWake\nSpecified: true\nUnsynchronised: true\n\n"
	f, err = faults.Parse([]byte(flags + diff))
	if err != nil || f.TLC != "NoWake" || !f.Specified || !f.Unsynchronised {
		t.Errorf("%+v, %v", f, err)
	}
}

// A patch file that says too little, or something that is not understood, is refused.
func TestBadPatchIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		diff:                                      "malformed MIME header",
		header:                                    "it changes nothing",
		"Name: a\nWhat: b\n\n" + diff:             "lacks Name, What, or both",
		"What: b\nTLC: c\n\n" + diff:              "lacks Name, What, or both",
		"Names: a\n" + header + diff:              "there is no key Names",
		"Name: a\n" + header + diff:               "Name twice",
		"Caught-By: TestX\n" + header + diff:      "Caught-By: TestX: no DETECTOR: TEST",
		header + strings.TrimSuffix(diff, " f\n"): "gitdiff",
		header + newFile:                          "f: it does more",
	} {
		if _, err := faults.Parse([]byte(text)); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

// The error of a folder's reading names the file.
func TestBadFileIsNamed(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, faults.Folder, "area")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for i, text := range []string{header + diff, header + diff} {
		name := filepath.Join(dir, fmt.Sprintf("%d.patch", i))
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		all, err := faults.Load(root)
		var format *faults.FormatError
		switch {
		case i == 0 && (err != nil || len(all) != 1):
			t.Errorf("%v, %v", all, err)
		case i == 0:
		case !errors.As(err, &format) || format.File != "area/1.patch" || all != nil:
			t.Errorf("%v, %v: a name is there twice", all, err)
		}
	}
}

// A hunk is found by its text, wherever that has moved, also when some of its context has changed;
// but there must be one place only.
func TestPatchFindsItsPlace(t *testing.T) {
	for _, c := range []struct {
		source, want string
		found        int
	}{
		{"a\nb\nc\nd\ne\nf\n", "a\nb\nc\nD\ne\nf\n", 1},
		{"b\nc\nd\ne\nf", "b\nc\nD\ne\nf", 1},                             // no line end
		{"x\nd\ny\nz\nb\nc\nd\ne\nf\n", "x\nd\ny\nz\nb\nc\nD\ne\nf\n", 1}, // moved
		{"b\nc\nd\ne\nF\nd\n", "b\nc\nD\ne\nF\nd\n", 1},                   // changed below
		{"B\nc\nd\ne\nf\nd\n", "B\nc\nD\ne\nf\nd\n", 1},                   // changed above
		{"B\nC\nd\nE\nF\n", "", 0},                                        // all changed
		{"B\nC\nd\ne\nf\n", "B\nC\nD\ne\nf\n", 1},                         // half of it
		{"b\nc\nd\ne\nf\nb\nc\nd\ne\nf\n", "", 2},
		{"b\nB\nd\ne\nC\nd\ne\n", "", 0},
		{"b\nc\ne\nf\n", "", 0},
	} {
		root := t.TempDir()
		if err := os.WriteFile(filepath.Join(root, "f.go"), []byte(c.source), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := faults.Parse([]byte(header + diff))
		if err != nil {
			t.Fatal(err)
		}
		changed, err := f.Apply(root)
		var apply *faults.ApplyError
		switch {
		case c.found == 1 && (err != nil || changed["f.go"] != c.want):
			t.Errorf("%q: %q, %v", c.source, changed, err)
		case c.found == 1:
		case !errors.As(err, &apply) || apply.Found != c.found || apply.Hunk != 1 || changed != nil:
			t.Errorf("%q: %q, %v, want %d places", c.source, changed, err, c.found)
		}
	}
}

// The overlay has the changed files, and nothing is left when one is not there.
func TestOverlay(t *testing.T) {
	root, dir := t.TempDir(), t.TempDir()
	f, err := faults.Parse([]byte(header + diff))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Overlay(root, dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
	source := filepath.Join(root, "f.go")
	if err := os.WriteFile(source, []byte("b\nc\nd\ne\nf\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	name, err := f.Overlay(root, dir)
	if err != nil {
		t.Fatal(err)
	}
	var overlay struct{ Replace map[string]string }
	if text, err := os.ReadFile(name); err != nil || json.Unmarshal(text, &overlay) != nil {
		t.Fatalf("%s, %v", text, err)
	}
	text, err := os.ReadFile(overlay.Replace[source])
	if err != nil || string(text) != "b\nc\nD\ne\nf\n" {
		t.Errorf("%s, %v", text, err)
	}
}

// Every fault compiles: what does not is no fault. The changed packages are type-checked against
// the compiled sound ones.
func TestFaultsCompile(t *testing.T) {
	root := repository(t)
	fset := token.NewFileSet()
	from := importer.ForCompiler(fset, "gc", exports(t, root))
	for _, f := range table(t) {
		changed, err := f.Apply(root)
		if err != nil {
			t.Error(err)
			continue
		}
		folders := map[string]bool{}
		for file := range changed {
			folders[path.Dir(file)] = true
		}
		for folder := range folders {
			if err := check(fset, from, root, folder, changed); err != nil {
				t.Errorf("%s: %v", f.Name, err)
			}
		}
	}
}

// exports finds the compiled form of every package that the linker needs.
func exports(t *testing.T, root string) importer.Lookup {
	format := "{{.ImportPath}}={{.Export}}"
	cmd := exec.Command("go", "list", "-export", "-deps", "-f", format, "./linker/...")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for line := range strings.Lines(string(out)) {
		name, file, _ := strings.Cut(strings.TrimSpace(line), "=")
		files[name] = file
	}
	return func(name string) (io.ReadCloser, error) { return os.Open(files[name]) }
}

// check type-checks the package in a folder, with some files changed.
func check(
	fset *token.FileSet, from types.Importer, root, folder string, changed map[string]string,
) error {
	sound, err := build.ImportDir(filepath.Join(root, folder), 0)
	if err != nil {
		return err
	}
	var files []*ast.File
	for _, name := range sound.GoFiles {
		var source any
		if text, ok := changed[path.Join(folder, name)]; ok {
			source = text
		}
		full := filepath.Join(root, folder, name)
		file, err := parser.ParseFile(fset, full, source, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		files = append(files, file)
	}
	config := types.Config{Importer: from}
	_, err = config.Check(folder, fset, files, nil)
	return err
}
