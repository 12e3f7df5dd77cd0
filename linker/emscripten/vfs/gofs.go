package vfs

import (
	"io"
	"io/fs"
	"path"
	"time"
)

// WriteFile makes a file, or replaces its content, and makes the directories that it is in.
func (f *FS) WriteFile(name string, data []byte, mode fs.FileMode) error {
	if err := f.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	h, err := f.Open(name, Write|Create|Truncate, mode)
	if err != nil {
		return err
	}
	_, err = h.WriteAt(data, 0)
	if closed := h.Close(); err == nil {
		err = closed
	}
	return pathError("write", name, err)
}

// ReadFile returns the content of a file.
func (f *FS) ReadFile(name string) ([]byte, error) {
	h, err := f.Open(name, Read, 0)
	if err != nil {
		return nil, err
	}
	defer h.Close()
	info, err := h.Stat()
	if err == nil && h.Dir {
		err = EISDIR
	}
	if err != nil {
		return nil, pathError("read", name, err)
	}
	all, err := io.ReadAll(io.NewSectionReader(h, 0, max(info.Size, 0)))
	return all, pathError("read", name, err)
}

// GoFS returns the file system as Go code reads one: package linker finds libraries there. Its root
// is the program's.
func (f *FS) GoFS() fs.FS { return goFS{f} }

type goFS struct{ f *FS }

func (g goFS) path(op, name string) (string, error) {
	if !fs.ValidPath(name) {
		return "", &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	return "/" + name, nil
}

// Open implements fs.FS.
func (g goFS) Open(name string) (fs.File, error) {
	p, err := g.path("open", name)
	if err != nil {
		return nil, err
	}
	h, err := g.f.Open(p, Read, 0)
	if err != nil {
		return nil, err
	}
	return &goFile{g: g, name: p, File: h}, nil
}

// Stat implements fs.StatFS.
func (g goFS) Stat(name string) (fs.FileInfo, error) {
	p, err := g.path("stat", name)
	if err != nil {
		return nil, err
	}
	info, err := g.f.Stat(p, true)
	if err != nil {
		return nil, err
	}
	return goInfo{path.Base(name), info}, nil
}

// Lstat implements fs.ReadLinkFS.
func (g goFS) Lstat(name string) (fs.FileInfo, error) {
	p, err := g.path("lstat", name)
	if err != nil {
		return nil, err
	}
	info, err := g.f.Stat(p, false)
	if err != nil {
		return nil, err
	}
	return goInfo{path.Base(name), info}, nil
}

// ReadLink implements fs.ReadLinkFS.
func (g goFS) ReadLink(name string) (string, error) {
	p, err := g.path("readlink", name)
	if err != nil {
		return "", err
	}
	return g.f.Readlink(p)
}

// ReadDir implements fs.ReadDirFS.
func (g goFS) ReadDir(name string) ([]fs.DirEntry, error) {
	p, err := g.path("readdir", name)
	if err != nil {
		return nil, err
	}
	list, err := g.f.List(p)
	if err != nil {
		return nil, err
	}
	out := make([]fs.DirEntry, 0, len(list))
	for _, e := range list {
		if info, err := g.f.Stat(p+"/"+e.Name, false); err == nil {
			out = append(out, fs.FileInfoToDirEntry(goInfo{e.Name, info}))
		}
	}
	return out, nil
}

// goFile is an open file for Go code. Its methods that read move a position, so it is one
// goroutine's at a time.
type goFile struct {
	g    goFS
	name string
	*File
	at      int64
	entries []fs.DirEntry
	listed  bool
}

func (h *goFile) Stat() (fs.FileInfo, error) {
	info, err := h.File.Stat()
	if err != nil {
		return nil, pathError("stat", h.name, err)
	}
	return goInfo{path.Base(h.name), info}, nil
}

func (h *goFile) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n, err := h.ReadAt(p, h.at)
	h.at += int64(n)
	if n > 0 || err == io.EOF {
		if n > 0 {
			err = nil
		}
		return n, err
	}
	return n, pathError("read", h.name, err)
}

// ReadDir implements fs.ReadDirFile.
func (h *goFile) ReadDir(n int) ([]fs.DirEntry, error) {
	if !h.Dir {
		return nil, pathError("readdir", h.name, ENOTDIR)
	}
	if !h.listed {
		name := path.Clean(h.name)[1:]
		if name == "" {
			name = "."
		}
		list, err := h.g.ReadDir(name)
		if err != nil {
			return nil, err
		}
		h.entries, h.listed = list, true
	}
	if n <= 0 {
		n = len(h.entries)
	} else if len(h.entries) == 0 {
		return nil, io.EOF
	}
	n = min(n, len(h.entries))
	list := h.entries[:n]
	h.entries = h.entries[n:]
	return list, nil
}

// goInfo is an Info for Go code.
type goInfo struct {
	name string
	info Info
}

func (i goInfo) Name() string       { return i.name }
func (i goInfo) Size() int64        { return i.info.Size }
func (i goInfo) Mode() fs.FileMode  { return i.info.Mode }
func (i goInfo) ModTime() time.Time { return i.info.Modified }
func (i goInfo) IsDir() bool        { return i.info.Mode.IsDir() }
func (i goInfo) Sys() any           { return i.info }
