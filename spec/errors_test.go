package spec_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// errorRule is what is wrong with an error that is made in a function.
const errorRule = "an error that is made in a function wraps another one with %w or is a type of " +
	"its own: callers have nothing to test for otherwise"

// Every error that a caller can meet can be tested for with errors.Is or errors.As: errors.New is
// for variables of a package alone, fmt.Errorf wraps. The texts begin in lower case and do not end
// with a full stop.
func TestErrorsCanBeTestedFor(t *testing.T) {
	found := 0
	for _, dir := range []string{"linker", "lincheck", "model", "cmd/lockstep", "stock",
		"fuzz/schedule", "tla"} {
		err := filepath.WalkDir(filepath.Join("..", dir),
			func(path string, d fs.DirEntry, err error) error {
				switch {
				case err != nil:
					return err
				case d.IsDir() && (d.Name() == "testdata" || d.Name() == "node_modules"):
					return filepath.SkipDir
				case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
					return nil
				}
				fset := token.NewFileSet()
				file, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
				if err != nil {
					return err
				}
				for _, decl := range file.Decls {
					_, inFunction := decl.(*ast.FuncDecl)
					ast.Inspect(decl, func(n ast.Node) bool {
						if call, text := errorCall(n); call != "" {
							found++
							if problem := errorProblem(call, text, inFunction); problem != "" {
								t.Errorf("%s: %s(%q): %s", fset.Position(n.Pos()), call, text,
									problem)
							}
						}
						return true
					})
				}
				return nil
			})
		if err != nil {
			t.Fatal(err)
		}
	}
	if found < 100 {
		t.Errorf("only %d errors were found", found)
	}
}

// errorCall returns which function a node calls to make an error, and the literal text or format.
func errorCall(n ast.Node) (name, text string) {
	call, ok := n.(*ast.CallExpr)
	if !ok || len(call.Args) == 0 {
		return "", ""
	}
	f, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return "", ""
	}
	pkg, ok := f.X.(*ast.Ident)
	if !ok {
		return "", ""
	}
	if name = pkg.Name + "." + f.Sel.Name; name != "errors.New" && name != "fmt.Errorf" {
		return "", ""
	}
	ast.Inspect(call.Args[0], func(n ast.Node) bool { // a literal, or several with +
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			if s, err := strconv.Unquote(lit.Value); err == nil {
				text += s
			}
		}
		return true
	})
	return name, text
}

func errorProblem(call, text string, inFunction bool) string {
	first, _ := utf8.DecodeRuneInString(text)
	word, _, _ := strings.Cut(text, " ")
	switch {
	case inFunction && call == "errors.New", call == "fmt.Errorf" && !strings.Contains(text, "%w"):
		return errorRule
	case unicode.IsUpper(first) && word == strings.ToUpper(word[:1])+strings.ToLower(word[1:]):
		return "the text begins in upper case"
	case strings.HasSuffix(text, "."):
		return "the text ends with a full stop"
	}
	return ""
}

// The rule finds what it is there for.
func TestErrorRule(t *testing.T) {
	for _, c := range []struct {
		call, text string
		inFunction bool
		bad        bool
	}{
		{"errors.New", "linker: closed", false, false},
		{"errors.New", "linker: closed", true, true},
		{"fmt.Errorf", "linker: %s: %w", true, false},
		{"fmt.Errorf", "linker: %s", true, true},
		{"fmt.Errorf", "linker: %v", false, true},
		{"errors.New", "Closed", false, true},
		{"errors.New", "SHA-256 differs", false, false},
		{"errors.New", "linker: closed.", false, true},
	} {
		if problem := errorProblem(c.call, c.text, c.inFunction); (problem != "") != c.bad {
			t.Errorf("%s(%q), in a function: %v: %q", c.call, c.text, c.inFunction, problem)
		}
	}
}
