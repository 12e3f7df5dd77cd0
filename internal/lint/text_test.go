package lint

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// Limits of a file. A tab counts as four columns.
const (
	maxColumns = 100
	maxLines   = 400
)

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Lines of Go, TLA+ and Markdown have at most 100 columns. Not counted are the texts of others: raw
// strings, preformatted comments, outputs of examples, fenced blocks, tables; and a line that is
// one literal.
func TestColumns(t *testing.T) {
	for _, file := range tracked(t, ".go", ".tla", ".md") {
		text := read(t, file)
		skip := func(int, string) bool { return false }
		switch path.Ext(file) {
		case ".go":
			skip = skipGo(t, file, text)
		case ".md":
			skip = skipMarkdown(text)
		}
		for i, line := range strings.Split(text, "\n") {
			n := columns(line)
			if n <= maxColumns || skip(i+1, line) {
				continue
			}
			t.Errorf("%s:%d: %d columns", file, i+1, n)
		}
	}
}

func columns(line string) (n int) {
	for _, r := range line {
		if n++; r == '\t' {
			n += 3
		}
	}
	return n
}

func skipGo(t *testing.T, name, text string) func(int, string) bool {
	t.Helper()
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, name, text, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	literal := map[int]bool{}
	ast.Inspect(f, func(n ast.Node) bool {
		if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING && l.Value[0] == '`' {
			for i := fset.Position(l.Pos()).Line; i <= fset.Position(l.End()).Line; i++ {
				literal[i] = true
			}
		}
		return true
	})
	for _, g := range f.Comments { // what an example prints
		output := false
		for _, c := range g.List {
			output = output || strings.HasPrefix(strings.ToLower(c.Text), "// output:")
			literal[fset.Position(c.Pos()).Line] = output
		}
	}
	return func(i int, line string) bool {
		body := strings.TrimLeft(line, "\t")
		return literal[i] || strings.HasPrefix(body, "//\t") ||
			strings.HasPrefix(body, "// ") && strings.HasPrefix(body[3:], "  ") ||
			strings.HasPrefix(body, `"`)
	}
}

func skipMarkdown(text string) func(int, string) bool {
	fenced, in := map[int]bool{}, false
	for i, line := range strings.Split(text, "\n") {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			in = !in
		}
		fenced[i+1] = in
	}
	return func(i int, line string) bool {
		return fenced[i] || strings.HasPrefix(strings.TrimSpace(line), "|") ||
			!strings.Contains(strings.TrimSpace(line), " ")
	}
}

// Files have one subject, and at most 400 lines.
func TestLines(t *testing.T) {
	for _, file := range tracked(t, ".go", ".tla", ".md") {
		if n := strings.Count(read(t, file), "\n"); n > maxLines {
			t.Errorf("%s has %d lines, more than %d", file, n, maxLines)
		}
	}
}
