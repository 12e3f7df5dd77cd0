package spec_test

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// handsOn are the pages at the root that tell developers what is where and what to do.
var handsOn = []string{"ARCHITECTURE.md", "CONTRIBUTING.md", "HACKING.md"}

// tree is the Go source of the repository.
type tree struct {
	symbols  map[string]bool   // package.Name, package.Type.Member; of tests too
	comments map[string]string // what the comments of a file, and of a folder, say
	rooms    map[string]string // folders of linker/internal, and their synopses
}

// parseTree reads every Go file. Packages of one name count as one.
func parseTree(t *testing.T) tree {
	t.Helper()
	found := tree{map[string]bool{}, map[string]string{}, map[string]string{}}
	err := filepath.WalkDir("..", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git"):
			return filepath.SkipDir
		case filepath.Ext(name) != ".go":
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil,
			parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		found.add(strings.TrimPrefix(filepath.ToSlash(name), "../"), file)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func (f tree) add(name string, file *ast.File) {
	pkg := strings.TrimSuffix(file.Name.Name, "_test") + "."
	if pkg == "main." { // a command is called by its folder
		pkg = path.Base(path.Dir(name)) + "."
	}
	for _, declaration := range file.Decls {
		switch d := declaration.(type) {
		case *ast.FuncDecl:
			f.symbols[pkg+receiver(d)+d.Name.Name] = true
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch s := spec.(type) {
				case *ast.TypeSpec:
					f.symbols[pkg+s.Name.Name] = true
					f.addMembers(pkg+s.Name.Name+".", s.Type)
				case *ast.ValueSpec:
					for _, id := range s.Names {
						f.symbols[pkg+id.Name] = true
					}
				}
			}
		}
	}
	if strings.HasSuffix(name, "_test.go") {
		return
	}
	var text strings.Builder
	for _, g := range file.Comments {
		text.WriteString(g.Text() + " ")
	}
	said := strings.Join(strings.Fields(text.String()), " ")
	f.comments[name] = said
	folder := path.Dir(name)
	f.comments[folder] += said + " "
	if path.Dir(folder) == "linker/internal" && file.Doc != nil {
		f.rooms[folder] = new(doc.Package).Synopsis(file.Doc.Text())
	}
}

// addMembers adds the fields of a struct, and the methods of an interface.
func (f tree) addMembers(prefix string, typ ast.Expr) {
	var fields *ast.FieldList
	switch t := typ.(type) {
	case *ast.StructType:
		fields = t.Fields
	case *ast.InterfaceType:
		fields = t.Methods
	default:
		return
	}
	for _, field := range fields.List {
		for _, id := range field.Names {
			f.symbols[prefix+id.Name] = true
		}
	}
}

// words are what the pages set in code that is no name of this repository's: keys of formats, terms
// of C and of tools.
var words = map[string]bool{
	"dlopen": true, "dylink.0": true, "env": true, "go.mod": true, "testing/synctest": true,
	"TLA2TOOLS_JAR": true, "testdata": true, "Off": true, "Kinds": true, "Include": true,
	"info": true, "judge": true, "ldd": true, "record": true, "soak": true, "trace": true,
	"lockstep verify": true,
}

// unknown returns why something that is set in code does not exist; empty if it does.
func (f tree) unknown(t *testing.T, span string) string {
	t.Helper()
	if words[span] {
		return ""
	}
	if target, ok := strings.CutPrefix(span, "make "); ok {
		makefile := read(t, "../Makefile")
		if regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(target) + `:`).MatchString(makefile) {
			return ""
		}
		return "no such target"
	}
	if strings.HasPrefix(span, "go ") {
		for _, arg := range strings.Fields(span) {
			if folder, ok := strings.CutPrefix(arg, "./"); ok && !exists(folder) {
				return "no folder " + folder
			}
		}
		return ""
	}
	if strings.HasPrefix(span, "git ") || exists(strings.TrimSuffix(span, "/…")) ||
		f.symbols[span] {
		return ""
	}
	return "no such file, package or name"
}

func exists(name string) bool {
	_, err := os.Stat(filepath.Join("..", filepath.FromSlash(name)))
	return err == nil
}

// Every file, name, test, target and folder that ARCHITECTURE.md and HACKING.md name exists, and
// what they quote is in the comments of the file or package that they quote.
func TestHandsOnDocuments(t *testing.T) {
	source := parseTree(t)
	answers, spans := 0, 0
	for _, page := range handsOn {
		text := withoutFences(read(t, "../"+page))
		for _, m := range quoted.FindAllStringSubmatch(text, -1) {
			spans++
			if why := source.unknown(t, strings.Join(strings.Fields(m[1]), " ")); why != "" {
				t.Errorf("%s: `%s`: %s", page, m[1], why)
			}
		}
		for line := range strings.Lines(text) {
			_, quotation, ok := strings.Cut(line, "“")
			if !ok {
				continue
			}
			answers++
			quotation, _, _ = strings.Cut(quotation, "”")
			where := quoted.FindStringSubmatch(line)
			if where == nil || !strings.Contains(source.comments[where[1]], quotation) {
				t.Errorf("%s: %q is in no comment of %q", page, quotation, where)
			}
		}
	}
	if answers < 14 || spans < 100 {
		t.Errorf("only %d answers and %d names were found", answers, spans)
	}
}

// A name, a folder or a target that does not exist is found.
func TestHandsOnIsStrict(t *testing.T) {
	source := parseTree(t)
	for _, span := range []string{"linker/nothing.go", "linker.Nothing", "make nothing",
		"go test ./nothing", "coord.Member.Nothing", "spec.TestNothing", "nothing"} {
		if source.unknown(t, span) == "" {
			t.Errorf("%q is said to exist", span)
		}
	}
}

// withoutFences takes fenced blocks out of a page, which are pictures, and the labels of links, of
// which the targets are checked.
func withoutFences(text string) string {
	text = regexp.MustCompile("(?ms)^```.*?^```$").ReplaceAllString(text, "")
	return regexp.MustCompile("\\[`[^`]+`\\]\\(").ReplaceAllString(text, "(")
}

// Links of the pages at the root lead to files, and to headings of them.
func TestHandsOnLinks(t *testing.T) {
	for _, page := range handsOn {
		for _, m := range link.FindAllStringSubmatch(read(t, "../"+page), -1) {
			if !exists(m[1]) {
				t.Errorf("%s: there is no %s", page, m[1])
				continue
			}
			if m[2] != "" && !headings(read(t, "../"+m[1]))[m[2]] {
				t.Errorf("%s: %s has no heading %s", page, m[1], m[2])
			}
		}
	}
}

// headings returns the anchors of a page's headings, as GitHub makes them.
func headings(text string) map[string]bool {
	found := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(text, -1) {
		found[anchor(m[1])] = true
	}
	return found
}

// anchor returns what a link to a heading ends in.
func anchor(heading string) string {
	kept := regexp.MustCompile(`[^\w -]`).ReplaceAllString(strings.ToLower(heading), "")
	return "#" + strings.ReplaceAll(kept, " ", "-")
}

const roomsBegin = "<!-- rooms -->\n"

// ARCHITECTURE.md lists the packages below linker/internal with the first sentence of each.
func TestRoomsAreListed(t *testing.T) {
	page := read(t, "../ARCHITECTURE.md")
	before, rest, ok := strings.Cut(page, roomsBegin)
	_, after, ok2 := strings.Cut(rest, modelsEnd)
	if !ok || !ok2 {
		t.Fatal("ARCHITECTURE.md has no place for the rooms")
	}
	var b strings.Builder
	b.WriteString("| package | what it is for |\n| --- | --- |\n")
	rooms := parseTree(t).rooms
	folders, err := filepath.Glob("../linker/internal/*")
	if err != nil || len(folders) < 5 {
		t.Fatalf("%q, %v", folders, err)
	}
	for _, folder := range folders {
		name := strings.TrimPrefix(filepath.ToSlash(folder), "../")
		synopsis := rooms[name]
		if synopsis == "" {
			t.Errorf("%s has no package comment", name)
		}
		_, what, _ := strings.Cut(strings.ToLower(synopsis[:1])+synopsis[1:], path.Base(name)+" ")
		b.WriteString("| [`" + name + "`](" + name + ") | " + what + " |\n")
	}
	want := before + roomsBegin + b.String() + modelsEnd + after
	switch {
	case want == page:
	case *update:
		write(t, "../ARCHITECTURE.md", want)
	default:
		t.Error("the table of rooms in ARCHITECTURE.md is old: go test ./spec -update")
	}
}
