package mutation

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
	"strings"
)

// source is a package whose files can be changed: its syntax, its types, and what it imports.
type source struct {
	folder  string // in the repository, with slashes
	path    string // to import it
	fset    *token.FileSet
	names   []string // of the files, without the folder
	texts   map[string][]byte
	files   map[string]*ast.File
	info    *types.Info
	exports map[string]string // files with export data, by import path
	renamed map[string]string // import paths as the go command resolves them
	imports types.Importer
}

// listed is a package as `go list` describes it.
type listed struct {
	ImportPath string
	Dir        string
	Export     string
	GoFiles    []string
	ImportMap  map[string]string
	DepOnly    bool
}

// load reads the package in a folder of the repository. The errors are those of the go command, of
// reading, and of the compiler's front end.
func load(ctx context.Context, root, folder string) (*source, error) {
	all, err := list(ctx, root, folder)
	if err != nil {
		return nil, err
	}
	s := &source{folder: folder, fset: token.NewFileSet(), texts: map[string][]byte{},
		files: map[string]*ast.File{}, exports: map[string]string{}}
	for _, p := range all {
		s.exports[p.ImportPath] = p.Export
		if p.DepOnly {
			continue
		}
		s.path, s.renamed, s.names = p.ImportPath, p.ImportMap, p.GoFiles
		for _, name := range p.GoFiles {
			if s.texts[name], err = os.ReadFile(filepath.Join(p.Dir, name)); err != nil {
				return nil, fmt.Errorf("mutation: %w", err)
			}
			s.files[name], err = parser.ParseFile(s.fset, name, s.texts[name],
				parser.SkipObjectResolution)
			if err != nil {
				return nil, fmt.Errorf("mutation: %w", err)
			}
		}
	}
	s.imports = importer.ForCompiler(s.fset, "gc", s.open)
	s.info = &types.Info{Types: map[ast.Expr]types.TypeAndValue{},
		Uses: map[*ast.Ident]types.Object{}}
	if err := s.check(s.files, s.info); err != nil {
		return nil, fmt.Errorf("mutation: %w", err)
	}
	return s, nil
}

// list asks the go command for a package and what it imports, with export data.
func list(ctx context.Context, root, folder string) ([]*listed, error) {
	cmd := exec.CommandContext(ctx, "go", "list", "-deps", "-export", "-json", "./"+folder)
	cmd.Dir = root
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("mutation: go list %s: %w: %s", folder, err, stderr.Bytes())
	}
	var all []*listed
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, fmt.Errorf("mutation: go list %s: %w", folder, err)
		}
		all = append(all, &p)
	}
}

// open opens the export data of a package that is imported.
func (s *source) open(path string) (io.ReadCloser, error) {
	if real, ok := s.renamed[path]; ok {
		path = real
	}
	return os.Open(s.exports[path])
}

// check runs the compiler's front end over files of the package.
func (s *source) check(files map[string]*ast.File, info *types.Info) error {
	config := types.Config{Importer: s.imports}
	list := make([]*ast.File, 0, len(files))
	for _, name := range s.names {
		list = append(list, files[name])
	}
	_, err := config.Check(s.path, s.fset, list, info)
	return err
}

// compiles tells whether the package is still one when a file has another text.
func (s *source) compiles(name string, text []byte) bool {
	f, err := parser.ParseFile(s.fset, name, text, parser.SkipObjectResolution)
	if err != nil {
		return false
	}
	files := map[string]*ast.File{}
	for other, file := range s.files {
		files[other] = file
	}
	files[name] = f
	return s.check(files, nil) == nil
}

// text returns the source between two positions of a file.
func (s *source) text(name string, from, to token.Pos) string {
	return string(s.texts[name][s.offset(from):s.offset(to)])
}

func (s *source) offset(p token.Pos) int { return s.fset.Position(p).Offset }

// function names a function as a reader would: Receiver.Name.
func function(f *ast.FuncDecl) string {
	if f.Recv == nil || len(f.Recv.List) == 0 {
		return f.Name.Name
	}
	t := f.Recv.List[0].Type
	if star, ok := t.(*ast.StarExpr); ok {
		t = star.X
	}
	switch g := t.(type) {
	case *ast.IndexExpr:
		t = g.X
	case *ast.IndexListExpr:
		t = g.X
	}
	name := ""
	if id, ok := t.(*ast.Ident); ok {
		name = id.Name
	}
	return strings.TrimPrefix(name+"."+f.Name.Name, ".")
}
