package spec_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/lockstep-wasm/lockstep/tla"
)

var update = flag.Bool("update", false,
	"write the line numbers of references and the table of models")

// packages are the folders of the packages that the pages may name.
var packages = map[string]string{
	"linker": "../linker", "protocol": "../linker/protocol", "coord": "../linker/coord",
	"image": "../linker/internal/image", "space": "../linker/internal/space",
	"model": "../model", "tla": "../tla", "proof": "../tla/proof",
	"dtor": "../linker/internal/dtor", "table": "../linker/internal/table",
	"explored":  "../fuzz/explored",
	"specified": "../lincheck/specified",
}

func pages(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("*.md")
	if err != nil || len(files) < 7 {
		t.Fatalf("found only the pages %q (%v)", files, err)
	}
	return files
}

func read(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// write changes a page, if that is wanted.
func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

var reference = regexp.MustCompile("\\[`(\\w+)`\\]\\(([^)#]+)#L(\\d+)\\)")

// References to lines point at the definition of what they name.
func TestLineReferences(t *testing.T) {
	for _, page := range pages(t) {
		text := read(t, page)
		updated := reference.ReplaceAllStringFunc(text, func(link string) string {
			m := reference.FindStringSubmatch(link)
			line := lineOf(t, m[2], m[1])
			if line == 0 {
				t.Errorf("%s: %s does not define %s", page, m[2], m[1])
				return link
			}
			if strconv.Itoa(line) != m[3] && !*update {
				t.Errorf("%s: %s is in line %d of %s, not %s (go test ./spec -update)", page, m[1],
					line, m[2], m[3])
			}
			return fmt.Sprintf("[`%s`](%s#L%d)", m[1], m[2], line)
		})
		if *update && updated != text {
			write(t, page, updated)
		}
	}
}

// lineOf is the line in which a TLA+ or Go file defines a name, or 0.
func lineOf(t *testing.T, file, name string) int {
	t.Helper()
	definition := regexp.MustCompile(`^` + name + `(\([^)]*\))? ==|^    ` + name +
		`,? +\\\*|^func (\([^)]*\) )?` + name + `\(|^type ` + name + `\b`)
	for i, line := range strings.Split(read(t, file), "\n") {
		if definition.MatchString(line) {
			return i + 1
		}
	}
	return 0
}

var (
	link = regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)
	file = regexp.MustCompile("`((?:negative/|probe/)?\\w+\\.cfg|(?:tla|linker|spec)/[\\w./]+)`")
)

// Files that the pages name exist.
func TestFilesExist(t *testing.T) {
	for _, page := range pages(t) {
		text := read(t, page)
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			if _, err := os.Stat(m[1]); err != nil {
				t.Errorf("%s: %v", page, err)
			}
		}
		for _, m := range file.FindAllStringSubmatch(text, -1) {
			name := "../" + m[1]
			if filepath.Ext(m[1]) == ".cfg" && !strings.HasPrefix(m[1], "tla/") {
				name = "../tla/" + m[1]
			}
			if _, err := os.Stat(name); err != nil {
				t.Errorf("%s: %v", page, err)
			}
		}
	}
}

// names are what the pages can refer to.
type names struct {
	operators, symbols, models map[string]bool
}

func allNames(t *testing.T) names {
	t.Helper()
	n := names{operators: map[string]bool{}, symbols: map[string]bool{}, models: map[string]bool{}}
	modules, err := filepath.Glob("../tla/*.tla")
	if err != nil {
		t.Fatal(err)
	}
	operator := regexp.MustCompile(`(?m)^(\w+)(?:\([^)]*\))? ==|^    (\w+),? +\\\*`)
	for _, module := range modules {
		for _, m := range operator.FindAllStringSubmatch(read(t, module), -1) {
			n.operators[m[1]+m[2]] = true
		}
	}
	for name, dir := range packages {
		goSymbols(t, name, dir, n.symbols)
	}
	suite := modelSuite(t)
	for _, m := range suite.Models {
		n.models[m.Name] = true
	}
	return n
}

func modelSuite(t *testing.T) *tla.Suite {
	t.Helper()
	suite, err := tla.LoadSuite(os.DirFS("../tla"))
	if err != nil {
		t.Fatal(err)
	}
	return suite
}

// goSymbols adds the top-level names of a package and its methods, tests included: package.Name,
// package.Type.Method.
func goSymbols(t *testing.T, name, dir string, symbols map[string]bool) {
	t.Helper()
	files, err := filepath.Glob(dir + "/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, declaration := range parsed.Decls {
			switch d := declaration.(type) {
			case *ast.FuncDecl:
				symbols[name+"."+receiver(d)+d.Name.Name] = true
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					switch s := spec.(type) {
					case *ast.TypeSpec:
						symbols[name+"."+s.Name.Name] = true
					case *ast.ValueSpec:
						for _, id := range s.Names {
							symbols[name+"."+id.Name] = true
						}
					}
				}
			}
		}
	}
}

func receiver(d *ast.FuncDecl) string {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return ""
	}
	typ := d.Recv.List[0].Type
	if star, ok := typ.(*ast.StarExpr); ok {
		typ = star.X
	}
	switch x := typ.(type) { // of a generic type
	case *ast.IndexExpr:
		typ = x.X
	case *ast.IndexListExpr:
		typ = x.X
	}
	if id, ok := typ.(*ast.Ident); ok {
		return id.Name + "."
	}
	return ""
}

var quoted = regexp.MustCompile("`([^`]+)`")

// Whatever a table names exists: what stands under TLA+ is an operator, under Go a symbol, under
// tests a test, under "broken by" a model that must be refuted. Go names in the text exist too.
func TestNamesExist(t *testing.T) {
	n := allNames(t)
	goName := regexp.MustCompile(`^(linker|protocol|coord|image|space|model|tla|proof|dtor|` +
		`explored|specified)\.\w+(\.\w+)?$`)
	checked := map[string]int{}
	for _, page := range pages(t) {
		text := read(t, page)
		for _, m := range quoted.FindAllStringSubmatch(text, -1) {
			if goName.MatchString(m[1]) && !n.symbols[m[1]] {
				t.Errorf("%s: there is no %s", page, m[1])
			}
		}
		var header []string
		for line := range strings.Lines(text) {
			if !strings.HasPrefix(line, "|") {
				header = nil
				continue
			}
			cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
			if header == nil {
				header = cells
				continue
			}
			for i, cell := range cells {
				if i >= len(header) {
					break
				}
				column := strings.TrimSpace(header[i])
				for _, m := range quoted.FindAllStringSubmatch(cell, -1) {
					var known bool
					switch column {
					case "TLA+":
						known = n.operators[m[1]]
					case "Go":
						known = n.symbols[m[1]]
					case "tests":
						_, short, _ := strings.Cut(m[1], ".")
						known = n.symbols[m[1]] && strings.HasPrefix(short, "Test")
					case "broken by":
						known = n.models[m[1]]
					default:
						continue
					}
					checked[column]++
					if !known {
						t.Errorf("%s: column %s: there is no %s", page, column, m[1])
					}
				}
			}
		}
	}
	for column, least := range map[string]int{"TLA+": 60, "Go": 40, "tests": 40, "broken by": 15} {
		if checked[column] < least {
			t.Errorf("only %d names under %q were checked, expected %d at least", checked[column],
				column, least)
		}
	}
}

// Every invariant and property of the specification is on the page of invariants, and every
// negative is named there.
func TestInvariantsAreComplete(t *testing.T) {
	page := read(t, "invariants.md")
	text := read(t, "../tla/LinkerProperties.tla")
	_, properties, ok := strings.Cut(text, "(* Invariants.")
	if !ok {
		t.Fatal("the specification has no invariants")
	}
	found := 0
	for _, m := range regexp.MustCompile(`(?m)^(\w+) ==`).FindAllStringSubmatch(properties, -1) {
		found++
		if !strings.Contains(page, "| `"+m[1]+"` |") {
			t.Errorf("%s is not in invariants.md", m[1])
		}
	}
	if found < 35 {
		t.Errorf("found only %d properties", found)
	}
	for _, m := range modelSuite(t).Models {
		if m.Kind == tla.KindNegative && !strings.Contains(page, "`"+m.Name+"`") {
			t.Errorf("the mistake %s is not in invariants.md", m.Name)
		}
	}
}

const (
	modelsBegin = "<!-- models -->\n"
	modelsEnd   = "<!-- end -->\n"
)

// The table of models is the manifest's.
func TestModelsTable(t *testing.T) {
	page := read(t, "models.md")
	before, rest, ok := strings.Cut(page, modelsBegin)
	_, after, ok2 := strings.Cut(rest, modelsEnd)
	if !ok || !ok2 {
		t.Fatal("models.md has no place for the table")
	}
	want := before + modelsBegin + modelsTable(modelSuite(t)) + modelsEnd + after
	if want == page {
		return
	}
	if *update {
		write(t, "models.md", want)
		return
	}
	t.Error("the table in models.md is not the manifest's: go test ./spec -update")
}

func modelsTable(suite *tla.Suite) string {
	titles := []struct {
		kind  tla.Kind
		title string
	}{
		{tla.KindModel, "Everything holds"}, {tla.KindLiveness, "Everything ends"},
		{tla.KindSimulation, "Random behaviours"},
		{tla.KindNegative, "Mistakes, each of which must be found"},
		{tla.KindProbe, "Claims that must be refuted"},
	}
	var b strings.Builder
	for _, k := range titles {
		fmt.Fprintf(&b, "\n## %s\n\n", k.title)
		refuted := k.kind == tla.KindNegative || k.kind == tla.KindProbe
		if refuted {
			b.WriteString("| model | module | found by | exit | also by | what it shows |\n| --- " +
				"| --- | --- | --- | --- | --- |\n")
		} else {
			b.WriteString("| model | module | states | depth | also by | what it shows |\n| --- " +
				"| --- | --- | --- | --- | --- |\n")
		}
		for _, m := range suite.Models {
			if m.Kind != k.kind {
				continue
			}
			var also []string
			if m.Explorer {
				also = append(also, "explorer")
			}
			if m.Embedded {
				also = append(also, "embedded")
			}
			one, two := fmt.Sprint(m.Distinct), fmt.Sprint(m.Depth)
			switch {
			case refuted:
				one, two = "`"+m.Property+"`", fmt.Sprint(m.Exit)
			case m.Simulation != nil:
				one, two = fmt.Sprintf("%d behaviours", m.Simulation.Traces),
					fmt.Sprint(m.Simulation.Length)
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s |\n", m.Name, m.Module, one, two,
				strings.Join(also, ", "), m.Shows)
		}
	}
	b.WriteString("\n")
	return b.String()
}
