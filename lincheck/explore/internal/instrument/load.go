package instrument

import (
	"bytes"
	"context"
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
)

// Options say what is instrumented.
type Options struct {
	Dir      string   // where the go command runs
	Packages []string // patterns of the packages under test; none: the package in Dir
	Flags    []string // build flags of the go command, such as -tags=x
	// Include are the import paths of the packages to be instrumented, among the packages under
	// test and all that they import; one that ends in /... stands for all below. None: the main
	// module.
	Include []string
	// Exclude is taken from Include.
	Exclude []string
	// Overlay is the path of an overlay file of the go command that the sources are read through;
	// empty: none.
	Overlay string
	// Plain instruments plain reads and writes, too.
	Plain bool
}

// listed is a package as go list describes it.
type listed struct {
	ImportPath, Dir, Name, Export, ForTest string
	GoFiles, CgoFiles                      []string
	ImportMap                              map[string]string
	Standard                               bool
	Module                                 *struct{ Main bool }
	Error                                  *struct{ Err string }
}

// path is the import path without the part in brackets that names the test it was compiled for.
func (p *listed) path() string {
	path, _, _ := strings.Cut(p.ImportPath, " ")
	return path
}

// ListError is the error of packages that cannot be loaded or do not compile.
type ListError struct {
	Package string
	Problem string
}

func (e *ListError) Error() string {
	return fmt.Sprintf("instrument: %s: %s", e.Package, e.Problem)
}

// list asks the go command for the packages, their tests, and all that they import.
func list(ctx context.Context, o Options) ([]*listed, error) {
	args := append([]string{"list", "-test", "-deps", "-export",
		"-json=ImportPath,Dir,Name,Export,ForTest,GoFiles,CgoFiles,ImportMap,Standard,Module,Error"}, o.Flags...)
	if o.Overlay != "" {
		args = append(args, "-overlay="+o.Overlay)
	}
	args = append(append(args, "--"), o.Packages...)
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = o.Dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("instrument: go list: %w: %s", err,
			strings.TrimSpace(stderr.String()))
	}
	var all []*listed
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		p := &listed{}
		if err := d.Decode(p); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, fmt.Errorf("instrument: go list: %w", err)
		}
		if p.Error != nil {
			return nil, &ListError{p.ImportPath, p.Error.Err}
		}
		all = append(all, p)
	}
}

// wanted says whether a package is to be instrumented.
func (o *Options) wanted(p *listed) bool {
	path := strings.TrimSuffix(p.path(), "_test")
	switch {
	case p.Standard || p.path() == "main" || strings.HasSuffix(p.path(), ".test"):
		return false
	case path == strings.TrimSuffix(own, "/"):
		return p.path() != path // its tests are like any other's
	case strings.HasPrefix(path, own) && !strings.HasPrefix(path, own+"internal/example"):
		return false
	case matches(o.Exclude, path):
		return false
	case len(o.Include) == 0:
		return p.Module != nil && p.Module.Main
	}
	return matches(o.Include, path)
}

func matches(patterns []string, path string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		below, all := strings.CutSuffix(p, "/...")
		return p == path || all && (path == below || strings.HasPrefix(path, below+"/"))
	})
}

// source is a package with its types.
type source struct {
	*listed
	fset  *token.FileSet
	files []*ast.File
	texts [][]byte
	pkg   *types.Package
	info  *types.Info
}

// check parses and type-checks a package.
func check(p *listed, exports, replaced map[string]string) (*source, error) {
	if len(p.CgoFiles) > 0 {
		return nil, &ListError{p.ImportPath, "packages with cgo cannot be instrumented"}
	}
	s := &source{listed: p, fset: token.NewFileSet(), info: &types.Info{
		Types:      map[ast.Expr]types.TypeAndValue{},
		Defs:       map[*ast.Ident]types.Object{},
		Uses:       map[*ast.Ident]types.Object{},
		Selections: map[*ast.SelectorExpr]*types.Selection{},
		Instances:  map[*ast.Ident]types.Instance{},
	}}
	for _, name := range p.GoFiles {
		path := filepath.Join(p.Dir, name)
		if to, ok := replaced[path]; ok {
			path = to
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("instrument: %w", err)
		}
		f, err := parser.ParseFile(s.fset, filepath.Join(p.Dir, name), text,
			parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, fmt.Errorf("instrument: %w", err)
		}
		s.files, s.texts = append(s.files, f), append(s.texts, text)
	}
	lookup := func(path string) (io.ReadCloser, error) {
		if to, ok := p.ImportMap[path]; ok {
			path = to
		}
		file, ok := exports[path]
		if !ok || file == "" {
			return nil, &ListError{path, "there is no export data"}
		}
		return os.Open(file)
	}
	conf := types.Config{Importer: importer.ForCompiler(s.fset, "gc", lookup)}
	pkg, err := conf.Check(p.path(), s.fset, s.files, s.info)
	if err != nil {
		return nil, fmt.Errorf("instrument: %w", err)
	}
	s.pkg = pkg
	return s, nil
}
