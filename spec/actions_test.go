package spec_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker/protocol"
	"github.com/lockstep-wasm/lockstep/tla"
)

// The comment on each action names exactly the functions of coord that perform it.
func TestActionsNameTheirFunctions(t *testing.T) {
	spec, err := tla.LoadSpecification(os.DirFS("../tla"), "LinkerSync")
	if err != nil {
		t.Fatal(err)
	}
	inGo := performers(t)
	for _, action := range protocol.Actions() {
		module, err := spec.Definer(action.String())
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Split(namedInText(module.Source, action.String()), ", ")
		slices.Sort(got)
		if want := slices.Sorted(maps.Keys(inGo[action.String()])); !slices.Equal(got, want) {
			t.Errorf("%s.tla: %s is said to be in %q; it is in %q", module.Name, action, got, want)
		}
	}
}

// namedInText is what the comment in front of an action says behind "In Go:", which is its end. A
// second line is indented.
func namedInText(text, action string) string {
	comment := regexp.MustCompile(`(?m)^\\\* In Go: (.*(?:\n\\\*     .*)*)\n` + action +
		`(\(.*\))? ==`)
	m := comment.FindStringSubmatch(text)
	if m == nil {
		return ""
	}
	return strings.ReplaceAll(m[1], "\n\\*    ", "")
}

// performers are the functions of coord that mention the constant of an action, by action.
func performers(t *testing.T) map[string]map[string]bool {
	t.Helper()
	files, err := filepath.Glob("../linker/coord/*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]map[string]bool{}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			ast.Inspect(f, func(n ast.Node) bool {
				s, ok := n.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				action, ok := strings.CutPrefix(s.Sel.Name, "Act")
				if of, isName := s.X.(*ast.Ident); ok && isName && of.Name == "protocol" &&
					action != "ion" {
					if found[action] == nil {
						found[action] = map[string]bool{}
					}
					found[action]["coord."+receiver(f)+f.Name.Name] = true
				}
				return true
			})
		}
	}
	return found
}
