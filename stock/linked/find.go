package linked

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lockstep-wasm/lockstep/linker/modinfo"
	"github.com/lockstep-wasm/lockstep/stock"
)

// Module is a side module of an npm package.
type Module struct {
	Package string
	File    string // in the package; of one in an archive, behind that of the archive and "!"
	Bytes   []byte
}

// mains are files with the form of side modules that others are linked to.
var mains = []string{"web-tree-sitter/web-tree-sitter.wasm",
	"web-tree-sitter/debug/web-tree-sitter.wasm", "@vscode/tree-sitter-wasm/wasm/tree-sitter.wasm",
	"python-wasm/dist/python.wasm", "@cowasm/kernel/dist/kernel/kernel.wasm"}

// archives are those that have side modules in them.
var archives = []string{"@electric-sql/pglite/dist/*.tar.gz", "python-wasm/dist/python-stdlib.zip"}

// Find calls f with each side module of the pinned packages, in order. A package's error of package
// stock ends it.
func Find(f func(m Module) error) error {
	packages, err := stock.Packages()
	if err != nil {
		return err
	}
	for _, pkg := range packages {
		manifest, err := stock.Path(pkg + "/package.json")
		if err != nil {
			return err
		}
		dir := filepath.Dir(manifest)
		err = filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			name, err := filepath.Rel(dir, file)
			if err != nil {
				return err
			}
			name = filepath.ToSlash(name)
			whole := path.Join(pkg, name)
			packed := slices.ContainsFunc(archives, func(pattern string) bool {
				ok, _ := path.Match(pattern, whole)
				return ok
			})
			if !packed && !isModule(name) || slices.Contains(mains, whole) {
				return nil
			}
			bytes, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			if packed {
				return unpack(pkg, name, bytes, f)
			}
			return each(Module{pkg, name, bytes}, f)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func isModule(name string) bool {
	return path.Ext(name) == ".wasm" || path.Ext(name) == ".so"
}

// each calls f with a module, if it is a library. PHP's interpreters have its form, and main.
func each(m Module, f func(m Module) error) error {
	info, err := modinfo.Read(m.Bytes)
	if err != nil || info.Form != modinfo.Library || m.Package == "php-wasm" {
		return nil //nolint:nilerr // it is another kind of file
	}
	return f(m)
}

// unpack goes through an archive.
func unpack(pkg, name string, b []byte, f func(m Module) error) error {
	if path.Ext(name) == ".zip" {
		z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return err
		}
		for _, file := range z.File {
			if !isModule(file.Name) {
				continue
			}
			content, err := fs.ReadFile(z, file.Name)
			if err != nil {
				return err
			}
			if err := each(Module{pkg, name + "!" + file.Name, content}, f); err != nil {
				return err
			}
		}
		return nil
	}
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return err
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if h.Typeflag != tar.TypeReg || !isModule(h.Name) {
			continue
		}
		content, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		m := Module{pkg, name + "!" + strings.TrimPrefix(h.Name, "./"), content}
		if err := each(m, f); err != nil {
			return err
		}
	}
}
