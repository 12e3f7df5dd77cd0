package spec_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Each function that the specification's text names behind "In Go:" is there. Of LinkerSync the
// names are compared with what performs each action, see TestActionsNameTheirFunctions.
func TestTextNamesFunctions(t *testing.T) {
	declared := functions(t)
	files, err := filepath.Glob("../tla/*.tla")
	if err != nil {
		t.Fatal(err)
	}
	named := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, list := range regexp.MustCompile(`In Go: (.*(?:\n\\\*     .*)*)`).
			FindAllStringSubmatch(string(text), -1) {
			for name := range strings.FieldsFuncSeq(list[1], func(r rune) bool {
				return strings.ContainsRune(" ,\n\\*", r)
			}) {
				named++
				if name = strings.TrimSuffix(name, "."); !declared[name] {
					t.Errorf("%s: there is no %s", filepath.Base(file), name)
				}
			}
		}
	}
	if named < 100 {
		t.Errorf("only %d names", named)
	}
}

// functions are all functions and methods of the linker and of what it consists of, as
// package.function and package.type.method.
func functions(t *testing.T) map[string]bool {
	t.Helper()
	declared := map[string]bool{}
	err := filepath.WalkDir("../linker", func(name string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok {
				declared[file.Name.Name+"."+receiver(f)+f.Name.Name] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return declared
}
