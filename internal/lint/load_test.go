package lint

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// module is the path that all packages of this repository begin with.
const module = "github.com/lockstep-wasm/lockstep"

// root is the repository, seen from here.
const root = "../.."

// listed is a package as `go list` describes it.
type listed struct {
	ImportPath string
	Dir        string
	Name       string
	Export     string
	GoFiles    []string
	Imports    []string
	Deps       []string
	ImportMap  map[string]string
	Standard   bool
	Error      *struct{ Err string }
}

// own reports whether the package is one of this repository.
func (p *listed) own() bool {
	return p.ImportPath == module || strings.HasPrefix(p.ImportPath, module+"/")
}

// short is the import path without the module's.
func (p *listed) short() string { return strings.TrimPrefix(p.ImportPath, module+"/") }

// list returns all packages of the repository and what they depend on, without tests.
var list = sync.OnceValues(func() ([]*listed, error) {
	cmd := exec.Command("go", "list", "-deps", "-export", "-json", "./...")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
			return nil, fmt.Errorf("go list: %w: %s", err, exit.Stderr)
		}
		return nil, err
	}
	var all []*listed
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		if p.Error != nil {
			return nil, errors.New(p.Error.Err)
		}
		all = append(all, &p)
	}
})

func packages(t *testing.T) []*listed {
	t.Helper()
	all, err := list()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// checked is a package of the repository with its syntax and types.
type checked struct {
	*listed
	fset  *token.FileSet
	files []*ast.File
	types *types.Package
	info  *types.Info
}

// file is the name of the file that a position is in.
func (p *checked) file(pos token.Pos) string { return filepath.Base(p.fset.Position(pos).Filename) }

// source returns all packages of the repository, parsed and with types.
var source = sync.OnceValues(func() ([]*checked, error) {
	all, err := list()
	if err != nil {
		return nil, err
	}
	export := map[string]string{}
	for _, p := range all {
		export[p.ImportPath] = p.Export
	}
	fset := token.NewFileSet()
	shared := importer.ForCompiler(fset, "gc", func(path string) (io.ReadCloser, error) {
		file := export[path]
		if file == "" {
			return nil, fmt.Errorf("no export data of %s", path)
		}
		return os.Open(file)
	})
	var out []*checked
	for _, p := range all {
		if !p.own() || len(p.GoFiles) == 0 {
			continue
		}
		c := &checked{listed: p, fset: fset, info: &types.Info{
			Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{},
			Selections: map[*ast.SelectorExpr]*types.Selection{},
			Types:      map[ast.Expr]types.TypeAndValue{},
		}}
		for _, name := range p.GoFiles {
			f, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.ParseComments)
			if err != nil {
				return nil, err
			}
			c.files = append(c.files, f)
		}
		config := types.Config{Importer: shared}
		if c.types, err = config.Check(p.ImportPath, fset, c.files, c.info); err != nil {
			return nil, fmt.Errorf("%s: %w", p.ImportPath, err)
		}
		out = append(out, c)
	}
	return out, nil
})

func sources(t *testing.T) []*checked {
	t.Helper()
	all, err := source()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// tracked returns the repository's files with one of some endings, with slashes.
func tracked(t *testing.T, endings ...string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			if name := d.Name(); name == "testdata" || name == "node_modules" || name == "out" ||
				strings.HasPrefix(name, ".") && name != "." && name != ".." {
				return filepath.SkipDir
			}
			return nil
		}
		if slices.Contains(endings, filepath.Ext(path)) {
			files = append(files, rel)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
