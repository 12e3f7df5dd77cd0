package stock_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-wasm/lockstep/stock"
)

func Example() {
	wasm, err := stock.Read(stock.WebTreeSitter)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%q\n", wasm[:4])
	// Output: "\x00asm"
}

func ExampleGrammars() {
	languages, err := stock.Grammars()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(languages), languages[:3])
	fmt.Println(stock.GrammarFile(languages[0]))
	// Output:
	// 36 [bash c c_sharp]
	// tree-sitter-wasms/out/tree-sitter-bash.wasm
}

func TestEveryPinnedModuleIsWebAssembly(t *testing.T) {
	names := []string{stock.WebTreeSitter, stock.TreeSitterC, stock.TreeSitterPython,
		stock.TLAChecker}
	languages, err := stock.Grammars()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.IsSorted(languages) {
		t.Errorf("Grammars() is not sorted: %q", languages)
	}
	for _, language := range languages {
		names = append(names, stock.GrammarFile(language))
	}
	for _, name := range names {
		wasm, err := stock.Read(name)
		if err != nil {
			t.Error(err)
			continue
		}
		if magic := []byte("\x00asm\x01\x00\x00\x00"); !bytes.HasPrefix(wasm, magic) {
			t.Errorf("%s does not start with %q", name, magic)
		}
	}
}

func TestFoundFromASubdirectory(t *testing.T) {
	t.Setenv(stock.EnvDir, "")
	root := t.TempDir()
	files := map[string]string{
		"go.mod": "// The root.\nmodule github.com/lockstep-wasm/lockstep // ours\n\ngo 1.26\n",
		"stock/node_modules/web-tree-sitter/package.json":         `{"version": "0.27.1"}`,
		"stock/node_modules/web-tree-sitter/web-tree-sitter.wasm": "content",
		"nested/go.mod":         "module example.com/nested\n",
		"nested/folder/main.go": "package main\n",
	}
	for name, content := range files {
		file := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{"", "stock", "nested", "nested/folder"} {
		t.Chdir(filepath.Join(root, filepath.FromSlash(dir)))
		got, err := stock.Read(stock.WebTreeSitter)
		if err != nil || string(got) != "content" {
			t.Errorf("Read from %q = %q, %v", dir, got, err)
		}
	}
}

func TestErrors(t *testing.T) {
	const pinned = `{"version": "0.27.1"}`
	tests := []struct {
		name     string
		ask      string
		manifest string // web-tree-sitter's package.json; none when empty
		is       error
		says     []string
	}{
		{"not installed", stock.WebTreeSitter, "", stock.ErrNotInstalled,
			[]string{stock.WebTreeSitter, "make deps"}},
		{"file missing from its package", stock.WebTreeSitter, pinned, stock.ErrNoFile,
			[]string{stock.WebTreeSitter, "no such file"}},
		{"a directory", "web-tree-sitter/dir", pinned, stock.ErrNoFile,
			[]string{"web-tree-sitter/dir"}},
		{"stale", stock.WebTreeSitter, `{"version": "0.1.0"}`, stock.ErrStale,
			[]string{"0.1.0", "0.27.1", "make deps"}},
		{"damaged manifest", stock.WebTreeSitter, `{`, nil,
			[]string{stock.WebTreeSitter, "package.json"}},
		{"not pinned", "left-pad/index.js", "", stock.ErrNotPinned,
			[]string{"left-pad", "package-lock.json"}},
		{"no file in the name", "web-tree-sitter", "", fs.ErrInvalid, []string{"web-tree-sitter"}},
		{"outside", "web-tree-sitter/../../x", "", fs.ErrInvalid,
			[]string{"web-tree-sitter/../../x"}},
		{"empty", "", "", fs.ErrInvalid, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root := t.TempDir()
			t.Setenv(stock.EnvDir, root)
			if tt.manifest != "" {
				dir := filepath.Join(root, "node_modules", "web-tree-sitter")
				if err := os.MkdirAll(filepath.Join(dir, "dir"), 0o777); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(dir, "package.json"), []byte(tt.manifest),
					0o666); err != nil {
					t.Fatal(err)
				}
			}
			_, err := stock.Read(tt.ask)
			var typed *stock.Error
			if !errors.As(err, &typed) || typed.Name != tt.ask {
				t.Fatalf("Read(%q): error %v, want a *stock.Error that names it", tt.ask, err)
			}
			if tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("Read(%q): error %v, want %v", tt.ask, err, tt.is)
			}
			for _, word := range append(tt.says, "stock: ") {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("Read(%q): error %q does not say %q", tt.ask, err, word)
				}
			}
		})
	}
}

func TestGrammarsNotInstalled(t *testing.T) {
	t.Setenv(stock.EnvDir, t.TempDir())
	if _, err := stock.Grammars(); !errors.Is(err, stock.ErrNotInstalled) {
		t.Errorf("Grammars(): error %v, want %v", err, stock.ErrNotInstalled)
	}
}

func TestOutsideTheModule(t *testing.T) {
	t.Setenv(stock.EnvDir, "")
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module example.com/other\n"),
		0o666); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	if _, err := stock.Path(stock.WebTreeSitter); !errors.Is(err, stock.ErrNoRoot) {
		t.Errorf("Path: error %v, want %v", err, stock.ErrNoRoot)
	}
}
