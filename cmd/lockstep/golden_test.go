package main

import (
	"bytes"
	"crypto/sha256"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker/modinfo"
	"github.com/lockstep-wasm/lockstep/stock"
	"github.com/lockstep-wasm/lockstep/stock/cowasm"
)

var update = flag.Bool("update", false, "write the golden files")

// collections are the folders of modules that info and ldd are compared on: every module of the
// repository is in one of them, but for those of two packages.
func collections(t *testing.T) map[string]fs.FS {
	t.Helper()
	web, err := stock.Path(stock.WebTreeSitter)
	if err != nil {
		t.Fatal(err)
	}
	// NumPy and pandas have three megabytes of names of the kind that Python's own modules have.
	all := map[string]fs.FS{"stock": without{os.DirFS(filepath.Dir(filepath.Dir(web))),
		[]string{cowasm.NumPy, cowasm.Pandas}}}
	var elsewhere without
	for name, dir := range map[string]string{
		"fixtures":  "linker/testdata",
		"examples":  "examples",
		"libraries": "libraries/testdata",
	} {
		all[name] = os.DirFS(filepath.Join("..", "..", dir))
		elsewhere.dirs = append(elsewhere.dirs, dir)
	}
	elsewhere.FS = os.DirFS(filepath.Join("..", ".."))
	elsewhere.dirs = append(elsewhere.dirs, "stock/node_modules", "out", ".git")
	all["elsewhere"] = elsewhere
	return all
}

// without is a file system without some of its folders.
type without struct {
	fs.FS
	dirs []string
}

// ReadDir implements fs.ReadDirFS.
func (w without) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(w.FS, name)
	return slices.DeleteFunc(entries, func(e fs.DirEntry) bool {
		return slices.Contains(w.dirs, path.Join(name, e.Name()))
	}), err
}

// eachModule calls f with every WebAssembly file of a folder, in order.
func eachModule(t *testing.T, fsys fs.FS, f func(file string, module []byte)) (count int) {
	t.Helper()
	err := fs.WalkDir(fsys, ".", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(file) != ".wasm" && path.Ext(file) != ".so" {
			return err
		}
		module, err := fs.ReadFile(fsys, file)
		if err != nil {
			return err
		}
		count++
		f(file, module)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return count
}

// golden compares what a command prints with a file in testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(got, want) {
		return
	}
	g, w := strings.Split(string(got), "\n"), strings.Split(string(want), "\n")
	for i := range max(len(g), len(w)) {
		if i >= len(g) || i >= len(w) || g[i] != w[i] {
			t.Fatalf(
				"%s, line %d: got %q, want %q (go test ./cmd/lockstep -run Golden -update, if "+
					"that is right)",
				file,
				i+1,
				at(g, i),
				at(w, i),
			)
		}
	}
}

// shortened is a text with the sum of what follows its exports instead of that, if it is long: a
// libc has thousands of symbols.
func shortened(text []byte) []byte {
	const most = 20_000
	head, rest, ok := bytes.Cut(text, []byte("\nexports:\n"))
	if len(text) <= most || !ok {
		return text
	}
	return fmt.Appendf(
		nil,
		"%s\n%d lines with the SHA-256 %x\n",
		head,
		bytes.Count(rest, []byte("\n")),
		sha256.Sum256(rest),
	)
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "the end"
}

func TestInfoGolden(t *testing.T) {
	for name, fsys := range collections(t) {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			count := eachModule(t, fsys, func(file string, module []byte) {
				m, err := modinfo.Read(module)
				if err != nil {
					t.Errorf("%s: %v", file, err)
					return
				}
				var text bytes.Buffer
				writeInfo(&text, file, m)
				out.Write(shortened(text.Bytes()))
			})
			if count < 3 {
				t.Errorf("only %d modules", count)
			}
			golden(t, "info-"+name, out.Bytes())
		})
	}
}

func TestLddGolden(t *testing.T) {
	for name, fsys := range collections(t) {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			eachModule(t, fsys, func(file string, _ []byte) {
				tree, err := modinfo.ReadTree(
					fsys,
					file,
					modinfo.TreeOptions{SearchPath: []string{path.Dir(file)}},
				)
				if err != nil {
					t.Errorf("%s: %v", file, err)
					return
				}
				writeTree(&out, strings.NewReplacer(), tree, false)
			})
			golden(t, "ldd-"+name, out.Bytes())
		})
	}
}

// What ldd says of names, run-time paths, symbols and mistakes.
func TestLdd(t *testing.T) {
	t.Chdir("../../linker/testdata")
	for _, c := range []struct {
		args   []string
		status int
		want   []string
	}{
		{[]string{"threads/librpath.wasm"}, 0, []string{
			"threads/librpath.wasm\n  libdeep.wasm => threads/deep/libdeep.wasm (run-time path " +
				"$ORIGIN/deep of threads/librpath.wasm)\n"}},
		{[]string{"--symbols", "plain/libdiamond_top.wasm"}, 0, []string{
			"  libdiamond_left.wasm => plain/libdiamond_left.wasm (search path plain)\n",
			"    libdiamond_bottom.wasm => plain/libdiamond_bottom.wasm (above)\n",
			"diamond_left    libdiamond_left.wasm",
			"log_append      not defined here: the host's, or calling it fails"}},
		{[]string{"plain/libneeds_missing.wasm"}, 1,
			[]string{"libabsent.wasm => not found: tried plain/libabsent.wasm"}},
		{[]string{"--lib", "plain", "--preload", "libother.wasm", "main-exe.wasm"}, 0, []string{
			"  libother.wasm => plain/libother.wasm (preloaded, search path plain)\n"}},
		{[]string{"--main", "main-exe.wasm", "plain/libdata.wasm"}, 0,
			[]string{"in main-exe.wasm\n"}},
		{[]string{"plain/libunresolved_data.wasm"}, 1, []string{"undefined (loading fails)"}},
		{[]string{"--json", "plain/libneeds_missing.wasm"}, 1,
			[]string{`"error": "not found: tried `}},
	} {
		status, stdout, stderr := command(t, append([]string{"ldd"}, c.args...)...)
		if status != c.status || stderr != "" {
			t.Errorf("%q: status %d, %q", c.args, status, stderr)
		}
		for _, want := range c.want {
			if !strings.Contains(stdout, want) {
				t.Errorf("%q: no %q in\n%s", c.args, want, stdout)
			}
		}
	}
}

// One file that cannot be shown does not keep the others from being shown.
func TestInfoGoesOn(t *testing.T) {
	good := "../../linker/testdata/plain/libodd.wasm"
	status, stdout, stderr := command(t, "info", "absent.wasm", good, "golden_test.go")
	if status != 2 || !strings.Contains(stdout, good+": shared library, dylink.0") {
		t.Errorf("status %d, %q", status, stdout)
	}
	for _, want := range []string{"info: open absent.wasm: no such file",
		"info: golden_test.go: "} {
		if !strings.Contains(stderr, want) {
			t.Errorf("no %q in %q", want, stderr)
		}
	}
}
