package treesitter_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-wasm/lockstep/stock"
)

// The table in docs/treesitter.md has each function and method of this package, of web-tree-sitter
// and of go-tree-sitter, and none that there is not.
func TestPeers(t *testing.T) {
	page, err := os.ReadFile("../docs/treesitter.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(page), "| here | web-tree-sitter | go-tree-sitter |")
	if !found {
		t.Fatal("docs/treesitter.md has no table")
	}
	var columns [3][]string
	name := regexp.MustCompile("`([A-Za-z0-9.]+)`")
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if len(cells) < 5 {
			continue
		}
		for i := range columns {
			for _, m := range name.FindAllStringSubmatch(cells[i+1], -1) {
				columns[i] = append(columns[i], m[1])
			}
		}
	}
	for i, exports := range [][]string{ours(t), web(t), goTreeSitter(t)} {
		what := []string{"this package", "web-tree-sitter", "go-tree-sitter"}[i]
		for _, x := range exports {
			if !slices.Contains(columns[i], x) {
				t.Errorf("docs/treesitter.md lacks %s of %s", x, what)
			}
		}
		for _, x := range columns[i] {
			if !slices.Contains(exports, x) {
				t.Errorf("docs/treesitter.md has %s, which %s has not", x, what)
			}
		}
	}
}

// ours are the exported functions and methods of this package.
func ours(t *testing.T) (list []string) {
	t.Helper()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), e.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Name.IsExported() {
				if owner := receiver(f); owner == "" {
					list = append(list, f.Name.Name)
				} else if ast.IsExported(owner) {
					list = append(list, owner+"."+f.Name.Name)
				}
			}
		}
	}
	return list
}

func receiver(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return ""
	}
	typ := f.Recv.List[0].Type
	if star, ok := typ.(*ast.StarExpr); ok {
		typ = star.X
	}
	return typ.(*ast.Ident).Name
}

// web are the members of classes that web-tree-sitter's declarations list.
func web(t *testing.T) (list []string) {
	t.Helper()
	text, err := stock.Read("web-tree-sitter/web-tree-sitter.d.ts")
	if err != nil {
		t.Fatal(err)
	}
	text = regexp.MustCompile(`(?s)/\*.*?\*/`).ReplaceAll(text, nil)
	class, start, member := "", regexp.MustCompile(`^\t(?:export )?class (\w+)`),
		regexp.MustCompile(`^\t\t(?:static |readonly |get )*(\w+)\??[(:]`)
	for line := range strings.Lines(string(text)) {
		if m := start.FindStringSubmatch(line); m != nil {
			class = m[1]
		} else if strings.HasPrefix(line, "\t}") {
			class = ""
		} else if m := member.FindStringSubmatch(line); m != nil && class != "" {
			list = append(list, class+"."+m[1])
		}
	}
	return list
}

func goTreeSitter(t *testing.T) (list []string) {
	t.Helper()
	text, err := os.ReadFile("testdata/go-tree-sitter.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "#") {
			list = append(list, strings.TrimSpace(line))
		}
	}
	return list
}
