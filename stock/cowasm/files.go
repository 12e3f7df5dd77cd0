package cowasm

import (
	"archive/zip"
	"bytes"
	"io/fs"
	"os"
	"path"

	"github.com/lockstep-wasm/lockstep/linker/emscripten/vfs"
	"github.com/lockstep-wasm/lockstep/stock"
)

// tree is the file system that scripts see.
type tree struct {
	fsys      *vfs.FS
	libraries [][]byte // the extension modules in it
}

// files returns the file system, Python's library in it, and all extension modules.
func files(o Options) (fsys fs.FS, libraries [][]byte, err error) {
	all, err := stock.Read(stdlibFile)
	if err != nil {
		return nil, nil, err
	}
	z, err := zip.NewReader(bytes.NewReader(all), int64(len(all)))
	if err != nil {
		return nil, nil, err
	}
	t := &tree{fsys: vfs.New()}
	if err := t.copy(z, home); err != nil {
		return nil, nil, err
	}
	for _, name := range o.Packages {
		manifest, err := stock.Path(name + "/package.json")
		if err != nil {
			return nil, nil, err
		}
		root := os.DirFS(path.Join(path.Dir(manifest), "dist", "wasm"))
		if err := t.copy(root, home+"/site-packages"); err != nil {
			return nil, nil, err
		}
	}
	for name, content := range o.Files {
		if err := t.write(name, content); err != nil {
			return nil, nil, err
		}
	}
	return tolerant{t.fsys.GoFS()}, t.libraries, nil
}

// copy copies all files that are below the root of from.
func (t *tree) copy(from fs.FS, to string) error {
	return fs.WalkDir(from, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(from, name)
		if err != nil {
			return err
		}
		return t.write(path.Join(to, name), content)
	})
}

func (t *tree) write(name string, content []byte) error {
	if path.Ext(name) == ".so" {
		t.libraries = append(t.libraries, content)
	}
	if err := t.fsys.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	return t.fsys.WriteFile(name, content, 0o755)
}

// tolerant is a file system in which what cannot be opened is not there: wazero makes an input
// error of errors that it does not know, such as that of a path through a file.
type tolerant struct{ fs.FS }

// Open implements fs.FS.
func (t tolerant) Open(name string) (fs.File, error) {
	f, err := t.FS.Open(name)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return f, nil
}
