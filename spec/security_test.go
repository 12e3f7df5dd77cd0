package spec_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var testName = regexp.MustCompile("`(Test\\w+|Fuzz\\w+)`")

// testsOfTree returns the names of all test functions of the repository.
func testsOfTree(t *testing.T) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git"):
			return filepath.SkipDir
		case !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil {
				found[f.Name.Name] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// unheldPromises returns the rows of tables of promises that name no test, or one that there is
// not.
func unheldPromises(text string, tests map[string]bool) (rows []string, promises int) {
	inTable := false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "| promise |"):
			inTable = true
		case !strings.HasPrefix(line, "|"):
			inTable = false
		case inTable && !strings.HasPrefix(line, "| ---"):
			promises++
			names := testName.FindAllStringSubmatch(line, -1)
			if len(names) == 0 ||
				slices.ContainsFunc(names, func(m []string) bool { return !tests[m[1]] }) {
				rows = append(rows, line)
			}
		}
	}
	return rows, promises
}

// Every promise of SECURITY.md names the tests that hold it, and there are these tests.
func TestSecurityPromises(t *testing.T) {
	rows, promises := unheldPromises(read(t, "../SECURITY.md"), testsOfTree(t))
	for _, row := range rows {
		t.Errorf("no such test: %s", row)
	}
	if promises < 15 {
		t.Errorf("only %d promises were found", promises)
	}
}

// A promise without a test, or with one that there is not, is found.
func TestUnheldPromises(t *testing.T) {
	text := "| promise | held by |\n| --- | --- |\n| a | `TestA` |\n| b | `TestA`, `TestB` |\n| " +
		"c | |\n\n| d | `TestC` |\n"
	rows, promises := unheldPromises(text, map[string]bool{"TestA": true})
	if promises != 3 || len(rows) != 2 || !strings.HasPrefix(rows[0], "| b") ||
		!strings.HasPrefix(rows[1], "| c") {
		t.Errorf("%d promises, %q", promises, rows)
	}
}

// docs/dependencies.md lists the modules that go.mod requires directly, each with its version and a
// reason.
func TestDependencies(t *testing.T) {
	text := read(t, "../docs/dependencies.md")
	required := regexp.MustCompile(`(?m)^\t([\w./~-]+) (v[\w.+-]+)$`).FindAllStringSubmatch(read(t,
		"../go.mod"), -1)
	if len(required) < 5 {
		t.Fatalf("only %d modules were found in go.mod", len(required))
	}
	rows := map[string]bool{}
	for line := range strings.Lines(text) {
		if fields := strings.Split(line, "|"); len(fields) >= 5 &&
			strings.HasPrefix(strings.TrimSpace(fields[1]), "`") {
			module, version := strings.Trim(strings.TrimSpace(fields[1]), "`"),
				strings.TrimSpace(fields[2])
			rows[module+" "+version] = len(strings.TrimSpace(fields[4])) > 10
		}
	}
	for _, m := range required {
		if !rows[m[1]+" "+m[2]] {
			t.Errorf("%s %s has no row with a reason in docs/dependencies.md", m[1], m[2])
		}
	}
	if len(rows) != len(required) {
		t.Errorf("%d rows, and go.mod requires %d modules", len(rows), len(required))
	}
}

// NOTICE names every committed binary with others' code in it.
func TestNotices(t *testing.T) {
	notice := read(t, "../NOTICE")
	files, err := filepath.Glob("../libraries/testdata/*.wasm")
	if err != nil || len(files) == 0 {
		t.Fatalf("%q, %v", files, err)
	}
	for _, file := range files {
		if name := "libraries/testdata/" + filepath.Base(file); !strings.Contains(notice, name) {
			t.Errorf("NOTICE does not name %s", name)
		}
	}
	for _, name := range []string{"zlib", "Lua", "SQLite", "wasi-libc", "libc++", "musl"} {
		if !strings.Contains(notice, name) {
			t.Errorf("NOTICE does not name %s", name)
		}
	}
	if _, err := os.Stat("../LICENSE"); err != nil {
		t.Error(err)
	}
}
