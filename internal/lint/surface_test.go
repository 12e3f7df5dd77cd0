package lint

import (
	"flag"
	"go/ast"
	"go/types"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/surface.txt anew")

// promised are the packages whose exported names other modules may rely on.
var promised = []string{"libraries", "lincheck", "lincheck/explore", "linker", "linker/cabi",
	"linker/dylink", "linker/emscripten", "linker/emscripten/vfs", "plugin",
	"treesitter"}

// disclaimer is what the documentation of every other package says that other modules can import.
const disclaimer = "promises nothing to other modules"

// The public surface changes on purpose only: testdata/surface.txt lists it.
func TestSurface(t *testing.T) {
	var b strings.Builder
	for _, p := range sources(t) {
		if slices.Contains(promised, p.short()) {
			b.WriteString(surface(p))
		}
	}
	const golden = "testdata/surface.txt"
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	have, wanted := strings.Split(b.String(), "\n"), strings.Split(string(want), "\n")
	for _, line := range have {
		if !slices.Contains(wanted, line) {
			t.Errorf("new: %s", line)
		}
	}
	for _, line := range wanted {
		if !slices.Contains(have, line) {
			t.Errorf("gone: %s", line)
		}
	}
	if t.Failed() {
		t.Log("if that is on purpose: go test ./internal/lint -update")
	}
}

// surface lists what a package exports, a line each: fields and methods, too.
func surface(p *checked) string {
	qualify := func(other *types.Package) string {
		if other == p.types {
			return ""
		}
		return other.Name()
	}
	var lines []string
	add := func(o types.Object, owner string) {
		lines = append(lines, p.short()+": "+owner+types.ObjectString(o, qualify))
	}
	scope := p.types.Scope()
	for _, name := range scope.Names() {
		o := scope.Lookup(name)
		if !o.Exported() {
			continue
		}
		named, ok := o.Type().(*types.Named)
		if _, isType := o.(*types.TypeName); !isType || !ok {
			add(o, "")
			continue
		}
		head := "type " + name
		if params := named.TypeParams(); params.Len() > 0 {
			head += "[" + types.TypeString(params.At(0), qualify) + "]"
		}
		fields, isStruct := named.Underlying().(*types.Struct)
		if isStruct {
			lines = append(lines, p.short()+": "+head+" struct")
			for i := range fields.NumFields() {
				if f := fields.Field(i); f.Exported() {
					add(f, name+": ")
				}
			}
		} else {
			lines = append(lines, p.short()+": "+head+" "+
				types.TypeString(named.Underlying(), qualify))
		}
		for i := range named.NumMethods() {
			if m := named.Method(i); m.Exported() {
				add(m, "")
			}
		}
	}
	return strings.Join(lines, "\n") + "\n"
}

// The documentation of a package says whether other modules may rely on it.
func TestPromises(t *testing.T) {
	for _, p := range sources(t) {
		internal := strings.Contains("/"+p.short()+"/", "/internal/")
		if internal || p.Name == "main" || slices.Contains(promised, p.short()) {
			continue
		}
		doc := ""
		for _, f := range p.files {
			doc += " " + text(f.Doc)
		}
		if !strings.Contains(strings.Join(strings.Fields(doc), " "), disclaimer) {
			t.Errorf("package %s is neither promised nor says that it %s", p.short(), disclaimer)
		}
	}
}

func text(g *ast.CommentGroup) string {
	if g == nil {
		return ""
	}
	return g.Text()
}
